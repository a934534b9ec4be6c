//! Many tensors, written one after the other: filled by all threads, in chunks that do not end with a tensor.

use super::chunk::{CHUNK, Chunk, batch_chunks};
use super::{Checksum, Pipe, SourceError, TensorReader, TensorSource};
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

/// A tensor to be written as little-endian f32, and the bytes before it.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Written as they are.
    pub before: &'a [u8],
    /// The tensor's name in its source.
    pub tensor: &'a str,
    /// How many elements it has; 0 if only the bytes are written.
    pub elements: usize,
}

/// Elements that are filled at a time.
const SHARE: usize = 1 << 14;
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
            Self::Elements { count, .. } => count * size_of::<f32>(),
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
    for (
        segment,
        Segment {
            before, elements, ..
        },
    ) in segments.iter().enumerate()
    {
        if !before.is_empty() {
            chunk.push(Part::Before { segment });
            room = room.saturating_sub(before.len());
        }
        let mut offset = 0;
        while offset < *elements {
            if room < size_of::<f32>() {
                chunks.push(std::mem::take(&mut chunk));
                room = CHUNK;
            }
            let count = (room / size_of::<f32>()).min(elements - offset);
            chunk.push(Part::Elements {
                segment,
                offset,
                count,
            });
            offset += count;
            room -= count * size_of::<f32>();
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
                elements(reader.as_ref(), offset, bytes)?;
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
    (length, position.wrapping_neg() % size_of::<f32>())
}

/// Reads elements as little-endian bytes: in their place where they are aligned, and otherwise over a buffer.
fn elements(reader: &dyn TensorReader, offset: usize, bytes: &mut [u8]) -> Result<(), SourceError> {
    let share = SHARE * size_of::<f32>();
    let mut buffer = Vec::new();
    for (start, bytes) in (offset..).step_by(SHARE).zip(bytes.chunks_mut(share)) {
        if let Ok(values) = bytemuck::try_cast_slice_mut(bytes) {
            little_endian(reader, start, values)?;
        } else {
            buffer.resize(bytes.len() / size_of::<f32>(), 0.0);
            little_endian(reader, start, &mut buffer)?;
            bytes.copy_from_slice(bytemuck::must_cast_slice(&buffer));
        }
    }
    Ok(())
}

fn little_endian(
    reader: &dyn TensorReader,
    start: usize,
    values: &mut [f32],
) -> Result<(), SourceError> {
    reader.fill(start, values)?;
    if cfg!(target_endian = "big") {
        for value in values.iter_mut() {
            *value = f32::from_bits(value.to_bits().to_le());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::TensorInfo;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// Every tensor counts up; its name is its length.
    struct Ramps;

    struct Ramp;

    impl TensorReader for Ramp {
        fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            for (index, value) in out.iter_mut().enumerate() {
                *value = (offset + index) as f32;
            }
            Ok(())
        }
    }

    impl TensorSource for Ramps {
        fn tensors(&self) -> &[TensorInfo] {
            &[]
        }

        fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
            match name {
                "absent" => Err(SourceError::Missing(name.to_owned())),
                _ => Ok(Box::new(Ramp)),
            }
        }
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn segments_of_any_length_come_whole_and_in_order() {
        let lengths = [
            0,
            1,
            3,
            CHUNK / 4 - 1,
            CHUNK / 4,
            9 * CHUNK / 4 + 5,
            7,
            0,
            70_000,
        ];
        let segments = lengths.map(|elements| Segment {
            before: b"head ",
            tensor: "ramp",
            elements,
        });
        let written = Shared::default();
        let mut pipe = Pipe::new(Box::new(written.clone()));
        pipe.write_all(b"first ").expect("written");
        let checksums = stream(&Ramps, &segments, &mut pipe, &()).expect("streamed");
        pipe.write_all(b"last").expect("written");
        pipe.finish().expect("finished");
        let mut expected = b"first ".to_vec();
        for length in lengths {
            expected.extend_from_slice(b"head ");
            expected.extend((0..length).flat_map(|index| (index as f32).to_le_bytes()));
        }
        let ramp = |elements| -> Vec<u8> {
            let values = (0..elements).map(|index| index as f32);
            values.flat_map(f32::to_le_bytes).collect()
        };
        let of_each = lengths.map(|elements| Checksum::of(&ramp(elements)));
        assert_eq!(checksums, of_each);
        expected.extend_from_slice(b"last");
        assert!(*written.0.lock().expect("no panic") == expected);
    }

    #[test]
    fn a_tensor_that_is_not_there_ends_it() {
        let segment = Segment {
            before: &[],
            tensor: "absent",
            elements: 4,
        };
        let mut pipe = Pipe::new(Box::new(io::sink()));
        let result = stream(&Ramps, &[segment], &mut pipe, &());
        assert!(
            matches!(result, Err(StreamError::Source(SourceError::Missing(name))) if name == "absent")
        );
    }
}
