//! The flags that say where the shared libraries of a runtime are.

use super::exit::Failure;
use clap::Args;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::discover::Places;
use std::path::PathBuf;

/// Shared by every command that runs ONNX Runtime on request.
#[derive(Clone, Debug, Default, Args)]
pub struct Libraries {
    /// ONNX Runtime's shared library [default: `ORT_DYLIB_PATH`, the active virtual environment's, `python3`'s]
    #[arg(long, value_name = "PATH")]
    pub ort_lib: Option<PathBuf>,
    /// Folder of CUDA's libraries and cuDNN, before those of the system and of NVIDIA's wheels; for `ort-cuda`.
    /// Can be given several times
    #[arg(long, value_name = "DIR")]
    pub cuda_lib: Vec<PathBuf>,
}

impl Libraries {
    /// Where libraries are looked for.
    pub fn places(&self) -> Places {
        Places {
            cuda: self.cuda_lib.clone(),
            ..Places::from_environment(self.ort_lib.clone())
        }
    }

    /// Refuses a library for which no runtime was asked; `runtimes` are those of `--runtime`, none if it was not given.
    ///
    /// # Errors
    /// If a flag would be ignored.
    pub fn check(&self, runtimes: &[RuntimeName]) -> Result<(), Failure> {
        if self.ort_lib.is_some()
            && !runtimes.is_empty()
            && !runtimes.iter().any(|runtime| runtime.is_onnx_runtime())
        {
            return Err(Failure::bad_input(
                "`--ort-lib` is given, but `--runtime` names neither `ort-cpu` nor `ort-cuda`",
            )
            .hint("add `ort-cpu` to `--runtime`, or leave `--ort-lib` out"));
        }
        if !self.cuda_lib.is_empty() && !runtimes.contains(&RuntimeName::OrtCuda) {
            return Err(Failure::bad_input(
                "`--cuda-lib` is given, but `--runtime` does not name `ort-cuda`",
            )
            .hint("add `ort-cuda` to `--runtime`, or leave `--cuda-lib` out"));
        }
        Ok(())
    }
}
