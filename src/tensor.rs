//! Named tensors that are read in pieces: what checkpoints, seeds, bound weights and model files offer,
//! and what writers take. It knows no file format.

use rayon::prelude::*;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};

/// Named tensors that can be read in pieces, as f32.
pub trait TensorSource: Send + Sync {
    /// Every tensor on offer, in a stable order.
    fn tensors(&self) -> &[TensorInfo];

    /// Opens one tensor for reading.
    ///
    /// # Errors
    /// If there is no such tensor or it cannot be read.
    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError>;
}

impl<T: TensorSource + ?Sized> TensorSource for &T {
    fn tensors(&self) -> &[TensorInfo] {
        (**self).tensors()
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        (**self).open(name)
    }
}

/// One tensor of a [`TensorSource`]. Several threads may fill different pieces at once.
pub trait TensorReader: Send + Sync {
    /// Fills `out` with the elements from `offset` on, in row-major order.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError>;
}

/// Name, shape and element type of a tensor on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name in the source's own vocabulary.
    pub name: String,
    /// Its shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// Its element type in the source, such as `F32`; readers convert to f32.
    pub dtype: Dtype,
}

/// Element types that checkpoints hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE half precision.
    F16,
    /// bfloat16.
    BF16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// An integer or a bool: never a weight.
    Integer,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Integer => "integer",
        })
    }
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file is not a checkpoint, or is damaged or hostile.
    #[error("`{path}` is not a readable {format} checkpoint: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// The container that was expected, such as `safetensors`.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no tensor of that name.
    #[error("there is no tensor `{0}`")]
    Missing(String),
}

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

/// Elements that are read, or drawn, at a time; small enough for a piece and its bytes to stay in a core's
/// cache until they are written, which halves the time that the system takes for it.
const PIECE: usize = 1 << 17;
/// Elements that one thread fills at a time.
const SHARE: usize = 1 << 13;

/// Writes a tensor's elements as little-endian f32, piece by piece, filling each with all threads of the
/// current pool.
///
/// # Errors
/// If reading or writing fails, or `progress` cancels.
pub fn stream(
    reader: &dyn TensorReader,
    elements: usize,
    out: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<(), StreamError> {
    let mut piece = vec![0.0_f32; elements.min(PIECE)];
    let mut bytes = vec![0_u8; piece.len() * 4];
    for start in (0..elements).step_by(PIECE) {
        if progress.cancelled() {
            return Err(StreamError::Cancelled);
        }
        let length = PIECE.min(elements - start);
        let fill = |(index, (share, encoded)): (usize, (&mut [f32], &mut [u8]))| {
            reader.fill(start + index * SHARE, share)?;
            for (value, target) in share.iter().zip(encoded.chunks_exact_mut(4)) {
                target.copy_from_slice(&value.to_le_bytes());
            }
            Ok::<(), SourceError>(())
        };
        if length <= SHARE {
            fill((0, (&mut piece[..length], &mut bytes[..length * 4])))?;
        } else {
            let encoded = bytes[..length * 4].par_chunks_mut(SHARE * 4);
            piece[..length]
                .par_chunks_mut(SHARE)
                .zip(encoded)
                .enumerate()
                .try_for_each(fill)?;
        }
        out.write_all(&bytes[..length * 4])?;
        progress.advance(length as u64 * 4);
    }
    Ok(())
}

/// Reads exactly `bytes.len()` bytes at a position of a file, whatever other threads read.
///
/// # Errors
/// If the file is shorter or cannot be read.
#[cfg(unix)]
pub fn read_at(file: &File, bytes: &mut [u8], position: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, position)
}

/// Reads exactly `bytes.len()` bytes at a position of a file, whatever other threads read.
///
/// # Errors
/// If the file is shorter or cannot be read.
#[cfg(windows)]
pub fn read_at(file: &File, mut bytes: &mut [u8], mut position: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, position)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = &mut bytes[read..];
                position += read as u64;
            }
        }
    }
    Ok(())
}
