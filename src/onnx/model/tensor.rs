//! A tensor as a model has it: what precedes its data, and where that is.

use crate::onnx::element;
use crate::onnx::graph::Value;
use crate::onnx::proto::{StringStringEntryProto, TensorProto, tensor_proto::DataLocation};
use crate::tensor::{Element, Segment};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

const GRAPH_INITIALIZER: u32 = 5;
const TENSOR_RAW_DATA: u32 = 9;

/// A tensor with every length computed.
pub(super) struct FramedTensor<'a> {
    pub(super) name: &'a str,
    pub(super) element: Element,
    pub(super) dims: Vec<i64>,
    /// The graph's field up to the tensor's inline data.
    pub(super) header: Vec<u8>,
    pub(super) elements: usize,
    /// Offset in the external file, if it is there.
    pub(super) offset: Option<u64>,
}

impl FramedTensor<'_> {
    /// Bytes of its data.
    pub(super) fn bytes(&self) -> u64 {
        let size = self.element.encoded_size().expect("a type that is written");
        self.elements as u64 * size as u64
    }

    /// What is written of it to the model itself.
    pub(super) fn in_model(&self) -> Segment<'_> {
        Segment {
            before: &self.header,
            tensor: self.name,
            element: self.element,
            elements: if self.offset.is_none() {
                self.elements
            } else {
                0
            },
        }
    }

    /// Bytes of its data in the model itself.
    pub(super) fn inline_bytes(&self) -> u64 {
        if self.offset.is_none() {
            self.bytes()
        } else {
            0
        }
    }
}

impl<'a> FramedTensor<'a> {
    /// A stored value of a graph, whose place is not yet known.
    pub(super) fn new(value: &'a Value) -> Self {
        let extents = value.r#type.shape.iter();
        let extents: Vec<u64> = extents
            .map(|dim| dim.fixed().expect("stored values are fixed"))
            .collect();
        let elements: u64 = extents.iter().product();
        Self {
            name: &value.name,
            element: value.r#type.element,
            dims: extents
                .iter()
                .map(|dim| i64::try_from(*dim).expect("a dimension fits 63 bits"))
                .collect(),
            header: Vec::new(),
            elements: usize::try_from(elements).expect("a tensor fits memory"),
            offset: None,
        }
    }

    /// Encodes what precedes its data, which lies at a place of an external file, or in the model.
    pub(super) fn encode(&mut self, place: Option<(&str, u64)>) {
        let mut proto = TensorProto {
            dims: self.dims.clone(),
            data_type: Some(element::number(self.element)),
            name: Some(self.name.to_owned()),
            ..TensorProto::default()
        };
        self.offset = place.map(|(_, offset)| offset);
        let message = if let Some((location, offset)) = place {
            proto.data_location = Some(DataLocation::External as i32);
            proto.external_data = [
                ("location", location.to_owned()),
                ("offset", offset.to_string()),
                ("length", self.bytes().to_string()),
            ]
            .map(|(key, value)| StringStringEntryProto {
                key: Some(key.to_owned()),
                value: Some(value),
            })
            .to_vec();
            proto.encode_to_vec()
        } else {
            let mut message = proto.encode_to_vec();
            encode_key(TENSOR_RAW_DATA, WireType::LengthDelimited, &mut message);
            encode_varint(self.bytes(), &mut message);
            message
        };
        self.header = field(&message, self.inline_bytes());
    }
}

/// A `TensorProto` as the graph's field; `following` bytes of it come later.
fn field(message: &[u8], following: u64) -> Vec<u8> {
    let mut field = Vec::new();
    encode_key(GRAPH_INITIALIZER, WireType::LengthDelimited, &mut field);
    encode_varint(message.len() as u64 + following, &mut field);
    field.extend_from_slice(message);
    field
}
