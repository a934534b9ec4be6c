//! Looks at a library of ONNX Runtime without a file to run.

use super::protocol::{Job, read_contents};
use super::supervise::supervise;
use super::{Host, LibraryContents, LookError, ProcessError, SEARCH_PATH};
use crate::runtime::discover::OrtLibrary;
use crate::runtime::probe;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long a worker may take to load a library.
const LIMIT: Duration = Duration::from_mins(1);

impl Host {
    /// Loads a library of ONNX Runtime, and tells its version and what it has and lacks for CUDA.
    ///
    /// # Errors
    /// If it is interrupted, there is no room for temporary files, or a folder of CUDA libraries has a name that a search
    /// path cannot have. That the library cannot be used is a result.
    pub fn look_at(
        &self,
        library: &OrtLibrary,
    ) -> Result<Result<LibraryContents, LookError>, ProcessError> {
        let Some(program) = &self.program else {
            return Ok(contents(&library.path).map_err(LookError::Unusable));
        };
        let mut command = program.command();
        command.env(SEARCH_PATH, self.search_path(library)?);
        look_in(command, &library.path, LIMIT, &self.interrupted)
    }
}

/// Loads a library in a worker.
///
/// # Errors
/// As [`supervise`].
pub fn look_in(
    command: Command,
    library: &Path,
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<Result<LibraryContents, LookError>, ProcessError> {
    let mut looked = None;
    let mut take = |contents| {
        looked = Some(contents);
        true
    };
    let job = Job::LookAt(library.to_owned());
    let ending = supervise(command, job, read_contents, limit, interrupted, &mut take)?;
    Ok(match (looked, ending) {
        (Some(looked), _) => looked.map_err(LookError::Unusable),
        (None, Some(ending)) => Err(LookError::Ended(ending)),
        (None, None) => Err(LookError::Unusable("it has no contents".to_owned())),
    })
}

/// Loads a library in this process.
pub fn contents(library: &Path) -> Result<LibraryContents, String> {
    match probe(library) {
        Ok((version, cuda)) => Ok(LibraryContents { version, cuda }),
        Err(error) => Err(error.to_string()),
    }
}
