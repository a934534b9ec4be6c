//! The shapes that several operands together give.
//!
//! Source: ONNX's operator reference, Concat-13, and `docs/Broadcasting.md`.

use super::super::{OpError, TensorType};
use super::{Operand, resolve_axis};
use crate::tensor::shape::{self, Dim, Shape};

/// Operands one after the other, which agree in every other dimension.
pub(super) fn concat(inputs: &[TensorType], axis: i64) -> Result<Shape, OpError> {
    let first = &inputs[0];
    let axis = resolve_axis(Operand("Concat", "x"), axis, first.shape.len())?;
    let mut shape = first.shape.clone();
    for input in &inputs[1..] {
        let mut expected = shape.clone();
        expected[axis] = Dim::Unset;
        Operand("Concat", "every operand").has_shape(&input.shape, &expected)?;
        for (index, dim) in input.shape.iter().enumerate() {
            if index == axis {
                let extents = [&shape[axis], dim].map(Dim::fixed);
                let sum = extents[0].and_then(|one| one.checked_add(extents[1]?));
                shape[axis] = sum.map_or(Dim::Unset, Dim::Fixed);
            } else if shape[index].fixed().is_none() && dim.fixed().is_some() {
                shape[index] = dim.clone();
            }
        }
    }
    Ok(shape)
}

/// ONNX's multidirectional broadcasting: shapes are aligned at the end, and an extent of 1 stretches.
pub(super) fn broadcast(
    op_type: &'static str,
    one: &[Dim],
    other: &[Dim],
) -> Result<Shape, OpError> {
    let rank = one.len().max(other.len());
    let at = |shape: &[Dim], index: usize| match (index + shape.len()).checked_sub(rank) {
        Some(index) => shape[index].clone(),
        None => Dim::Fixed(1),
    };
    let stretch = |index| match (at(one, index), at(other, index)) {
        (a, b) if a == b => Ok(a),
        (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Ok(other),
        (Dim::Fixed(_), Dim::Fixed(_)) => {
            let found = format!(
                "a shape that stretches to {}, found {}",
                shape::display(one),
                shape::display(other)
            );
            Err(Operand(op_type, "b").wrong(found))
        }
        (fixed @ Dim::Fixed(_), _) | (_, fixed @ Dim::Fixed(_)) => Ok(fixed),
        // Either may turn out to be 1.
        _ => Ok(Dim::Unset),
    };
    (0..rank).map(stretch).collect()
}
