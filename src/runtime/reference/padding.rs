//! Padding: one dimension after the other, each as a choice of rows.

use super::call::Call;
use super::moving::{around, rows_of};
use super::tensor::{Data, Tensor, count, dimensions, reserved};

/// More than this is no one's padding.
const LARGEST: i64 = 1 << 30;

/// `Pad`: negative pads cut off.
pub fn pad(call: &Call) -> Result<Vec<Tensor>, String> {
    let x = call.operand(0)?;
    let rank = x.shape.len();
    let pads = call.integers("pads", 1)?.ok_or("it has no pads")?;
    let padded_axes = match call.optional(3) {
        Some(axes) => axes.integers()?.to_vec(),
        None => (0..rank as i64).collect(),
    };
    dimensions(&padded_axes, rank)?;
    if pads.len() != 2 * padded_axes.len() || pads.iter().any(|pad| pad.abs() > LARGEST) {
        return Err(format!(
            "{pads:?} does not pad {} dimensions",
            padded_axes.len()
        ));
    }
    let fill = match call.optional(2) {
        Some(value) => value.scalar()?,
        None => call.float("value", 0.0)?,
    };
    let mode = call.text("mode", "constant")?;
    let mut padded = x.clone();
    for (index, &axis) in padded_axes.iter().enumerate() {
        let (before, after) = (pads[index], pads[padded_axes.len() + index]);
        if (before, after) == (0, 0) {
            continue;
        }
        let axis = dimensions(&[axis], rank)?[0];
        let rows = rows(padded.shape[axis], before, after, mode)?;
        let around = around(&padded.shape, axis);
        padded.shape[axis] = rows.len();
        count(&padded.shape)?;
        padded.data = match &padded.data {
            Data::Floats(values) => Data::Floats(rows_of(values, around, &rows, fill)?),
            Data::Integers(values) => Data::Integers(rows_of(values, around, &rows, fill as i64)?),
        };
    }
    Ok(vec![padded])
}

/// Which row of the operand comes where; none where the constant does.
fn rows(extent: usize, before: i64, after: i64, mode: &str) -> Result<Vec<Option<usize>>, String> {
    let extent = extent as i64;
    let length = before + extent + after;
    if length < 0 || (extent == 0 && mode != "constant") {
        return Err(format!(
            "{extent} elements are not padded by {before} and {after}"
        ));
    }
    let mut rows = reserved(&[length as usize])?;
    for place in 0..length {
        let source = place - before;
        let inside = (0..extent).contains(&source);
        let row = match mode {
            _ if inside => Some(source),
            "constant" => None,
            "edge" => Some(source.clamp(0, extent - 1)),
            "wrap" => Some(source.rem_euclid(extent)),
            "reflect" => {
                let period = (2 * (extent - 1)).max(1);
                let place = source.rem_euclid(period);
                Some(place.min(period - place).min(extent - 1))
            }
            _ => return Err(format!("attribute `mode` is `{mode}`")),
        };
        rows.push(row.map(|row| row as usize));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_choose_rows() {
        let chosen = |mode| {
            let rows = rows(3, 4, 2, mode).expect("they are padded");
            rows.into_iter()
                .map(|row| row.unwrap_or(9))
                .collect::<Vec<_>>()
        };
        assert_eq!(chosen("constant"), [9, 9, 9, 9, 0, 1, 2, 9, 9]);
        assert_eq!(chosen("edge"), [0, 0, 0, 0, 0, 1, 2, 2, 2]);
        assert_eq!(chosen("reflect"), [0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(chosen("wrap"), [2, 0, 1, 2, 0, 1, 2, 0, 1]);
        assert_eq!(rows(1, 2, 0, "reflect"), Ok(vec![Some(0); 3]));
        assert_eq!(rows(3, -1, -1, "constant"), Ok(vec![Some(1)]));
        assert!(rows(3, -2, -2, "constant").is_err());
    }
}
