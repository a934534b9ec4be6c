//! Checkpoints that `numpy.savez` wrote: an array of each tensor's name. Knows no byte of the format.

use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::memory::Buffer;
use crate::numpy::npz::Archive;
use crate::tensor::Fault;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const FORMAT: &str = "NumPy (npz)";

/// A `.npz` file.
pub struct Npz {
    path: PathBuf,
    archive: Mutex<Archive>,
    tensors: Vec<TensorInfo>,
    /// For each array's name, its place in the archive's list.
    places: BTreeMap<String, usize>,
}

impl Npz {
    /// Opens a file and reads what its arrays are, but no element.
    ///
    /// # Errors
    /// If it cannot be read, or has something else than arrays of numbers.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let archive = Archive::open(path).map_err(|fault| error(path, fault))?;
        let info = archive.arrays().iter().map(|array| TensorInfo {
            name: array.name.clone(),
            shape: array
                .header
                .shape
                .iter()
                .map(|&extent| extent as u64)
                .collect(),
            element: array.header.element,
        });
        let names = archive.arrays().iter().map(|array| array.name.clone());
        Ok(Self {
            path: path.to_path_buf(),
            places: names.zip(0..).collect(),
            tensors: info.collect(),
            archive: Mutex::new(archive),
        })
    }

    /// Every element of an array.
    fn elements(&self, name: &str) -> Result<Buffer<f64>, SourceError> {
        let place = self.places.get(name);
        let place = *place.ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        let read = self.archive().read(place);
        Ok(read.map_err(|fault| error(&self.path, fault))?.data)
    }

    fn archive(&self) -> MutexGuard<'_, Archive> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TensorSource for Npz {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Reads the whole array, in row-major order whatever its own is.
    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        Ok(Box::new(Reader(self.elements(name)?)))
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        let tensor = &self.tensors[*self.places.get(name)?];
        let is_one = tensor.shape.iter().product::<u64>() == 1;
        let elements = is_one.then(|| self.elements(name).ok()).flatten()?;
        Some(elements.iter().all(|element| *element == 0.0))
    }
}

struct Reader(Buffer<f64>);

impl TensorReader for Reader {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let elements = &self.0[offset..offset + out.len()];
        for (out, element) in out.iter_mut().zip(elements) {
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let rounded = *element as f32;
            *out = rounded;
        }
        Ok(())
    }
}

fn error(path: &Path, fault: Fault) -> SourceError {
    let path = path.to_string_lossy().into_owned();
    match fault {
        Fault::Io(source) => SourceError::Io { path, source },
        Fault::Memory(source) => SourceError::Memory(source),
        Fault::Malformed(reason) => SourceError::Malformed {
            path,
            format: FORMAT,
            reason,
        },
    }
}
