//! Looks at what is here: the files beside ONNX Runtime's library, the libraries that they need, the driver, the device.

use super::{Cuda, CudaLibrary, CudaPart, Missing, PROVIDER, elf, library};
use crate::files::foreign::Foreign;
use crate::runtime::hint::Hint;
use std::path::Path;

/// As [`PROVIDER`], the part that all providers share.
const PROVIDERS_SHARED: &str = "libonnxruntime_providers_shared.so";
/// What the provider opens by itself when it first needs cuDNN, where its library does not name it.
const CUDNN: &str = "libcudnn.so.9";

/// What to say of a run that failed for want of cuDNN.
#[must_use]
pub fn without_cudnn(message: &str) -> Missing {
    Missing {
        part: CudaPart::Cudnn,
        reason: format!("cuDNN 9, which convolutions need, cannot be used: {message}"),
        hint: Hint::CudaLibraries,
    }
}

/// Looks at the files beside ONNX Runtime's library, loads what they need and asks for versions and the device.
#[must_use]
pub fn look(ort_library: &Path) -> Cuda {
    let mut cuda = Cuda::default();
    cuda.device.tf32_override = std::env::var("NVIDIA_TF32_OVERRIDE").ok();
    let folder = std::fs::canonicalize(ort_library)
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned))
        .unwrap_or_default();
    let provider = folder.join(PROVIDER);
    if provider.is_file() {
        cuda.provider = Some(provider.clone());
    }
    for name in [PROVIDER, PROVIDERS_SHARED] {
        if !folder.join(name).is_file() {
            let reason = format!(
                "ONNX Runtime's provider library `{name}` is not in `{}`",
                folder.shown()
            );
            cuda.lacks(CudaPart::Provider, reason, Hint::OnnxRuntimeWithCuda);
        }
    }
    let mut names = match elf::needed(&provider) {
        Ok(names) => names,
        Err(error) => {
            if cuda.provider.is_some() {
                let reason = format!("`{}` cannot be read: {error}", provider.shown());
                cuda.lacks(CudaPart::Provider, reason, Hint::OnnxRuntimeWithCuda);
            }
            Vec::new()
        }
    };
    names.retain(|name| name.starts_with("libcu"));
    for name in [library::DRIVER, CUDNN] {
        if !names.iter().any(|needed| needed == name) {
            names.push(name.to_owned());
        }
    }
    for name in names {
        cuda.try_library(name);
    }
    cuda.lacks_libraries();
    cuda.missing.sort_by_key(|missing| missing.part);
    cuda
}

impl Cuda {
    fn try_library(&mut self, name: String) {
        let opened = library::open(&name);
        let mut described = CudaLibrary {
            path: None,
            error: None,
            name,
        };
        let name = &described.name;
        match opened {
            Ok(opened) => {
                described.path = library::path_of(name);
                if name == library::DRIVER {
                    if let Err(said) = library::ask_driver(opened, &mut self.device) {
                        self.lacks(
                            CudaPart::Device,
                            format!("no CUDA device can be used: {said}"),
                            Hint::Device,
                        );
                    }
                } else if name.starts_with("libcudart.") {
                    self.ask_runtime(opened);
                } else if name.starts_with("libcudnn.") {
                    library::ask_cudnn(opened, &mut self.device);
                }
            }
            Err(error) => {
                if name == library::DRIVER {
                    self.lacks(
                        CudaPart::Driver,
                        format!("NVIDIA's driver is not here: {error}"),
                        Hint::Driver,
                    );
                } else if name.starts_with("libcudnn.") {
                    self.missing.push(without_cudnn(&error));
                }
                described.error = Some(error);
            }
        }
        self.libraries.push(described);
    }

    /// The CUDA libraries that could not be loaded, as one thing that is missing.
    fn lacks_libraries(&mut self) {
        let (mut absent, mut broken) = (Vec::new(), Vec::new());
        for CudaLibrary { name, error, .. } in &self.libraries {
            let own = name != library::DRIVER && !name.starts_with("libcudnn.");
            match error {
                Some(error) if own && is_absent(name, error) => absent.push(format!("`{name}`")),
                Some(error) if own => broken.push(format!("`{name}` ({error})")),
                _ => {}
            }
        }
        for (libraries, fault) in [(absent, "are not found"), (broken, "cannot be loaded")] {
            if !libraries.is_empty() {
                let reason = format!("these CUDA libraries {fault}: {}", libraries.join(", "));
                self.lacks(CudaPart::Library, reason, Hint::CudaLibraries);
            }
        }
    }

    fn ask_runtime(&mut self, opened: &libloading::Library) {
        match library::ask_runtime(opened, &mut self.device) {
            Ok(()) => {}
            Err((true, said)) => {
                self.lacks(
                    CudaPart::Driver,
                    format!("NVIDIA's driver is too old: {said}"),
                    Hint::Driver,
                );
            }
            Err((false, said)) => {
                self.lacks(
                    CudaPart::Device,
                    format!("no CUDA device can be used: {said}"),
                    Hint::Device,
                );
            }
        }
    }

    fn lacks(&mut self, part: CudaPart, reason: String, hint: Hint) {
        self.missing.push(Missing { part, reason, hint });
    }
}

/// Whether the loader's words mean that this library, and not one that it needs, is nowhere.
fn is_absent(name: &str, error: &str) -> bool {
    error.starts_with(name) && error.ends_with("No such file or directory")
}
