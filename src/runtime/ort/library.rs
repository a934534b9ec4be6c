//! Loads ONNX Runtime's shared library, and says which version it is or why it cannot be used.
//!
//! The library is always loaded from a path that the caller chose: the crate's own search panics where nothing usable
//! is found.

use super::unavailable;
use crate::files::foreign::Foreign;
use crate::files::open_input;
use crate::runtime::RuntimeError;
use ::ort::environment::Environment;
use ::ort::{LoadDynamicError, MINOR_VERSION};
use std::path::Path;

/// Loads the library and makes the process's one environment.
///
/// # Errors
/// [`RuntimeError::Unavailable`] if the library is missing, too old or broken.
pub fn load(library: &Path) -> Result<Environment, RuntimeError> {
    // The system's own words about these two differ from one to the next.
    match std::fs::metadata(library) {
        Ok(found) if found.is_dir() => {
            return Err(unavailable(format!(
                "`{}` cannot be loaded: the folder has no library of ONNX Runtime, such as `libonnxruntime.so`",
                library.shown()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(unavailable(format!(
                "`{}` cannot be loaded: there is no such file",
                library.shown()
            )));
        }
        _ => {}
    }
    let cannot = |error| {
        let library = library.shown();
        unavailable(format!("`{library}` cannot be loaded: {error}"))
    };
    open_input(library).map_err(cannot)?;
    let builder =
        ::ort::init_from(library).map_err(|error| unavailable(explain(&error, library)))?;
    builder
        .with_name("efficientnet-onnx")
        .with_telemetry(false)
        .build()
        .map_err(|error| {
            unavailable(format!(
                "`{}` cannot be initialised: {error}",
                library.shown()
            ))
        })
}

/// The version in the library's real file name, as in `libonnxruntime.so.1.32.0`; else the commit it was built
/// from. The crate does not pass on what the library calls itself.
pub fn version(library: &Path) -> String {
    let file = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let numbers: Vec<&str> = name
        .split('.')
        .filter(|part| part.parse::<u32>().is_ok())
        .collect();
    if numbers.len() >= 2 {
        return numbers.join(".");
    }
    let mut words =
        ::ort::info().split(|character: char| character == ',' || character.is_whitespace());
    let commit = words.find_map(|word| word.strip_prefix("git-commit-id="));
    commit.map_or_else(|| "unknown".to_owned(), |commit| format!("commit {commit}"))
}

fn explain(error: &LoadDynamicError, library: &Path) -> String {
    let library = library.shown();
    match error {
        LoadDynamicError::Dlopen { error, .. } => {
            let reason = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            format!("`{library}` cannot be loaded: {reason}")
        }
        LoadDynamicError::MissingApi { .. } => {
            format!("`{library}` is not ONNX Runtime: it has no `OrtGetApiBase`")
        }
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!(
                "`{library}` is ONNX Runtime {version_str}, expected 1.{MINOR_VERSION} or newer"
            )
        }
        LoadDynamicError::InvalidVersionString => format!("`{library}` does not tell its version"),
    }
}
