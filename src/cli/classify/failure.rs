//! What to do about a file that cannot classify pictures, and the exit status.

use crate::cli::exit::{Failure, Status};
use crate::cli::text;
use efficientnet_onnx::classify::{ClassifierError, NoPreprocessing, ToldPart, Unfit};
use efficientnet_onnx::network::Output;

/// What to do about a file without class activation maps, or with nothing beside them.
pub const WITH_MAPS: &str = "emit the model again with `--outputs logits,cam`";

impl From<ClassifierError> for Failure {
    fn from(error: ClassifierError) -> Self {
        let failure = Self::bad_input(&error);
        match error {
            ClassifierError::File(_) => failure,
            ClassifierError::Preprocessing(error) => error.into(),
            ClassifierError::NoPreprocessing {
                reason, missing, ..
            } => failure.hint(hint_for(reason, &missing)),
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
                Unfit::NormalOfBytes => failure.hint("tell no mean and no standard deviation"),
                _ => failure,
            },
        }
    }
}

/// The flag that tells something.
pub fn flag(part: ToldPart) -> &'static str {
    match part {
        ToldPart::Mean => "--mean",
        ToldPart::Std => "--std",
        ToldPart::Size => "--size",
        ToldPart::Activation => "--activation",
    }
}

/// What to do about a file that does not say how pictures are prepared.
fn hint_for(reason: NoPreprocessing, missing: &[ToldPart]) -> String {
    let flags: Vec<&str> = missing.iter().map(|part| flag(*part)).collect();
    let flags = flags.join("`, `");
    match reason {
        NoPreprocessing::Channels(channels) => format!(
            "its input has {}, and only pictures of 3 can be prepared: run it by a program of your own",
            text::counted(channels, "channel")
        ),
        NoPreprocessing::Custom | NoPreprocessing::NotRecorded => {
            format!("tell it with `{flags}`")
        }
    }
}
