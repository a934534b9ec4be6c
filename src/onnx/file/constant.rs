//! Small constants that decide what a node does: shapes, axes, flags.

use super::external::External;
use super::{Data, Initializer, ModelFile, read_at};
use crate::onnx::element;
use crate::onnx::proto::TensorProto;
use crate::tensor::Element;
use prost::encoding::decode_varint;
use std::fs::File;
use std::ops::Range;

/// Elements of a constant that is read here. Shapes and lists of axes have fewer.
const MOST_ELEMENTS: u64 = 64;
/// Bytes that so many elements take at most: a varint has up to ten.
const MOST_BYTES: u64 = MOST_ELEMENTS * 10;

impl ModelFile {
    /// The elements of an initializer of at most 64 integers, bools, floats or doubles; none if it is another, or its
    /// data cannot be read.
    #[must_use]
    pub fn small_constant(&self, initializer: &Initializer) -> Option<Vec<f64>> {
        let count = initializer.element_count()?;
        if count > MOST_ELEMENTS {
            return None;
        }
        let element = initializer.element()?;
        let elements = match &initializer.data {
            Data::Raw(range) => of_bytes(element, &read(&self.file, range)?)?,
            Data::Typed(typed) => {
                let bytes = read(&self.file, typed.range.as_ref()?)?;
                match typed.field {
                    "float_data" | "double_data" => of_bytes(element, &bytes)?,
                    "int32_data" | "int64_data" => of_varints(&bytes)?,
                    _ => return None,
                }
            }
            Data::External(entries) => {
                let (file, range) = External::from_entries(entries)
                    .ok()?
                    .open(self.folder())
                    .ok()?;
                of_bytes(element, &read(&file, &range)?)?
            }
            Data::None => Vec::new(),
            Data::Several(_) => return None,
        };
        (elements.len() as u64 == count).then_some(elements)
    }
}

/// The elements of a tensor in an attribute, as [`ModelFile::small_constant`].
#[must_use]
pub fn small_tensor(tensor: &TensorProto) -> Option<Vec<f64>> {
    let element = element::from_number(tensor.data_type()).ok()?;
    if let Some(bytes) = &tensor.raw_data {
        let small = Some(bytes).filter(|bytes| bytes.len() as u64 <= MOST_BYTES)?;
        return of_bytes(element, small).filter(|elements| elements.len() as u64 <= MOST_ELEMENTS);
    }
    let elements: Vec<f64> = match element {
        Element::I64 => tensor.int64_data.iter().map(|&v| v as f64).collect(),
        Element::I32 | Element::Bool => tensor.int32_data.iter().map(|&v| v.into()).collect(),
        Element::F32 => tensor.float_data.iter().map(|&v| v.into()).collect(),
        Element::F64 => tensor.double_data.clone(),
        _ => return None,
    };
    (elements.len() as u64 <= MOST_ELEMENTS).then_some(elements)
}

fn read(file: &File, range: &Range<u64>) -> Option<Vec<u8>> {
    let length = range
        .end
        .checked_sub(range.start)
        .filter(|length| *length <= MOST_BYTES)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    read_at(file, &mut bytes, range.start).ok()?;
    Some(bytes)
}

fn of_bytes(element: Element, bytes: &[u8]) -> Option<Vec<f64>> {
    Some(match element {
        Element::Bool => bytes.iter().map(|&byte| f64::from(byte)).collect(),
        Element::I32 => whole::<4>(bytes, |word| i32::from_le_bytes(word).into())?,
        Element::I64 => whole::<8>(bytes, |word| i64::from_le_bytes(word) as f64)?,
        Element::F32 => whole::<4>(bytes, |word| f32::from_le_bytes(word).into())?,
        Element::F64 => whole::<8>(bytes, f64::from_le_bytes)?,
        _ => return None,
    })
}

fn whole<const WIDTH: usize>(bytes: &[u8], read: fn([u8; WIDTH]) -> f64) -> Option<Vec<f64>> {
    let (words, rest) = bytes.as_chunks::<WIDTH>();
    rest.is_empty()
        .then(|| words.iter().map(|word| read(*word)).collect())
}

fn of_varints(mut bytes: &[u8]) -> Option<Vec<f64>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        elements.push(decode_varint(&mut bytes).ok()?.cast_signed() as f64);
    }
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::tensor_proto::DataType;
    use crate::onnx::proto::{GraphProto, ModelProto};
    use prost::Message;
    use prost::bytes::Bytes;

    #[test]
    fn constants_are_read_from_every_field_and_large_ones_are_not() {
        let tensor = |data_type: DataType, dims: &[i64]| TensorProto {
            data_type: Some(data_type as i32),
            dims: dims.to_vec(),
            ..TensorProto::default()
        };
        let raw = |tensor: TensorProto, bytes: Vec<u8>| TensorProto {
            raw_data: Some(Bytes::from(bytes)),
            ..tensor
        };
        let shape = [1_i64, -1].map(i64::to_le_bytes).concat();
        let large = vec![0; 8 * 65];
        let cases = [
            (
                raw(tensor(DataType::Int64, &[2]), shape),
                Some(vec![1.0, -1.0]),
            ),
            (
                TensorProto {
                    int64_data: vec![3, -1],
                    ..tensor(DataType::Int64, &[2])
                },
                Some(vec![3.0, -1.0]),
            ),
            (
                TensorProto {
                    int32_data: vec![1],
                    ..tensor(DataType::Bool, &[])
                },
                Some(vec![1.0]),
            ),
            (
                raw(tensor(DataType::Float, &[]), 0.5_f32.to_le_bytes().to_vec()),
                Some(vec![0.5]),
            ),
            (
                TensorProto {
                    float_data: vec![0.25],
                    ..tensor(DataType::Float, &[])
                },
                Some(vec![0.25]),
            ),
            (raw(tensor(DataType::Int64, &[65]), large), None),
            (raw(tensor(DataType::Float16, &[1]), vec![0; 2]), None),
            (raw(tensor(DataType::Int64, &[1]), vec![0; 7]), None),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("constants.onnx");
        for (tensor, expected) in cases {
            let model = ModelProto {
                graph: Some(GraphProto {
                    initializer: vec![tensor.clone()],
                    ..GraphProto::default()
                }),
                ..ModelProto::default()
            };
            std::fs::write(&path, model.encode_to_vec()).expect("a file");
            let file = ModelFile::open(&path).expect("a model");
            let found = file.small_constant(&file.contents.initializers[0]);
            assert_eq!(found, expected, "{tensor:?}");
            assert_eq!(small_tensor(&tensor), expected, "{tensor:?}");
        }
    }
}
