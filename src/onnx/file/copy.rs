//! A changed copy of a model in a temporary folder, with the model's external data in reach.
//!
//! External data must lie in the model's own folder (ONNX Runtime refuses a path that leaves it), so each file of
//! it is linked into the folder of the copy, or copied where it cannot be linked.

use super::{ExternalError, ModelFile};
use crate::files::foreign::{Foreign, said};
use crate::files::{TemporaryFolder, open_input};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Why no copy can be written.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Reading the original or writing the copy failed.
    #[error("cannot copy `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// The original.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The original's external data cannot be used.
    #[error("{tensor} of `{}`: {source}", path.shown(), tensor = tensor.shown())]
    External {
        /// The original.
        path: PathBuf,
        /// The tensor whose data it is, in words.
        tensor: String,
        /// What went wrong.
        source: ExternalError,
    },
}

/// A copy of a model file; its folder is removed when this is dropped.
#[derive(Debug)]
pub struct ModelCopy {
    folder: TemporaryFolder,
    name: PathBuf,
}

impl ModelCopy {
    /// The copy.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Creates an empty file that is called like the original, in a folder of its own with the original's external
    /// data. The folder is beside the data where there is any, since only there can it be linked, if that folder can be
    /// written to.
    pub(super) fn create(original: &ModelFile) -> Result<(Self, File), CopyError> {
        let io = |source| io_error(original, source);
        let locations = locations(original)?;
        let folder = if locations.is_empty() {
            TemporaryFolder::new()
        } else {
            TemporaryFolder::within(original.folder()).or_else(|_| TemporaryFolder::new())
        };
        let folder = folder.map_err(io)?;
        for (location, path) in &locations {
            let link = folder.path().join(location);
            if let Some(parent) = link.parent() {
                fs::create_dir_all(parent).map_err(io)?;
            }
            // Opened in either case: a pipe could be linked too.
            let mut data = open_input(path).map_err(io)?;
            if fs::hard_link(path, &link).is_err() {
                let mut copy = File::create(&link).map_err(io)?;
                io::copy(&mut data, &mut copy).map_err(io)?;
            }
        }
        let name = original.path.file_name().unwrap_or("model.onnx".as_ref());
        let copy = Self {
            name: name.into(),
            folder,
        };
        let file = File::create(copy.path()).map_err(io)?;
        Ok((copy, file))
    }
}

pub(super) fn io_error(original: &ModelFile, source: io::Error) -> CopyError {
    CopyError::Io {
        path: original.path.clone(),
        source,
    }
}

/// How many files of external data are links to another folder, as they are in Hugging Face's cache.
pub(super) fn linked_elsewhere(file: &ModelFile) -> u64 {
    let Ok(folder) = file.folder().canonicalize() else {
        return 0;
    };
    // What cannot be used is refused by whoever reads it.
    let paths = file.external_data().filter_map(|(_, external)| {
        let path = external.ok()?.resolve(&folder).ok()?;
        (!path.starts_with(&folder)).then_some(path)
    });
    paths.collect::<BTreeSet<_>>().len() as u64
}

/// The files of external data, each once: where the model says that they are, and where they are.
fn locations(original: &ModelFile) -> Result<Vec<(String, PathBuf)>, CopyError> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (owner, external) in original.external_data() {
        let fail = |source| CopyError::External {
            path: original.path.clone(),
            tensor: owner.clone(),
            source,
        };
        let external = external.map_err(fail)?;
        if seen.insert(external.location.clone()) {
            let path = external.resolve(original.folder()).map_err(fail)?;
            if Path::new(&external.location).file_name() == original.path.file_name() {
                let source = io::Error::other("external data is called like the model itself");
                return Err(io_error(original, source));
            }
            found.push((external.location, path));
        }
    }
    Ok(found)
}
