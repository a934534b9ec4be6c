//! Checkpoints that `torch.save` wrote, over the crate `pytorch-reader`: zip, legacy and tar containers.
//!
//! The crate runs nothing that a pickle asks for, and decides which tensors a file has. Where `places` knows where one lies, its
//! elements are read there; the crate reads the others, one at a time. What it
//! does not bound, the memory that a hostile file's own structure takes, is bounded here by `limits`
//! before it sees the file. Knows no tensor's meaning.

mod ends;
mod globals;
mod interpret;
mod limits;
mod opcode;
mod pickle;
mod places;
mod plain;
mod storages;
#[cfg(test)]
mod tests;
mod value;

use super::layout::Permuted;
use super::raw::Raw;
use super::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::open_input;
use crate::tensor::decode;
use limits::{Checked, Stored};
use places::Place;
use pytorch_reader::{DType, PytorchError, PytorchReader, Tensor};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use storages::{Seal, Storages};

pub(super) use ends::Mistaken;
pub use limits::Container;
pub use plain::{Holds, Plain};
pub(in crate::weights) use value::{Id, Pickle};

/// A PyTorch checkpoint.
#[derive(Debug)]
pub struct Pytorch {
    origin: Origin,
    tensors: Vec<TensorInfo>,
    /// In the order of `tensors`, which are sorted by name.
    handles: Vec<Tensor>,
    /// Where each of them lies, as far as that is known.
    places: Vec<Option<Place>>,
    /// Starts of the storages that have their seal.
    intact: Mutex<BTreeSet<u64>>,
    /// The saved object as plain data, if it may hold modules.
    modules: Option<Pickle>,
    file: File,
    /// What they are read from, if not from the file itself; it goes last.
    _copy: Option<ends::Copy>,
}

/// Where a checkpoint comes from.
#[derive(Debug)]
struct Origin {
    path: PathBuf,
    format: &'static str,
}

/// A file that was checked.
struct Found {
    length: u64,
    checked: Checked,
    /// What is read in place of the file.
    copy: Option<ends::Copy>,
}

impl Pytorch {
    /// Opens a file and reads its pickle; tensor bytes stay in the file (a tar's storages are read now).
    ///
    /// # Errors
    /// If it cannot be read, is not what `container` says, or asks for more than `limits` allows.
    pub fn open(path: &Path, container: Container) -> Result<Self, SourceError> {
        let (path, format) = (path.to_path_buf(), container.name());
        let origin = Origin { path, format };
        let Found {
            length,
            checked,
            copy,
        } = origin.check(container)?;
        let read = copy
            .as_ref()
            .map_or(origin.path.as_path(), ends::Copy::path);
        let file = open_input(read).map_err(|error| origin.error(error))?;
        let has_modules = checked
            .saved
            .as_ref()
            .is_some_and(|saved| saved.has_modules);
        // What the crate reads too is not refused here.
        let pickle = match checked.saved.map(|saved| interpret::interpret(saved.bytes)) {
            Some(Err(error)) if has_modules => return Err(origin.error(error)),
            pickle => pickle.and_then(Result::ok),
        };
        let reader = PytorchReader::new(read).map_err(|error| match error {
            PytorchError::Io(error) | PytorchError::Tar(error) => origin.error(error),
            // There, classes of modules have their source beside them, as storages have their elements.
            _ if container == Container::Legacy && has_modules => origin.malformed(
                "it is a whole module, which is read from the default container alone: load it and `torch.save` it again",
            ),
            other => origin.malformed(&unread(&other.to_string())),
        })?;
        let mut handles: Vec<Tensor> = reader.into_tensors().into_values().collect();
        handles.sort_by(|one, other| one.name.cmp(&other.name));
        for tensor in &handles {
            // A view may repeat its storage without end (stride 0), and a deflated storage may swell.
            if tensor.byte_len() as u64 > length {
                return Err(origin.malformed(&format!(
                    "`{}` would take {} bytes, but the whole file has {length}",
                    tensor.name,
                    tensor.byte_len()
                )));
            }
        }
        let tensors: Vec<TensorInfo> = handles.iter().map(info).collect();
        let places = pickle.as_ref().and_then(|pickle| {
            let storages = storages(pickle, checked.stored)?;
            Some(places::find(pickle, &storages, length, &tensors))
        });
        Ok(Self {
            origin,
            places: places.unwrap_or_else(|| vec![None; tensors.len()]),
            tensors,
            handles,
            intact: Mutex::default(),
            modules: pickle.filter(|_| has_modules),
            file,
            _copy: copy,
        })
    }

    /// The saved object as plain data, if it may hold modules; once.
    pub(in crate::weights) fn take_modules(&mut self) -> Option<Pickle> {
        self.modules.take()
    }

    /// Whether a tensor's storage has its seal; one that is read whole for it, once, where the tensor is all of it.
    fn is_intact(&self, place: &Place) -> bool {
        let storage = place.storage;
        let known = || self.intact.lock().unwrap_or_else(PoisonError::into_inner);
        let is_view = !place.is_whole && matches!(storage.seal, Seal::Crc(_));
        if is_view || known().contains(&storage.start) {
            return true;
        }
        let is_intact = storage.is_intact(&self.file).unwrap_or(false);
        if is_intact {
            known().insert(storage.start);
        }
        is_intact
    }
}

impl Origin {
    /// Checks what the file may ask for: its length, its pickles, and a copy where it cannot be read as it is.
    fn check(&self, container: Container) -> Result<Found, SourceError> {
        let io = |error| self.error(error);
        let mistaken = match container {
            Container::Zip => Mistaken::find(&self.path).map_err(io)?,
            Container::Legacy | Container::Tar => None,
        };
        let Some(mut mistaken) = mistaken else {
            let file = open_input(&self.path).map_err(io)?;
            return Ok(Found {
                length: file.metadata().map_err(io)?.len(),
                checked: limits::check(file, container).map_err(io)?,
                copy: None,
            });
        };
        let checked = limits::check(&mut mistaken, container).map_err(io)?;
        let length = mistaken.length();
        if length > checked.accounted {
            return Err(self.malformed(&format!(
                "it has {length} bytes, of which its entries account for {} at most",
                checked.accounted
            )));
        }
        Ok(Found {
            length,
            checked,
            copy: Some(mistaken.copy().map_err(io)?),
        })
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

/// Where the storages that a pickle names are.
fn storages(pickle: &Pickle, stored: Stored) -> Option<Storages> {
    match stored {
        Stored::Nowhere => None,
        Stored::At(storages) => Some(storages),
        Stored::Following(keys, start) => {
            let keys = interpret::interpret(keys).ok()?;
            Some(Storages::in_order(&keys, &places::storages(pickle)?, start))
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

    /// Row-major whatever the tensor's strides are; whole where it is not known where it lies.
    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let index = self
            .tensors
            .binary_search_by(|tensor| tensor.name.as_str().cmp(name))
            .map_err(|_| SourceError::Missing(name.to_string()))?;
        let element = self.tensors[index].element;
        let size = decode::size(element).ok_or_else(|| {
            self.origin.malformed(&format!(
                "`{name}` has integers, expected floating-point numbers"
            ))
        })?;
        let place = self.places[index].as_ref();
        // Of a storage that has not its seal, the crate says what is wrong.
        if let Some(place) = place.filter(|place| self.is_intact(place)) {
            let raw = Box::new(Raw {
                file: &self.file,
                path: &self.origin.path,
                element,
                size,
                start: place.start,
            });
            return Ok(match &place.turned {
                None => raw,
                Some((shape, axes)) => Box::new(Permuted::new(raw, shape, axes)),
            });
        }
        let mut bytes = self.handles[index]
            .read()
            .map_err(|error| self.origin.error(error))?;
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

/// What the crate says of a tensor that it does not read, and what to save instead where that is known.
fn unread(reason: &str) -> String {
    let is_of = |names: &[&str]| names.iter().any(|name| reason.contains(name));
    if is_of(&["'torch.float8", "'torch.float4"]) {
        "it has tensors of 8-bit floats or smaller ones; save them as float16 or float32, with their scales applied if they have any, such \
         as `{name: tensor.to(torch.float16) for name, tensor in state_dict.items()}`"
            .to_owned()
    } else {
        reason.to_owned()
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
            DType::F64 => Element::F64,
            DType::F32 => Element::F32,
            DType::F16 => Element::F16,
            DType::BF16 => Element::Bf16,
            DType::I64 => Element::I64,
            DType::I32 => Element::I32,
            DType::I16 => Element::I16,
            DType::I8 => Element::I8,
            DType::U64 => Element::U64,
            DType::U32 => Element::U32,
            DType::U16 => Element::U16,
            DType::U8 => Element::U8,
            DType::Bool => Element::Bool,
        },
    }
}
