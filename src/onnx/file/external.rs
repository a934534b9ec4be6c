//! Tensor data in other files: only in the model's folder, and only as much as is there.

use crate::files::foreign::{Foreign, said};
use crate::files::{WithinError, open_input, within};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How the locations begin that ONNX Runtime takes for addresses: `*/_ORT_MEM_ADDR_/*`, and since 1.31
/// `*/_ORT_NATIVE_ENDIAN_MEM_ADDR_/*` (onnxruntime `core/framework/tensorprotoutils.h`).
const MEMORY: &str = "*/_ORT_";

/// What `external_data` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Path of the file, relative to the model's folder.
    pub location: String,
    /// Where the data starts; 0 where it is not said.
    pub offset: u64,
    /// How many bytes it has; none means up to the end of the file.
    pub length: Option<u64>,
}

/// Why external data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// An entry is missing, given twice or not a number.
    #[error("`external_data` entry `{key}`: {reason}", key = key.shown(), reason = reason.shown())]
    Entry {
        /// The entry.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is not inside the model's folder.
    #[error("external data `{text}` is outside the model's folder", text = .0.shown())]
    Outside(String),
    /// ONNX Runtime takes it for an address in its memory.
    #[error("external data `{text}` is an address in memory to ONNX Runtime, expected a file", text = .0.shown())]
    Memory(String),
    /// The file is missing or cannot be read.
    #[error("cannot read external data `{location}`: {source}", location = location.shown(), source = said(source))]
    Io {
        /// Path of the file, relative to the model's folder.
        location: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The file ends too early.
    #[error("external data `{location}` should reach byte {end}, but has only {found} bytes", location = location.shown())]
    Short {
        /// Path of the file, relative to the model's folder.
        location: String,
        /// Where the tensor ends.
        end: u128,
        /// Size of the file.
        found: u64,
    },
}

impl External {
    pub(crate) fn from_entries(entries: &[(String, String)]) -> Result<Self, ExternalError> {
        let wrong = |key: &str, reason: String| ExternalError::Entry {
            key: key.to_owned(),
            reason,
        };
        let find = |key: &str| {
            let mut found = entries
                .iter()
                .filter(|(name, _)| name == key)
                .map(|(_, value)| value.as_str());
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(wrong(key, "given twice".to_owned())),
                (value, None) => Ok(value),
            }
        };
        let number = |key: &str| match find(key)? {
            None => Ok(None),
            Some(value) => {
                let parsed: Option<u64> = value.parse().ok();
                parsed.map(Some).ok_or_else(|| {
                    wrong(key, format!("expected a number of bytes, found `{value}`"))
                })
            }
        };
        let location = find("location")?.filter(|location| !location.is_empty());
        let location = location
            .ok_or_else(|| wrong("location", "missing".to_owned()))?
            .to_owned();
        Ok(Self {
            location,
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        })
    }

    /// Opens the file below `folder` and says where the data lies in it.
    ///
    /// # Errors
    /// If it is not inside the folder (links followed), cannot be read, or ends too early.
    pub fn open(&self, folder: &Path) -> Result<(File, Range<u64>), ExternalError> {
        let io = |source| ExternalError::Io {
            location: self.location.clone(),
            source,
        };
        let path = self.resolve(folder)?;
        let file = open_input(&path).map_err(io)?;
        let found = file.metadata().map_err(io)?.len();
        let end = match self.length {
            Some(length) => u128::from(self.offset) + u128::from(length),
            None => u128::from(found.max(self.offset)),
        };
        match u64::try_from(end) {
            Ok(end) if end <= found => Ok((file, self.offset..end)),
            _ => Err(ExternalError::Short {
                location: self.location.clone(),
                end,
                found,
            }),
        }
    }

    /// Where the file is, links followed.
    pub(super) fn resolve(&self, folder: &Path) -> Result<PathBuf, ExternalError> {
        let io = |source| ExternalError::Io {
            location: self.location.clone(),
            source,
        };
        if self.location.starts_with(MEMORY) {
            return Err(ExternalError::Memory(self.location.clone()));
        }
        within(folder, Path::new(&self.location)).map_err(|error| match error {
            WithinError::Outside => ExternalError::Outside(self.location.clone()),
            WithinError::Io(source) => io(source),
        })
    }
}
