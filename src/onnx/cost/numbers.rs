//! The few numbers that decide shapes: the elements of a node's first result, where they follow from what is known.

use super::constants::little_endian;
use super::moving::{shape_part, slices};
use super::{Call, MOST_NUMBERS, product};
use crate::onnx::element;
use crate::onnx::proto::TensorProto;
use crate::tensor::Element;

/// The elements, if they are few and known.
pub(super) fn of(call: &Call<'_>) -> Option<Vec<f64>> {
    let found = computed(call)?;
    (found.len() as u64 <= MOST_NUMBERS).then_some(found)
}

fn computed(call: &Call<'_>) -> Option<Vec<f64>> {
    let whole = call.operands.iter().all(|operand| operand.whole);
    match call.node.op_type() {
        "Constant" => constant(call),
        "ConstantOfShape" => {
            let extents = call.numbers(0)?.iter().map(|extent| *extent as u64);
            let count = product(&extents.collect::<Vec<_>>())?;
            let value = match call.attribute("value") {
                Some(value) => *tensor(value.t.as_ref()?)?.first()?,
                None => 0.0,
            };
            (count <= MOST_NUMBERS).then(|| (0..count).map(|_| value).collect())
        }
        "Shape" => Some(
            shape_part(call)?
                .iter()
                .map(|extent| *extent as f64)
                .collect(),
        ),
        "Size" => Some(vec![product(call.shape(0)?)? as f64]),
        "Unsqueeze" | "Squeeze" | "Reshape" | "Flatten" => call.numbers(0).map(<[f64]>::to_vec),
        "Gather" => {
            let (numbers, indices) = (call.numbers(0)?, call.numbers(1)?);
            (call.shape(0)?.len() == 1).then_some(())?;
            let count = numbers.len() as f64;
            let at = |index: &f64| {
                numbers.get((if *index < 0.0 { index + count } else { *index }) as usize)
            };
            indices.iter().map(|index| at(index).copied()).collect()
        }
        "Slice" => picked(call, &slices(call)?),
        "Transpose" => transposed(call),
        "Clip" => clipped(call),
        "Concat" => {
            let flat = |index| call.shape(index).is_some_and(|shape| shape.len() == 1);
            (0..call.operands.len()).all(flat).then_some(())?;
            let parts = (0..call.operands.len()).map(|index| call.numbers(index));
            Some(parts.collect::<Option<Vec<_>>>()?.concat())
        }
        "Range" => {
            let [start, limit, delta] =
                [0, 1, 2].map(|index| call.numbers(index).and_then(|one| one.first().copied()));
            let (start, limit, delta) = (start?, limit?, delta?);
            let count = libm::ceil((limit - start) / delta).max(0.0);
            (count <= MOST_NUMBERS as f64).then(|| {
                (0..count as u64)
                    .map(|at| start + at as f64 * delta)
                    .collect()
            })
        }
        "Abs" => unary(call, f64::abs),
        "Neg" => unary(call, |number| -number),
        "Sqrt" => unary(call, libm::sqrt),
        "Not" => unary(call, |number| f64::from(u8::from(number == 0.0))),
        "Floor" => unary(call, libm::floor),
        "Ceil" => unary(call, libm::ceil),
        "Where" => {
            let chosen = pairs(call.numbers(1)?, call.numbers(2)?, |one, other| {
                (one, other)
            })?;
            let conditions = call.numbers(0)?;
            let holds = |at: usize| conditions.get(if conditions.len() == 1 { 0 } else { at });
            let pick = |(at, (one, other)): (usize, &(f64, f64))| {
                holds(at).map(|holds| if *holds == 0.0 { *other } else { *one })
            };
            chosen.iter().enumerate().map(pick).collect()
        }
        "Add" => binary(call, |a, b| a + b),
        "Sub" => binary(call, |a, b| a - b),
        "Mul" => binary(call, |a, b| a * b),
        "Div" if whole => binary(call, |a, b| libm::trunc(a / b)),
        "Div" => binary(call, |a, b| a / b),
        "Max" => binary(call, f64::max),
        "Min" => binary(call, f64::min),
        "Equal" => binary(call, |a, b| f64::from(u8::from(a == b))),
        "LessOrEqual" => binary(call, |a, b| f64::from(u8::from(a <= b))),
        "GreaterOrEqual" => binary(call, |a, b| f64::from(u8::from(a >= b))),
        "Less" => binary(call, |a, b| f64::from(u8::from(a < b))),
        "Greater" => binary(call, |a, b| f64::from(u8::from(a > b))),
        _ => None,
    }
}

fn unary(call: &Call<'_>, compute: fn(f64) -> f64) -> Option<Vec<f64>> {
    let numbers = call.numbers(0)?.iter();
    Some(numbers.map(|number| compute(*number)).collect())
}

/// Elements between bounds, which older definitions have in attributes.
fn clipped(call: &Call<'_>) -> Option<Vec<f64>> {
    let bound = |index: usize, name: &str, otherwise: f64| {
        if let Some(attribute) = call.attribute(name) {
            return Some(f64::from(attribute.f()));
        }
        if !call.has(index) {
            return Some(otherwise);
        }
        call.numbers(index)?.first().copied()
    };
    let low = bound(1, "min", f64::NEG_INFINITY)?;
    let high = bound(2, "max", f64::INFINITY)?;
    let numbers = call.numbers(0)?.iter();
    Some(numbers.map(|number| number.max(low).min(high)).collect())
}

/// The elements at each combination of indices, of which there is a list for each dimension.
fn picked(call: &Call<'_>, indices: &[Vec<usize>]) -> Option<Vec<f64>> {
    let (numbers, shape) = (call.numbers(0)?, call.shape(0)?);
    let mut places = vec![0_usize];
    for (indices, extent) in indices.iter().zip(shape) {
        let extent = usize::try_from(*extent).ok()?;
        let inner = |place: &usize| {
            let start = place * extent;
            indices.iter().map(move |index| start + index)
        };
        places = places.iter().flat_map(inner).collect();
    }
    let found = places.iter().map(|place| numbers.get(*place).copied());
    found.collect()
}

/// The elements of a matrix by columns, of a vector as they are.
fn transposed(call: &Call<'_>) -> Option<Vec<f64>> {
    let numbers = call.numbers(0)?;
    match (call.shape(0)?, call.ints("perm").as_deref()) {
        ([_], _) | (_, Some([0, 1])) => Some(numbers.to_vec()),
        ([rows, columns], None | Some([1, 0])) => {
            let place = |place: u64| (place % rows) * columns + place / rows;
            let places = (0..rows * columns).map(place);
            let at = |place| numbers.get(usize::try_from(place).ok()?).copied();
            places.map(at).collect()
        }
        _ => None,
    }
}

fn binary(call: &Call<'_>, compute: fn(f64, f64) -> f64) -> Option<Vec<f64>> {
    (call.operands.len() == 2).then_some(())?;
    pairs(call.numbers(0)?, call.numbers(1)?, compute)
}

/// One of them may be a single number.
fn pairs<R>(one: &[f64], other: &[f64], compute: impl Fn(f64, f64) -> R) -> Option<Vec<R>> {
    let count = if one.len() == 1 {
        other.len()
    } else {
        one.len()
    };
    let at = |numbers: &[f64], at: usize| {
        numbers
            .get(if numbers.len() == 1 { 0 } else { at })
            .copied()
    };
    (0..count)
        .map(|index| Some(compute(at(one, index)?, at(other, index)?)))
        .collect()
}

fn constant(call: &Call<'_>) -> Option<Vec<f64>> {
    let attribute = call.node.attribute.first()?;
    match attribute.name() {
        "value" => tensor(attribute.t.as_ref()?),
        "value_int" => Some(vec![attribute.i() as f64]),
        "value_float" => Some(vec![attribute.f().into()]),
        "value_ints" => Some(attribute.ints.iter().map(|number| *number as f64).collect()),
        "value_floats" => Some(
            attribute
                .floats
                .iter()
                .map(|number| (*number).into())
                .collect(),
        ),
        _ => None,
    }
}

fn tensor(tensor: &TensorProto) -> Option<Vec<f64>> {
    let few = tensor
        .dims
        .iter()
        .try_fold(1_i64, |count, dim| count.checked_mul(*dim))?;
    (u64::try_from(few).ok()? <= MOST_NUMBERS).then_some(())?;
    let element = element::from_number(tensor.data_type()).ok()?;
    if let Some(raw) = &tensor.raw_data {
        return little_endian(element, raw);
    }
    match element {
        Element::I64 => Some(
            tensor
                .int64_data
                .iter()
                .map(|number| *number as f64)
                .collect(),
        ),
        Element::I32 | Element::Bool => Some(
            tensor
                .int32_data
                .iter()
                .map(|number| (*number).into())
                .collect(),
        ),
        Element::F32 => Some(
            tensor
                .float_data
                .iter()
                .map(|number| (*number).into())
                .collect(),
        ),
        _ => None,
    }
}
