//! ONNX's own way to store one tensor: a `TensorProto` by itself, in a `.pb` file.

use crate::files::open_input;
use crate::memory::{self, Buffer, NoMemory};
use crate::onnx::element;
use crate::onnx::file::decode_tensor;
use crate::onnx::proto::TensorProto;
use crate::onnx::proto::tensor_proto::DataLocation;
use crate::tensor::bytes::{self, Order};
use crate::tensor::{Element, Fault, NamedTensor, count};
use half::{bf16, f16};
use std::io::Read;
use std::path::Path;

/// The largest file that is read: more than decoding allows.
const LARGEST_FILE: u64 = 256 << 20;

/// The one tensor of a file.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, Fault> {
    let mut bytes = Vec::new();
    let file = open_input(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST_FILE {
        return Err(format!("expected at most {LARGEST_FILE} bytes, found more").into());
    }
    let _reserved = memory::reserve(length, "the file")?;
    file.take(length).read_to_end(&mut bytes)?;
    let tensor = decode_tensor(bytes)?;
    let element = element::from_number(tensor.data_type())
        .ok()
        .filter(|&element| NamedTensor::holds(element));
    let element = element.ok_or_else(|| {
        let found = tensor.data_type();
        format!("expected numbers or bools, found the element type {found}")
    })?;
    if tensor.data_location == Some(DataLocation::External.into()) {
        return Err("its elements are in another file".to_owned().into());
    }
    let shape: Option<Vec<usize>> = tensor
        .dims
        .iter()
        .map(|&extent| extent.try_into().ok())
        .collect();
    let shape = shape.ok_or_else(|| format!("its shape {:?} is impossible", tensor.dims))?;
    let count = count(&shape)?;
    let data = elements(element, &tensor)?;
    if data.len() != count {
        return Err(format!(
            "its shape {shape:?} has {count} elements, found {}",
            data.len()
        )
        .into());
    }
    let name = tensor.name.unwrap_or_default();
    Ok(vec![NamedTensor {
        name,
        shape,
        element,
        data,
    }])
}

/// A tensor as a message, its elements as raw data.
pub fn message(tensor: &NamedTensor) -> TensorProto {
    TensorProto {
        name: Some(tensor.name.clone()),
        dims: tensor
            .shape
            .iter()
            .map(|&extent| extent.try_into().unwrap_or(i64::MAX))
            .collect(),
        data_type: Some(element::number(tensor.element)),
        raw_data: Some(bytes::encode(tensor.element, &tensor.data).into()),
        ..TensorProto::default()
    }
}

/// The elements, in whichever field they are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the low bits of an i32 hold the smaller type"
)]
fn elements(element: Element, tensor: &TensorProto) -> Result<Buffer<f64>, NoMemory> {
    let what = "its tensor";
    if let Some(raw) = &tensor.raw_data {
        let size = bytes::size(element);
        let mut values = Buffer::with_room(raw.len().div_ceil(size), what)?;
        bytes::decode(element, Order::Little, raw, &mut values);
        // A part of an element shows as a wrong number of them only if it is counted.
        if raw.len() % size > 0 {
            values.push(0.0, what)?;
        }
        return Ok(values);
    }
    let low_bits = |convert: &dyn Fn(u16) -> f64| {
        let bits = tensor.int32_data.iter();
        Buffer::of(bits.map(|&bits| convert(bits as u16)), what)
    };
    match element {
        Element::F32 => Buffer::of(tensor.float_data.iter().map(|&value| value.into()), what),
        Element::F64 => Buffer::of(tensor.double_data.iter().copied(), what),
        Element::F16 => low_bits(&|bits| f16::from_bits(bits).to_f64()),
        Element::Bf16 => low_bits(&|bits| bf16::from_bits(bits).to_f64()),
        Element::I64 => Buffer::of(tensor.int64_data.iter().map(|&value| value as f64), what),
        Element::U64 | Element::U32 => {
            Buffer::of(tensor.uint64_data.iter().map(|&value| value as f64), what)
        }
        Element::Bool => {
            let values = tensor.int32_data.iter();
            Buffer::of(values.map(|&value| f64::from(u8::from(value != 0))), what)
        }
        _ => Buffer::of(tensor.int32_data.iter().map(|&value| value.into()), what),
    }
}
