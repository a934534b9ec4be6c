//! The program, run in a folder.

use std::path::Path;
use std::process::Command;

/// Exit status and standard error.
pub fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), message)
}

/// Standard error of a run that succeeds.
pub fn done(folder: &Path, arguments: &[&str]) -> String {
    let (status, message) = run(folder, arguments);
    assert_eq!(status, Some(0), "{arguments:?}: {message}");
    message
}

/// Standard error of a run that is refused as bad usage or bad input.
pub fn refused(folder: &Path, arguments: &[&str]) -> String {
    let (status, message) = run(folder, arguments);
    assert_eq!(status, Some(2), "{arguments:?}: {message}");
    message
}
