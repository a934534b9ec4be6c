//! What to do about a runtime that cannot be used.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What to do about a runtime that cannot be used. A command adds how its users do that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// Install ONNX Runtime, or name its library.
    OnnxRuntime,
    /// Install ONNX Runtime with CUDA, or name its library.
    OnnxRuntimeWithCuda,
    /// Name another library of ONNX Runtime than the one that was named.
    AnotherLibrary,
    /// Set `ORT_DYLIB_PATH` to another library, or unset it.
    AnotherVariable,
    /// Install the libraries of CUDA and cuDNN, or name their folder.
    CudaLibraries,
    /// Install NVIDIA's driver, or a newer one.
    Driver,
    /// Look for the GPU.
    Device,
    /// The provider lacks a kernel: emit the file in another form, or run it on the CPU.
    AnotherForm,
    /// Allow more memory.
    MemoryLimit,
    /// Build this program with a cargo feature.
    Feature(String),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnnxRuntime => {
                "install ONNX Runtime 1.24 or newer and activate its virtual environment, or name its library"
            }
            Self::OnnxRuntimeWithCuda => {
                "install ONNX Runtime with CUDA (`onnxruntime-gpu`) and activate its virtual environment, or name its library"
            }
            Self::AnotherLibrary => {
                "name another library: ONNX Runtime's, 1.24 or newer, or the folder that it is in"
            }
            Self::AnotherVariable => {
                "set `ORT_DYLIB_PATH` to another, or unset it: ONNX Runtime's library, 1.24 or newer, or the folder that it is in"
            }
            Self::CudaLibraries => {
                "install the CUDA libraries and cuDNN into the environment of the library, or name their folder"
            }
            // Minimum drivers: CUDA Toolkit release notes, "CUDA driver minor version compatibility".
            Self::Driver => {
                "install NVIDIA's driver (580 or newer for CUDA 13, 525 or newer for CUDA 12); a container needs the host's driver, as with `docker run --gpus all`"
            }
            Self::Device => {
                "see what `nvidia-smi` lists; `CUDA_VISIBLE_DEVICES` can hide devices, and a container sees only those that it is given (`docker run --gpus all`)"
            }
            Self::AnotherForm => {
                "this provider has no kernel for those nodes: emit the file in another form, or run it with `ort-cpu`"
            }
            Self::MemoryLimit => {
                "allow more memory, or run the file with a smaller batch or size"
            }
            Self::Feature(feature) => return write!(f, "build it with the feature `{feature}`"),
        })
    }
}
