//! Operators that only name other extents, read extents, or make tensors from nothing.

use super::call::Call;
use super::initializer;
use super::tensor::{Data, Tensor, count, dimension, dimensions, extents, filled, reserved};
use crate::tensor::Element;
use std::path::Path;

type Results = Result<Vec<Tensor>, String>;

pub fn identity(call: &Call) -> Results {
    Ok(vec![call.operand(0)?.clone()])
}

/// In inference: the operand, and a mask that keeps everything.
pub fn dropout(call: &Call) -> Results {
    let x = call.operand(0)?;
    if let Some(training) = call.optional(2)
        && training.scalar()? != 0.0
    {
        return Err("dropout in training is not supported".to_owned());
    }
    if !call.since(7) && !call.flag("is_test", false)? {
        return Err("dropout in training is not supported".to_owned());
    }
    let mask = filled(&x.shape, 1)?;
    let mask = Tensor::of_integers(Element::Bool, x.shape.clone(), mask);
    Ok(vec![x.clone(), mask])
}

/// 0 keeps an extent, unless `allowzero`; one −1 is what is left.
pub fn reshape(call: &Call) -> Results {
    let x = call.operand(0)?;
    let wanted = call.integers("shape", 1)?.ok_or("it has no shape")?;
    let allow_zero = call.flag("allowzero", false)?;
    let mut shape = Vec::new();
    let mut open = None;
    for (index, &extent) in wanted.iter().enumerate() {
        shape.push(match extent {
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            0 if !allow_zero => match x.shape.get(index) {
                Some(&extent) => extent,
                None => return Err(format!("{wanted:?} keeps an extent that is not there")),
            },
            extent => match usize::try_from(extent) {
                Ok(extent) => extent,
                Err(_) => return Err(format!("{wanted:?} is not a shape")),
            },
        });
    }
    if let Some(open) = open {
        let rest = count(&shape)?;
        if rest == 0 || x.len() % rest != 0 {
            return Err(format!("{:?} does not fit into {wanted:?}", x.shape));
        }
        shape[open] = x.len() / rest;
    }
    Ok(vec![x.reshaped(shape)?])
}

/// Into a matrix: the dimensions before the axis, and those from it on.
pub fn flatten(call: &Call) -> Results {
    let x = call.operand(0)?;
    let rank = x.shape.len();
    let axis = call.int("axis", 1)?;
    let axis = match usize::try_from(axis) == Ok(rank) {
        true => rank,
        false => dimension(axis, rank)?,
    };
    let shape = vec![
        x.shape[..axis].iter().product(),
        x.shape[axis..].iter().product(),
    ];
    Ok(vec![x.reshaped(shape)?])
}

pub fn squeeze(call: &Call) -> Results {
    let x = call.operand(0)?;
    let removed = match call.integers("axes", 1)? {
        Some(axes) => dimensions(axes, x.shape.len())?,
        None => (0..x.shape.len()).filter(|&i| x.shape[i] == 1).collect(),
    };
    let mut shape = Vec::new();
    for (index, &extent) in x.shape.iter().enumerate() {
        if !removed.contains(&index) {
            shape.push(extent);
        } else if extent != 1 {
            return Err(format!("dimension {index} of {:?} is not 1", x.shape));
        }
    }
    Ok(vec![x.reshaped(shape)?])
}

/// Axes count in the result.
pub fn unsqueeze(call: &Call) -> Results {
    let x = call.operand(0)?;
    let axes = call.integers("axes", 1)?.ok_or("it has no axes")?;
    let added = dimensions(axes, x.shape.len() + axes.len())?;
    let mut shape = x.shape.clone();
    for index in added {
        shape.insert(index, 1);
    }
    Ok(vec![x.reshaped(shape)?])
}

fn list(values: Vec<i64>) -> Tensor {
    Tensor::of_integers(Element::I64, vec![values.len()], values)
}

/// `Shape`, of the dimensions from `start` to `end`; both are brought within the rank.
pub fn shape(call: &Call) -> Results {
    let x = call.operand(0)?;
    let rank = x.shape.len() as i64;
    let within = |value: i64| {
        let from_end = value.saturating_add(if value < 0 { rank } else { 0 });
        from_end.clamp(0, rank) as usize
    };
    let start = within(call.int("start", 0)?);
    let end = within(call.int("end", rank)?);
    let extents = x.shape.get(start..end).unwrap_or_default();
    Ok(vec![list(
        extents.iter().map(|&extent| extent as i64).collect(),
    )])
}

/// `Size`: how many elements there are.
pub fn size(call: &Call) -> Results {
    let count = call.operand(0)?.len() as i64;
    Ok(vec![Tensor::of_integers(Element::I64, vec![], vec![count])])
}

pub fn constant(call: &Call) -> Results {
    if call.attributes.len() != 1 {
        return Err("expected one attribute".to_owned());
    }
    if let Some(tensor) = call.tensor("value")? {
        return Ok(vec![embedded(tensor)?]);
    }
    let floats = |values: &[f32]| values.iter().map(|&value| value.into()).collect();
    let tensor = if let Some(values) = call.floats("value_floats")? {
        Tensor::of_floats(Element::F32, vec![values.len()], floats(values))
    } else if let Some(values) = call.ints("value_ints")? {
        list(values.to_vec())
    } else if call.has("value_float") {
        let value = call.float("value_float", 0.0)?;
        Tensor::of_floats(Element::F32, vec![], vec![value])
    } else {
        let value = call.int("value_int", 0)?;
        Tensor::of_integers(Element::I64, vec![], vec![value])
    };
    Ok(vec![tensor])
}

/// A tensor in an attribute; ONNX keeps external data for initializers.
fn embedded(tensor: &crate::onnx::proto::TensorProto) -> Result<Tensor, String> {
    if tensor.data_location.unwrap_or(0) != 0 {
        return Err("external data in an attribute is not supported".to_owned());
    }
    initializer::read(tensor, Path::new("."))
}

pub fn constant_of_shape(call: &Call) -> Results {
    let shape = extents(call.operand(0)?.integers()?)?;
    let value = match call.tensor("value")? {
        Some(tensor) => embedded(tensor)?,
        None => Tensor::of_floats(Element::F32, vec![1], vec![0.0]),
    };
    if value.len() != 1 {
        return Err("attribute `value`: expected one element".to_owned());
    }
    let data = match value.data {
        Data::Floats(data) => Data::Floats(filled(&shape, data[0])?),
        Data::Integers(data) => Data::Integers(filled(&shape, data[0])?),
    };
    Ok(vec![Tensor {
        element: value.element,
        shape,
        data,
    }])
}

/// `Range`: from the first operand to before the second, in steps of the third.
pub fn range(call: &Call) -> Results {
    let operands = call.all_operands()?;
    let element = operands[0].element;
    if operands.iter().any(|operand| operand.element != element)
        || operands.iter().any(|operand| operand.len() != 1)
    {
        return Err("expected three scalars of one type".to_owned());
    }
    let ends = [0, 1, 2].map(|index: usize| operands[index].scalar());
    let [Ok(start), Ok(limit), Ok(step)] = ends else {
        return Err("expected three scalars".to_owned());
    };
    if step == 0.0 {
        return Err("the step is 0".to_owned());
    }
    let length = ((limit - start) / step).ceil().max(0.0);
    // What is no number becomes 0, and what is too many is refused by its shape.
    let shape = vec![length as usize];
    let tensor = match operands[0].data {
        Data::Floats(_) => {
            let mut values = reserved(&shape)?;
            values.extend((0..shape[0]).map(|index| start + index as f64 * step));
            Tensor::of_floats(element, shape, values)
        }
        Data::Integers(_) => {
            let (start, step) = (operands[0].integers()?[0], operands[2].integers()?[0]);
            let value = |index: usize| start.wrapping_add((index as i64).wrapping_mul(step));
            let mut values = reserved(&shape)?;
            values.extend((0..shape[0]).map(value));
            Tensor::of_integers(element, shape, values)
        }
    };
    Ok(vec![tensor])
}
