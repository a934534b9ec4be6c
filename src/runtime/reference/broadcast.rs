//! Broadcasting: operands of different shapes, element by element.
//!
//! Source: ONNX's `docs/Broadcasting.md` (multidirectional). Neighbouring dimensions that all operands walk through
//! alike are merged, so that the inner loop is long.

use super::parallel::{CHUNK, parts};
use super::tensor::{count, filled, strides};

/// How `N` operands walk through the result.
pub struct Walk<const N: usize> {
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Merged dimensions, the innermost last, and the step of each operand along them.
    dimensions: Vec<(usize, [usize; N])>,
}

/// The shape that two shapes give.
pub fn common_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let mut shape = Vec::with_capacity(rank);
    for index in 0..rank {
        let extent = |shape: &[usize]| match (index + shape.len()).checked_sub(rank) {
            Some(index) => shape[index],
            None => 1,
        };
        shape.push(match (extent(a), extent(b)) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            _ => return Err(format!("shapes {a:?} and {b:?} do not fit together")),
        });
    }
    count(&shape)?;
    Ok(shape)
}

impl<const N: usize> Walk<N> {
    pub fn new(shapes: [&[usize]; N]) -> Result<Self, String> {
        let mut shape = Vec::new();
        for other in shapes {
            shape = common_shape(&shape, other)?;
        }
        let mut steps = vec![[0; N]; shape.len()];
        for (operand, other) in shapes.iter().enumerate() {
            let missing = shape.len() - other.len();
            let own = strides(other);
            for (index, &extent) in other.iter().enumerate() {
                if extent != 1 {
                    steps[missing + index][operand] = own[index];
                }
            }
        }
        let mut dimensions: Vec<(usize, [usize; N])> = Vec::new();
        for (&extent, &step) in shape.iter().zip(&steps) {
            if extent == 1 {
                continue;
            }
            if let Some((outer, outer_step)) = dimensions.last_mut() {
                let mut alike = true;
                for operand in 0..N {
                    alike &= outer_step[operand] == step[operand] * extent;
                }
                if alike {
                    *outer *= extent;
                    *outer_step = step;
                    continue;
                }
            }
            dimensions.push((extent, step));
        }
        Ok(Self { shape, dimensions })
    }

    /// Where each operand starts in the inner row of that number.
    fn start(&self, mut row: usize) -> [usize; N] {
        let mut start = [0; N];
        let outer = self.dimensions.len().saturating_sub(1);
        for (extent, step) in self.dimensions[..outer].iter().rev() {
            let index = row % extent;
            row /= extent;
            for operand in 0..N {
                start[operand] += index * step[operand];
            }
        }
        start
    }

    /// Fills the result row by row: `fill(row, starts, steps)`.
    pub fn fill<R: Clone + Send + Sync>(
        &self,
        empty: R,
        fill: impl Fn(&mut [R], [usize; N], [usize; N]) + Sync,
    ) -> Result<Vec<R>, String> {
        let mut result = filled(&self.shape, empty)?;
        let (inner, step) = self.dimensions.last().copied().unwrap_or((1, [0; N]));
        if result.is_empty() {
            return Ok(result);
        }
        let rows = (CHUNK / inner).max(1);
        parts(&mut result, inner * rows, &|block, chunk| {
            for (index, row) in chunk.chunks_mut(inner).enumerate() {
                fill(row, self.start(block * rows + index), step);
            }
        });
        Ok(result)
    }
}

/// `f` of two operands.
pub fn pairs<A: Copy + Sync, R: Clone + Send + Sync>(
    walk: &Walk<2>,
    a: &[A],
    b: &[A],
    empty: R,
    f: impl Fn(A, A) -> R + Sync,
) -> Result<Vec<R>, String> {
    walk.fill(empty, |row, [start_a, start_b], [step_a, step_b]| {
        let length = row.len();
        match (step_a, step_b) {
            (1, 1) => {
                let a = &a[start_a..start_a + length];
                let b = &b[start_b..start_b + length];
                for index in 0..length {
                    row[index] = f(a[index], b[index]);
                }
            }
            (1, 0) => {
                let a = &a[start_a..start_a + length];
                let b = b[start_b];
                for index in 0..length {
                    row[index] = f(a[index], b);
                }
            }
            _ => {
                for (index, result) in row.iter_mut().enumerate() {
                    *result = f(a[start_a + index * step_a], b[start_b + index * step_b]);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_one_long_row_each() {
        let walk = Walk::new([&[2, 3, 4, 5], &[2, 3, 1, 1]]).expect("they fit");
        assert_eq!(walk.dimensions, [(6, [20, 1]), (20, [1, 0])]);
        let same = Walk::new([&[2, 3, 4], &[2, 3, 4]]).expect("they fit");
        assert_eq!(same.dimensions, [(24, [1, 1])]);
    }

    #[test]
    fn operands_are_stretched_both_ways() {
        let walk = Walk::new([&[3, 1], &[2]]).expect("they fit");
        assert_eq!(walk.shape, [3, 2]);
        let sum = pairs(&walk, &[10, 20, 30], &[1, 2], 0, |a, b| a + b);
        assert_eq!(sum, Ok(vec![11, 12, 21, 22, 31, 32]));
        assert_eq!(
            common_shape(&[2, 3], &[2]),
            Err("shapes [2, 3] and [2] do not fit together".to_owned())
        );
        assert_eq!(common_shape(&[2, 0], &[1]), Ok(vec![2, 0]));
    }
}
