//! Reductions over some dimensions.

use super::call::Call;
use super::elementwise::{greater, lesser};
use super::moving::transposed;
use super::parallel::{CHUNK, parts};
use super::tensor::{Data, Tensor, count, dimensions, filled, range, wrap};

type Results = Result<Vec<Tensor>, String>;

/// `f` of each row of floats, `g` of each row of integers.
fn reduce(
    call: &Call,
    f: impl Fn(&[f64]) -> f64 + Sync,
    g: impl Fn(&[i64]) -> i64 + Sync,
) -> Results {
    let x = call.operand(0)?;
    let rank = x.shape.len();
    let axes = call.integers("axes", 1)?.unwrap_or_default();
    let none = call.flag("noop_with_empty_axes", false)?;
    let reduced = match axes.is_empty() {
        // What is done to each element is done all the same.
        true if none => Vec::new(),
        true => (0..rank).collect(),
        false => dimensions(axes, rank)?,
    };
    let keep = call.flag("keepdims", true)?;
    let mut order: Vec<usize> = (0..rank).filter(|index| !reduced.contains(index)).collect();
    order.extend(&reduced);
    let in_order = order.windows(2).all(|pair| pair[0] < pair[1]);
    let moved = match in_order {
        true => None,
        false => Some(transposed(x, &order)?),
    };
    let x = moved.as_ref().unwrap_or(x);
    let original = &call.operand(0)?.shape;
    let mut shape = Vec::new();
    for (index, &extent) in original.iter().enumerate() {
        match reduced.contains(&index) {
            true if keep => shape.push(1),
            true => {}
            false => shape.push(extent),
        }
    }
    count(&shape)?;
    let length: usize = reduced.iter().map(|&index| original[index]).product();
    let data = match &x.data {
        Data::Floats(values) => Data::Floats(rows(values, length, &shape, 0.0, f)?),
        Data::Integers(values) => {
            let element = x.element;
            Data::Integers(rows(values, length, &shape, 0, |row| {
                wrap(element, g(row))
            })?)
        }
    };
    Ok(vec![Tensor {
        element: x.element,
        shape,
        data,
    }])
}

fn rows<T: Copy + Send + Sync>(
    values: &[T],
    length: usize,
    shape: &[usize],
    empty: T,
    f: impl Fn(&[T]) -> T + Sync,
) -> Result<Vec<T>, String> {
    let mut result = filled(shape, empty)?;
    let block = (CHUNK / length.max(1)).max(1);
    parts(&mut result, block, &|number, chunk| {
        for (index, element) in chunk.iter_mut().enumerate() {
            let row = number * block + index;
            *element = f(&values[row * length..(row + 1) * length]);
        }
    });
    Ok(result)
}

fn total(row: &[f64]) -> f64 {
    let mut sum = 0.0;
    for value in row {
        sum += value;
    }
    sum
}

fn total_of_integers(row: &[i64]) -> i64 {
    row.iter().fold(0, |sum, &value| sum.wrapping_add(value))
}

pub fn sum(call: &Call) -> Results {
    reduce(call, total, total_of_integers)
}

/// Of integers towards zero.
pub fn mean(call: &Call) -> Results {
    reduce(
        call,
        |row| total(row) / row.len() as f64,
        |row| total_of_integers(row) / (row.len().max(1) as i64),
    )
}

pub fn max(call: &Call) -> Results {
    let least = range(call.operand(0)?.element).0;
    reduce(
        call,
        |row| row.iter().fold(f64::NEG_INFINITY, |a, &b| greater(a, b)),
        |row| row.iter().fold(least, |a, &b| a.max(b)),
    )
}

pub fn min(call: &Call) -> Results {
    let greatest = range(call.operand(0)?.element).1;
    reduce(
        call,
        |row| row.iter().fold(f64::INFINITY, |a, &b| lesser(a, b)),
        |row| row.iter().fold(greatest, |a, &b| a.min(b)),
    )
}

pub fn product(call: &Call) -> Results {
    reduce(
        call,
        |row| row.iter().fold(1.0, |a, &b| a * b),
        |row| row.iter().fold(1i64, |a, &b| a.wrapping_mul(b)),
    )
}

pub fn sum_square(call: &Call) -> Results {
    reduce(
        call,
        |row| row.iter().fold(0.0, |a, &b| a + b * b),
        |row| {
            row.iter()
                .fold(0i64, |a, &b| a.wrapping_add(b.wrapping_mul(b)))
        },
    )
}

/// Only of floats.
fn reduce_floats(call: &Call, f: impl Fn(&[f64]) -> f64 + Sync) -> Results {
    call.operand(0)?.floats()?;
    reduce(call, f, total_of_integers)
}

pub fn l1(call: &Call) -> Results {
    reduce_floats(call, |row| row.iter().fold(0.0, |a, &b| a + b.abs()))
}

pub fn l2(call: &Call) -> Results {
    reduce_floats(call, |row| row.iter().fold(0.0, |a, &b| a + b * b).sqrt())
}

pub fn log_sum(call: &Call) -> Results {
    reduce_floats(call, |row| libm::log(total(row)))
}

pub fn log_sum_exp(call: &Call) -> Results {
    reduce_floats(call, |row| {
        let most = row.iter().fold(f64::NEG_INFINITY, |a, &b| greater(a, b));
        if !most.is_finite() {
            return most;
        }
        most + libm::log(row.iter().fold(0.0, |a, &b| a + libm::exp(b - most)))
    })
}
