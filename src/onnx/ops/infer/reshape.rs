//! The shape that a Reshape gives.
//!
//! Source: ONNX's operator reference, Reshape-14: 0 keeps the extent at its place, −1 is what is left.

use super::super::{OpError, TensorType};
use super::{Operand, unsupported};
use crate::tensor::Element;
use crate::tensor::shape::{Dim, Shape};

const OP_TYPE: &str = "Reshape";
/// Dimensions that a reshaped value may have; no network here needs as many.
const MOST_DIMENSIONS: u64 = 8;

/// The result's type: its shape if the elements of `target` are known, otherwise its rank.
pub(super) fn infer(
    x: &TensorType,
    target: &TensorType,
    elements: Option<&[i64]>,
) -> Result<TensorType, OpError> {
    let (Element::I64, [rank]) = (target.element, target.shape.as_slice()) else {
        let found = format!("a list of integers, found {target}");
        return Err(Operand(OP_TYPE, "shape").wrong(found));
    };
    let shape = match (rank.fixed(), elements) {
        (Some(rank), None) if rank <= MOST_DIMENSIONS => (0..rank).map(|_| Dim::Unset).collect(),
        (Some(rank), Some(elements)) if rank <= MOST_DIMENSIONS => reshaped(x, elements)?,
        _ => {
            let reason =
                format!("a `shape` that is {target}, not a list of at most {MOST_DIMENSIONS},");
            return Err(unsupported(OP_TYPE, reason));
        }
    };
    Ok(TensorType {
        element: x.element,
        shape,
    })
}

fn reshaped(x: &TensorType, target: &[i64]) -> Result<Shape, OpError> {
    let wrong = |expected: &str| {
        let found = format!("{expected}, found {target:?} for {x}");
        Operand(OP_TYPE, "shape").wrong(found)
    };
    let mut open = None;
    let mut shape = Shape::with_capacity(target.len());
    for (index, extent) in target.iter().enumerate() {
        shape.push(match extent {
            0 => match x.shape.get(index) {
                Some(kept) => kept.clone(),
                None => return Err(wrong("0 only where there is a dimension to keep")),
            },
            -1 if open.replace(index).is_none() => Dim::Unset,
            -1 => return Err(wrong("-1 once")),
            extent => match u64::try_from(*extent) {
                Ok(extent) => Dim::Fixed(extent),
                Err(_) => return Err(wrong("no extent below -1")),
            },
        });
    }
    match (left(&x.shape, &shape, open), open) {
        (Some(left), Some(open)) => shape[open] = left,
        (None, _) => return Err(wrong("a shape of as many elements")),
        (Some(_), None) => {}
    }
    Ok(shape)
}

/// What the dimensions of `from` leave for the one at `open` once all others of `to` are taken from them; unset where
/// that cannot be known, and none where it cannot be.
fn left(from: &[Dim], to: &[Dim], open: Option<usize>) -> Option<Dim> {
    let mut symbols: Vec<&Dim> = Vec::new();
    let mut elements: u64 = 1;
    for dim in from {
        match dim.fixed() {
            Some(extent) => elements = elements.checked_mul(extent)?,
            None => symbols.push(dim),
        }
    }
    let mut taken: u64 = 1;
    for (index, dim) in to.iter().enumerate() {
        if Some(index) == open {
            continue;
        }
        match (
            dim.fixed(),
            symbols.iter().position(|symbol| *symbol == dim),
        ) {
            (Some(extent), _) => taken = taken.checked_mul(extent)?,
            // An unset extent is itself only where it was kept, which a search by value cannot tell.
            (None, Some(place)) if *dim != Dim::Unset => {
                symbols.remove(place);
            }
            (None, _) => return Some(Dim::Unset),
        }
    }
    match (symbols.as_slice(), open) {
        ([], None) => (taken == elements).then_some(Dim::Unset),
        ([], Some(_)) if taken > 0 => elements
            .is_multiple_of(taken)
            .then(|| Dim::Fixed(elements / taken)),
        ([symbol], Some(_)) if taken == elements => Some((*symbol).clone()),
        _ => Some(Dim::Unset),
    }
}
