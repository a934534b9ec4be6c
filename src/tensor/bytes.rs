//! Elements as bytes. Knows no file format.

use super::{Element, Fault};
use crate::memory::Buffer;
use half::{bf16, f16};
use std::fmt::Display;
use std::io::Read;

/// Bytes that are read at a time; a multiple of every element's size.
const PIECE: usize = 1 << 16;

/// The order of an element's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest first.
    Little,
    /// The highest first.
    Big,
}

/// Bytes of one element of a type that [`NamedTensor::holds`](crate::tensor::NamedTensor::holds); readers refuse others.
pub fn size(element: Element) -> usize {
    element.encoded_size().expect("a type that is held")
}

/// Reads the `count` elements of `what`, if they fit the memory budget of the process.
pub fn read(
    element: Element,
    order: Order,
    count: usize,
    input: &mut impl Read,
    what: impl Display,
) -> Result<Buffer<f64>, Fault> {
    let size = size(element);
    let mut values = Buffer::with_room(count, what)?;
    let mut bytes = vec![0; count.saturating_mul(size).min(PIECE)];
    while values.len() < count {
        let piece = &mut bytes[..((count - values.len()).saturating_mul(size)).min(PIECE)];
        input.read_exact(piece)?;
        decode(element, order, piece, &mut values);
    }
    Ok(values)
}

/// Adds the elements that `bytes` holds.
pub fn decode(element: Element, order: Order, bytes: &[u8], values: &mut Buffer<f64>) {
    let mut each = |convert: &dyn Fn([u8; 8]) -> f64| {
        let size = size(element);
        values.extend(bytes.chunks_exact(size).map(|stored| {
            let mut little = [0; 8];
            little[..size].copy_from_slice(stored);
            if order == Order::Big {
                little[..size].reverse();
            }
            convert(little)
        }));
    };
    match element {
        Element::F32 => each(&|bytes| f32::from_le_bytes(first(bytes)).into()),
        Element::F16 => each(&|bytes| f16::from_le_bytes(first(bytes)).to_f64()),
        Element::Bf16 => each(&|bytes| bf16::from_le_bytes(first(bytes)).to_f64()),
        Element::F64 => each(&f64::from_le_bytes),
        Element::I64 => each(&|bytes| i64::from_le_bytes(bytes) as f64),
        Element::I32 => each(&|bytes| i32::from_le_bytes(first(bytes)).into()),
        Element::I16 => each(&|bytes| i16::from_le_bytes(first(bytes)).into()),
        Element::I8 => each(&|bytes| i8::from_le_bytes(first(bytes)).into()),
        Element::U64 => each(&|bytes| u64::from_le_bytes(bytes) as f64),
        Element::U32 => each(&|bytes| u32::from_le_bytes(first(bytes)).into()),
        Element::U16 => each(&|bytes| u16::from_le_bytes(first(bytes)).into()),
        Element::U8 => each(&|bytes| bytes[0].into()),
        Element::Bool => each(&|bytes| f64::from(u8::from(bytes[0] != 0))),
        other => unreachable!("elements of {other} are not held"),
    }
}

/// The elements as little-endian bytes, each rounded to what its type has.
pub fn encode(element: Element, values: &[f64]) -> Vec<u8> {
    let mut bytes = vec![0; values.len() * size(element)];
    element.encode(values.iter().copied(), &mut bytes);
    bytes
}

fn first<const SIZE: usize>(bytes: [u8; 8]) -> [u8; SIZE] {
    std::array::from_fn(|index| bytes[index])
}
