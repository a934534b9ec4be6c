//! Runs files in runtimes: in worker processes under a time limit, or in this process.
//!
//! [`Host::run`] finds the library of a runtime, runs a file with each set of inputs and gives a [`Run`]. Whatever a
//! runtime does in a worker (crash, hang, run out of memory, write nonsense) is the [`Outcome`] of that run and never an
//! error of this process. Without a worker's program the runtime runs in this process: then a crash ends this process, and
//! one library of ONNX Runtime can be used.
//!
//! ```
//! use efficientnet_onnx::runtime::RuntimeName;
//! use efficientnet_onnx::runtime::discover::Places;
//! use efficientnet_onnx::runtime::process::{Host, RunOptions};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::in_this_process(Places::from_environment(None));
//! let options = RunOptions::new(RuntimeName::Reference, "missing.onnx");
//! let run = host.run(&options, &[], Duration::from_secs(60))?;
//! let trouble = run.outcome.trouble.ok_or("there is no such file")?;
//! assert!(trouble.to_string().starts_with("loading the file: "));
//! # Ok(())
//! # }
//! ```
//!
//! A worker is any program that calls [`serve`] when it is started with the arguments of its [`Program`].

mod ending;
mod event;
mod found;
mod look;
mod perform;
mod protocol;
mod running;
mod serve;
mod supervise;
#[cfg(all(test, unix))]
mod tests;
mod timing;
mod wire;

use super::cuda::Cuda;
use super::discover::{OrtLibrary, Places};
use super::outcome::Outcome;
use super::rounding::Rounding;
use super::{OpenOptions, RuntimeName};
use crate::files::foreign::{Foreign, said};
use crate::memory::NoMemory;
use crate::onnx::file::plain::{Change, PlainError};
pub use ending::Ending;
pub use running::end_workers;
use serde::{Deserialize, Serialize};
pub use serve::serve;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{fmt, io};

/// The variable with the search path of the system's loader.
const SEARCH_PATH: &str = "LD_LIBRARY_PATH";

/// The program of a worker: one that calls [`serve`] when it is started with these arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// Its arguments, such as the name of a hidden subcommand.
    pub arguments: Vec<OsString>,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        command
    }
}

/// Where runtimes run, and where their libraries are looked for.
#[derive(Clone, Debug)]
pub struct Host {
    /// Where the libraries of runtimes are looked for.
    pub places: Places,
    /// The program of the workers; without one, runtimes run in this process.
    pub program: Option<Program>,
    /// Set to end the worker that runs and return [`ProcessError::Interrupted`]. A run in this process goes on to its end.
    pub interrupted: Arc<AtomicBool>,
}

impl Host {
    /// Runs runtimes in this process: a crash ends it, and no time limit applies.
    ///
    /// ONNX Runtime reports its usage unless [`TELEMETRY_OPT_OUT`](super::TELEMETRY_OPT_OUT) is `1` in the environment of
    /// this process. Workers always have that.
    #[must_use]
    pub fn in_this_process(places: Places) -> Self {
        Self {
            places,
            program: None,
            interrupted: Arc::default(),
        }
    }

    /// Gives each run a worker process.
    #[must_use]
    pub fn in_workers(places: Places, program: Program) -> Self {
        Self {
            program: Some(program),
            ..Self::in_this_process(places)
        }
    }

    /// The search path of a worker that is to use this library with CUDA.
    fn search_path(&self, library: &OrtLibrary) -> Result<OsString, std::env::JoinPathsError> {
        let inherited = std::env::var_os(SEARCH_PATH);
        self.places.cuda_search_path(&library.path, inherited)
    }
}

/// What is run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// The runtime.
    pub runtime: RuntimeName,
    /// The file.
    pub file: PathBuf,
    /// Threads within one operation; by default what the runtime chooses. tract uses one.
    pub threads: Option<usize>,
    /// What the reference rounds: each case is computed once for each of these. By default once, without rounding.
    pub roundings: Vec<Rounding>,
    /// What is computed; by default every case once.
    pub mode: Mode,
    /// Outputs that are not wanted, by name.
    pub leave_out: Vec<String>,
}

impl RunOptions {
    /// Runs a file in a runtime with defaults for everything else.
    #[must_use]
    pub fn new(runtime: RuntimeName, file: impl Into<PathBuf>) -> Self {
        Self {
            runtime,
            file: file.into(),
            threads: None,
            roundings: Vec::new(),
            mode: Mode::default(),
            leave_out: Vec::new(),
        }
    }

    /// What the runtime is opened with.
    fn opened_with(&self, library: Option<&Path>) -> OpenOptions {
        OpenOptions {
            library: library.map(Path::to_owned),
            threads: self.threads,
            leave_out: self.leave_out.clone(),
        }
    }
}

/// What a run computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every case once.
    #[default]
    Compute,
    /// Every case, and the first up to five times more within a second, so that its time is that of the fastest. Where the
    /// runtime has TF32, every case again with it.
    Verify,
    /// The time of so many runs of the first case, in place of its outputs.
    Time {
        /// Runs that count; three before them do not.
        runs: usize,
    },
}

/// A run: one runtime on all cases, and its outcome.
#[derive(Clone, Debug)]
pub struct Run {
    /// The runtime.
    pub runtime: RuntimeName,
    /// The library that was used, or asked for; none if the runtime has none, or none was found.
    pub library: Option<OrtLibrary>,
    /// Libraries that were found and could not be used.
    pub passed_over: Vec<PassedOver>,
    /// How the file that ran differs from the one that was given; nothing if it is that one.
    pub changes: Vec<Change>,
    /// What came of it; [`Trouble::Unavailable`](super::outcome::Trouble::Unavailable) if there is no usable library or the
    /// runtime is not built in.
    pub outcome: Outcome,
}

/// A library that was found and could not be used, so that the next was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The library.
    pub library: OrtLibrary,
    /// Why it could not be used.
    pub reason: String,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, origin) = (self.reason.shown(), self.library.origin);
        write!(f, "{reason} (found in {origin}, passed over)")
    }
}

/// What a library of ONNX Runtime is, has and lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryContents {
    /// Its version.
    pub version: String,
    /// What it has and lacks for CUDA.
    pub cuda: Cuda,
}

/// Why a library cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// It is missing, too old or broken.
    #[error("{text}", text = .0.shown())]
    Unusable(String),
    /// Loading it ended the worker, or took more than a minute.
    #[error("loading it: {0}")]
    Ended(Ending),
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// [`Host::interrupted`] was set, or Ctrl-C ended the worker.
    #[error("interrupted")]
    Interrupted,
    /// There is no room for a worker's temporary files.
    #[error("cannot write to the folder for temporary files, `{}`: {source}", folder.shown(), source = said(source))]
    TemporaryFiles {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A folder of CUDA's libraries has a name that a search path cannot have.
    #[error(transparent)]
    SearchPath(#[from] std::env::JoinPathsError),
    /// The inputs do not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// The copy of the file that the runtime needs cannot be made.
    #[error(transparent)]
    Copy(#[from] PlainError),
}
