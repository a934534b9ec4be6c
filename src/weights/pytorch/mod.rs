//! Checkpoints that `torch.save` wrote, over the crate `pytorch-reader`: zip, legacy and tar containers.
//!
//! The crate runs nothing that a pickle asks for, honours strides and reads one tensor at a time. What it
//! does not bound, the memory that a hostile file's own structure takes, is bounded here by `limits`
//! before it sees the file. Knows no tensor's meaning.

mod ends;
mod globals;
mod interpret;
mod limits;
mod opcode;
mod pickle;
#[cfg(test)]
mod tests;
mod value;

use super::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::open_input;
use crate::tensor::decode;
use ends::Mistaken;
use pytorch_reader::{DType as Stored, PytorchError, PytorchReader, Tensor};
use std::io;
use std::path::{Path, PathBuf};

pub use limits::Container;
pub(in crate::weights) use value::{Id, Pickle};

/// A PyTorch checkpoint.
#[derive(Debug)]
pub struct Pytorch {
    path: PathBuf,
    format: &'static str,
    tensors: Vec<TensorInfo>,
    /// In the order of `tensors`, which are sorted by name.
    handles: Vec<Tensor>,
    /// The saved object as plain data, if it may hold modules.
    modules: Option<Pickle>,
    /// What they are read from, if not from the file itself; it goes last.
    copy: Option<ends::Copy>,
}

/// What a check gives: the length, the pickle of modules, and what is read in place of the file.
type Checked = (u64, Option<Vec<u8>>, Option<ends::Copy>);

impl Pytorch {
    /// Opens a file and reads its pickle; tensor bytes stay in the file (a tar's storages are read now).
    ///
    /// # Errors
    /// If it cannot be read, is not what `container` says, or asks for more than `limits` allows.
    pub fn open(path: &Path, container: Container) -> Result<Self, SourceError> {
        let mut opened = Self {
            path: path.to_path_buf(),
            format: container.name(),
            tensors: Vec::new(),
            handles: Vec::new(),
            modules: None,
            copy: None,
        };
        let (length, modules, copy) = opened.check(container)?;
        let read = copy.as_ref().map_or(path, ends::Copy::path);
        let modules = modules.map(interpret::interpret).transpose();
        opened.modules = modules.map_err(|error| opened.error(error))?;
        let reader = PytorchReader::new(read).map_err(|error| match error {
            PytorchError::Io(error) | PytorchError::Tar(error) => opened.error(error),
            // There, classes of modules have their source beside them, as storages have their elements.
            _ if container == Container::Legacy && opened.modules.is_some() => opened.malformed(
                "it is a whole module, which is read from the default container alone: load it and `torch.save` it again",
            ),
            other => opened.malformed(&other.to_string()),
        })?;
        opened.copy = copy;
        opened.handles = reader.into_tensors().into_values().collect();
        opened
            .handles
            .sort_by(|one, other| one.name.cmp(&other.name));
        for tensor in &opened.handles {
            // A view may repeat its storage without end (stride 0), and a deflated storage may swell.
            if tensor.byte_len() as u64 > length {
                return Err(opened.malformed(&format!(
                    "`{}` would take {} bytes, but the whole file has {length}",
                    tensor.name,
                    tensor.byte_len()
                )));
            }
        }
        opened.tensors = opened.handles.iter().map(info).collect();
        Ok(opened)
    }

    /// Checks what the file may ask for: its length, the pickle of its modules, and a copy where it cannot be read as it is.
    fn check(&self, container: Container) -> Result<Checked, SourceError> {
        let io = |error| self.error(error);
        let mistaken = match container {
            Container::Zip => Mistaken::find(&self.path).map_err(io)?,
            Container::Legacy | Container::Tar => None,
        };
        let Some(mut mistaken) = mistaken else {
            let file = open_input(&self.path).map_err(io)?;
            let length = file.metadata().map_err(io)?.len();
            let checked = limits::check(file, container).map_err(io)?;
            return Ok((length, checked.modules, None));
        };
        let checked = limits::check(&mut mistaken, container).map_err(io)?;
        let length = mistaken.length();
        if length > checked.accounted {
            return Err(self.malformed(&format!(
                "it has {length} bytes, of which its entries account for {} at most",
                checked.accounted
            )));
        }
        Ok((length, checked.modules, Some(mistaken.copy().map_err(io)?)))
    }

    /// The saved object as plain data, if it may hold modules; once.
    pub(in crate::weights) fn take_modules(&mut self) -> Option<Pickle> {
        self.modules.take()
    }

    fn malformed(&self, reason: &str) -> SourceError {
        SourceError::Malformed {
            path: self.path.to_string_lossy().into_owned(),
            format: self.format,
            reason: reason.to_owned(),
        }
    }

    /// An error of the operating system, or one of the file's.
    fn error(&self, error: io::Error) -> SourceError {
        if error.raw_os_error().is_some() {
            SourceError::Io {
                path: self.path.to_string_lossy().into_owned(),
                source: error,
            }
        } else {
            self.malformed(&error.to_string())
        }
    }
}

impl TensorSource for Pytorch {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        let tensor = self.handles.iter().find(|tensor| tensor.name == name)?;
        let is_one = tensor.shape().iter().product::<usize>() == 1;
        let bytes = is_one.then(|| tensor.read().ok()).flatten()?;
        Some(bytes.iter().all(|byte| *byte == 0))
    }

    /// Reads the whole tensor, in row-major order whatever its strides are.
    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let index = self
            .tensors
            .binary_search_by(|tensor| tensor.name.as_str().cmp(name))
            .map_err(|_| SourceError::Missing(name.to_string()))?;
        let element = self.tensors[index].element;
        let size = decode::size(element).ok_or_else(|| {
            self.malformed(&format!(
                "`{name}` has integers, expected floating-point numbers"
            ))
        })?;
        let mut bytes = self.handles[index]
            .read()
            .map_err(|error| self.error(error))?;
        // The crate gives the machine's byte order.
        if cfg!(target_endian = "big") {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(Box::new(Reader {
            element,
            size,
            bytes,
        }))
    }
}

struct Reader {
    element: Element,
    size: usize,
    bytes: Vec<u8>,
}

impl TensorReader for Reader {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let start = offset * self.size;
        decode::decode(
            self.element,
            &self.bytes[start..start + out.len() * self.size],
            out,
        );
        Ok(())
    }
}

fn info(tensor: &Tensor) -> TensorInfo {
    TensorInfo {
        name: tensor.name.clone(),
        shape: tensor
            .shape()
            .iter()
            .map(|&dimension| dimension as u64)
            .collect(),
        element: match tensor.dtype() {
            Stored::F64 => Element::F64,
            Stored::F32 => Element::F32,
            Stored::F16 => Element::F16,
            Stored::BF16 => Element::Bf16,
            Stored::I64 => Element::I64,
            Stored::I32 => Element::I32,
            Stored::I16 => Element::I16,
            Stored::I8 => Element::I8,
            Stored::U64 => Element::U64,
            Stored::U32 => Element::U32,
            Stored::U16 => Element::U16,
            Stored::U8 => Element::U8,
            Stored::Bool => Element::Bool,
        },
    }
}
