//! Marking: a copy of a model in which values in between are outputs of the graph too.
//!
//! Protobuf messages merge: bytes of one message after bytes of another are one message with the repeated fields of
//! both (the encoding's specification, "Last One Wins"). So a marked copy is the file's own bytes and, after them, a
//! second model that has nothing but outputs. The original's nodes, initializers and outputs stay byte for byte, in
//! their order, whatever the file's size.

use super::copy::{CopyError, ModelCopy, io_error};
use super::{ModelFile, read_at};
use crate::onnx::proto::{GraphProto, ModelProto, TypeProto, ValueInfoProto, type_proto};
use prost::Message;
use std::collections::BTreeSet;
use std::io::Write;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// Writes a copy of `file` whose outputs are its own and then `values`, without those that are outputs already.
///
/// A marked value has the element type that `value_info` gives it, and no shape; a value that is not there has only
/// its name, which ONNX Runtime, tract and our reader take.
///
/// # Errors
/// If the copy cannot be written or the external data cannot be reached. That each of `values` is computed by the graph
/// is for the caller to know.
pub fn mark(file: &ModelFile, values: &[&str]) -> Result<ModelCopy, CopyError> {
    let (copy, mut out) = ModelCopy::create(file)?;
    let io = |source| io_error(file, source);
    let mut piece = vec![0; PIECE.min(usize::try_from(file.length).unwrap_or(PIECE))];
    let mut position = 0;
    while position < file.length {
        let count = piece
            .len()
            .min(usize::try_from(file.length - position).unwrap_or(usize::MAX));
        read_at(&file.file, &mut piece[..count], position).map_err(io)?;
        out.write_all(&piece[..count]).map_err(io)?;
        position += count as u64;
    }
    out.write_all(&further_outputs(file, values).encode_to_vec())
        .map_err(io)?;
    Ok(copy)
}

fn further_outputs(file: &ModelFile, values: &[&str]) -> ModelProto {
    let mut seen: BTreeSet<&str> = file
        .contents
        .outputs
        .iter()
        .map(ValueInfoProto::name)
        .collect();
    let output = values
        .iter()
        .filter(|value| seen.insert(value))
        .map(|value| output(file, value))
        .collect();
    ModelProto {
        graph: Some(GraphProto {
            output,
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

fn output(file: &ModelFile, value: &str) -> ValueInfoProto {
    let declared = file
        .contents
        .value_info
        .iter()
        .find(|info| info.name() == value);
    let mut r#type = declared.and_then(|info| info.r#type.clone());
    if let Some(TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        ..
    }) = &mut r#type
    {
        tensor.shape = None;
    }
    ValueInfoProto {
        name: Some(value.to_owned()),
        r#type,
        ..ValueInfoProto::default()
    }
}
