//! Matrix products.

use super::broadcast::{Walk, common_shape, pairs};
use super::call::Call;
use super::moving::transposed;
use super::tensor::{Tensor, count, filled};
use rayon::prelude::*;

type Results = Result<Vec<Tensor>, String>;

/// Columns of the result that one task computes.
const COLUMNS: usize = 256;

/// `result += a · b`, of `rows × depth` and `depth × columns` elements.
fn multiply(a: &[f64], b: &[f64], depth: usize, columns: usize, result: &mut [f64]) {
    if result.is_empty() {
        return;
    }
    let mut tasks = Vec::new();
    for (row, whole) in result.chunks_mut(columns).enumerate() {
        for (block, part) in whole.chunks_mut(COLUMNS).enumerate() {
            tasks.push((row, block * COLUMNS, part));
        }
    }
    tasks.into_par_iter().for_each(|(row, start, part)| {
        let length = part.len();
        for index in 0..depth {
            let weight = a[row * depth + index];
            let b = &b[index * columns + start..][..length];
            for at in 0..length {
                part[at] += weight * b[at];
            }
        }
    });
}

/// `alpha · a' · b' + beta · c`, `c` stretched to the result.
pub fn gemm(call: &Call) -> Results {
    let matrix = |index: usize, flag: &str| {
        let operand = call.operand(index)?;
        if operand.shape.len() != 2 {
            return Err(format!("shape {:?} is not a matrix's", operand.shape));
        }
        match call.flag(flag, false)? {
            true => transposed(operand, &[1, 0]),
            false => Ok(operand.clone()),
        }
    };
    let (a, b) = (matrix(0, "transA")?, matrix(1, "transB")?);
    let (rows, depth, columns) = (a.shape[0], a.shape[1], b.shape[1]);
    if b.shape[0] != depth {
        return Err(format!("{:?} and {:?} have no product", a.shape, b.shape));
    }
    let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    let shape = vec![rows, columns];
    let mut result = filled(&shape, 0.0)?;
    multiply(a.floats()?, b.floats()?, depth, columns, &mut result);
    for value in &mut result {
        *value *= alpha;
    }
    if let Some(c) = call.optional(2) {
        let walk = Walk::new([&shape, &c.shape])?;
        if walk.shape != shape {
            return Err(format!("{:?} cannot be stretched to {shape:?}", c.shape));
        }
        result = pairs(&walk, &result, c.floats()?, 0.0, |product, c| {
            product + beta * c
        })?;
    }
    Ok(vec![Tensor::of_floats(a.element, shape, result)])
}

/// As numpy's: lists are rows on the left and columns on the right, and leading dimensions are broadcast.
pub fn matmul(call: &Call) -> Results {
    let (a, b) = (call.operand(0)?, call.operand(1)?);
    let (a_values, b_values) = (a.floats()?, b.floats()?);
    let (mut a_shape, mut b_shape) = (a.shape.clone(), b.shape.clone());
    if a_shape.is_empty() || b_shape.is_empty() {
        return Err("a scalar is no factor of a matrix product".to_owned());
    }
    let (a_is_list, b_is_list) = (a_shape.len() == 1, b_shape.len() == 1);
    if a_is_list {
        a_shape.insert(0, 1);
    }
    if b_is_list {
        b_shape.push(1);
    }
    let (a_batch, a_matrix) = a_shape.split_at(a_shape.len() - 2);
    let (b_batch, b_matrix) = b_shape.split_at(b_shape.len() - 2);
    let (rows, depth, columns) = (a_matrix[0], a_matrix[1], b_matrix[1]);
    if b_matrix[0] != depth {
        return Err(format!("{:?} and {:?} have no product", a.shape, b.shape));
    }
    let batch = common_shape(a_batch, b_batch)?;
    let mut shape = batch.clone();
    shape.extend([rows, columns]);
    let mut result = filled(&shape, 0.0)?;
    // Which matrix of each operand makes the matrix of the result with the same number.
    let numbers = |shape: &[usize]| (0..count(shape).unwrap_or(0)).collect::<Vec<usize>>();
    let walk = Walk::new([a_batch, b_batch])?;
    let chosen = pairs(
        &walk,
        &numbers(a_batch),
        &numbers(b_batch),
        (0, 0),
        |a, b| (a, b),
    )?;
    if !result.is_empty() {
        for (part, (a, b)) in result.chunks_mut(rows * columns).zip(chosen) {
            let a = &a_values[a * rows * depth..][..rows * depth];
            let b = &b_values[b * depth * columns..][..depth * columns];
            multiply(a, b, depth, columns, part);
        }
    }
    let mut outer = batch;
    if !a_is_list {
        outer.push(rows);
    }
    if !b_is_list {
        outer.push(columns);
    }
    Ok(vec![Tensor::of_floats(a.element, outer, result)])
}
