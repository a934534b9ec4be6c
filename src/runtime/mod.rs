//! Programs that run an ONNX file: one small interface, one file for each foreign library.
//!
//! A [`Runtime`] is given the path of the user's own file and tensors, and gives tensors back. Nothing here knows
//! EfficientNet or tolerances. What a library needs before it may be used (a shared library, an environment) is settled by
//! [`open`], so that everything which can be missing is one error, [`RuntimeError::Unavailable`]. [`process`] finds these
//! libraries and runs files under supervision.

pub mod cuda;
pub mod device;
pub mod discover;
pub mod hint;
#[cfg(feature = "ort")]
mod ort;
pub mod outcome;
pub mod placement;
pub mod process;
mod reference;
pub mod refusal;
pub mod rounding;
#[cfg(feature = "tract")]
mod tract;

use crate::files::foreign::Foreign;
use crate::tensor::NamedTensor;
use cuda::Cuda;
use device::Device;
use hint::Hint;
use placement::Placement;
use rounding::Rounding;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The variable that turns ONNX Runtime's telemetry off when it is set to `1` before its library is
/// loaded. Official Linux builds from 1.29.0 on have it on (microsoft/onnxruntime pull request 27379),
/// and no call of its interface prevents the files that it writes. Whoever starts a process that will
/// open [`RuntimeName::OrtCpu`] or [`RuntimeName::OrtCuda`] sets this.
pub const TELEMETRY_OPT_OUT: &str = "ORT_DISABLE_TELEMETRY";

/// The runtimes that this program knows, whether or not it was built with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeName {
    /// This project's own interpreter: slow, in f64, and independent of what writes the files.
    Reference,
    /// tract, in pure Rust, built in.
    Tract,
    /// ONNX Runtime with its CPU execution provider, from a shared library.
    OrtCpu,
    /// ONNX Runtime with its CUDA execution provider, and nothing on the CPU.
    OrtCuda,
}

impl RuntimeName {
    /// Every runtime, in the order in which they run.
    pub const ALL: [Self; 4] = [Self::Reference, Self::Tract, Self::OrtCpu, Self::OrtCuda];

    /// Whether it comes as a shared library of ONNX Runtime.
    #[must_use]
    pub fn is_onnx_runtime(self) -> bool {
        matches!(self, Self::OrtCpu | Self::OrtCuda)
    }

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Tract => "tract",
            Self::OrtCpu => "ort-cpu",
            Self::OrtCuda => "ort-cuda",
        }
    }

    /// The cargo feature that builds it; none if it is always built.
    #[must_use]
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Self::Reference => None,
            Self::Tract => Some("tract"),
            Self::OrtCpu | Self::OrtCuda => Some("ort"),
        }
    }

    /// Whether this program was built with it.
    #[must_use]
    pub fn is_built(self) -> bool {
        match self {
            Self::Reference => true,
            Self::Tract => cfg!(feature = "tract"),
            Self::OrtCpu | Self::OrtCuda => cfg!(feature = "ort"),
        }
    }
}

impl fmt::Display for RuntimeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuntimeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(|name| format!("`{name}`")).join(", ");
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| format!("there is no runtime `{text}`, only {known}"))
    }
}

/// What a runtime is opened with.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The shared library, where the runtime is one. Must be absolute.
    pub library: Option<PathBuf>,
    /// Threads within one operation; by default what the runtime chooses. tract uses one.
    pub threads: Option<usize>,
    /// Outputs that are not returned, by name. What only they need is not computed where the runtime can skip it.
    pub leave_out: Vec<String>,
}

/// A library that runs ONNX files, ready to be used.
pub trait Runtime: Send + Sync {
    /// The version of the library.
    fn version(&self) -> String;

    /// The device on which it runs files, and what that stands on; none on the CPU.
    fn device(&self) -> Option<Device> {
        None
    }

    /// Reads the file, and the external data beside it.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library does not take the file, [`RuntimeError::Unavailable`] if the device
    /// cannot be used, [`RuntimeError::Elsewhere`] if it would run some of the file where it was not to.
    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError>;

    /// The same file with the factors of f32 products rounded to TF32 (10 bits after the point); none where there is
    /// no such mode.
    fn load_tf32(&self, model: &Path) -> Option<Result<Box<dyn Session>, RuntimeError>> {
        let _ = model;
        None
    }
}

/// A loaded file.
pub trait Session {
    /// Does the work that is needed once for inputs of these shapes, such as optimising for them.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library does not take the shapes.
    fn prepare(&mut self, inputs: &[NamedTensor]) -> Result<(), RuntimeError>;

    /// Computes every output of the graph that is not left out, in the graph's order. Prepares first where that was not
    /// done.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library fails; [`RuntimeError::ElementType`] if an output is of none of the
    /// types that [`NamedTensor::holds`].
    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError>;

    /// Computes the outputs as [`run`](Self::run) does, once for each rounding, and tells each set as it is done.
    ///
    /// # Errors
    /// [`RuntimeError::Lacks`] of a runtime that cannot round; as [`run`](Self::run); if a rounding names a value that the
    /// graph does not have.
    fn run_rounded(
        &mut self,
        inputs: &[NamedTensor],
        roundings: &[Rounding],
        tell: &mut dyn FnMut(Vec<NamedTensor>),
    ) -> Result<(), RuntimeError> {
        let _ = (inputs, roundings, tell);
        Err(RuntimeError::Lacks {
            step: "running the file",
            message: "only the reference rounds values".to_owned(),
        })
    }

    /// Where the nodes are, if there is something new to tell: after loading, and again after the first run. Always
    /// none of a runtime that has no choice.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library does not say.
    fn placement(&mut self) -> Result<Option<Placement>, RuntimeError> {
        Ok(None)
    }
}

/// Why a runtime has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// It cannot be used here, whatever the file is.
    #[error("{reason}", reason = reason.shown())]
    Unavailable {
        /// What is missing, too old or broken.
        reason: String,
        /// What to do about it.
        hints: Vec<Hint>,
    },
    /// It does not take the file or failed to run it, in its own words.
    #[error("{step}: {message}", message = message.shown())]
    Refused {
        /// What was being done, such as `loading the file`.
        step: &'static str,
        /// The library's message.
        message: String,
    },
    /// It lacks something that the file needs, such as an operator. This says nothing of the file.
    #[error("{step}: {message}", message = message.shown())]
    Lacks {
        /// What was being done.
        step: &'static str,
        /// What is lacking.
        message: String,
    },
    /// What it was given or gave does not fit the memory of its process.
    #[error("{step}: {message}", message = message.shown())]
    NoMemory {
        /// What was being done.
        step: &'static str,
        /// What it needs, and the limit.
        message: String,
    },
    /// It would run some of the file, or did, where it was not to.
    #[error("{0}")]
    Elsewhere(Box<Placement>),
    /// An output has an element type that is not known here.
    #[error("output `{output}` has element type {found}, expected a number or a bool", output = output.shown(), found = found.shown())]
    ElementType {
        /// Name of the output.
        output: String,
        /// The element type that came.
        found: String,
    },
}

/// Opens a runtime.
///
/// For [`RuntimeName::OrtCpu`] and [`RuntimeName::OrtCuda`] this loads the library of `options`; a process can do that once,
/// with one library.
///
/// # Errors
/// [`RuntimeError::Unavailable`] if it was not built in, or its library is not given, missing, too old or broken.
pub fn open(name: RuntimeName, options: &OpenOptions) -> Result<Box<dyn Runtime>, RuntimeError> {
    match name {
        RuntimeName::Reference => Ok(Box::new(reference::Reference {
            leave_out: options.leave_out.clone(),
        })),
        #[cfg(feature = "tract")]
        RuntimeName::Tract => Ok(Box::new(tract::Tract {
            leave_out: options.leave_out.clone(),
        })),
        #[cfg(feature = "ort")]
        RuntimeName::OrtCpu => Ok(Box::new(ort::Ort::open(options)?)),
        #[cfg(feature = "ort")]
        RuntimeName::OrtCuda => Ok(Box::new(ort::Ort::open_cuda(options)?)),
        #[cfg(not(all(feature = "tract", feature = "ort")))]
        _ => Err(not_built(name)),
    }
}

/// What can be told of a library of ONNX Runtime without a file to run: its version, and what it has and lacks for CUDA.
///
/// This loads the library, and those of CUDA; a process can do that once, with one library.
///
/// # Errors
/// [`RuntimeError::Unavailable`] if this was built without ONNX Runtime, or the library is missing, too old or broken.
pub fn probe(library: &Path) -> Result<(String, Cuda), RuntimeError> {
    #[cfg(feature = "ort")]
    return ort::probe(library);
    #[cfg(not(feature = "ort"))]
    {
        let _ = library;
        Err(not_built(RuntimeName::OrtCpu))
    }
}

/// What is too large for the memory limit, in a step.
#[cfg(any(feature = "tract", feature = "ort"))]
fn no_memory(step: &'static str, error: &crate::memory::NoMemory) -> RuntimeError {
    RuntimeError::NoMemory {
        step,
        message: error.to_string(),
    }
}

/// The answer for a runtime that is known but was left out of this build.
#[must_use]
pub fn not_built(name: RuntimeName) -> RuntimeError {
    let feature = name.feature().unwrap_or("default");
    RuntimeError::Unavailable {
        reason: format!("this program was built without feature `{feature}`"),
        hints: vec![Hint::Feature(feature.to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_refused_with_the_list() {
        for name in RuntimeName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        let refused = "onnx".parse::<RuntimeName>();
        assert_eq!(
            refused,
            Err(
                "there is no runtime `onnx`, only `reference`, `tract`, `ort-cpu`, `ort-cuda`"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_runtime_that_was_left_out_says_so() {
        for name in [RuntimeName::Tract, RuntimeName::OrtCpu] {
            let feature = name.feature().expect("it is optional");
            let expected = format!("this program was built without feature `{feature}`");
            assert_eq!(not_built(name).to_string(), expected);
            let opened = open(name, &OpenOptions::default()).err();
            assert_eq!(
                opened == Some(not_built(name)),
                !name.is_built(),
                "{opened:?}"
            );
        }
    }
}
