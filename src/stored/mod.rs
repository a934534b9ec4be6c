//! Tensors in the files that other tools exchange: NumPy's `.npy` and `.npz`, `.safetensors`, and ONNX's `.pb`.
//!
//! Whatever the element type, values become f64, as runtimes take them. Files come from anyone: nothing is allocated
//! by a size that a file declares unless it fits the memory budget of the process.
//! It knows no graph, no picture and no tolerance.

mod proto;
mod safe;
pub mod test_data;

use crate::files::foreign::{Foreign, said};
use crate::files::open_input;
use crate::memory::NoMemory;
use crate::numpy::{npy, npz};
use crate::tensor::{Fault, NamedTensor};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why tensors cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// The file or folder cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// What was being done, `read` or `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is none of the formats that are read here.
    #[error("`{}` is no file of tensors: expected .npy, .npz, .safetensors or .pb", path.shown())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, hostile, or has something that is not supported.
    #[error("`{}` is not a readable {format} file: {reason}", path.shown(), reason = reason.shown())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format that was expected, such as `npy`.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Its tensors do not fit the memory limit.
    #[error("`{}`: {source}", path.shown())]
    Memory {
        /// The file.
        path: PathBuf,
        /// What they need, and the limit.
        source: NoMemory,
    },
}

impl StoredError {
    fn reading(path: &Path, source: io::Error) -> Self {
        Self::Io {
            action: "read",
            path: path.to_owned(),
            source,
        }
    }

    fn writing(path: &Path, source: io::Error) -> Self {
        Self::Io {
            action: "write",
            path: path.to_owned(),
            source,
        }
    }
}

/// The tensors of a file, in its order; the name is empty where the format has none.
///
/// The format is told by the first bytes of the file, and where they do not tell by the ending of its name.
///
/// # Errors
/// If the file cannot be read, is no such file, is damaged, or does not fit the memory limit.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, StoredError> {
    let io = |source| StoredError::reading(path, source);
    let mut head = Vec::new();
    let file = open_input(path).map_err(io)?;
    file.take(8).read_to_end(&mut head).map_err(io)?;
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let ending = ending.as_ref().and_then(|ending| ending.to_str());
    let (format, read) = match (head.as_slice(), ending) {
        ([0x93, b'N', b'U', b'M', b'P', b'Y', ..], _) | (_, Some("npy")) => {
            ("npy", npy::read(path))
        }
        ([b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..], _) | (_, Some("npz")) => {
            ("npz", npz::read(path))
        }
        (_, Some("safetensors")) => ("safetensors", safe::read(path)),
        (_, Some("pb")) => ("TensorProto", proto::read(path)),
        _ => {
            return Err(StoredError::Unknown {
                path: path.to_owned(),
            });
        }
    };
    read.map_err(|fault| match fault {
        Fault::Io(source) => io(source),
        Fault::Memory(source) => StoredError::Memory {
            path: path.to_owned(),
            source,
        },
        Fault::Malformed(reason) => StoredError::Malformed {
            path: path.to_owned(),
            format,
            reason,
        },
    })
}

/// Writes a tensor as `.npy`, version 1.0, little-endian, in row-major order; bf16 as f32, which NumPy has.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npy(path: &Path, tensor: &NamedTensor) -> Result<(), StoredError> {
    std::fs::write(path, npy::bytes(tensor)).map_err(|source| StoredError::writing(path, source))
}

#[cfg(test)]
mod tests;
