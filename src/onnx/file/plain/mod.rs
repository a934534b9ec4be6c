//! Plain copies: a model without what a runtime may not take between inputs and outputs, and a list of what was changed.
//!
//! Functions of the model are put in the place of the nodes that call them, and symbolic dimensions in `value_info` are
//! left open. External data that a link leads to from another folder is put beside the copy. Whether a file needs a copy
//! follows from the file and these links alone. Everything else stays byte for byte, in its order:
//! pieces of the file are copied, and external data is linked.

mod dimensions;
mod functions;

use super::copy::{CopyError, ModelCopy, io_error, linked_elsewhere};
use super::wire::{Fault, Payload, Wire};
use super::{FileError, ModelFile, read_at};
use crate::files::foreign::Foreign;
use crate::onnx::proto::{NodeProto, OperatorSetIdProto, ValueInfoProto};
use functions::Inliner;
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::ops::Range;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;
/// Keys of `ModelProto.graph`, `ModelProto.opset_import`, `GraphProto.node` and `GraphProto.value_info`: the number of
/// the field, and that it has a length.
const GRAPH: u8 = 7 << 3 | 2;
const OPSET: u8 = 8 << 3 | 2;
const NODE: u8 = 1 << 3 | 2;
const VALUE_INFO: u8 = 13 << 3 | 2;

/// A copy, and how it differs from the file.
#[derive(Debug)]
pub struct PlainCopy {
    /// The copy.
    pub copy: ModelCopy,
    /// What was changed; at least one thing.
    pub changes: Vec<Change>,
}

/// A change of one kind, throughout the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What was done.
    pub change: ChangeKind,
    /// At how many places.
    pub count: u64,
}

/// What a plain copy changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Symbolic dimensions of values in `value_info` were left open; the count is of values.
    DimensionsCleared,
    /// External data that links lead to from another folder was put beside the copy; the count is of files.
    DataGathered,
    /// Functions of the model were put in the place of nodes that call them; the count is of nodes.
    FunctionsInlined,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, plural) = (self.count, if self.count == 1 { "" } else { "s" });
        match self.change {
            ChangeKind::DimensionsCleared => write!(
                f,
                "symbolic dimensions of {count} value{plural} in `value_info` cleared"
            ),
            ChangeKind::DataGathered => write!(
                f,
                "{count} linked file{plural} of external data put beside it"
            ),
            ChangeKind::FunctionsInlined => {
                write!(f, "{count} call{plural} of local functions inlined")
            }
        }
    }
}

/// Why there is no plain copy.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// The file cannot be read again.
    #[error(transparent)]
    File(#[from] FileError),
    /// The copy cannot be written.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A function cannot be inlined.
    #[error("function `{function}` cannot be inlined: {reason}", function = function.shown(), reason = reason.shown())]
    Function {
        /// The function.
        function: String,
        /// Why not.
        reason: String,
    },
}

/// Writes a plain copy of a file; none if the file has nothing that is to be changed.
///
/// # Errors
/// If a function is recursive, is not called as it is declared, or counts on other definitions of operators than the
/// model; if the file cannot be read again; if the copy cannot be written.
pub fn plain(file: &ModelFile) -> Result<Option<PlainCopy>, PlainError> {
    let rewritten = Rewritten::new(file)?;
    let mut changes = rewritten.changes();
    let count = linked_elsewhere(file);
    if count > 0 {
        let change = ChangeKind::DataGathered;
        changes.push(Change { change, count });
    }
    if changes.is_empty() {
        return Ok(None);
    }
    let (copy, mut out) = ModelCopy::create(file)?;
    for piece in rewritten.pieces(file)? {
        piece
            .write(&file.file, &mut out)
            .map_err(|source| io_error(file, source))?;
    }
    Ok(Some(PlainCopy { copy, changes }))
}

/// The nodes of a file's graph with its functions inlined.
///
/// # Errors
/// As [`plain`], but for writing.
pub fn inlined_nodes(file: &ModelFile) -> Result<Vec<NodeProto>, PlainError> {
    let rewritten = Rewritten::new(file)?;
    let nodes = file.contents.nodes.iter().zip(rewritten.nodes);
    Ok(nodes
        .flat_map(|(node, new)| new.unwrap_or_else(|| vec![node.clone()]))
        .collect())
}

/// What takes the place of the file's nodes and values; none where they stay.
struct Rewritten {
    nodes: Vec<Option<Vec<NodeProto>>>,
    values: Vec<Option<ValueInfoProto>>,
    imports: Vec<OperatorSetIdProto>,
    calls: u64,
    cleared: u64,
}

impl Rewritten {
    fn new(file: &ModelFile) -> Result<Self, PlainError> {
        let contents = &file.contents;
        let functions = match contents.function_count {
            0 => Vec::new(),
            _ => functions::read(file)?,
        };
        let mut inliner = Inliner::new(contents, &functions);
        let (mut nodes, mut cleared) = (Vec::new(), 0);
        for node in &contents.nodes {
            let mut new = inliner.expand(node)?;
            if dimensions::has_symbols(node) {
                for node in new.get_or_insert_with(|| vec![node.clone()]) {
                    cleared += dimensions::clear_within(node);
                }
            }
            nodes.push(new);
        }
        let values: Vec<_> = contents
            .value_info
            .iter()
            .map(dimensions::cleared)
            .collect();
        cleared += values.iter().flatten().count() as u64;
        Ok(Self {
            nodes,
            values,
            calls: inliner.calls,
            imports: inliner.imports,
            cleared,
        })
    }

    fn changes(&self) -> Vec<Change> {
        let all = [
            (ChangeKind::FunctionsInlined, self.calls),
            (ChangeKind::DimensionsCleared, self.cleared),
        ];
        let made = all.into_iter().filter(|(_, count)| *count > 0);
        made.map(|(change, count)| Change { change, count })
            .collect()
    }

    /// The copy in pieces: the file's own, and new ones in between.
    fn pieces(&self, file: &ModelFile) -> Result<Vec<Piece>, PlainError> {
        let failed = |fault| fault_of(file, fault);
        let mut wire = wire_of(file)?;
        let mut pieces = Vec::new();
        let (mut nodes, mut values) = (self.nodes.iter(), self.values.iter());
        loop {
            let start = wire.position();
            let Some((number, payload)) = wire.field(file.length).map_err(failed)? else {
                break;
            };
            match (number, payload) {
                (7, Payload::Bytes(range)) => {
                    let end = wire.position();
                    let graph = graph_pieces(&mut wire, &range, &mut nodes, &mut values);
                    let graph = graph.map_err(failed)?;
                    wire.seek(end).map_err(failed)?;
                    let length = graph.iter().map(Piece::length).sum();
                    let mut header = vec![GRAPH];
                    encode_varint(length, &mut header);
                    pieces.push(Piece::New(header));
                    pieces.extend(graph);
                }
                // Without calls no one needs them.
                (25, _) if self.calls > 0 => {}
                _ => pieces.push(Piece::Own(start..wire.position())),
            }
        }
        for import in &self.imports {
            pieces.push(Piece::message(OPSET, import));
        }
        Ok(pieces)
    }
}

fn graph_pieces<'r>(
    wire: &mut Wire<&File>,
    range: &Range<u64>,
    nodes: &mut impl Iterator<Item = &'r Option<Vec<NodeProto>>>,
    values: &mut impl Iterator<Item = &'r Option<ValueInfoProto>>,
) -> Result<Vec<Piece>, Fault> {
    wire.seek(range.start)?;
    let mut pieces: Vec<Piece> = Vec::new();
    loop {
        let start = wire.position();
        let Some((number, _)) = wire.field(range.end)? else {
            return Ok(pieces);
        };
        let end = wire.position();
        match number {
            1 => {
                if let Some(new) = nodes.next().and_then(Option::as_ref) {
                    pieces.extend(new.iter().map(|node| Piece::message(NODE, node)));
                    continue;
                }
            }
            13 => {
                if let Some(new) = values.next().and_then(Option::as_ref) {
                    pieces.push(Piece::message(VALUE_INFO, new));
                    continue;
                }
            }
            _ => {}
        }
        match pieces.last_mut() {
            Some(Piece::Own(last)) if last.end == start => last.end = end,
            _ => pieces.push(Piece::Own(start..end)),
        }
    }
}

/// A part of the copy.
enum Piece {
    /// Bytes of the file.
    Own(Range<u64>),
    /// Others.
    New(Vec<u8>),
}

impl Piece {
    /// A field that is a message; its key is one byte.
    fn message(key: u8, message: &impl Message) -> Self {
        let length = message.encoded_len();
        let mut bytes = Vec::with_capacity(1 + encoded_len_varint(length as u64) + length);
        bytes.push(key);
        encode_varint(length as u64, &mut bytes);
        bytes.extend(message.encode_to_vec());
        Self::New(bytes)
    }

    fn length(&self) -> u64 {
        match self {
            Self::Own(range) => range.end - range.start,
            Self::New(bytes) => bytes.len() as u64,
        }
    }

    fn write(&self, file: &File, out: &mut impl Write) -> io::Result<()> {
        let range = match self {
            Self::New(bytes) => return out.write_all(bytes),
            Self::Own(range) => range,
        };
        let mut position = range.start;
        let mut piece = vec![0; PIECE.min(usize::try_from(self.length()).unwrap_or(PIECE))];
        while position < range.end {
            let left = usize::try_from(range.end - position).unwrap_or(usize::MAX);
            let count = piece.len().min(left);
            read_at(file, &mut piece[..count], position)?;
            out.write_all(&piece[..count])?;
            position += count as u64;
        }
        Ok(())
    }
}

/// The file's fields from its beginning on.
fn wire_of(file: &ModelFile) -> Result<Wire<&File>, PlainError> {
    (&*file.file)
        .rewind()
        .map_err(|source| fault_of(file, Fault::Io(source)))?;
    Ok(Wire::new(&file.file))
}

fn fault_of(file: &ModelFile, fault: Fault) -> PlainError {
    let path = file.path.clone();
    PlainError::File(match fault {
        Fault::Io(source) => FileError::Io { path, source },
        Fault::Malformed(reason) => FileError::Undecodable { path, reason },
    })
}
