//! Writing a model: protobuf framing, streamed, a few chunks in memory at a time.
//!
//! Lengths come first in protobuf, so they are computed before any tensor is read. Everything that must be
//! known late, such as the hash of a checkpoint, goes into the metadata, which ends the file.

mod proto_graph;

pub(crate) use proto_graph::described;

use super::checksums::{self, Summed};
use super::element;
use super::graph::{Graph, ValueId, ValueKind};
use super::proto::{
    ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, tensor_proto::DataLocation,
};
use crate::tensor::{
    Checksum, Element, Pipe, Progress, Segment, StreamError, TensorSource, stream,
};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use std::io::{self, Write};

/// `producer_name` of every file that is written.
pub const PRODUCER: &str = "efficientnet-onnx";
/// `producer_version` of every file that is written.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Tensors in an external file start at multiples of this, so that they can be memory-mapped.
pub const EXTERNAL_ALIGNMENT: u64 = GAP.len() as u64;
const GAP: [u8; 4096] = [0; 4096];
/// Protobuf's limit for one message is 2 GiB − 1; the margin holds the metadata, which is not known yet.
const LARGEST_INLINE: u64 = (1 << 31) - 1 - (1 << 20);

const MODEL_GRAPH: u32 = 7;
const GRAPH_INITIALIZER: u32 = 5;
const TENSOR_RAW_DATA: u32 = 9;

/// A spelled graph with its weights, ready to be written.
pub struct Model<'a> {
    /// What it computes.
    pub graph: &'a Graph,
    /// Name of the graph in the file.
    pub name: &'a str,
    /// Offers every stored value of the graph by name.
    pub initializers: &'a dyn TensorSource,
}

/// Where tensor data goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Into the model itself; only below 2 GiB.
    Inline,
    /// Into a file of this name beside the model.
    External {
        /// Name without a folder.
        location: String,
    },
}

/// Why a model cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The tensors do not fit one protobuf message.
    #[error(
        "the model takes {0} bytes, more than the 2 GiB that one ONNX file can hold without external data"
    )]
    TooLarge(u64),
    /// A tensor cannot be read or written, or the write was cancelled.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<io::Error> for ModelError {
    fn from(error: io::Error) -> Self {
        Self::Stream(StreamError::Write(error))
    }
}

/// A model with every length computed.
pub struct Frame<'a> {
    model: &'a Model<'a>,
    /// Encoded graph fields before and after the initializers.
    before: Vec<u8>,
    after: Vec<u8>,
    tensors: Vec<FramedTensor<'a>>,
    graph_bytes: u64,
    payload_bytes: u64,
}

struct FramedTensor<'a> {
    name: &'a str,
    element: Element,
    dims: Vec<i64>,
    /// The graph's field up to the tensor's inline data.
    header: Vec<u8>,
    elements: usize,
    /// Offset in the external file, if it is there.
    offset: Option<u64>,
}

impl<'a> Frame<'a> {
    /// Computes every length.
    #[must_use]
    pub fn new(model: &'a Model<'a>, storage: &Storage) -> Self {
        let (before, after) = proto_graph::encode(model.graph, model.name);
        let mut tensors = Vec::new();
        let mut end = 0;
        for id in model.graph.stored_values() {
            let tensor = frame_tensor(model.graph, id, storage, &mut end);
            tensors.push(tensor);
        }
        let graph_bytes = (before.len() + after.len()) as u64
            + tensors
                .iter()
                .map(|tensor| tensor.header.len() as u64 + tensor.inline_bytes())
                .sum::<u64>();
        let payload_bytes = tensors.iter().map(FramedTensor::bytes).sum();
        Self {
            model,
            before,
            after,
            tensors,
            graph_bytes,
            payload_bytes,
        }
    }

    /// Whether the model would fit one file.
    #[must_use]
    pub fn fits_inline(&self) -> bool {
        // The record is as long whatever the checksums are.
        let record = self.checksums(&vec![Checksum::default(); self.tensors.len()]);
        self.graph_bytes + record.len() as u64 <= LARGEST_INLINE
    }

    /// Bytes of all files together, but for what the metadata says beside checksums.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let external = self.tensors.iter().filter(|tensor| tensor.offset.is_some());
        self.graph_bytes + external.map(FramedTensor::bytes).sum::<u64>()
    }

    /// Bytes of tensor data: what progress counts.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Writes the model to `out`, and external tensors to `data`; `metadata` is asked for last, and the record of
    /// checksums follows it.
    ///
    /// # Errors
    /// If the model is too large for one file, reading or writing fails, or `progress` cancels.
    pub fn write<E: From<ModelError>>(
        &self,
        out: Box<dyn Write + Send>,
        data: Option<Box<dyn Write + Send>>,
        progress: &dyn Progress,
        metadata: impl FnOnce() -> Result<Vec<(String, String)>, E>,
    ) -> Result<(), E> {
        if !self.fits_inline() {
            return Err(ModelError::TooLarge(self.graph_bytes).into());
        }
        let mut out = Pipe::new(out);
        self.write_head(&mut out).map_err(ModelError::from)?;
        let mut sums = self.stream(&self.model_segments(), &mut out, progress)?;
        let mut data = data.map(Pipe::new);
        if let Some(data) = &mut data {
            let external = self.stream(&self.data_segments(), data, progress)?;
            let tensors = self.tensors.iter().zip(&mut sums);
            let places = tensors.filter(|(tensor, _)| tensor.offset.is_some());
            for ((_, sum), checksum) in places.zip(external) {
                *sum = checksum;
            }
        }
        let mut metadata = metadata()?;
        metadata.push((checksums::KEY.to_owned(), self.checksums(&sums)));
        let tail = self.tail(metadata);
        let finish = || {
            out.write_all(&self.after)?;
            out.write_all(&tail)?;
            out.finish()?;
            data.map_or(Ok(()), Pipe::finish)
        };
        finish().map_err(|error: io::Error| ModelError::from(error).into())
    }

    fn write_head(&self, out: &mut dyn Write) -> io::Result<()> {
        let model = ModelProto {
            ir_version: Some(self.model.graph.opset().ir_version()),
            producer_name: Some(PRODUCER.to_owned()),
            producer_version: Some(VERSION.to_owned()),
            ..ModelProto::default()
        };
        let mut head = model.encode_to_vec();
        encode_key(MODEL_GRAPH, WireType::LengthDelimited, &mut head);
        encode_varint(self.graph_bytes, &mut head);
        head.extend_from_slice(&self.before);
        out.write_all(&head)
    }

    /// The record of checksums, given those of the streamed tensors.
    fn checksums(&self, streamed: &[Checksum]) -> String {
        let tensors = self.tensors.iter().zip(streamed);
        let summed: Vec<_> = tensors
            .map(|(tensor, streamed)| Summed {
                name: tensor.name,
                data_type: element::number(tensor.element),
                dims: &tensor.dims,
                checksum: *streamed,
            })
            .collect();
        checksums::record([PRODUCER, VERSION], &summed)
    }

    fn stream(
        &self,
        segments: &[Segment<'_>],
        out: &mut Pipe,
        progress: &dyn Progress,
    ) -> Result<Vec<Checksum>, ModelError> {
        Ok(stream(self.model.initializers, segments, out, progress)?)
    }

    /// Every `TensorProto`, with its data if that is inline.
    fn model_segments(&self) -> Vec<Segment<'_>> {
        self.tensors.iter().map(FramedTensor::in_model).collect()
    }

    /// External tensors, each after the zeros that bring it to its place.
    fn data_segments(&self) -> Vec<Segment<'_>> {
        let mut position = 0;
        let mut segments = Vec::new();
        for tensor in &self.tensors {
            if let Some(offset) = tensor.offset {
                let gap = usize::try_from(offset - position).expect("less than the alignment");
                segments.push(Segment {
                    before: &GAP[..gap],
                    tensor: tensor.name,
                    element: tensor.element,
                    elements: tensor.elements,
                });
                position = offset + tensor.bytes();
            }
        }
        segments
    }

    fn tail(&self, metadata: Vec<(String, String)>) -> Vec<u8> {
        let entry = |(key, value)| StringStringEntryProto {
            key: Some(key),
            value: Some(value),
        };
        let opset = OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(self.model.graph.opset().version()),
        };
        let model = ModelProto {
            opset_import: vec![opset],
            metadata_props: metadata.into_iter().map(entry).collect(),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }
}

impl FramedTensor<'_> {
    /// Bytes of its data.
    fn bytes(&self) -> u64 {
        let size = self.element.encoded_size().expect("a type that is written");
        self.elements as u64 * size as u64
    }

    /// What is written of it to the model itself.
    fn in_model(&self) -> Segment<'_> {
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
    fn inline_bytes(&self) -> u64 {
        if self.offset.is_none() {
            self.bytes()
        } else {
            0
        }
    }
}

/// Encodes what precedes a tensor's data; `end` is the end of the external file so far.
fn frame_tensor<'a>(
    graph: &'a Graph,
    id: ValueId,
    storage: &Storage,
    end: &mut u64,
) -> FramedTensor<'a> {
    let value = graph.value(id);
    let extents: Vec<u64> = value
        .r#type
        .shape
        .iter()
        .map(|dim| dim.fixed().expect("stored values are fixed"))
        .collect();
    let elements: u64 = extents.iter().product();
    let dims: Vec<i64> = extents
        .iter()
        .map(|dim| i64::try_from(*dim).expect("a dimension fits 63 bits"))
        .collect();
    let element = value.r#type.element;
    let mut proto = TensorProto {
        dims: dims.clone(),
        data_type: Some(element::number(element)),
        name: Some(value.name.clone()),
        ..TensorProto::default()
    };
    let external = match storage {
        // Constants stay in the model: readers want them while they parse.
        Storage::External { location } if matches!(value.kind, ValueKind::Initializer(_)) => {
            Some(location)
        }
        _ => None,
    };
    let mut framed = FramedTensor {
        name: &value.name,
        element,
        dims,
        header: Vec::new(),
        elements: usize::try_from(elements).expect("a tensor fits memory"),
        offset: None,
    };
    let message = if let Some(location) = external {
        let offset = end.next_multiple_of(EXTERNAL_ALIGNMENT);
        *end = offset + framed.bytes();
        framed.offset = Some(offset);
        proto.data_location = Some(DataLocation::External as i32);
        proto.external_data = [
            ("location", location.clone()),
            ("offset", offset.to_string()),
            ("length", framed.bytes().to_string()),
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
        encode_varint(framed.bytes(), &mut message);
        message
    };
    framed.header = field(&message, framed.inline_bytes());
    framed
}

/// A `TensorProto` as the graph's field; `following` bytes of it come later.
fn field(message: &[u8], following: u64) -> Vec<u8> {
    let mut field = Vec::new();
    encode_key(GRAPH_INITIALIZER, WireType::LengthDelimited, &mut field);
    encode_varint(message.len() as u64 + following, &mut field);
    field.extend_from_slice(message);
    field
}
