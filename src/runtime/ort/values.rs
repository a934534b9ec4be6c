//! Tensors, from ours to the library's and back.

use crate::files::foreign::Foreign;
use crate::memory::Buffer;
use crate::runtime::{RuntimeError, no_memory};
use crate::tensor::{Element, NamedTensor, to_bf16, to_f16};
use ::ort::value::{DynValue, Tensor, TensorElementType};
use half::{bf16, f16};

/// Makes a tensor of the library's from one of ours.
macro_rules! to_tensor {
    ($input:expr, $type:ty, $convert:expr) => {{
        let data: Vec<$type> = $input.data.iter().map(|&value| $convert(value)).collect();
        Tensor::from_array(($input.shape.clone(), data)).map(Tensor::into_dyn)
    }};
}

/// A value of the library with a tensor's name, shape, type and elements.
///
/// # Errors
/// If the shape and the elements do not fit, or no [`NamedTensor`] holds the element type.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the values are of the type that they become"
)]
pub fn to_value(input: &NamedTensor) -> Result<DynValue, ::ort::Error> {
    match input.element {
        Element::F32 => to_tensor!(input, f32, |value: f64| value as f32),
        Element::F16 => to_tensor!(input, f16, to_f16),
        Element::Bf16 => to_tensor!(input, bf16, to_bf16),
        Element::F64 => to_tensor!(input, f64, |value: f64| value),
        Element::I64 => to_tensor!(input, i64, |value: f64| value as i64),
        Element::I32 => to_tensor!(input, i32, |value: f64| value as i32),
        Element::I16 => to_tensor!(input, i16, |value: f64| value as i16),
        Element::I8 => to_tensor!(input, i8, |value: f64| value as i8),
        Element::U64 => to_tensor!(input, u64, |value: f64| value as u64),
        Element::U32 => to_tensor!(input, u32, |value: f64| value as u32),
        Element::U16 => to_tensor!(input, u16, |value: f64| value as u16),
        Element::U8 => to_tensor!(input, u8, |value: f64| value as u8),
        Element::Bool => to_tensor!(input, bool, |value: f64| value != 0.0),
        other => Err(::ort::Error::new(format!(
            "input `{}` has element type {other}, expected a number or a bool",
            input.name
        ))),
    }
}

/// A tensor of ours with the elements of a value.
///
/// # Errors
/// [`RuntimeError::ElementType`] if it is not a tensor, or [`NamedTensor::holds`] refuses its element type.
pub fn from_value(name: &str, value: &DynValue) -> Result<NamedTensor, RuntimeError> {
    let unknown = || RuntimeError::ElementType {
        output: name.to_owned(),
        found: value.dtype().to_string(),
    };
    macro_rules! extract {
        ($element:expr, $type:ty, $convert:expr) => {{
            let (shape, data) = value
                .try_extract_tensor::<$type>()
                .map_err(|error| super::refused("reading an output", &error))?;
            let what = format_args!("output `{}`", name.shown());
            let data = Buffer::of(data.iter().map(|&value| $convert(value)), what)
                .map_err(|error| no_memory("reading an output", &error))?;
            ($element, shape, data)
        }};
    }
    let tensor = value.dtype().tensor_type().ok_or_else(unknown)?;
    let (element, shape, data) = match tensor {
        TensorElementType::Float32 => extract!(Element::F32, f32, f64::from),
        TensorElementType::Float16 => extract!(Element::F16, f16, f16::to_f64),
        TensorElementType::Bfloat16 => extract!(Element::Bf16, bf16, bf16::to_f64),
        TensorElementType::Float64 => extract!(Element::F64, f64, f64::from),
        TensorElementType::Int64 => extract!(Element::I64, i64, |value: i64| value as f64),
        TensorElementType::Int32 => extract!(Element::I32, i32, f64::from),
        TensorElementType::Int16 => extract!(Element::I16, i16, f64::from),
        TensorElementType::Int8 => extract!(Element::I8, i8, f64::from),
        TensorElementType::Uint64 => extract!(Element::U64, u64, |value: u64| value as f64),
        TensorElementType::Uint32 => extract!(Element::U32, u32, f64::from),
        TensorElementType::Uint16 => extract!(Element::U16, u16, f64::from),
        TensorElementType::Uint8 => extract!(Element::U8, u8, f64::from),
        TensorElementType::Bool => extract!(Element::Bool, bool, |value: bool| f64::from(
            u8::from(value)
        )),
        _ => return Err(unknown()),
    };
    // The dimensions of a value, unlike those of a declaration, are never negative.
    let shape = shape
        .iter()
        .map(|&dimension| usize::try_from(dimension).unwrap_or(0))
        .collect();
    Ok(NamedTensor {
        name: name.to_owned(),
        shape,
        element,
        data,
    })
}
