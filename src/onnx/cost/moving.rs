//! Shapes of operators that move elements: reshaping, padding, resizing, joining, splitting, slicing, reducing.

use super::axes::{extents, place};
use super::{Call, Value, product};

pub(super) fn reshape(call: &Call<'_>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    let wanted = call.needed("shape", 1)?;
    let zero = call.int("allowzero").unwrap_or(0) != 0;
    let rests = wanted.iter().filter(|extent| **extent == -1).count();
    (rests <= 1).then_some(())?;
    let mut result = Vec::new();
    for (axis, extent) in wanted.iter().enumerate() {
        result.push(match extent {
            0 if !zero => *shape.get(axis)?,
            -1 => 1,
            extent => u64::try_from(*extent).ok()?,
        });
    }
    if let Some(rest) = wanted.iter().position(|extent| *extent == -1) {
        result[rest] = product(shape)?.checked_div(product(&result)?)?;
    }
    (product(&result) == product(shape)).then_some(result)
}

pub(super) fn pad(call: &Call<'_>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    let pads = call.needed("pads", 1)?;
    let rank = i64::try_from(shape.len()).ok()?;
    let axes = if call.has(3) {
        super::integers(call.numbers(3)?)
    } else {
        (0..rank).collect()
    };
    let mut result = shape.to_vec();
    for (index, axis) in axes.iter().enumerate() {
        let around = pads
            .get(index)?
            .checked_add(*pads.get(index + axes.len())?)?;
        let to = &mut result[place(*axis, shape.len(), false)?];
        *to = to.checked_add_signed(around)?;
    }
    Some(result)
}

pub(super) fn resize(call: &Call<'_>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    // Upsample has its scales in an attribute or second; so has the first Resize. Later ones have a region in between.
    let (scales, sizes) = match (call.node.op_type(), call.operands.len()) {
        ("Resize", 3..) => (call.numbers(2), call.numbers(3)),
        _ => (call.numbers(1), None),
    };
    let given = call.attribute("scales").map(|attribute| {
        let floats = attribute.floats.iter();
        floats.map(|scale| f64::from(*scale)).collect::<Vec<f64>>()
    });
    let scales = given
        .or_else(|| scales.map(<[f64]>::to_vec))
        .filter(|scales| !scales.is_empty());
    if call.attribute("axes").is_some() || call.attribute("keep_aspect_ratio_policy").is_some() {
        return None;
    }
    match (sizes.filter(|sizes| !sizes.is_empty()), scales) {
        (Some(sizes), _) if sizes.len() == shape.len() => extents(&super::integers(sizes)),
        (None, Some(scales)) if scales.len() == shape.len() => {
            let pairs = shape.iter().zip(scales);
            Some(
                pairs
                    .map(|(extent, scale)| libm::floor(*extent as f64 * scale) as u64)
                    .collect(),
            )
        }
        _ => None,
    }
}

pub(super) fn concat(call: &Call<'_>) -> Option<Vec<u64>> {
    let mut result = call.first()?;
    let axis = place(call.int("axis").unwrap_or(1), result.len(), false)?;
    for index in 1..call.operands.len() {
        let shape = call.shape(index)?;
        let mut others = (shape.iter().zip(&result).enumerate()).filter(|(at, _)| *at != axis);
        let fits = shape.len() == result.len() && others.all(|(_, (one, other))| one == other);
        fits.then_some(())?;
        result[axis] = result[axis].checked_add(shape[axis])?;
    }
    Some(result)
}

pub(super) fn squeeze(call: &Call<'_>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    let removed = match call.integers("axes", 1)?.given() {
        Some(axes) => axes
            .iter()
            .map(|axis| place(*axis, shape.len(), false))
            .collect::<Option<Vec<_>>>()?,
        None => (0..shape.len()).filter(|axis| shape[*axis] == 1).collect(),
    };
    removed.iter().all(|axis| shape[*axis] == 1).then_some(())?;
    let kept = shape
        .iter()
        .enumerate()
        .filter(|(axis, _)| !removed.contains(axis));
    Some(kept.map(|(_, extent)| *extent).collect())
}

pub(super) fn unsqueeze(call: &Call<'_>) -> Option<Vec<u64>> {
    let (shape, axes) = (call.shape(0)?, call.needed("axes", 1)?);
    let rank = shape.len() + axes.len();
    let new = axes
        .iter()
        .map(|axis| place(*axis, rank, false))
        .collect::<Option<Vec<_>>>()?;
    let mut rest = shape.iter();
    (0..rank)
        .map(|axis| {
            if new.contains(&axis) {
                Some(1)
            } else {
                rest.next().copied()
            }
        })
        .collect()
}

pub(super) fn reduce(call: &Call<'_>, axes: Option<Vec<i64>>) -> Option<Vec<u64>> {
    let shape = call.shape(0)?;
    let keeps = call.int("keepdims").unwrap_or(1) != 0;
    let places = |axes: Vec<i64>| {
        let places = axes.iter().map(|axis| place(*axis, shape.len(), false));
        places.collect::<Option<Vec<_>>>()
    };
    let reduced = axes.map_or_else(|| Some((0..shape.len()).collect()), places)?;
    let kept =
        shape
            .iter()
            .enumerate()
            .filter_map(|(axis, extent)| match reduced.contains(&axis) {
                false => Some(*extent),
                true if keeps => Some(1),
                true => None,
            });
    Some(kept.collect())
}

pub(super) fn split(call: &Call<'_>) -> Option<Vec<Value>> {
    let shape = call.first()?;
    let axis = place(call.int("axis").unwrap_or(0), shape.len(), false)?;
    let count = call.node.output.len() as u64;
    let even = shape[axis].div_ceil(count.max(1));
    let parts = match call.integers("split", 1)?.given() {
        Some(parts) => extents(&parts)?,
        None => (0..count)
            .map(|part| even.min(shape[axis].saturating_sub(part * even)))
            .collect(),
    };
    let whole = parts
        .iter()
        .try_fold(0_u64, |sum, part| sum.checked_add(*part));
    (whole == Some(shape[axis]) && parts.len() as u64 == count).then_some(())?;
    let part = |extent: u64| {
        let mut shape = shape.clone();
        shape[axis] = extent;
        Value::shaped(Some(shape))
    };
    Some(parts.into_iter().map(part).collect())
}

/// The indices that a slice takes of each dimension.
pub(super) fn slices(call: &Call<'_>) -> Option<Vec<Vec<usize>>> {
    let shape = call.shape(0)?;
    let (starts, ends) = (call.needed("starts", 1)?, call.needed("ends", 2)?);
    let all = || (0..starts.len() as i64).collect();
    let axes = call.integers("axes", 3)?.given().unwrap_or_else(all);
    let steps = call
        .integers("steps", 4)?
        .given()
        .unwrap_or_else(|| vec![1; starts.len()]);
    let mut result: Vec<Vec<usize>> = Vec::new();
    for extent in shape {
        // Only short dimensions hold what decides shapes; of long ones the count is enough.
        let extent = usize::try_from(*extent)
            .ok()
            .filter(|extent| *extent <= 1 << 20)?;
        result.push((0..extent).collect());
    }
    for (index, named) in axes.iter().enumerate() {
        let dimension = place(*named, shape.len(), false)?;
        let extent = i64::try_from(shape[dimension]).ok()?;
        let (start, end, step) = (*starts.get(index)?, *ends.get(index)?, *steps.get(index)?);
        let from_end = |bound: i64| {
            if bound < 0 {
                bound.saturating_add(extent)
            } else {
                bound
            }
        };
        let (start, end) = (from_end(start), from_end(end));
        let taken: Vec<i64> = match step {
            1.. => {
                let step = usize::try_from(step).ok()?;
                (start.clamp(0, extent)..end.clamp(0, extent))
                    .step_by(step)
                    .collect()
            }
            0 => return None,
            _ => {
                let step = usize::try_from(step.checked_neg()?).ok()?;
                let (start, end) = (start.clamp(-1, extent - 1), end.clamp(-1, extent - 1));
                ((end + 1)..=start).rev().step_by(step).collect()
            }
        };
        result[dimension] = taken
            .into_iter()
            .map(usize::try_from)
            .collect::<Result<_, _>>()
            .ok()?;
    }
    Some(result)
}

/// The extents that `Shape` gives.
pub(super) fn shape_part<'a>(call: &Call<'a>) -> Option<&'a [u64]> {
    let shape = call.shape(0)?;
    let bound = |name: &str, default: usize| {
        let Some(bound) = call.int(name) else {
            return Some(default);
        };
        let rank = i64::try_from(shape.len()).ok()?;
        let bound = if bound < 0 {
            bound.saturating_add(rank)
        } else {
            bound
        };
        usize::try_from(bound.clamp(0, rank)).ok()
    };
    let (start, end) = (bound("start", 0)?, bound("end", shape.len())?);
    Some(shape.get(start..end).unwrap_or_default())
}

pub(super) fn constant_shape(call: &Call<'_>) -> Option<Vec<u64>> {
    let attribute = call.node.attribute.first()?;
    match attribute.name() {
        "value" => extents(&attribute.t.as_ref()?.dims),
        "value_int" | "value_float" => Some(Vec::new()),
        "value_ints" => Some(vec![attribute.ints.len() as u64]),
        "value_floats" => Some(vec![attribute.floats.len() as u64]),
        _ => None,
    }
}
