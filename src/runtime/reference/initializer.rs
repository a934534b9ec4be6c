//! `TensorProto` to [`Tensor`]: every place where a file may keep elements.
//!
//! Sizes are compared with what is there before anything is allocated, and external data is read only
//! from regular files within the model's folder.

use super::narrow::{from_bf16_bits, from_f16_bits};
use super::tensor::{Data, Tensor, count, element, extents, range, reserved};
use crate::files::{WithinError, open_input, within};
use crate::onnx::proto::{TensorProto, tensor_proto::DataLocation};
use crate::tensor::Element;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Reads a tensor of the model that lies in `folder`.
pub fn read(proto: &TensorProto, folder: &Path) -> Result<Tensor, String> {
    let element = element(proto.data_type.unwrap_or(0))?;
    let shape = extents(&proto.dims)?;
    let count = count(&shape)?;
    if proto.segment.is_some() {
        return Err("a tensor in segments is not supported".to_owned());
    }
    let data = if proto.data_location == Some(DataLocation::External as i32) {
        from_bytes(
            element,
            &external(proto, folder, count * width(element)?)?,
            count,
        )?
    } else if let Some(raw) = &proto.raw_data {
        from_bytes(element, raw, count)?
    } else {
        typed(element, proto, count)?
    };
    Ok(Tensor {
        element,
        shape,
        data,
    })
}

/// Bytes of an element in a file.
fn width(element: Element) -> Result<usize, String> {
    element
        .bytes()
        .ok_or_else(|| format!("elements of type {element} are not whole bytes"))
}

/// Little-endian elements.
fn from_bytes(element: Element, bytes: &[u8], count: usize) -> Result<Data, String> {
    let expected = count * width(element)?;
    if bytes.len() != expected {
        let found = bytes.len();
        return Err(format!(
            "expected {expected} bytes for {count} elements of {element}, found {found}"
        ));
    }
    macro_rules! integers {
        ($type:ty) => {{
            let mut data: Vec<i64> = reserved(&[count])?;
            for chunk in bytes.as_chunks::<{ size_of::<$type>() }>().0 {
                data.push(<$type>::from_le_bytes(*chunk).into());
            }
            Data::Integers(data)
        }};
    }
    macro_rules! floats {
        ($type:ty, $value:expr) => {{
            let mut data: Vec<f64> = reserved(&[count])?;
            for chunk in bytes.as_chunks::<{ size_of::<$type>() }>().0 {
                data.push($value(<$type>::from_le_bytes(*chunk)));
            }
            Data::Floats(data)
        }};
    }
    Ok(match element {
        Element::F64 => floats!(f64, f64::from),
        Element::F32 => floats!(f32, f64::from),
        Element::F16 => floats!(u16, from_f16_bits),
        Element::Bf16 => floats!(u16, from_bf16_bits),
        Element::I64 | Element::U64 => integers!(i64),
        Element::I32 => integers!(i32),
        Element::I16 => integers!(i16),
        Element::I8 => integers!(i8),
        Element::U32 => integers!(u32),
        Element::U16 => integers!(u16),
        Element::U8 => integers!(u8),
        Element::Bool => {
            let mut data = reserved(&[count])?;
            for &byte in bytes {
                data.push(i64::from(byte != 0));
            }
            Data::Integers(data)
        }
        other => return Err(format!("elements of type {other} are not read")),
    })
}

/// Elements in the field of their type.
fn typed(element: Element, proto: &TensorProto, count: usize) -> Result<Data, String> {
    let found = match element {
        Element::F64 => proto.double_data.len(),
        Element::F32 => proto.float_data.len(),
        Element::I64 => proto.int64_data.len(),
        Element::U32 => proto.uint64_data.len(),
        _ => proto.int32_data.len(),
    };
    if found != count {
        return Err(format!(
            "expected {count} elements of {element}, found {found}"
        ));
    }
    let mut floats = Vec::new();
    let mut integers = Vec::new();
    match element {
        Element::F64 => floats.clone_from(&proto.double_data),
        Element::F32 => floats.extend(proto.float_data.iter().map(|&value| f64::from(value))),
        Element::I64 => integers.clone_from(&proto.int64_data),
        Element::U32 => {
            for &value in &proto.uint64_data {
                integers.push(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
        Element::F16 | Element::Bf16 => {
            for &value in &proto.int32_data {
                let Ok(bits) = u16::try_from(value) else {
                    return Err(format!(
                        "{value} is not the bits of an element of {element}"
                    ));
                };
                floats.push(match element {
                    Element::F16 => from_f16_bits(bits),
                    _ => from_bf16_bits(bits),
                });
            }
        }
        _ => integers.extend(proto.int32_data.iter().map(|&value| i64::from(value))),
    }
    let (least, greatest) = range(element);
    if let Some(value) = integers.iter().find(|v| !(least..=greatest).contains(v)) {
        return Err(format!("{value} is not an element of {element}"));
    }
    Ok(if element.is_float() {
        Data::Floats(floats)
    } else {
        Data::Integers(integers)
    })
}

/// `length` bytes of the file that the tensor names.
fn external(proto: &TensorProto, folder: &Path, length: usize) -> Result<Vec<u8>, String> {
    let entry = |key: &str| {
        proto
            .external_data
            .iter()
            .find(|entry| entry.key.as_deref() == Some(key))
            .and_then(|entry| entry.value.as_deref())
    };
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("external data: `{key}` is `{text}`, not a number")),
        },
    };
    let location = entry("location").ok_or("external data without `location`")?;
    let offset = number("offset")?.unwrap_or(0);
    let wanted = length as u64;
    match number("length")? {
        Some(found) if found != wanted => {
            return Err(format!(
                "external data: expected {wanted} bytes, found `length` {found}"
            ));
        }
        _ => {}
    }
    let cannot_read = |error| format!("cannot read external data `{location}`: {error}");
    let path = match within(folder, Path::new(location)) {
        Ok(path) if !location.is_empty() => path,
        Ok(_) | Err(WithinError::Outside) => {
            return Err(format!(
                "external data `{location}` is not within the model's folder"
            ));
        }
        Err(WithinError::Io(error)) => return Err(cannot_read(error)),
    };
    let mut file = open_input(&path).map_err(cannot_read)?;
    let found = file.metadata().map_err(cannot_read)?.len();
    let end = offset.checked_add(wanted);
    if end.is_none_or(|end| end > found) {
        return Err(format!(
            "external data `{location}` has {found} bytes, expected {wanted} from {offset} on",
        ));
    }
    file.seek(SeekFrom::Start(offset)).map_err(cannot_read)?;
    let mut bytes = reserved(&[length])?;
    file.take(wanted)
        .read_to_end(&mut bytes)
        .map_err(cannot_read)?;
    Ok(bytes)
}
