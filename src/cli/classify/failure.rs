//! What to do about a file that cannot classify pictures, and the exit status.

use crate::cli::exit::{Failure, Status};
use crate::cli::text;
use efficientnet_onnx::classify::{ClassifierError, NoPreprocessing, Unfit};
use efficientnet_onnx::network::Output;

/// What to do about a file without class activation maps, or with nothing beside them.
pub const WITH_MAPS: &str = "emit the model again with `--outputs logits,cam`";

impl From<ClassifierError> for Failure {
    fn from(error: ClassifierError) -> Self {
        let failure = Self::bad_input(&error);
        match error {
            ClassifierError::File(_) => failure,
            ClassifierError::Preprocessing(error) => error.into(),
            ClassifierError::NoPreprocessing { reason, .. } => failure.hint(without(reason)),
            ClassifierError::Broken(_) => Self {
                status: Status::Disagrees,
                ..failure.hint("`verify` lists everything that is wrong with it")
            },
            ClassifierError::Unfit { reason, .. } => match reason {
                Unfit::Size(_) => failure.hint(text::OTHER_SIZE),
                Unfit::NoOutput { found }
                    if found.iter().any(|name| name == Output::Cam.name()) =>
                {
                    failure.hint(WITH_MAPS)
                }
                Unfit::NoOutput { .. } | Unfit::Output { .. } => {
                    failure.hint("emit the model again with `--outputs logits`")
                }
                _ => failure,
            },
        }
    }
}

/// What to do about a file that does not say how pictures are prepared.
fn without(reason: NoPreprocessing) -> String {
    match reason {
        NoPreprocessing::Channels(channels) => format!(
            "its input has {}, and only pictures of 3 can be prepared: run it by a program of your own",
            text::counted(channels, "channel")
        ),
        NoPreprocessing::Custom => {
            "a custom network has no known preparation: run it by a program of your own".to_owned()
        }
        NoPreprocessing::NotRecorded => {
            "emit it again with this program, which says it of published networks".to_owned()
        }
    }
}
