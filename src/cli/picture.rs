//! What to do about a picture that cannot be loaded.

use super::exit::Failure;
use efficientnet_onnx::picture::{DecodeError, Orientation, PictureError, PreprocessingError};

/// Which way up pictures are taken, with or without `--ignore-exif`.
pub fn orientation(ignore_exif: bool) -> Orientation {
    if ignore_exif {
        Orientation::Stored
    } else {
        Orientation::Recorded
    }
}

impl From<PictureError> for Failure {
    fn from(error: PictureError) -> Self {
        (&error).into()
    }
}

impl From<&PictureError> for Failure {
    fn from(error: &PictureError) -> Self {
        let hint = match error {
            PictureError::Undecodable { source, .. } => match source {
                DecodeError::Format { .. } => Some("convert it to JPEG or PNG"),
                DecodeError::TooLarge => Some("scale the picture down first"),
                DecodeError::Empty
                | DecodeError::CutOff
                | DecodeError::NoData { .. }
                | DecodeError::Memory(_)
                | DecodeError::Damaged(_) => None,
            },
            PictureError::Preprocessing(_) => Some("emit the file again with this version"),
            PictureError::Io { .. }
            | PictureError::Memory(_)
            | PictureError::FileTooLarge { .. }
            | PictureError::TooThin { .. } => None,
        };
        let failure = Failure::bad_input(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<PreprocessingError> for Failure {
    fn from(error: PreprocessingError) -> Self {
        PictureError::from(error).into()
    }
}
