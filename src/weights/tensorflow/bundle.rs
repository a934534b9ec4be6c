//! The records of a checkpoint's index: TensorFlow's `core/protobuf/tensor_bundle.proto`. Knows no file.

use super::wire::{Input, Value};
use crate::tensor::Element;
use crate::tensor::decode;

/// Shards of a checkpoint at most: one for each machine that saved it. Their files are open all at once.
const MOST_SHARDS: u64 = 128;
/// Dimensions that a tensor may have (TensorFlow `core/framework/tensor_shape.h`, `MaxDimensions`).
const MOST_DIMENSIONS: usize = 254;
/// The newest reader's version that a checkpoint may ask for (`tensor_bundle.h`, `kTensorBundleVersion`).
const VERSION: u64 = 1;

/// How many files hold the tensors: the record of the empty key.
pub(super) fn shards(message: &[u8]) -> Result<u32, String> {
    let mut shards = 0;
    let mut input = Input(message);
    while let Some(field) = input.field()? {
        match field {
            (1, Value::Varint(count)) => shards = count,
            // `SavedTensorSlices`, which the older format has here, begins with a message.
            (1, Value::Bytes(_)) => {
                return Err(
                    "it is in TensorFlow's V1 format, expected V2; read it in TensorFlow and save it again".to_owned(),
                );
            }
            (2, Value::Varint(endianness)) if endianness != 0 => {
                return Err("it is big-endian, expected little-endian".to_owned());
            }
            (3, Value::Bytes(version)) => {
                let mut version = Input(version);
                while let Some(field) = version.field()? {
                    if let (2, Value::Varint(least)) = field
                        && least > VERSION
                    {
                        return Err(format!(
                            "it asks for a reader of version {least}, expected at most {VERSION}"
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    match u32::try_from(shards) {
        Ok(count @ 1..) if shards <= MOST_SHARDS => Ok(count),
        _ => Err(format!(
            "it claims {shards} data files, expected 1 to {MOST_SHARDS}"
        )),
    }
}

/// A tensor's record.
#[derive(Debug)]
pub(super) struct Entry {
    /// None if it is not of numbers or text.
    pub(super) element: Option<Element>,
    pub(super) shape: Vec<u64>,
    pub(super) shard: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    /// CRC-32C of its bytes, masked.
    pub(super) checksum: u32,
}

impl Entry {
    pub(super) fn parse(message: &[u8]) -> Result<Self, String> {
        let mut entry = Self {
            element: None,
            shape: Vec::new(),
            shard: 0,
            offset: 0,
            size: 0,
            checksum: 0,
        };
        let mut slices = 0;
        let mut input = Input(message);
        while let Some(field) = input.field()? {
            match field {
                (1, Value::Varint(number)) => entry.element = element_type(number)?,
                (2, Value::Bytes(shape)) => entry.shape = dimensions(shape)?,
                (3, Value::Varint(shard)) => entry.shard = shard,
                (4, Value::Varint(offset)) => entry.offset = offset,
                (5, Value::Varint(size)) => entry.size = size,
                (6, Value::Fixed32(checksum)) => entry.checksum = checksum,
                (7, Value::Bytes(_)) => slices += 1,
                _ => {}
            }
        }
        if slices > 0 {
            return Err(format!(
                "it is a partitioned variable of {slices} slices, expected one piece; save it from a graph without a partitioner"
            ));
        }
        let sized = entry
            .element
            .and_then(|element| Some((element, decode::size(element)?)));
        if let Some((element, size)) = sized {
            let bytes = entry
                .shape
                .iter()
                .try_fold(size as u64, |bytes, extent| bytes.checked_mul(*extent));
            if bytes != Some(entry.size) {
                return Err(format!(
                    "{element} {:?} does not fit its {} bytes",
                    &entry.shape[..entry.shape.len().min(8)],
                    entry.size
                ));
            }
        }
        Ok(entry)
    }
}

/// The extents of a `TensorShapeProto`.
fn dimensions(message: &[u8]) -> Result<Vec<u64>, String> {
    let mut shape = Vec::new();
    let mut input = Input(message);
    while let Some(field) = input.field()? {
        if let (2, Value::Bytes(dimension)) = field {
            let mut extent = 0;
            let mut input = Input(dimension);
            while let Some(field) = input.field()? {
                if let (1, Value::Varint(size)) = field {
                    extent = size;
                }
            }
            shape.push(extent);
            if shape.len() > MOST_DIMENSIONS {
                return Err(format!("it has more than {MOST_DIMENSIONS} dimensions"));
            }
        }
    }
    Ok(shape)
}

/// TensorFlow's `core/framework/types.proto`; none for handles of objects, and for references, whose
/// numbers are from 101 on. 11 to 13, 15 and 16 are quantised integers.
fn element_type(number: u64) -> Result<Option<Element>, String> {
    Ok(Some(match number {
        1 => Element::F32,
        2 => Element::F64,
        3 | 13 => Element::I32,
        4 | 12 => Element::U8,
        5 | 15 => Element::I16,
        6 | 11 => Element::I8,
        7 => Element::String,
        8 => Element::Complex64,
        9 => Element::I64,
        10 => Element::Bool,
        14 => Element::Bf16,
        16 | 17 => Element::U16,
        18 => Element::Complex128,
        19 => Element::F16,
        22 => Element::U32,
        23 => Element::U64,
        24 => Element::F8e5m2,
        25 => Element::F8e4m3fn,
        26 => Element::F8e4m3fnuz,
        // `DT_FLOAT8_E4M3B11FNUZ`.
        27 => {
            return Err(
                "its elements are 8-bit floats of a kind that weights do not have".to_owned(),
            );
        }
        28 => Element::F8e5m2fnuz,
        29 => Element::I4,
        30 => Element::U4,
        31 => Element::I2,
        32 => Element::U2,
        33 => Element::F4e2m1,
        _ => return Ok(None),
    }))
}
