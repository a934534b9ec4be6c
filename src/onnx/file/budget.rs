//! What decoded messages will take in memory, counted on their bytes before prost sees them.
//!
//! In protobuf two bytes are enough for an empty attribute that takes hundreds once decoded, so a limit
//! on a file's size is no limit on memory. The count follows the schema: the size of each message's
//! struct, and of each string, and what `check` will note down about it.

use super::initializer::Initializer;
use super::wire::Fault;
use crate::memory;
use crate::onnx::proto::tensor_shape_proto::Dimension;
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, NodeProto, SparseTensorProto,
    StringStringEntryProto, TensorAnnotation, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
};
use crate::tensor::shape::Dim;
use prost::encoding::{WireType, decode_key, decode_varint};

/// Memory that decoded messages and their check may take, in bytes: 5,000 blocks, the most that is ever
/// written, fit.
pub const DECODED_LIMIT: usize = 192 << 20;
/// How deep messages may nest; prost's own limit.
const DEPTH_LIMIT: usize = 100;
/// A string's or vector's own fields, and what an allocator adds.
const ALLOCATION: usize = 56;
/// An entry of a map from names to types.
const NOTE: usize = 72;

/// The memory that is left, and what there was.
pub struct Budget {
    left: usize,
    all: usize,
}

/// A kind of message, as far as memory is concerned.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `NodeProto`.
    Node,
    /// `FunctionProto`.
    Function,
    /// `ValueInfoProto`.
    ValueInfo,
    /// `StringStringEntryProto`, `OperatorSetIdProto`.
    Entry,
    Attribute,
    Graph,
    Tensor,
    SparseTensor,
    Annotation,
    Type,
    /// `TypeProto.Sequence` and `TypeProto.Optional`.
    OneType,
    Map,
    /// `TypeProto.Tensor` and `TypeProto.SparseTensor`.
    TensorType,
    Shape,
    Dimension,
}

/// What a length-delimited field becomes.
enum Content {
    Message(Kind),
    Text,
    /// The name of a value.
    Name,
    /// Packed numbers, 8 bytes each at most.
    Numbers,
}

impl Budget {
    /// All of [`DECODED_LIMIT`], or what the memory limit of the process leaves.
    pub fn new() -> Self {
        let there = usize::try_from(memory::left()).unwrap_or(usize::MAX);
        let all = there.min(DECODED_LIMIT);
        Self { left: all, all }
    }

    /// Takes the memory that a message's bytes will need.
    pub fn take_message(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Fault> {
        self.message(kind, bytes, 0)
    }

    fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let taken = (self.all - self.left).saturating_add(bytes) as u64;
            let refused = memory::check(taken, "the file without its tensors");
            Fault::Malformed(match refused {
                Err(refused) => refused.to_string(),
                Ok(()) => format!(
                    "without its tensors it takes more than {DECODED_LIMIT} bytes of memory"
                ),
            })
        })?;
        Ok(())
    }

    /// Takes the memory of an initializer, but for its strings and dimensions.
    pub fn take_initializer(&mut self) -> Result<(), Fault> {
        self.take(2 * size_of::<Initializer>() + NOTE)
    }

    /// Takes the memory of a dimension of an initializer.
    pub fn take_dimension(&mut self) -> Result<(), Fault> {
        self.take(2 * size_of::<i64>())
    }

    /// Takes the memory of a string.
    pub fn take_text(&mut self, length: usize) -> Result<(), Fault> {
        self.take(length.saturating_add(ALLOCATION))
    }

    fn message(&mut self, kind: Kind, mut bytes: &[u8], depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_LIMIT {
            return Err(Fault::Malformed(format!(
                "messages are nested deeper than {DEPTH_LIMIT}"
            )));
        }
        self.take(kind.size())?;
        while !bytes.is_empty() {
            let (number, wire_type) = decode_key(&mut bytes).map_err(refused)?;
            let skipped = match wire_type {
                WireType::Varint => {
                    decode_varint(&mut bytes).map_err(refused)?;
                    0
                }
                WireType::SixtyFourBit => 8,
                WireType::ThirtyTwoBit => 4,
                WireType::LengthDelimited => decode_varint(&mut bytes).map_err(refused)?,
                WireType::StartGroup | WireType::EndGroup => {
                    return Err(Fault::Malformed("groups are not used in ONNX".to_owned()));
                }
            };
            let payload = usize::try_from(skipped)
                .ok()
                .and_then(|length| bytes.split_off(..length));
            let payload =
                payload.ok_or_else(|| Fault::Malformed("a message is cut off".to_owned()))?;
            match (wire_type, kind.content(number)) {
                (WireType::LengthDelimited, Content::Message(kind)) => {
                    self.message(kind, payload, depth + 1)?
                }
                (WireType::LengthDelimited, Content::Name) => {
                    self.take_text(payload.len() + NOTE)?
                }
                (WireType::LengthDelimited, Content::Text) => self.take_text(payload.len())?,
                (WireType::LengthDelimited, Content::Numbers) => {
                    self.take_text(payload.len().saturating_mul(8))?
                }
                // A number alone; half of a growing vector may be empty.
                _ => self.take(16)?,
            }
        }
        Ok(())
    }
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::Node => size_of::<NodeProto>(),
            Self::Function => size_of::<FunctionProto>(),
            Self::ValueInfo => size_of::<ValueInfoProto>() + NOTE,
            Self::Entry => size_of::<StringStringEntryProto>(),
            Self::Attribute => size_of::<AttributeProto>(),
            Self::Graph => size_of::<GraphProto>(),
            Self::Tensor => size_of::<TensorProto>(),
            Self::SparseTensor => size_of::<SparseTensorProto>(),
            Self::Annotation => size_of::<TensorAnnotation>(),
            Self::Type | Self::OneType | Self::Map => size_of::<TypeProto>(),
            // It lies within its type.
            Self::TensorType => 0,
            Self::Shape => size_of::<TensorShapeProto>(),
            Self::Dimension => size_of::<Dimension>() + size_of::<Dim>(),
        }
    }

    /// By field number, as `proto/onnx.proto` has them.
    fn content(self, number: u32) -> Content {
        use Content::{Message, Name, Numbers, Text};
        match (self, number) {
            (Self::Node, 1 | 2) | (Self::Function, 4 | 5) => Name,
            (Self::Node, 5) | (Self::Function, 11) => Message(Self::Attribute),
            (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) | (Self::Graph, 5) => {
                Message(Self::Tensor)
            }
            (Self::Attribute, 6 | 11) => Message(Self::Graph),
            (Self::Attribute, 14 | 15) | (Self::ValueInfo | Self::Map, 2) | (Self::OneType, 1) => {
                Message(Self::Type)
            }
            (Self::Attribute, 22 | 23) | (Self::Graph, 15) => Message(Self::SparseTensor),
            (Self::Attribute, 7 | 8)
            | (Self::Tensor, 1 | 4 | 5 | 7 | 10 | 11)
            | (Self::SparseTensor, 3) => Numbers,
            (Self::Graph, 1) | (Self::Function, 7) => Message(Self::Node),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Message(Self::ValueInfo),
            (Self::Graph, 14) => Message(Self::Annotation),
            (Self::Node | Self::Function, 9)
            | (Self::Function, 14)
            | (Self::ValueInfo, 4)
            | (Self::Annotation, 2)
            | (Self::Graph, 16)
            | (Self::Tensor, 13 | 16) => Message(Self::Entry),
            (Self::Type, 1 | 8) => Message(Self::TensorType),
            (Self::Type, 4 | 9) => Message(Self::OneType),
            (Self::Type, 5) => Message(Self::Map),
            (Self::TensorType, 2) => Message(Self::Shape),
            (Self::Shape, 1) => Message(Self::Dimension),
            _ => Text,
        }
    }
}

fn refused(error: impl std::fmt::Display) -> Fault {
    Fault::Malformed(error.to_string())
}
