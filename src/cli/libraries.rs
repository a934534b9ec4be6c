//! The flags that say where the shared libraries of a runtime are.

use super::exit::Failure;
use super::memory;
use clap::Args;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::discover::{Named, Places};
use efficientnet_onnx::runtime::hint::Hint;
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

/// What to do about a runtime that cannot be used, with the flags that help.
pub fn hint(hint: &Hint) -> String {
    let text = match hint {
        Hint::OnnxRuntime => {
            "`pip install 'onnxruntime>=1.24'`, then name its library with `--ort-lib` or activate its virtual environment"
        }
        Hint::OnnxRuntimeWithCuda => {
            "`pip install 'onnxruntime-gpu[cuda,cudnn]'` (in place of `onnxruntime`), then name its library with `--ort-lib` or activate its virtual environment"
        }
        Hint::AnotherLibrary => {
            "name another with `--ort-lib`: ONNX Runtime's library, 1.24 or newer, or the folder that it is in"
        }
        Hint::CudaLibraries => {
            "`pip install 'onnxruntime-gpu[cuda,cudnn]'` into the environment of the library, or name the folder of the CUDA libraries with `--cuda-lib`"
        }
        Hint::MemoryLimit => memory::HINT,
        Hint::Feature(feature) => return format!("build it with `--features {feature}`"),
        Hint::AnotherVariable | Hint::Driver | Hint::Device | Hint::AnotherForm => {
            return hint.to_string();
        }
    };
    text.to_owned()
}

/// The same for several in one line; none without any.
pub fn hints(hints: &[Hint]) -> Option<String> {
    let texts: Vec<String> = hints.iter().map(hint).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

impl Libraries {
    /// Where libraries are looked for.
    pub fn places(&self) -> Places {
        Places {
            cuda: self.cuda_lib.clone(),
            ..Places::from_environment(self.ort_lib.clone().map(|path| Named {
                path,
                by: "`--ort-lib`",
            }))
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
