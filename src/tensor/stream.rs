//! Many tensors, written one after the other: filled by all threads, in chunks that do not end with a tensor.

use super::chunk::{CHUNK, Chunk, batch_chunks};
use super::{Checksum, Element, Pipe, SourceError, TensorReader, TensorSource};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io;

/// Is told how a long write goes, and may end it.
pub trait Progress: Sync {
    /// So many more bytes were handed on.
    fn advance(&self, bytes: u64);

    /// Whether to stop.
    fn cancelled(&self) -> bool;
}

/// Reports nothing and never cancels.
impl Progress for () {
    fn advance(&self, _bytes: u64) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// Why a tensor did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
    /// [`Progress::cancelled`] said so.
    #[error("interrupted")]
    Cancelled,
}

/// A tensor to be written as little-endian elements of a type, and the bytes before it.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Written as they are.
    pub before: &'a [u8],
    /// The tensor's name in its source.
    pub tensor: &'a str,
    /// The type that its elements are written as, whatever the source has.
    pub element: Element,
    /// How many elements it has; 0 if only the bytes are written.
    pub elements: usize,
}

impl Segment<'_> {
    /// Bytes of an element. What cannot be written has none, and is refused when it is filled.
    fn size(&self) -> usize {
        self.element.encoded_size().unwrap_or(1)
    }
}

/// The start of a chunk's longest part in memory is a multiple of this, so that f32 are filled in their place.
const ALIGNMENT: usize = size_of::<f32>();

/// A part of a chunk.
#[derive(Clone, Copy)]
enum Part {
    /// The bytes before a segment's tensor.
    Before { segment: usize },
    /// Elements of a segment's tensor.
    Elements {
        segment: usize,
        offset: usize,
        count: usize,
    },
}

impl Part {
    fn bytes(self, segments: &[Segment<'_>]) -> usize {
        match self {
            Self::Before { segment } => segments[segment].before.len(),
            Self::Elements { segment, count, .. } => count * segments[segment].size(),
        }
    }
}

/// The checksum of the elements that a chunk has of a segment's tensor.
struct Checked {
    segment: usize,
    checksum: Checksum,
}

type Readers<'a> = BTreeMap<usize, Box<dyn TensorReader + 'a>>;

/// Writes segments in their order, filling them with all threads of the current pool. `progress` hears of
/// every byte of them.
///
/// Gives the checksum of each segment's tensor, without the bytes before it.
///
/// # Errors
/// If reading or writing fails, or `progress` cancels.
pub fn stream(
    source: &dyn TensorSource,
    segments: &[Segment<'_>],
    out: &mut Pipe,
    progress: &dyn Progress,
) -> Result<Vec<Checksum>, StreamError> {
    let chunks = chunks(segments);
    let mut checksums = vec![Checksum::default(); segments.len()];
    let mut readers = Readers::new();
    for batch in chunks.chunks(batch_chunks()) {
        if progress.cancelled() {
            return Err(StreamError::Cancelled);
        }
        open(source, segments, batch, &mut readers)?;
        let work: Vec<(&Vec<Part>, Vec<u8>)> =
            batch.iter().map(|chunk| (chunk, out.buffer())).collect();
        let filled: Vec<(Chunk, Vec<Checked>)> = work
            .into_par_iter()
            .map(|(chunk, bytes)| fill(segments, &readers, chunk, bytes))
            .collect::<Result<_, _>>()?;
        for (chunk, checked) in filled {
            for Checked { segment, checksum } in checked {
                checksums[segment] = checksums[segment].then(checksum);
            }
            progress.advance(chunk.bytes.len() as u64);
            out.send(chunk)?;
        }
    }
    Ok(checksums)
}

/// Cuts segments into chunks.
fn chunks(segments: &[Segment<'_>]) -> Vec<Vec<Part>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    let mut room = CHUNK;
    for (index, segment) in segments.iter().enumerate() {
        let Segment {
            before, elements, ..
        } = segment;
        let size = segment.size();
        if !before.is_empty() {
            chunk.push(Part::Before { segment: index });
            room = room.saturating_sub(before.len());
        }
        let mut offset = 0;
        while offset < *elements {
            if room < size {
                chunks.push(std::mem::take(&mut chunk));
                room = CHUNK;
            }
            let count = (room / size).min(elements - offset);
            chunk.push(Part::Elements {
                segment: index,
                offset,
                count,
            });
            offset += count;
            room -= count * size;
        }
    }
    chunks.push(chunk);
    chunks
}

/// Opens what a batch needs, each tensor once even if it spans many batches, and closes what it does not.
fn open<'a>(
    source: &'a dyn TensorSource,
    segments: &[Segment<'_>],
    batch: &[Vec<Part>],
    readers: &mut Readers<'a>,
) -> Result<(), SourceError> {
    let mut needed: Vec<usize> = batch
        .iter()
        .flatten()
        .filter_map(|part| match part {
            Part::Elements { segment, .. } => Some(*segment),
            Part::Before { .. } => None,
        })
        .collect();
    needed.dedup();
    readers.retain(|segment, _| needed.contains(segment));
    needed.retain(|segment| !readers.contains_key(segment));
    let opened: Vec<_> = needed
        .into_par_iter()
        .map(|segment| Ok((segment, source.open(segments[segment].tensor)?)))
        .collect::<Result<_, SourceError>>()?;
    readers.extend(opened);
    Ok(())
}

/// Fills a chunk, in a buffer that may hold anything.
fn fill(
    segments: &[Segment<'_>],
    readers: &Readers<'_>,
    parts: &[Part],
    mut buffer: Vec<u8>,
) -> Result<(Chunk, Vec<Checked>), SourceError> {
    let mut checked = Vec::new();
    let (length, start) = place(segments, parts);
    if buffer.len() < start + length {
        buffer.resize(start + length.max(CHUNK), 0);
    }
    let mut rest = &mut buffer[start..start + length];
    for part in parts {
        let (bytes, later) = rest.split_at_mut(part.bytes(segments));
        match *part {
            Part::Before { segment } => bytes.copy_from_slice(segments[segment].before),
            Part::Elements {
                segment, offset, ..
            } => {
                let reader = readers
                    .get(&segment)
                    .ok_or_else(|| SourceError::Missing(segments[segment].tensor.to_owned()))?;
                reader.fill_bytes(segments[segment].element, offset, bytes)?;
                checked.push(Checked {
                    segment,
                    checksum: Checksum::of(bytes),
                });
            }
        }
        rest = later;
    }
    let chunk = Chunk {
        bytes: start..start + length,
        buffer,
    };
    Ok((chunk, checked))
}

/// Bytes of a chunk, and where it starts in its buffer so that its longest part is aligned.
fn place(segments: &[Segment<'_>], parts: &[Part]) -> (usize, usize) {
    let (mut length, mut longest, mut position) = (0, 0, 0);
    for part in parts {
        let bytes = part.bytes(segments);
        if matches!(part, Part::Elements { .. }) && bytes > longest {
            (longest, position) = (bytes, length);
        }
        length += bytes;
    }
    (length, position.wrapping_neg() % ALIGNMENT)
}

#[cfg(test)]
mod tests;
