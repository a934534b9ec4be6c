//! What a write that failed means to the person who asked for it.

use super::exit::{Failure, Status};
use super::print;
use efficientnet_onnx::onnx::model::output::OutputError;
use efficientnet_onnx::tensor::StreamError;
use std::path::Path;

/// The output cannot be opened or completed.
pub fn output(error: &OutputError) -> Failure {
    let failure = Failure::bad_input(error);
    if error.is_exists() {
        return failure.hint("`--force` replaces it");
    }
    failure
}

/// A tensor did not arrive at `path`; `-` is standard output, whose reader may leave.
pub fn stream(error: &StreamError, path: &Path) -> Failure {
    match error {
        StreamError::Cancelled => Failure {
            status: Status::Interrupted,
            message: "interrupted".into(),
            hint: None,
        },
        StreamError::Source(error) => Failure::bad_input(error),
        StreamError::Write(error) if path.as_os_str() == "-" => print::failure(error),
        StreamError::Write(error) => {
            Failure::bad_input(format!("cannot write `{}`: {error}", path.display()))
        }
    }
}
