//! What `doctor` found. Its JSON form is an interface, with [`SCHEMA`] as its version; the README documents it.

use super::processor::Processor;
use efficientnet_onnx::runtime::cuda::{Cuda, Part};
use serde::Serialize;

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub version: &'static str,
    /// What the runtimes compute on.
    pub processor: Processor,
    /// Each runtime, in the order of `verify`.
    pub runtimes: Vec<Runtime>,
    /// Each library of ONNX Runtime, in the order in which `verify` tries them.
    pub libraries: Vec<Library>,
    /// Where libraries were looked for.
    pub searched: Vec<Place>,
}

/// Whether a runtime can be used.
#[derive(Debug, Serialize)]
pub struct Runtime {
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether this program was built with it.
    pub built: bool,
    /// Whether it can run a file now.
    pub usable: bool,
    /// The version of its library.
    pub version: Option<String>,
    /// Path of its library, where it has one.
    pub library: Option<String>,
    /// What is missing.
    pub missing: Vec<Lack>,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// Which part of CUDA, where it is one.
    pub part: Option<Part>,
    /// What, and how that was noticed.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A library of ONNX Runtime.
#[derive(Debug, Serialize)]
pub struct Library {
    /// Its absolute path.
    pub path: String,
    /// How it was found.
    pub origin: &'static str,
    /// What to do where it was asked for and cannot be used.
    #[serde(skip)]
    pub hint: Option<String>,
    /// Its version, if it could be loaded.
    pub version: Option<String>,
    /// Why it cannot be used.
    pub error: Option<String>,
    /// The execution providers that it has, by its own files; none if it could not be loaded.
    pub providers: Vec<String>,
    /// What it has and lacks for CUDA; none if it could not be loaded.
    pub cuda: Option<Cuda>,
}

/// A place in which libraries were looked for.
#[derive(Debug, Serialize)]
pub struct Place {
    /// The flag, the variable or the program that names it.
    pub name: &'static str,
    /// What it names; none if it is not set.
    pub value: Option<String>,
}
