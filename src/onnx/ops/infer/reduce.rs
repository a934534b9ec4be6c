//! The shape that a mean or a norm over some dimensions gives.
//!
//! Source: ONNX's operator reference, ReduceMean-13 and -18, ReduceL2-13 and -18.

use super::super::{OpError, TensorType};
use super::{Operand, resolve_axis, unsupported};
use crate::tensor::Element;
use crate::tensor::shape::{Dim, Shape};

/// The shape that is left where the dimensions `axes` are reduced; none of them means all.
pub(super) fn over(
    op_type: &'static str,
    shape: &[Dim],
    axes: &[i64],
    keep_dims: bool,
) -> Result<Shape, OpError> {
    let x = Operand(op_type, "x");
    let mut reduced = vec![axes.is_empty(); shape.len()];
    for axis in axes {
        let index = resolve_axis(x, *axis, shape.len())?;
        if std::mem::replace(&mut reduced[index], true) {
            let reason = format!("reducing dimension {index} twice");
            return Err(unsupported(op_type, reason));
        }
    }
    let kept = |(dim, reduced): (&Dim, bool)| match (reduced, keep_dims) {
        (false, _) => Some(dim.clone()),
        (true, true) => Some(Dim::Fixed(1)),
        (true, false) => None,
    };
    Ok(shape.iter().zip(reduced).filter_map(kept).collect())
}

/// The same where an operand has the axes: without its elements, only the result's rank is known.
pub(super) fn over_operand(
    op_type: &'static str,
    shape: &[Dim],
    axes: &TensorType,
    elements: Option<&[i64]>,
    keep_dims: bool,
) -> Result<Shape, OpError> {
    let (Element::I64, [count]) = (axes.element, axes.shape.as_slice()) else {
        let found = format!("a list of integers, found {axes}");
        return Err(Operand(op_type, "axes").wrong(found));
    };
    if let Some(elements) = elements {
        return over(op_type, shape, elements, keep_dims);
    }
    let count = count.fixed().and_then(|count| usize::try_from(count).ok());
    let left = match (keep_dims, count) {
        (true, _) => Some(shape.len()),
        // No axes mean all.
        (false, Some(0)) => Some(0),
        (false, count) => count.and_then(|count| shape.len().checked_sub(count)),
    };
    let left = left.ok_or_else(|| {
        let reason = format!("axes that are {axes} of {} dimensions", shape.len());
        unsupported(op_type, reason)
    })?;
    Ok(vec![Dim::Unset; left])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{mean_over_operand, tensor};

    /// Constant axes decide the shape as an attribute does; axes that are computed leave the rank.
    #[test]
    fn axes_as_an_operand() {
        let given = |axes: &[i64], keep_dims| {
            let inputs = [tensor("n 8 ? 7"), tensor(&format!("i64 {}", axes.len()))];
            mean_over_operand(keep_dims).infer(&inputs, &[None, Some(axes)])
        };
        assert_eq!(given(&[2, 3], true), Ok(tensor("n 8 1 1")));
        assert_eq!(given(&[-1, 2], false), Ok(tensor("n 8")));
        assert_eq!(given(&[], false), Ok(tensor("")));
        for (axes, expected) in [
            (
                &[2, 4][..],
                "expected a dimension 4, found only 4 dimensions",
            ),
            (&[2, -2], "reducing dimension 2 twice"),
        ] {
            let refused = given(axes, true).expect_err("no such axes").to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        for (inputs, expected) in [
            (&["n 8", "2"][..], "a list of integers"),
            (&["n 8", "i64 1 2"], "a list of integers"),
            (&["n 8", "i64 3"], "is not supported here"),
            (&["n 8", "i64 ?"], "is not supported here"),
            (&["n 8"], "expected 2 operands, found 1"),
        ] {
            let inputs: Vec<_> = inputs.iter().map(|input| tensor(input)).collect();
            let refused = mean_over_operand(false).infer(&inputs, &[]);
            let refused = refused.expect_err("no such axes").to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
