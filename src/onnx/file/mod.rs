//! Reading an ONNX file back, without its tensors: a file of any size opens in little memory.
//!
//! [`ModelFile::open`] reads the framing of the model, its graph and each initializer by position, and of
//! tensor data keeps only where it lies; [`InitializerSource`] reads that later, in pieces. The small
//! messages in between (nodes, types of values) are decoded by prost, within a budget.
//!
//! The file may come from anyone. A length is never believed before it is compared with what is there,
//! nothing is allocated by a declared size, and decoding ends with an error before it takes
//! [`DECODED_LIMIT`] of memory. Whether a decodable file keeps ONNX's rules is for
//! [`check`](super::check) to say.

mod budget;
mod bytes;
mod constant;
mod copy;
mod decode;
mod elsewhere;
mod external;
mod initializer;
pub(crate) mod mark;
pub mod plain;
mod shared;
mod source;
mod tensor;
mod whole;
mod wire;

use crate::files::foreign::{Foreign, said};
pub use budget::DECODED_LIMIT;
pub(crate) use constant::small_tensor;
pub use copy::{CopyError, ModelCopy};
pub use elsewhere::OtherTensor;
pub use external::{External, ExternalError};
pub use initializer::{Data, Initializer, Typed};
pub(crate) use mark::mark;
pub use source::{InitializerSource, is_readable};
pub(crate) use tensor::{decode_tensor, encode_tensor};

use super::proto::{NodeProto, OperatorSetIdProto, ValueInfoProto};
use crate::files::open_input;
use crate::tensor::read_at;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A model file, open for reading tensor data.
#[derive(Debug)]
pub struct ModelFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes, without external data.
    pub length: u64,
    /// What it says besides tensor data.
    pub contents: Contents,
    pub(in crate::onnx) file: Arc<File>,
}

/// The fields of a model and its graph, in the file's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Version of the format.
    pub ir_version: Option<i64>,
    /// Program that wrote the file; empty if it does not say.
    pub producer_name: String,
    /// Version of that program; empty if it does not say.
    pub producer_version: String,
    /// Operator sets in use.
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Named values about the model.
    pub metadata_props: Vec<(String, String)>,
    /// How many functions the model defines; their bodies are not kept.
    pub function_count: usize,
    /// Name of the graph; empty if it has none.
    pub graph_name: String,
    /// Operations.
    pub nodes: Vec<NodeProto>,
    /// Values that the caller provides.
    pub inputs: Vec<ValueInfoProto>,
    /// Values that the caller receives.
    pub outputs: Vec<ValueInfoProto>,
    /// Types of values in between.
    pub value_info: Vec<ValueInfoProto>,
    /// Constant tensors.
    pub initializers: Vec<Initializer>,
    /// Names of sparse constant tensors; their data is not kept.
    pub sparse_initializers: Vec<String>,
    /// Tensors with external data that are no constant tensors of the graph, but of attributes, functions, subgraphs.
    pub other_tensors: Vec<OtherTensor>,
}

/// Why a file cannot be opened as a model.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It is something else, damaged, or hostile.
    #[error("`{}` cannot be decoded as an ONNX model: {reason}", path.shown(), reason = reason.shown())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

impl ModelFile {
    /// Opens a file and reads everything but tensor data.
    ///
    /// # Errors
    /// If it cannot be read, is not a model, or says more than fits [`DECODED_LIMIT`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = open_input(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let contents = decode::decode(&file, length).map_err(|fault| match fault {
            wire::Fault::Io(source) => io(source),
            wire::Fault::Malformed(reason) => FileError::Undecodable {
                path: path.to_owned(),
                reason,
            },
        })?;
        Ok(Self {
            path: path.to_owned(),
            length,
            contents,
            file: Arc::new(file),
        })
    }

    /// The folder that external data must lie in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The files of external data that it names, whether or not they are there.
    #[must_use]
    pub fn data_files(&self) -> Vec<PathBuf> {
        let names: BTreeSet<String> = self
            .external_data()
            .filter_map(|(_, external)| Some(external.ok()?.location))
            .collect();
        names
            .into_iter()
            .map(|name| self.folder().join(name))
            .collect()
    }

    /// Every tensor whose data is in another file: whose it is, and where the data should be.
    pub(crate) fn external_data(
        &self,
    ) -> impl Iterator<Item = (String, Result<External, ExternalError>)> {
        let initializers = self.contents.initializers.iter().filter_map(|initializer| {
            let external = initializer.external().transpose()?;
            Some((format!("initializer `{}`", initializer.name), external))
        });
        let others = self.contents.other_tensors.iter();
        initializers.chain(others.map(|tensor| (tensor.owner.clone(), tensor.external())))
    }

    /// The value of a metadata key.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.contents
            .metadata_props
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The initializer called `name`.
    #[must_use]
    pub fn initializer(&self, name: &str) -> Option<&Initializer> {
        self.contents
            .initializers
            .iter()
            .find(|initializer| initializer.name == name)
    }
}

#[cfg(test)]
mod tests;
