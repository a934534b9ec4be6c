//! Programs that run an ONNX file: one small interface, one file for each foreign library.
//!
//! A [`Runtime`] is given the path of the user's own file and f32 tensors, and gives f32 tensors
//! back. Nothing here knows EfficientNet, tolerances or processes. What a library needs before it may
//! be used (a shared library, an environment) is settled by [`open`], so that everything which can be
//! missing is one error, [`RuntimeError::Unavailable`].

pub mod discover;
#[cfg(feature = "ort")]
mod ort;
pub mod outcome;
#[cfg(feature = "tract")]
mod tract;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The variable that turns ONNX Runtime's telemetry off when it is set to `1` before its library is
/// loaded. Official Linux builds from 1.29.0 on have it on (microsoft/onnxruntime pull request 27379),
/// and no call of its interface prevents the files that it writes. Whoever starts a process that will
/// open [`RuntimeName::OrtCpu`] sets this.
pub const TELEMETRY_OPT_OUT: &str = "ORT_DISABLE_TELEMETRY";

/// The runtimes that this program knows, whether or not it was built with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuntimeName {
    /// tract, in pure Rust, built in.
    Tract,
    /// ONNX Runtime with its CPU execution provider, from a shared library.
    OrtCpu,
}

impl RuntimeName {
    /// Every runtime, in the order in which they run when none is named.
    pub const ALL: [Self; 2] = [Self::Tract, Self::OrtCpu];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tract => "tract",
            Self::OrtCpu => "ort-cpu",
        }
    }

    /// The cargo feature that builds it.
    #[must_use]
    pub fn feature(self) -> &'static str {
        match self {
            Self::Tract => "tract",
            Self::OrtCpu => "ort",
        }
    }

    /// Whether this program was built with it.
    #[must_use]
    pub fn is_built(self) -> bool {
        match self {
            Self::Tract => cfg!(feature = "tract"),
            Self::OrtCpu => cfg!(feature = "ort"),
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

/// An f32 tensor with the name of the graph input or output that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Name in the graph.
    pub name: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements in row-major order, as many as the shape says.
    pub data: Vec<f32>,
}

/// What a runtime is opened with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The shared library, where the runtime is one. Must be absolute.
    pub library: Option<PathBuf>,
    /// Threads within one operation; by default what the runtime chooses. tract uses one.
    pub threads: Option<usize>,
}

/// A library that runs ONNX files, ready to be used.
pub trait Runtime: Send + Sync {
    /// The version of the library.
    fn version(&self) -> String;

    /// Reads the file, and the external data beside it.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library does not take the file.
    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError>;
}

/// A loaded file.
pub trait Session {
    /// Does the work that is needed once for inputs of these shapes, such as optimising for them.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library does not take the shapes.
    fn prepare(&mut self, inputs: &[NamedTensor]) -> Result<(), RuntimeError>;

    /// Computes every output of the graph, in the graph's order. Prepares first where that was not done.
    ///
    /// # Errors
    /// [`RuntimeError::Refused`] if the library fails; [`RuntimeError::ElementType`] if an output is not f32.
    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError>;
}

/// Why a runtime has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// It cannot be used here, whatever the file is.
    #[error("{reason}")]
    Unavailable {
        /// What is missing, too old or broken.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// It does not take the file or failed to run it, in its own words.
    #[error("{step}: {message}")]
    Refused {
        /// What was being done, such as `loading the file`.
        step: &'static str,
        /// The library's message.
        message: String,
    },
    /// An output has another element type than f32.
    #[error("output `{output}` has element type {found}, expected f32")]
    ElementType {
        /// Name of the output.
        output: String,
        /// The element type that came.
        found: String,
    },
}

/// Opens a runtime.
///
/// For [`RuntimeName::OrtCpu`] this loads the library of `options`; a process can do that once, with one library.
///
/// # Errors
/// [`RuntimeError::Unavailable`] if it was not built in, or its library is not given, missing, too old or broken.
pub fn open(name: RuntimeName, options: &Options) -> Result<Box<dyn Runtime>, RuntimeError> {
    #[cfg(not(feature = "ort"))]
    let _ = options;
    match name {
        #[cfg(feature = "tract")]
        RuntimeName::Tract => Ok(Box::new(tract::Tract)),
        #[cfg(feature = "ort")]
        RuntimeName::OrtCpu => Ok(Box::new(ort::Ort::open(options)?)),
        #[cfg(not(all(feature = "tract", feature = "ort")))]
        _ => Err(not_built(name)),
    }
}

/// The answer for a runtime that is known but was left out of this build.
#[must_use]
pub fn not_built(name: RuntimeName) -> RuntimeError {
    RuntimeError::Unavailable {
        reason: format!(
            "this program was built without feature `{}`",
            name.feature()
        ),
        hint: Some(format!("build it with `--features {}`", name.feature())),
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
            Err("there is no runtime `onnx`, only `tract`, `ort-cpu`".to_owned())
        );
    }

    #[test]
    fn a_runtime_that_was_left_out_says_so() {
        for name in RuntimeName::ALL {
            let expected = format!(
                "this program was built without feature `{}`",
                name.feature()
            );
            assert_eq!(not_built(name).to_string(), expected);
            let opened = open(name, &Options::default()).err();
            assert_eq!(
                opened == Some(not_built(name)),
                !name.is_built(),
                "{opened:?}"
            );
        }
    }
}
