//! Shapes of results, and the numbers that decide further shapes.
//!
//! Source: ONNX's operator reference (`docs/Operators.md`, `docs/Changelog.md`); a form that older definitions have is told
//! by its attribute.

use super::axes::{extents, place};
use super::moving::{
    concat, constant_shape, pad, reduce, reshape, resize, shape_part, slices, split, squeeze,
    unsqueeze,
};
use super::windows::{transposed, window};
use super::{Call, Value, einsum, numbers, product};
use crate::onnx::element;
use crate::tensor::Element;
use std::collections::BTreeSet;

/// Operators whose first result has the shape of the first operand.
const SAME: &str = "Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh \
    CumSum DequantizeLinear Dropout DynamicQuantizeLinear Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish \
    Hardmax Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization \
    MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear RMSNormalization Reciprocal Relu Round Selu Shrink Sigmoid \
    Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tanh ThresholdedRelu";
/// Operators whose operands stretch to one shape.
const STRETCHED: &str = "Add And BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean \
    Min Mod Mul Or Pow Sub Sum Where Xor";

/// What is known of a node's results, the first of them at least.
pub(super) fn results(call: &Call<'_>) -> Vec<Value> {
    let op_type = call.node.op_type();
    if op_type == "Split" {
        return split(call).unwrap_or_default();
    }
    if op_type == "DynamicQuantizeLinear" {
        let scalar = Value::shaped(Some(Vec::new()));
        return vec![Value::shaped(call.first()), scalar.clone(), scalar];
    }
    if matches!(op_type, "Dropout" | "MaxPool") {
        // The mask and the indices have the shape of the result.
        return vec![Value::shaped(shape(call)); call.node.output.len()];
    }
    if op_type == "Cast" || op_type == "Identity" {
        return vec![cast(call)];
    }
    let numbers = numbers::of(call);
    let whole = numbers.is_some()
        && (call.operands.is_empty() || call.operands.iter().all(|one| one.whole));
    let whole = whole || matches!(op_type, "Shape" | "Size");
    let shape = shape(call);
    let fits = |numbers: &Vec<f64>| {
        let count = shape.as_deref().and_then(product);
        count == Some(numbers.len() as u64)
    };
    vec![Value {
        numbers: numbers.filter(fits),
        shape,
        whole,
    }]
}

fn cast(call: &Call<'_>) -> Value {
    let mut value = call.operands.first().cloned().unwrap_or_default();
    if let Some(to) = call.int("to") {
        value.whole = to != i64::from(element::number(Element::F32));
        if value.whole {
            for number in value.numbers.iter_mut().flatten() {
                *number = number.trunc();
            }
        }
    }
    value
}

fn shape(call: &Call<'_>) -> Option<Vec<u64>> {
    let rank = || call.shape(0).map(<[u64]>::len);
    match call.node.op_type() {
        same if is_one_of(SAME, same) => call.first(),
        stretched if is_one_of(STRETCHED, stretched) => broadcast(call),
        "Conv" | "ConvInteger" => window(call, Some(1)),
        "QLinearConv" => window(call, Some(3)),
        "ConvTranspose" => transposed(call),
        "MaxPool" | "AveragePool" | "LpPool" => window(call, None),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => {
            let mut shape = call.first()?;
            shape.get_mut(2..)?.fill(1);
            Some(shape)
        }
        "Gemm" => {
            let side = |index: usize, name: &str, keep: usize| {
                let flipped = usize::from(call.int(name).unwrap_or(0) != 0);
                call.shape(index)?.get(keep ^ flipped).copied()
            };
            (side(0, "transA", 1)? == side(1, "transB", 0)?).then_some(())?;
            Some(vec![side(0, "transA", 0)?, side(1, "transB", 1)?])
        }
        "MatMul" | "MatMulInteger" => inner(call, 1).and(matmul(call.shape(0)?, call.shape(1)?)),
        "QLinearMatMul" => inner(call, 3).and(matmul(call.shape(0)?, call.shape(3)?)),
        "Einsum" => einsum::shape(call),
        "Flatten" => {
            let axis = place(call.int("axis").unwrap_or(1), rank()?, true)?;
            let (before, behind) = call.shape(0)?.split_at(axis);
            Some(vec![product(before)?, product(behind)?])
        }
        "Reshape" => reshape(call),
        "Transpose" => {
            let shape = call.shape(0)?;
            let reversed = || (0..shape.len() as i64).rev().collect();
            let order = call.ints("perm").unwrap_or_else(reversed);
            let at = |axis: &i64| shape.get(usize::try_from(*axis).ok()?).copied();
            let distinct: BTreeSet<&i64> = order.iter().collect();
            (distinct.len() == shape.len() && order.len() == shape.len()).then_some(())?;
            order.iter().map(at).collect()
        }
        "Expand" => {
            let wanted = extents(&call.needed("shape", 1)?)?;
            stretch(&[call.shape(0)?, &wanted])
        }
        "Tile" => {
            let repeats = extents(&call.needed("repeats", 1)?)?;
            (repeats.len() == rank()?).then_some(())?;
            let pairs = call.shape(0)?.iter().zip(repeats);
            pairs
                .map(|(extent, times)| extent.checked_mul(times))
                .collect()
        }
        "Pad" => pad(call),
        "Resize" | "Upsample" => resize(call),
        "Concat" => concat(call),
        "Squeeze" => squeeze(call),
        "Unsqueeze" => unsqueeze(call),
        "Gather" => {
            let (shape, axis) = (
                call.shape(0)?,
                place(call.int("axis").unwrap_or(0), rank()?, false)?,
            );
            Some([&shape[..axis], call.shape(1)?, &shape[axis + 1..]].concat())
        }
        "Slice" => Some(
            slices(call)?
                .iter()
                .map(Vec::len)
                .map(|count| count as u64)
                .collect(),
        ),
        "Size" => Some(Vec::new()),
        "Shape" => Some(vec![shape_part(call)?.len() as u64]),
        "Constant" => constant_shape(call),
        "ConstantOfShape" => extents(&super::integers(call.numbers(0)?)),
        "Range" => numbers::of(call).map(|numbers| vec![numbers.len() as u64]),
        "ArgMax" | "ArgMin" => reduce(call, Some(vec![call.int("axis").unwrap_or(0)])),
        reduced if reduced.starts_with("Reduce") => {
            let axes = call.integers("axes", 1)?.given();
            let keeps_all = call.int("noop_with_empty_axes").unwrap_or(0) != 0;
            match axes.filter(|axes| !axes.is_empty()) {
                None if keeps_all => call.first(),
                axes => reduce(call, axes),
            }
        }
        "DepthToSpace" | "SpaceToDepth" => {
            let size = u64::try_from(call.int("blocksize")?)
                .ok()
                .filter(|size| *size > 0)?;
            let [batch, channels, height, width] = *call.shape(0)? else {
                return None;
            };
            let is_deep = call.node.op_type() == "DepthToSpace";
            let area = size.checked_mul(size)?;
            let fits = if is_deep {
                channels % area == 0
            } else {
                height % size == 0 && width % size == 0
            };
            fits.then_some(())?;
            Some(if is_deep {
                vec![
                    batch,
                    channels / area,
                    height.checked_mul(size)?,
                    width.checked_mul(size)?,
                ]
            } else {
                vec![
                    batch,
                    channels.checked_mul(area)?,
                    height / size,
                    width / size,
                ]
            })
        }
        _ => None,
    }
}

fn is_one_of(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|one| one == name)
}

fn broadcast(call: &Call<'_>) -> Option<Vec<u64>> {
    let shapes = (0..call.operands.len()).map(|index| call.shape(index));
    stretch(&shapes.collect::<Option<Vec<_>>>()?)
}

fn stretch(shapes: &[&[u64]]) -> Option<Vec<u64>> {
    let rank = shapes.iter().map(|shape| shape.len()).max()?;
    let mut result = vec![1; rank];
    for shape in shapes {
        for (to, extent) in result.iter_mut().rev().zip(shape.iter().rev()) {
            match (*to, *extent) {
                (to, extent) if to == extent || extent == 1 => {}
                (1, extent) => *to = extent,
                _ => return None,
            }
        }
    }
    Some(result)
}

/// Products that a matrix product sums for each element; none if its operands do not fit.
pub(super) fn inner(call: &Call<'_>, other: usize) -> Option<u64> {
    let other = call.shape(other)?;
    let inner = call.shape(0)?.last()?;
    (other.get(other.len().saturating_sub(2)) == Some(inner)).then_some(*inner)
}

fn matmul(one: &[u64], other: &[u64]) -> Option<Vec<u64>> {
    let (stack, rows) = match one {
        [stack @ .., rows, _] => (stack, Some(*rows)),
        [_] => (&[][..], None),
        [] => return None,
    };
    let (other_stack, columns) = match other {
        [stack @ .., _, columns] => (stack, Some(*columns)),
        [_] => (&[][..], None),
        [] => return None,
    };
    let mut result = stretch(&[stack, other_stack])?;
    result.extend(rows.into_iter().chain(columns));
    Some(result)
}
