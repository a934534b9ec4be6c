//! An ONNX file that `emit` wrote, as a checkpoint: its parameters, under timm's names, and its metadata.

use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::onnx::file::{FileError, InitializerSource, ModelFile};
use std::collections::BTreeMap;
use std::path::Path;

/// The first byte of a model: field 1, the IR version, which every writer puts first.
pub(super) const FIRST_BYTE: u8 = 0x08;

/// What parameters' names end with; the constants beside them, such as the bounds of a clip, end otherwise.
const PARAMETERS: [&str; 4] = [".weight", ".bias", ".running_mean", ".running_var"];

/// Parameters of a model file.
pub(super) struct Emitted {
    source: InitializerSource,
    tensors: Vec<TensorInfo>,
}

impl Emitted {
    /// Opens a model file.
    ///
    /// # Errors
    /// If it cannot be read, or is not a model.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let file = ModelFile::open(path).map_err(|error| match error {
            FileError::Io { path, source } => SourceError::Io {
                path: path.display().to_string(),
                source,
            },
            FileError::Undecodable { path, reason } => SourceError::Malformed {
                path: path.display().to_string(),
                format: "ONNX",
                reason: super::harmless(&reason),
            },
        })?;
        let source = InitializerSource::new(file)?;
        let tensors = source.tensors().iter();
        let tensors = tensors
            .filter(|tensor| PARAMETERS.iter().any(|end| tensor.name.ends_with(end)))
            .cloned()
            .collect();
        Ok(Self { source, tensors })
    }

    /// The file's metadata.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let entries = self.source.file().contents.metadata_props.iter();
        entries.cloned().collect()
    }
}

impl TensorSource for Emitted {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        self.source.open(name)
    }
}
