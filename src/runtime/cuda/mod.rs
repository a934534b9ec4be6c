//! Whether CUDA can be used here with a given ONNX Runtime, and what is missing if not: the provider's library, the
//! CUDA libraries that it needs, the driver, a device, cuDNN.
//!
//! Knows NVIDIA's libraries and nothing of ONNX Runtime but the names of its files. Loading libraries runs their
//! code, so a caller that must survive a broken one does this in a process of its own. Libraries are found along the
//! search path of the system's loader (`LD_LIBRARY_PATH`, `ldconfig`).

#[cfg(feature = "ort")]
mod elf;
#[cfg(feature = "ort")]
mod library;
#[cfg(feature = "ort")]
mod look;

#[cfg(feature = "ort")]
pub use look::{look, without_cudnn};

use super::device::Device;
use super::hint::Hint;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The file that a build of ONNX Runtime with CUDA has beside its library.
pub const PROVIDER: &str = "libonnxruntime_providers_cuda.so";

/// What is here and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cuda {
    /// The provider's library, if it is there.
    pub provider: Option<PathBuf>,
    /// The libraries of CUDA that the provider needs, in its order, and cuDNN.
    pub libraries: Vec<CudaLibrary>,
    /// The device and the versions, as far as they could be asked.
    pub device: Device,
    /// What is missing; nothing if files can be run.
    pub missing: Vec<Missing>,
}

/// A library of NVIDIA's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CudaLibrary {
    /// The name under which it is looked for.
    pub name: String,
    /// The file that was found.
    pub path: Option<String>,
    /// Why it could not be loaded, in the loader's words.
    pub error: Option<String>,
}

/// Something that a run on CUDA needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Which kind of thing.
    pub part: CudaPart,
    /// What is missing, and how that was noticed.
    pub reason: String,
    /// What to do about it.
    pub hint: Hint,
}

/// The kinds of things that a run on CUDA needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CudaPart {
    /// ONNX Runtime's own library for CUDA.
    Provider,
    /// A library of CUDA.
    Library,
    /// The driver, or one that is new enough.
    Driver,
    /// A device.
    Device,
    /// cuDNN, which convolutions need. Files without any run without it.
    Cudnn,
}

impl Cuda {
    /// What keeps every file from running, as one reason, and what to do about it; none if CUDA can be used.
    #[must_use]
    pub fn obstacle(&self) -> Option<(String, Vec<Hint>)> {
        let missing = &self.missing;
        let blocks = missing
            .iter()
            .any(|missing| missing.part != CudaPart::Cudnn);
        blocks.then(|| {
            let reasons = missing.iter().map(|missing| missing.reason.as_str());
            let hints = missing.iter().map(|missing| missing.hint.clone());
            (unique(reasons).join("; "), unique(hints))
        })
    }
}

/// Each once, in order.
fn unique<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut unique = Vec::new();
    for one in all {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    unique
}
