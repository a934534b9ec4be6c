//! What the library's errors of verification are on the command line: exit statuses, hints and flags.

use crate::cli::exit::{Failure, Status};
use crate::cli::text::OTHER_SIZE;
use efficientnet_onnx::runtime::outcome::Trouble;
use efficientnet_onnx::verify::given::GivenError;
use efficientnet_onnx::verify::plan::PlanError;
use efficientnet_onnx::verify::session::SessionError;

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let error = match error {
            SessionError::Process(error) => return error.into(),
            SessionError::Picture(error) => return error.into(),
            error => error,
        };
        let failure = Self::bad_input(&error);
        match error {
            SessionError::Plan {
                source: PlanError::SizeStep(_),
                ..
            }
            | SessionError::Given {
                source: GivenError::SizeStep(_),
                ..
            } => failure.hint(OTHER_SIZE),
            SessionError::NoPreprocessing(_) => {
                failure.hint("prepare the picture yourself and give it as .npy")
            }
            SessionError::Incomplete { .. } => failure
                .hint("leave `--test-data` out, or remove the output from the file"),
            SessionError::Pair(_) => {
                failure.hint("emit both files with the same size, batch and outputs")
            }
            SessionError::StoredWithPair => Self::bad_input(
                "two files are compared with each other, so `--expect` and `--test-data` do not apply",
            )
            .hint("leave them out, or name one file"),
            SessionError::NothingRuns { troubles, .. } => {
                let is_unavailable =
                    |trouble: &Trouble| matches!(trouble, Trouble::Unavailable { .. });
                let all = troubles.iter().all(|(_, trouble)| is_unavailable(trouble));
                let status = if all {
                    Status::Unavailable
                } else {
                    Status::Disagrees
                };
                Self { status, ..failure }
            }
            SessionError::Reference { .. } => Self {
                status: Status::Disagrees,
                ..failure
            },
            _ => failure,
        }
    }
}
