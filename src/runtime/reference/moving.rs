//! Operators that move elements to other places: one copy with a step for each dimension does most of it.

use super::broadcast::common_shape;
use super::call::Call;
use super::parallel::{CHUNK, parts};
use super::tensor::{
    Data, Tensor, count, dimension, dimensions, extents, filled, reserved, strides,
};

type Results = Result<Vec<Tensor>, String>;

/// The tensor whose element at each index is that of `x` at `origin` and a step along each dimension.
fn stepped(
    x: &Tensor,
    shape: Vec<usize>,
    origin: isize,
    steps: &[isize],
) -> Result<Tensor, String> {
    let data = match &x.data {
        Data::Floats(values) => Data::Floats(copied(values, &shape, origin, steps, 0.0)?),
        Data::Integers(values) => Data::Integers(copied(values, &shape, origin, steps, 0)?),
    };
    Ok(Tensor {
        element: x.element,
        shape,
        data,
    })
}

fn copied<T: Copy + Send + Sync>(
    values: &[T],
    shape: &[usize],
    origin: isize,
    steps: &[isize],
    empty: T,
) -> Result<Vec<T>, String> {
    let mut result = filled(shape, empty)?;
    if result.is_empty() {
        return Ok(result);
    }
    let (inner, step) = match (shape.last(), steps.last()) {
        (Some(&inner), Some(&step)) => (inner, step),
        _ => (1, 0),
    };
    let rows = (CHUNK / inner).max(1);
    parts(&mut result, rows * inner, &|block, chunk| {
        for (index, row) in chunk.chunks_mut(inner).enumerate() {
            let mut number = block * rows + index;
            let mut at = origin;
            for dimension in (0..shape.len().saturating_sub(1)).rev() {
                at += (number % shape[dimension]) as isize * steps[dimension];
                number /= shape[dimension];
            }
            for element in row {
                *element = values[at as usize];
                at += step;
            }
        }
    });
    Ok(result)
}

/// Dimension `order[i]` becomes dimension `i`.
pub fn transposed(x: &Tensor, order: &[usize]) -> Result<Tensor, String> {
    let own = strides(&x.shape);
    let shape = order.iter().map(|&index| x.shape[index]).collect();
    let steps: Vec<isize> = order.iter().map(|&index| own[index] as isize).collect();
    stepped(x, shape, 0, &steps)
}

pub fn transpose(call: &Call) -> Results {
    let x = call.operand(0)?;
    let rank = x.shape.len();
    let order = match call.ints("perm")? {
        Some(order) => extents(order)?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(format!("{order:?} is not an order of {rank} dimensions"));
    }
    Ok(vec![transposed(x, &order)?])
}

pub fn expand(call: &Call) -> Results {
    let x = call.operand(0)?;
    let wanted = extents(call.operand(1)?.integers()?)?;
    let shape = common_shape(&x.shape, &wanted)?;
    let missing = shape.len() - x.shape.len();
    let own = strides(&x.shape);
    let mut steps = vec![0; shape.len()];
    for (index, &extent) in x.shape.iter().enumerate() {
        if extent != 1 {
            steps[missing + index] = own[index] as isize;
        }
    }
    Ok(vec![stepped(x, shape, 0, &steps)?])
}

pub fn tile(call: &Call) -> Results {
    let mut x = call.operand(0)?.clone();
    let repeats = extents(call.operand(1)?.integers()?)?;
    if repeats.len() != x.shape.len() {
        return Err(format!("{repeats:?} does not repeat {:?}", x.shape));
    }
    for (axis, &times) in repeats.iter().enumerate() {
        // A dimension of repeats before each, then merged into it.
        let mut shape = x.shape.clone();
        shape.insert(axis, times);
        let mut steps: Vec<isize> = strides(&x.shape).iter().map(|&s| s as isize).collect();
        steps.insert(axis, 0);
        let mut merged = x.shape.clone();
        merged[axis] = merged[axis].checked_mul(times).ok_or("it is too large")?;
        x = stepped(&x, shape, 0, &steps)?.reshaped(merged)?;
    }
    Ok(vec![x])
}

/// The first and how many elements `start..end` by `step` takes of `extent`, as Python's slices.
fn span(start: i64, end: i64, step: i64, extent: usize) -> Result<(isize, usize), String> {
    let extent = extent as i64;
    let from_end = |value: i64| match value < 0 {
        true => value.saturating_add(extent),
        false => value,
    };
    let (start, end) = (from_end(start), from_end(end));
    let (start, distance) = match step {
        0 => return Err("a step is 0".to_owned()),
        1.. => {
            let start = start.clamp(0, extent);
            (start, end.clamp(0, extent) - start)
        }
        _ => {
            let start = start.clamp(-1, extent - 1);
            (start, start - end.clamp(-1, extent - 1))
        }
    };
    let length = distance.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
    Ok((start.max(0) as isize, length as usize))
}

pub fn slice(call: &Call) -> Results {
    let x = call.operand(0)?;
    let rank = x.shape.len();
    let starts = call.integers("starts", 1)?.ok_or("it has no starts")?;
    let ends = call.integers("ends", 2)?.ok_or("it has no ends")?;
    let sliced = match call.integers("axes", 3)? {
        Some(axes) => axes.to_vec(),
        None => (0..starts.len() as i64).collect(),
    };
    let ones = vec![1; starts.len()];
    let by = match call.optional(4) {
        Some(steps) => steps.integers()?,
        None => &ones,
    };
    let lengths = [ends.len(), sliced.len(), by.len()];
    if lengths.iter().any(|&length| length != starts.len()) {
        return Err("starts, ends, axes and steps are not equally many".to_owned());
    }
    dimensions(&sliced, rank)?;
    let own = strides(&x.shape);
    let mut steps: Vec<isize> = own.iter().map(|&step| step as isize).collect();
    let mut shape = x.shape.clone();
    let mut origin = 0;
    for (index, &axis) in sliced.iter().enumerate() {
        let axis = dimension(axis, rank)?;
        let (first, length) = span(starts[index], ends[index], by[index], x.shape[axis])?;
        origin += first * own[axis] as isize;
        // A step longer than the tensor is taken at most once, and not at all beyond its elements.
        let by = by[index].clamp(-(1 << 31), 1 << 31) as isize;
        steps[axis] = steps[axis].saturating_mul(by);
        shape[axis] = length;
    }
    Ok(vec![stepped(x, shape, origin, &steps)?])
}

/// Elements before the axis, along it and behind it.
pub fn around(shape: &[usize], axis: usize) -> [usize; 3] {
    let product = |extents: &[usize]| extents.iter().product::<usize>();
    [
        product(&shape[..axis]),
        shape[axis],
        product(&shape[axis + 1..]),
    ]
}

pub fn concat(call: &Call) -> Results {
    let operands = call.all_operands()?;
    let first = operands[0];
    // Version 1 had a default.
    let axis = dimension(call.int("axis", 1)?, first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    for operand in &operands {
        let mut other = operand.shape.clone();
        if other.len() != shape.len() || operand.element != first.element {
            return Err("its operands are not of one rank and type".to_owned());
        }
        shape[axis] += other[axis];
        other[axis] = shape[axis];
        if other != shape {
            return Err(format!(
                "{:?} and {:?} differ beside axis {axis}",
                first.shape, operand.shape
            ));
        }
    }
    let [outer, _, inner] = around(&shape, axis);
    let is_float = first.element.is_float();
    let mut floats = reserved(if is_float { &shape } else { &[0] })?;
    let mut integers = reserved(if is_float { &[0] } else { &shape })?;
    for row in 0..outer {
        for operand in &operands {
            let length = operand.shape[axis] * inner;
            let part = row * length..(row + 1) * length;
            match &operand.data {
                Data::Floats(data) => floats.extend_from_slice(&data[part]),
                Data::Integers(data) => integers.extend_from_slice(&data[part]),
            }
        }
    }
    let data = match is_float {
        true => Data::Floats(floats),
        false => Data::Integers(integers),
    };
    Ok(vec![Tensor {
        element: first.element,
        shape,
        data,
    }])
}

/// Parts along an axis: as listed, or equal ones of which the last may be smaller since version 18.
pub fn split(call: &Call) -> Results {
    let x = call.operand(0)?;
    let axis = dimension(call.int("axis", 0)?, x.shape.len())?;
    let extent = x.shape[axis];
    let parts = match call.integers("split", 1)? {
        Some(parts) => extents(parts)?,
        None => {
            let asked = call.int("num_outputs", call.results as i64)?;
            let number = usize::try_from(asked).unwrap_or(0);
            if number == 0
                || number > call.results.max(1)
                || (!call.since(18) && extent % number != 0)
            {
                return Err(format!("{extent} is not split into {asked} parts"));
            }
            let part = extent.div_ceil(number);
            (0..number)
                .map(|index| part.min(extent.saturating_sub(index * part)))
                .collect()
        }
    };
    let total = parts
        .iter()
        .try_fold(0usize, |sum, &part| sum.checked_add(part));
    if total != Some(extent) {
        return Err(format!("parts {parts:?} do not make {extent}"));
    }
    let own = strides(&x.shape);
    let steps: Vec<isize> = own.iter().map(|&step| step as isize).collect();
    let mut results = Vec::new();
    let mut start = 0;
    for part in parts {
        let mut shape = x.shape.clone();
        shape[axis] = part;
        results.push(stepped(x, shape, (start * own[axis]) as isize, &steps)?);
        start += part;
    }
    Ok(results)
}

pub fn gather(call: &Call) -> Results {
    let (x, indices) = (call.operand(0)?, call.operand(1)?);
    let axis = dimension(call.int("axis", 0)?, x.shape.len())?;
    let [outer, extent, inner] = around(&x.shape, axis);
    let mut shape = x.shape[..axis].to_vec();
    shape.extend(&indices.shape);
    shape.extend(&x.shape[axis + 1..]);
    count(&shape)?;
    let mut rows = reserved(&indices.shape)?;
    for &index in indices.integers()? {
        rows.push(Some(dimension(index, extent)?));
    }
    let around = [outer, extent, inner];
    let data = match &x.data {
        Data::Floats(values) => Data::Floats(rows_of(values, around, &rows, 0.0)?),
        Data::Integers(values) => Data::Integers(rows_of(values, around, &rows, 0)?),
    };
    Ok(vec![Tensor {
        element: x.element,
        shape,
        data,
    }])
}

/// The rows of that number along the middle dimension, or rows full of `fill` where there is none.
pub fn rows_of<T: Copy>(
    values: &[T],
    [outer, extent, inner]: [usize; 3],
    rows: &[Option<usize>],
    fill: T,
) -> Result<Vec<T>, String> {
    let mut result = reserved(&[outer, rows.len(), inner])?;
    for start in 0..outer {
        for row in rows {
            match row {
                Some(row) => {
                    let at = (start * extent + row) * inner;
                    result.extend_from_slice(&values[at..at + inner]);
                }
                None => result.extend(std::iter::repeat_n(fill, inner)),
            }
        }
    }
    Ok(result)
}
