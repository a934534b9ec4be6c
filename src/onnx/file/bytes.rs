//! The elements of an initializer as little-endian bytes, in pieces, wherever they lie.

use super::source::malformed;
use super::wire::{Fault, Payload, Wire};
use super::{Data, Initializer, ModelFile, Typed};
use crate::onnx::element;
use crate::tensor::Element;
use crate::tensor::{SourceError, read_at};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes that are read at a time: they stay in a core's cache until they are used.
const PIECE: usize = 1 << 18;

impl ModelFile {
    /// Hands every byte of an initializer to `take`, in order; what lies in a typed field comes as `raw_data` would
    /// have it. Several threads may read at once.
    ///
    /// # Errors
    /// If the data cannot be read, lies in several fields at once, or has an element type whose bytes a typed field
    /// does not determine.
    pub fn read_bytes(
        &self,
        initializer: &Initializer,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), SourceError> {
        let bad = |reason: String| malformed(self, format!("`{}`: {reason}", initializer.name));
        let result = match &initializer.data {
            Data::None => Ok(()),
            Data::Several(fields) => {
                return Err(bad(format!("it has data in {}", fields.join(" and "))));
            }
            Data::Raw(range) => read_range(&self.file, range, take),
            Data::External(_) => {
                let external = initializer
                    .external()
                    .map_err(|error| bad(error.to_string()))?;
                let external = external.ok_or_else(|| bad("it has no location".to_owned()))?;
                let (file, range) = external
                    .open(self.folder())
                    .map_err(|error| bad(error.to_string()))?;
                read_range(&file, &range, take)
            }
            Data::Typed(typed) => read_typed(&self.file, initializer.data_type, typed, take),
        };
        result.map_err(|fault| match fault {
            Fault::Io(source) => SourceError::Io {
                path: self.path.to_string_lossy().into_owned(),
                source,
            },
            Fault::Malformed(reason) => bad(reason),
        })
    }
}

fn read_range(file: &File, range: &Range<u64>, take: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
    let length = |left: u64| usize::try_from(left).unwrap_or(PIECE).min(PIECE);
    let mut piece = vec![0; length(range.end - range.start)];
    let mut position = range.start;
    while position < range.end {
        let piece = &mut piece[..length(range.end - position)];
        read_at(file, piece, position)?;
        take(piece);
        position += piece.len() as u64;
    }
    Ok(())
}

/// Visits the fields of the tensor's message: its values may lie in it one by one, or packed in several pieces.
fn read_typed(
    file: &File,
    data_type: i32,
    typed: &Typed,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), Fault> {
    let unknown = || {
        let reason = format!(
            "the bytes of element type {data_type} in `{}` are not known",
            typed.field
        );
        Fault::Malformed(reason)
    };
    let (wanted, size) = match typed.field {
        "float_data" => (4, 4),
        "double_data" => (10, 8),
        "int32_data" => (5, integer_bytes(data_type).ok_or_else(unknown)?),
        "int64_data" => (7, integer_bytes(data_type).ok_or_else(unknown)?),
        "uint64_data" => (11, integer_bytes(data_type).ok_or_else(unknown)?),
        _ => return Err(unknown()),
    };
    let mut wire = Wire::new(Section { file, position: 0 });
    wire.seek(typed.message.start)?;
    while let Some((number, payload)) = wire.field(typed.message.end)? {
        let after = wire.position();
        match payload {
            _ if number != wanted => {}
            Payload::Varint(value) => take(&value.to_le_bytes()[..size]),
            Payload::Fixed32 => read_range(file, &(after - 4..after), take)?,
            Payload::Fixed64 => read_range(file, &(after - 8..after), take)?,
            Payload::Bytes(range) if matches!(wanted, 4 | 10) => read_range(file, &range, take)?,
            Payload::Bytes(range) => {
                wire.seek(range.start)?;
                while wire.position() < range.end {
                    let value = wire.varint(range.end)?;
                    take(&value.to_le_bytes()[..size]);
                }
            }
        }
    }
    Ok(())
}

/// Bytes of an integer, or of what a field of integers holds the bits of. Source: the comments of `TensorProto` in the
/// ONNX specification.
fn integer_bytes(data_type: i32) -> Option<usize> {
    let element = element::from_number(data_type).ok()?;
    match element {
        Element::I64
        | Element::U64
        | Element::I32
        | Element::U32
        | Element::I16
        | Element::U16
        | Element::F16
        | Element::Bf16
        | Element::I8
        | Element::U8
        | Element::Bool
        | Element::F8e4m3fn
        | Element::F8e4m3fnuz
        | Element::F8e5m2
        | Element::F8e5m2fnuz => element.bytes(),
        _ => None,
    }
}

/// A file that is read from a position of one's own: its cursor is shared by all threads.
struct Section<'f> {
    file: &'f File,
    position: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.file.metadata()?.len().saturating_sub(self.position);
        let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        read_at(self.file, &mut bytes[..length], self.position)?;
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for Section<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.file.metadata()?.len().checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::{GraphProto, ModelProto};
    use prost::Message;

    /// A tensor's message with these fields, in a model of nothing else; and its bytes, read back.
    fn read(data_type: u8, data: &[u8]) -> Vec<u8> {
        let tensor = [&[0x10, data_type], data].concat();
        let mut graph = GraphProto::default().encode_to_vec();
        graph.extend([0x2a, u8::try_from(tensor.len()).expect("small")]);
        graph.extend(tensor);
        let mut model = ModelProto::default().encode_to_vec();
        model.extend([0x3a, u8::try_from(graph.len()).expect("small")]);
        model.extend(graph);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.onnx");
        std::fs::write(&path, model).expect("a file");
        let file = ModelFile::open(&path).expect("a model");
        let mut found = Vec::new();
        let take = &mut |bytes: &[u8]| found.extend_from_slice(bytes);
        file.read_bytes(&file.contents.initializers[0], take)
            .expect("known");
        found
    }

    #[test]
    fn typed_values_come_as_raw_data_would_have_them_in_any_number_of_pieces() {
        let (one, two) = (1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes());
        let both = [one, two].concat();
        for (data_type, data, expected) in [
            // Packed; each alone; packed in two pieces.
            (1, [&[0x22, 8][..], &both].concat(), both.clone()),
            (1, [&[0x25][..], &one, &[0x25], &two].concat(), both.clone()),
            (
                1,
                [&[0x22, 4][..], &one, &[0x25], &two].concat(),
                both.clone(),
            ),
            // int64_data: 300 and -1; int32_data with the bits of halves, and with bytes.
            (
                7,
                [&[0x3a, 12, 0xac, 0x02][..], &[0xff; 9], &[1]].concat(),
                [300_i64.to_le_bytes(), (-1_i64).to_le_bytes()].concat(),
            ),
            (10, vec![0x28, 0x80, 0x78, 0x28, 1], vec![0, 0x3c, 1, 0]),
            (
                3,
                [&[0x2a, 11, 7][..], &[0xff; 9], &[1]].concat(),
                vec![7, 0xff],
            ),
        ] {
            assert_eq!(read(data_type, &data), expected, "{data_type} {data:?}");
        }
    }
}
