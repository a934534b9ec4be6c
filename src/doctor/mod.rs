//! Examines what is installed: runtimes, libraries of ONNX Runtime, the processor, the GPU, and what is missing.
//!
//! [`examine`] needs nothing to be there and never fails for want of it. Libraries are loaded in worker processes where
//! the [`Host`] has a program for them, so that a broken one ends only its worker.
//!
//! ```
//! use efficientnet_onnx::doctor;
//! use efficientnet_onnx::runtime::RuntimeName;
//! use efficientnet_onnx::runtime::discover::Places;
//! use efficientnet_onnx::runtime::process::Host;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let here = doctor::examine(&Host::in_this_process(Places::default()))?;
//! let usable = |name| here.runtimes.iter().any(|runtime| runtime.name == name && runtime.is_usable());
//! assert!(usable(RuntimeName::Reference), "it is always built");
//! assert!(!usable(RuntimeName::OrtCpu), "no library was looked for");
//! # Ok(())
//! # }
//! ```

mod processor;

use crate::runtime::cuda::{CudaPart, Missing};
use crate::runtime::discover::OrtLibrary;
use crate::runtime::process::{Host, LibraryContents, LookError, ProcessError};
use crate::runtime::{OpenOptions, RuntimeError, RuntimeName, not_built, open};
pub use processor::Processor;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is installed here.
#[derive(Debug)]
pub struct Installation {
    /// What runtimes compute on.
    pub processor: Processor,
    /// Every runtime, in the order of [`RuntimeName::ALL`].
    pub runtimes: Vec<RuntimeState>,
    /// Every library of ONNX Runtime, in the order in which they are tried.
    pub libraries: Vec<LibraryState>,
}

/// Whether a runtime can be used.
#[derive(Debug)]
pub struct RuntimeState {
    /// The runtime.
    pub name: RuntimeName,
    /// The version of its library.
    pub version: Option<String>,
    /// Path of its library, where it has one.
    pub library: Option<PathBuf>,
    /// What is missing.
    pub missing: Vec<Lack>,
}

impl RuntimeState {
    /// Whether it can run a file now. Files without convolutions run without cuDNN.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let cudnn =
            |lack: &Lack| matches!(lack, Lack::Cuda(missing) if missing.part == CudaPart::Cudnn);
        self.missing.iter().all(cudnn)
    }
}

/// A library of ONNX Runtime.
#[derive(Debug)]
pub struct LibraryState {
    /// Where it is, and how it was found.
    pub library: OrtLibrary,
    /// What it has and lacks, or why it cannot be used.
    pub contents: Result<LibraryContents, LookError>,
    /// The execution providers that it has, by its own files; none if it cannot be used.
    pub providers: Vec<String>,
}

/// Something that a runtime needs and that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The runtime, by its own words; that it was not built is one of them.
    Runtime(RuntimeError),
    /// No library of ONNX Runtime was found.
    NoLibrary,
    /// The library that was asked for cannot be used.
    AskedLibrary(OrtLibrary),
    /// None of the libraries that were found can be used.
    NoUsableLibrary,
    /// A part of CUDA.
    Cuda(Missing),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(error) => error.fmt(f),
            Self::NoLibrary => f.write_str("no ONNX Runtime library was found"),
            Self::AskedLibrary(library) => {
                write!(
                    f,
                    "the library that {} names cannot be used",
                    library.origin
                )
            }
            Self::NoUsableLibrary => f.write_str("none of the ONNX Runtime libraries can be used"),
            Self::Cuda(missing) => f.write_str(&missing.reason),
        }
    }
}

/// Looks at the processor, at every runtime, and at every library that is found in the places of the host.
///
/// # Errors
/// If it is interrupted, there is no room for a worker's temporary files, or a folder of CUDA libraries has a name that a
/// search path cannot have.
pub fn examine(host: &Host) -> Result<Installation, ProcessError> {
    let mut libraries = Vec::new();
    if RuntimeName::OrtCpu.is_built() {
        for library in host.places.libraries() {
            let contents = host.look_at(&library)?;
            // What cannot be loaded provides nothing, whatever lies beside it.
            let providers = match contents {
                Ok(_) => providers_beside(&library.path),
                Err(_) => Vec::new(),
            };
            libraries.push(LibraryState {
                library,
                contents,
                providers,
            });
        }
    }
    let runtimes = RuntimeName::ALL.map(|name| state(name, &libraries));
    Ok(Installation {
        processor: Processor::here(),
        runtimes: runtimes.into(),
        libraries,
    })
}

fn state(name: RuntimeName, libraries: &[LibraryState]) -> RuntimeState {
    let mut state = RuntimeState {
        name,
        version: None,
        library: None,
        missing: Vec::new(),
    };
    if !name.is_built() {
        state.missing.push(Lack::Runtime(not_built(name)));
    } else if name.is_onnx_runtime() {
        choose_library(&mut state, libraries);
    } else {
        match open(name, &OpenOptions::default()) {
            Ok(opened) => state.version = Some(opened.version()),
            Err(error) => state.missing.push(Lack::Runtime(error)),
        }
    }
    state
}

/// Chooses a library as a run does: the first that loads, and for CUDA before it the first that has a provider.
fn choose_library(state: &mut RuntimeState, libraries: &[LibraryState]) {
    let is_cuda = state.name == RuntimeName::OrtCuda;
    let loaded = || {
        let libraries = libraries.iter();
        libraries.filter_map(|library| Some((library, library.contents.as_ref().ok()?)))
    };
    let chosen = loaded().find(|(_, contents)| !is_cuda || contents.cuda.provider.is_some());
    if let Some((library, contents)) = chosen.or_else(|| loaded().next()) {
        state.version = Some(contents.version.clone());
        state.library = Some(library.library.path.clone());
        if is_cuda {
            let missing = contents.cuda.missing.iter().cloned();
            state.missing = missing.map(Lack::Cuda).collect();
        }
        return;
    }
    state.missing.push(match libraries {
        [] => Lack::NoLibrary,
        [state] if state.library.asked => Lack::AskedLibrary(state.library.clone()),
        _ => Lack::NoUsableLibrary,
    });
}

/// Every build has the CPU; others are in `libonnxruntime_providers_NAME.so`.
fn providers_beside(library: &Path) -> Vec<String> {
    let real = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
    let entries = real
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    let mut providers: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_prefix("libonnxruntime_providers_")?;
            Some(name.split('.').next()?.to_owned())
        })
        .filter(|name| name != "shared")
        .collect();
    providers.sort();
    providers.insert(0, "cpu".to_owned());
    providers
}
