//! A file as one message, tensor data included, and a copy of a file with another message in it.

use super::copy::io_error;
use super::{CopyError, FileError, ModelCopy, ModelFile};
use crate::files::read_input;
use crate::memory;
use crate::onnx::proto::ModelProto;
use prost::Message;
use std::io::Write;

impl ModelFile {
    /// Decodes the file as a whole. Elements of tensors are shared with its bytes, and those in other files stay there.
    ///
    /// # Errors
    /// If it cannot be read again or is not a model.
    pub fn whole(&self) -> Result<ModelProto, FileError> {
        let bytes = read_input(&self.path, u64::MAX).map_err(|source| FileError::Io {
            path: self.path.clone(),
            source,
        })?;
        ModelProto::decode(prost::bytes::Bytes::from(bytes)).map_err(|error| {
            FileError::Undecodable {
                path: self.path.clone(),
                reason: error.to_string(),
            }
        })
    }
}

impl ModelCopy {
    /// Writes `model` under the name of `original` into a temporary folder, with the original's external data in reach.
    ///
    /// # Errors
    /// If it cannot be written, or the original's external data cannot be used.
    pub fn of(original: &ModelFile, model: &ModelProto) -> Result<Self, CopyError> {
        let (copy, mut out) = Self::create(original)?;
        let mut bytes = Vec::new();
        memory::make_room(&mut bytes, model.encoded_len(), "a copy of the file")
            .map_err(|error| io_error(original, error.into()))?;
        let written = match model.encode(&mut bytes) {
            Ok(()) => out.write_all(&bytes),
            Err(error) => Err(error.into()),
        };
        written.map_err(|source| io_error(original, source))?;
        Ok(copy)
    }
}
