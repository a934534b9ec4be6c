//! Element types; shapes, symbolic ones too; and named tensors: whole in memory, or read in pieces, as checkpoints, seeds,
//! bound weights and model files offer them and writers take them. It knows no file format.

pub(crate) mod bytes;
mod checksum;
mod chunk;
pub(crate) mod decode;
mod element;
mod encode;
mod fault;
mod named;
mod narrow;
pub(crate) mod pipe;
mod reader;
pub mod shape;
pub(crate) mod stream;
mod threads;

use crate::files::foreign::{Foreign, said};
pub(crate) use checksum::Checksum;
pub use element::Element;
pub(crate) use fault::{Fault, count};
pub use named::NamedTensor;
pub(crate) use narrow::{to_bf16, to_f16};
pub(crate) use pipe::Pipe;
pub use reader::TensorReader;
pub(crate) use reader::fill_pieces;
pub use stream::{Progress, StreamError};
pub(crate) use stream::{Segment, stream};
pub use threads::start_threads;

use crate::memory::NoMemory;
use std::fs::File;

/// Named tensors that can be read in pieces, as f32.
pub trait TensorSource: Send + Sync {
    /// Every tensor on offer, in a stable order.
    fn tensors(&self) -> &[TensorInfo];

    /// Opens one tensor for reading.
    ///
    /// # Errors
    /// If there is no such tensor or it cannot be read.
    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError>;

    /// Whether a tensor of one element, of any element type, is zero; none where that is not known.
    fn is_zero(&self, _name: &str) -> Option<bool> {
        None
    }
}

impl<T: TensorSource + ?Sized> TensorSource for &T {
    fn tensors(&self) -> &[TensorInfo] {
        (**self).tensors()
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        (**self).open(name)
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        (**self).is_zero(name)
    }
}

/// Name, shape and element type of a tensor on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name in the source's own vocabulary.
    pub name: String,
    /// Its shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// Its element type in the source; readers convert to f32.
    pub element: Element,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read `{path}`: {source}", path = path.shown(), source = said(source))]
    Io {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file is not a checkpoint, or is damaged or hostile.
    #[error("`{path}` is not a readable {format} checkpoint: {reason}", path = path.shown(), reason = reason.shown())]
    Malformed {
        /// The file.
        path: String,
        /// The container that was expected, such as `safetensors`.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Its weights all begin at one place: numbers that stand for them.
    #[error("`{path}` is a skeleton: it has no weights of its own", path = path.shown())]
    Skeleton {
        /// The file.
        path: String,
    },
    /// It names a file that lies elsewhere.
    #[error("`{path}` names `{place}`, which is outside its folder", path = path.shown(), place = place.shown())]
    Outside {
        /// The file.
        path: String,
        /// What it names.
        place: String,
    },
    /// Tensors of that type are not written.
    #[error("elements of type {0} cannot be written")]
    Unwritten(Element),
    /// There is no tensor of that name.
    #[error("there is no tensor `{text}`", text = .0.shown())]
    Missing(String),
    /// A tensor is read whole, and does not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// Tensors' bytes are not those that the file was written with.
    #[error("`{path}` is damaged: {reason}", path = path.shown(), reason = reason.shown())]
    Damaged {
        /// The file.
        path: String,
        /// Which tensors differ from what was recorded.
        reason: String,
    },
}

/// Reads exactly `bytes.len()` bytes at a position of a file, whatever other threads read.
///
/// # Errors
/// If the file is shorter or cannot be read.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], position: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, position)
}

/// Reads exactly `bytes.len()` bytes at a position of a file, whatever other threads read.
///
/// # Errors
/// If the file is shorter or cannot be read.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut bytes: &mut [u8], mut position: u64) -> std::io::Result<()> {
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
