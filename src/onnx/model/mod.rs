//! Writing a model: protobuf framing, streamed, a few chunks in memory at a time.
//!
//! Lengths come first in protobuf, so they are computed before any tensor is read. Everything that must be
//! known late, such as the hash of a checkpoint, goes into the metadata, which ends the file.

mod proto_graph;
mod shared;
mod storage;
mod tensor;

pub(crate) use proto_graph::described;
pub(crate) use shared::SharedRange;
pub use storage::{Alignment, ExternalLayout, Storage};

use super::checksums::{self, Summed};
use super::element;
use super::graph::{Graph, ValueKind};
use super::opset::IrVersion;
use super::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::tensor::{Checksum, Pipe, Progress, Segment, StreamError, TensorSource, stream};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use shared::Ranges;
use std::io::{self, Write};
use storage::{LARGEST_ALIGNMENT, Piece};
use tensor::FramedTensor;

/// `producer_name` of every file that is written.
pub const PRODUCER: &str = "efficientnet-onnx";
/// `producer_version` of every file that is written.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What stands between tensors in an external file: as much as the largest alignment.
static GAP: [u8; LARGEST_ALIGNMENT] = [0; LARGEST_ALIGNMENT];
/// Protobuf's limit for one message is 2 GiB − 1; the margin holds the metadata, which is not known yet.
const LARGEST_INLINE: u64 = (1 << 31) - 1 - (1 << 20);

const MODEL_GRAPH: u32 = 7;

/// A spelled graph with its weights, ready to be written.
pub struct Model<'a> {
    /// What it computes.
    pub graph: &'a Graph,
    /// Name of the graph in the file.
    pub name: &'a str,
    /// Version of the file format; at least [`Opset::ir_version`](super::opset::Opset::ir_version) of the graph's opset.
    pub ir_version: IrVersion,
    /// Offers every stored value of the graph by name.
    pub initializers: &'a dyn TensorSource,
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
    /// What the external file has, in order.
    pieces: Vec<Piece<'a>>,
    /// Whether each tensor has data of its own, so that checksums are recorded.
    has_own_data: bool,
    graph_bytes: u64,
}

impl<'a> Frame<'a> {
    /// Computes every length.
    #[must_use]
    pub fn new(model: &'a Model<'a>, storage: &Storage) -> Self {
        let (before, after) = proto_graph::encode(model.graph, model.name);
        let ranges = match storage {
            Storage::Shared { alignment, .. } => Some(Ranges::new(model.graph, *alignment)),
            Storage::Inline | Storage::External { .. } => None,
        };
        let mut pieces: Vec<Piece<'a>> = ranges.as_ref().map(Ranges::pieces).unwrap_or_default();
        let mut tensors = Vec::new();
        for id in model.graph.stored_values() {
            let value = model.graph.value(id);
            let mut tensor = FramedTensor::new(value);
            // Constants stay in the model: readers want them while they parse.
            let is_weight = matches!(value.kind, ValueKind::Initializer(_));
            let place = match storage {
                Storage::External { location, layout }
                    if is_weight && tensor.bytes() >= layout.threshold =>
                {
                    let end = pieces.last().map_or(0, Piece::end);
                    let offset = end.next_multiple_of(layout.alignment.bytes());
                    pieces.push(Piece {
                        name: tensor.name,
                        element: tensor.element,
                        elements: tensor.elements,
                        offset,
                    });
                    Some((location.as_str(), offset))
                }
                Storage::Shared { location, .. } if is_weight => {
                    let ranges = ranges.as_ref();
                    let offset = ranges.and_then(|ranges| ranges.offset(id, tensor.element));
                    offset.map(|offset| (location.as_str(), offset))
                }
                _ => None,
            };
            tensor.encode(place);
            tensors.push(tensor);
        }
        let graph_bytes = (before.len() + after.len()) as u64
            + tensors
                .iter()
                .map(|tensor| tensor.header.len() as u64 + tensor.inline_bytes())
                .sum::<u64>();
        Self {
            model,
            before,
            after,
            tensors,
            pieces,
            has_own_data: ranges.is_none(),
            graph_bytes,
        }
    }

    /// Whether the model would fit one file.
    #[must_use]
    pub fn fits_inline(&self) -> bool {
        // The record is as long whatever the checksums are.
        let record = self.checksums(&vec![Checksum::default(); self.tensors.len()]);
        self.graph_bytes + record.len() as u64 <= LARGEST_INLINE
    }

    /// Whether any tensor goes into another file.
    #[must_use]
    pub fn has_external(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Bytes of all files together, but for what the metadata says beside checksums.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.graph_bytes + self.pieces.iter().map(Piece::bytes).sum::<u64>()
    }

    /// Bytes of all files together with that metadata and the record of checksums.
    #[must_use]
    pub fn whole_bytes(&self, mut metadata: Vec<(String, String)>) -> u64 {
        if self.has_own_data {
            // The record is as long whatever the checksums are.
            let sums = vec![Checksum::default(); self.tensors.len()];
            metadata.push((checksums::KEY.to_owned(), self.checksums(&sums)));
        }
        let around = self.head().len() + self.tail(metadata).len();
        self.bytes() + around as u64
    }

    /// Bytes of tensor data: what progress counts.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        let inline = self.tensors.iter().map(FramedTensor::inline_bytes);
        inline.chain(self.pieces.iter().map(Piece::bytes)).sum()
    }

    /// Writes the model to `out`, and external tensors to `data`; `metadata` is asked for last, and the record of
    /// checksums follows it, where tensors have data of their own.
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
            // Of no use where tensors have no data of their own.
            for ((_, sum), checksum) in places.zip(external) {
                *sum = checksum;
            }
        }
        let mut metadata = metadata()?;
        if self.has_own_data {
            metadata.push((checksums::KEY.to_owned(), self.checksums(&sums)));
        }
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
        out.write_all(&self.head())?;
        out.write_all(&self.before)
    }

    /// What stands before the graph.
    fn head(&self) -> Vec<u8> {
        let model = ModelProto {
            ir_version: Some(self.model.ir_version.number()),
            producer_name: Some(PRODUCER.to_owned()),
            producer_version: Some(VERSION.to_owned()),
            ..ModelProto::default()
        };
        let mut head = model.encode_to_vec();
        encode_key(MODEL_GRAPH, WireType::LengthDelimited, &mut head);
        encode_varint(self.graph_bytes, &mut head);
        head
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
        for piece in &self.pieces {
            let gap = piece.offset - position;
            let gap = usize::try_from(gap).expect("less than the largest alignment");
            segments.push(Segment {
                before: &GAP[..gap],
                tensor: piece.name,
                element: piece.element,
                elements: piece.elements,
            });
            position = piece.end();
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
