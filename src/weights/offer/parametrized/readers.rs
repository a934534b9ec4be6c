//! Readers of weights that are computed, in double precision, from what is stored.

use crate::tensor::{SourceError, TensorReader};

/// Elements that are read at a time.
const PIECE: usize = 1 << 14;

/// A weight times one factor for each index of an axis.
pub(super) struct Scaled<'a> {
    weight: Box<dyn TensorReader + 'a>,
    factors: Vec<f64>,
    /// Elements between one index of the axis and the next.
    stride: usize,
}

impl<'a> Scaled<'a> {
    /// `gain · direction / ‖direction‖`, the norm over all axes on which the gain has one element.
    pub(super) fn weight_norm(
        direction: Box<dyn TensorReader + 'a>,
        shape: &[u64],
        gain: &dyn TensorReader,
        gains: &[u64],
    ) -> Result<Self, SourceError> {
        let axis = gains.iter().position(|extent| *extent != 1);
        let stride = axis.map_or(1, |axis| elements(&shape[axis + 1..]));
        let mut factors = exact(gain, elements(gains))?;
        let mut squares = vec![0.0; factors.len()];
        each(&*direction, elements(shape), |index, value| {
            squares[index / stride % factors.len()] += value * value;
        })?;
        for (factor, square) in factors.iter_mut().zip(squares) {
            *factor /= f64::sqrt(square);
        }
        Ok(Self {
            weight: direction,
            factors,
            stride,
        })
    }

    /// `weight / leftᵀ·weight·right`, the weight as a matrix of its first axis and all others.
    pub(super) fn spectral_norm(
        weight: Box<dyn TensorReader + 'a>,
        left: &dyn TensorReader,
        right: &dyn TensorReader,
        [rows, columns]: [u64; 2],
    ) -> Result<Self, SourceError> {
        let left = exact(left, elements(&[rows]))?;
        let right = exact(right, elements(&[columns]))?;
        let mut sigma = 0.0;
        each(&*weight, left.len() * right.len(), |index, value| {
            sigma += left[index / right.len()] * value * right[index % right.len()];
        })?;
        Ok(Self {
            weight,
            factors: vec![1.0 / sigma],
            stride: 1,
        })
    }
}

impl TensorReader for Scaled<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        rounded(self, offset, out)
    }

    fn fill_exact(&self, offset: usize, out: &mut [f64]) -> Result<(), SourceError> {
        self.weight.fill_exact(offset, out)?;
        for (index, value) in (offset..).zip(out) {
            *value *= self.factors[index / self.stride % self.factors.len()];
        }
        Ok(())
    }
}

/// The product of two tensors of one shape, element by element.
pub(super) struct Product<'a> {
    one: Box<dyn TensorReader + 'a>,
    other: Box<dyn TensorReader + 'a>,
}

impl<'a> Product<'a> {
    pub(super) fn new(one: Box<dyn TensorReader + 'a>, other: Box<dyn TensorReader + 'a>) -> Self {
        Self { one, other }
    }
}

impl TensorReader for Product<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        rounded(self, offset, out)
    }

    fn fill_exact(&self, offset: usize, out: &mut [f64]) -> Result<(), SourceError> {
        self.one.fill_exact(offset, out)?;
        let mut others = vec![0.0; out.len()];
        self.other.fill_exact(offset, &mut others)?;
        for (value, other) in out.iter_mut().zip(others) {
            *value *= other;
        }
        Ok(())
    }
}

/// What a reader computes, rounded once.
#[expect(clippy::cast_possible_truncation, reason = "a double is rounded once")]
fn rounded(reader: &dyn TensorReader, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
    let mut doubles = vec![0.0; PIECE.min(out.len())];
    for (start, piece) in (offset..).step_by(PIECE).zip(out.chunks_mut(PIECE)) {
        let doubles = &mut doubles[..piece.len()];
        reader.fill_exact(start, doubles)?;
        for (value, double) in piece.iter_mut().zip(doubles) {
            *value = *double as f32;
        }
    }
    Ok(())
}

/// All elements of a small tensor.
fn exact(reader: &dyn TensorReader, elements: usize) -> Result<Vec<f64>, SourceError> {
    let mut values = vec![0.0; elements];
    reader.fill_exact(0, &mut values)?;
    Ok(values)
}

/// Goes through a tensor in pieces.
fn each(
    reader: &dyn TensorReader,
    elements: usize,
    mut take: impl FnMut(usize, f64),
) -> Result<(), SourceError> {
    let mut values = vec![0.0; PIECE.min(elements)];
    for start in (0..elements).step_by(PIECE) {
        let piece = &mut values[..PIECE.min(elements - start)];
        reader.fill_exact(start, piece)?;
        for (index, value) in (start..).zip(piece) {
            take(index, *value);
        }
    }
    Ok(())
}

/// How many elements a shape has; the container was opened, so that they can be counted.
fn elements(shape: &[u64]) -> usize {
    let elements = shape.iter().product::<u64>();
    usize::try_from(elements).unwrap_or(usize::MAX)
}
