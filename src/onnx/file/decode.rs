//! The fields of `ModelProto`, `GraphProto` and `TensorProto`, found by position.

use super::Contents;
use super::budget::{Budget, Kind};
use super::elsewhere::{self, EXTERNAL};
use super::initializer::{Data, Initializer, Typed};
use super::wire::{Fault, Payload, Wire, malformed};
use crate::onnx::proto::{OperatorSetIdProto, StringStringEntryProto};
use prost::Message;
use prost::encoding::decode_varint;
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::Range;

/// First bytes of files that are taken for models by mistake.
const OTHERS: [(&[u8], &str); 6] = [
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"PK\x03\x04", "a ZIP archive, perhaps a PyTorch checkpoint"),
    (b"\x80\x02", "a Python pickle, perhaps a PyTorch checkpoint"),
    (b"\x89HDF", "an HDF5 file, perhaps a Keras model"),
    (b"\x1f\x8b", "a gzip archive"),
];

/// Reads everything but tensor data.
pub fn decode(file: &File, length: u64) -> Result<Contents, Fault> {
    if length == 0 {
        return Err(Fault::Malformed("it is empty".to_owned()));
    }
    let mut head = Vec::new();
    (&mut &*file).take(8).read_to_end(&mut head)?;
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(Fault::Malformed(format!("it looks like {what}")));
    }
    (&mut &*file).rewind()?;
    let mut decoder = Decoder {
        wire: Wire::new(file),
        budget: Budget::new(),
        contents: Contents::default(),
    };
    decoder.model(length)?;
    decoder.contents.other_tensors =
        elsewhere::find(&mut decoder.wire, &mut decoder.budget, length)?;
    Ok(decoder.contents)
}

struct Decoder<'f> {
    wire: Wire<&'f File>,
    budget: Budget,
    contents: Contents,
}

impl Decoder<'_> {
    fn model(&mut self, end: u64) -> Result<(), Fault> {
        let mut has_graph = false;
        while let Some((number, payload)) = self.wire.field(end)? {
            match (number, payload) {
                (1, Payload::Varint(version)) => {
                    self.contents.ir_version = Some(version.cast_signed())
                }
                (2, Payload::Bytes(range)) => self.contents.producer_name = self.text(&range)?,
                (3, Payload::Bytes(range)) => self.contents.producer_version = self.text(&range)?,
                (7, Payload::Bytes(range)) => {
                    has_graph = true;
                    self.graph(&range)?;
                }
                (8, Payload::Bytes(range)) => {
                    let opset: OperatorSetIdProto = self.message(Kind::Entry, &range)?;
                    self.contents.opset_import.push(opset);
                }
                (14, Payload::Bytes(range)) => {
                    let entry = self.entry(&range)?;
                    self.contents.metadata_props.push(entry);
                }
                (25, Payload::Bytes(_)) => self.contents.function_count += 1,
                (1..=3 | 7 | 8 | 14 | 25, other) => {
                    return Err(self.unexpected("ModelProto", number, &other));
                }
                _ => {}
            }
        }
        if has_graph {
            Ok(())
        } else {
            Err(Fault::Malformed("it has no graph".to_owned()))
        }
    }

    fn graph(&mut self, range: &Range<u64>) -> Result<(), Fault> {
        self.wire.seek(range.start)?;
        while let Some((number, payload)) = self.wire.field(range.end)? {
            match (number, payload) {
                (1, Payload::Bytes(range)) => {
                    let node = self.message(Kind::Node, &range)?;
                    self.contents.nodes.push(node);
                }
                (2, Payload::Bytes(range)) => self.contents.graph_name = self.text(&range)?,
                (5, Payload::Bytes(range)) => {
                    let initializer = self.tensor(&range)?;
                    self.contents.initializers.push(initializer);
                }
                (11, Payload::Bytes(range)) => {
                    let input = self.message(Kind::ValueInfo, &range)?;
                    self.contents.inputs.push(input);
                }
                (12, Payload::Bytes(range)) => {
                    let output = self.message(Kind::ValueInfo, &range)?;
                    self.contents.outputs.push(output);
                }
                (13, Payload::Bytes(range)) => {
                    let value = self.message(Kind::ValueInfo, &range)?;
                    self.contents.value_info.push(value);
                }
                (15, Payload::Bytes(range)) => {
                    let name = self.sparse_name(&range)?;
                    self.contents.sparse_initializers.push(name);
                }
                (1 | 2 | 5 | 11..=13 | 15, other) => {
                    return Err(self.unexpected("GraphProto", number, &other));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Name of a `SparseTensorProto`, which is that of its values.
    fn sparse_name(&mut self, range: &Range<u64>) -> Result<String, Fault> {
        self.wire.seek(range.start)?;
        let mut name = String::new();
        while let Some((number, payload)) = self.wire.field(range.end)? {
            if let (1, Payload::Bytes(range)) = (number, payload) {
                name = self.tensor(&range)?.name;
            }
        }
        Ok(name)
    }

    fn tensor(&mut self, message: &Range<u64>) -> Result<Initializer, Fault> {
        self.budget.take_initializer()?;
        self.wire.seek(message.start)?;
        let mut tensor = Initializer {
            name: String::new(),
            dims: Vec::new(),
            data_type: 0,
            data: Data::None,
        };
        let mut stored = Stored::default();
        while let Some((number, payload)) = self.wire.field(message.end)? {
            match (number, payload) {
                (1, Payload::Varint(dim)) => self.dim(&mut tensor.dims, dim)?,
                (1, Payload::Bytes(range)) => {
                    let bytes = self.wire.read(&range)?;
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        let dim = decode_varint(&mut rest)
                            .map_err(|error| malformed(range.start, error))?;
                        self.dim(&mut tensor.dims, dim)?;
                    }
                }
                // A negative number is no element type, and neither is one that does not fit.
                (2, Payload::Varint(data_type)) => {
                    tensor.data_type = i32::try_from(data_type).unwrap_or(-1);
                }
                (8, Payload::Bytes(range)) => tensor.name = self.text(&range)?,
                (9, Payload::Bytes(range)) => stored.raw = Some(range),
                (13, Payload::Bytes(range)) => {
                    let entry = self.entry(&range)?;
                    stored.external.push(entry);
                }
                (14, Payload::Varint(location)) => stored.is_external = location == EXTERNAL,
                (4..=7 | 10 | 11, payload) => {
                    self.typed(&mut stored.typed, message, number, payload)?;
                }
                (1 | 2 | 8 | 9 | 13 | 14, other) => {
                    return Err(self.unexpected("TensorProto", number, &other));
                }
                _ => {}
            }
        }
        tensor.data = stored.data();
        Ok(tensor)
    }

    /// Adds a typed field, or an element of one, to what was found before.
    fn typed(
        &mut self,
        found: &mut Vec<Typed>,
        message: &Range<u64>,
        number: u32,
        payload: Payload,
    ) -> Result<(), Fault> {
        let (field, size) = match number {
            4 => ("float_data", 4),
            5 => ("int32_data", 1),
            6 => ("string_data", 0),
            7 => ("int64_data", 1),
            10 => ("double_data", 8),
            _ => ("uint64_data", 1),
        };
        let (values, range) = match (size, payload) {
            (0, Payload::Bytes(_))
            | (1, Payload::Varint(_))
            | (4, Payload::Fixed32)
            | (8, Payload::Fixed64) => (1, None),
            (1, Payload::Bytes(range)) => (self.wire.count_varints(&range)?, Some(range)),
            (4 | 8, Payload::Bytes(range)) if (range.end - range.start) % size == 0 => {
                ((range.end - range.start) / size, Some(range))
            }
            (_, other) => return Err(self.unexpected("TensorProto", number, &other)),
        };
        match found.iter_mut().find(|typed| typed.field == field) {
            Some(typed) => {
                typed.values += values;
                typed.range = None;
            }
            None => found.push(Typed {
                field,
                values,
                range,
                message: message.clone(),
            }),
        }
        Ok(())
    }

    fn dim(&mut self, dims: &mut Vec<i64>, dim: u64) -> Result<(), Fault> {
        self.budget.take_dimension()?;
        dims.push(dim.cast_signed());
        Ok(())
    }

    fn message<M: Message + Default>(
        &mut self,
        kind: Kind,
        range: &Range<u64>,
    ) -> Result<M, Fault> {
        let bytes = self.wire.read(range)?;
        self.budget.take_message(kind, &bytes)?;
        M::decode(bytes.as_slice()).map_err(|error| malformed(range.start, error))
    }

    fn entry(&mut self, range: &Range<u64>) -> Result<(String, String), Fault> {
        let entry: StringStringEntryProto = self.message(Kind::Entry, range)?;
        Ok((
            entry.key.unwrap_or_default(),
            entry.value.unwrap_or_default(),
        ))
    }

    fn text(&mut self, range: &Range<u64>) -> Result<String, Fault> {
        let bytes = self.wire.read(range)?;
        self.budget.take_text(bytes.len())?;
        String::from_utf8(bytes).map_err(|_| malformed(range.start, "a string is not UTF-8"))
    }

    fn unexpected(&self, message: &str, number: u32, found: &Payload) -> Fault {
        let found = match found {
            Payload::Varint(_) => "a number",
            Payload::Fixed64 => "eight bytes",
            Payload::Fixed32 => "four bytes",
            Payload::Bytes(_) => "bytes",
        };
        malformed(
            self.wire.position(),
            format!("field {number} of `{message}` cannot be {found}"),
        )
    }
}

/// The data fields of a `TensorProto`.
#[derive(Default)]
struct Stored {
    raw: Option<Range<u64>>,
    typed: Vec<Typed>,
    external: Vec<(String, String)>,
    is_external: bool,
}

impl Stored {
    fn data(mut self) -> Data {
        let raw = self.raw.iter().map(|_| "raw_data");
        let external = self.is_external.then_some("external_data");
        let fields: Vec<_> = raw
            .chain(external)
            .chain(self.typed.iter().map(|typed| typed.field))
            .collect();
        match (self.raw, self.typed.pop()) {
            _ if fields.len() > 1 => Data::Several(fields),
            (Some(range), _) => Data::Raw(range),
            (None, Some(typed)) => Data::Typed(typed),
            (None, None) if self.is_external => Data::External(self.external),
            (None, None) => Data::None,
        }
    }
}
