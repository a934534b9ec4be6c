//! Elements of constants that may decide shapes.

#![expect(
    clippy::cast_precision_loss,
    reason = "numbers that decide shapes are small integers"
)]

use super::{MOST_NUMBERS, Value};
use crate::onnx::file::{Data, Initializer, ModelFile};
use crate::tensor::{Element, read_at};
use prost::encoding::decode_varint;

/// What is known of a constant of the graph.
pub(super) fn constant(file: &ModelFile, initializer: &Initializer) -> Value {
    let shape: Option<Vec<u64>> = initializer
        .dims
        .iter()
        .map(|dim| u64::try_from(*dim).ok())
        .collect();
    let element = initializer.element();
    let small = initializer
        .element_count()
        .is_some_and(|count| count <= MOST_NUMBERS);
    let bytes = match (&initializer.data, small) {
        (Data::Raw(range), true) => Some((range.clone(), false)),
        (Data::Typed(typed), true) => typed
            .range
            .clone()
            .map(|range| (range, typed.field != "float_data")),
        _ => None,
    };
    let read = bytes.and_then(|(range, varints)| {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).ok()?];
        read_at(&file.file, &mut bytes, range.start).ok()?;
        if varints {
            unpacked(&bytes)
        } else {
            little_endian(element?, &bytes)
        }
    });
    Value {
        numbers: read.filter(|_| element.is_some_and(is_followed)),
        whole: element != Some(Element::F32),
        shape,
    }
}

/// Types of numbers that decide shapes.
fn is_followed(element: Element) -> bool {
    matches!(
        element,
        Element::I64 | Element::I32 | Element::F32 | Element::Bool
    )
}

fn unpacked(mut bytes: &[u8]) -> Option<Vec<f64>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let number = decode_varint(&mut bytes).ok()?;
        found.push(number.cast_signed() as f64);
    }
    Some(found)
}

pub(super) fn little_endian(element: Element, bytes: &[u8]) -> Option<Vec<f64>> {
    match element {
        Element::I64 => {
            let (words, _) = bytes.as_chunks::<8>();
            Some(
                words
                    .iter()
                    .map(|word| i64::from_le_bytes(*word) as f64)
                    .collect(),
            )
        }
        Element::I32 => {
            let (words, _) = bytes.as_chunks::<4>();
            Some(
                words
                    .iter()
                    .map(|word| i32::from_le_bytes(*word).into())
                    .collect(),
            )
        }
        Element::F32 => {
            let (words, _) = bytes.as_chunks::<4>();
            Some(
                words
                    .iter()
                    .map(|word| f32::from_le_bytes(*word).into())
                    .collect(),
            )
        }
        Element::Bool => Some(bytes.iter().map(|byte| f64::from(*byte)).collect()),
        _ => None,
    }
}
