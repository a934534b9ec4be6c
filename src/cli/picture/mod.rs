//! Loads JPEG and PNG files as inputs of a graph: `3 × H × W` values, prepared as the network's authors prepared them.
//!
//! Owns the decoding of pictures, with limits for hostile files, and resizing that matches Pillow's and TensorFlow's byte
//! for byte. Independent of models and runtimes: a [`Preprocessing`] says everything that is needed.

mod decode;
mod error;
mod prepare;
mod resize;

pub use error::{DecodeError, PictureError, PreprocessingError};
pub use prepare::input_size;

use crate::cli::exit::Failure;
use efficientnet_onnx::metadata::Preprocessing;
use std::path::Path;

/// Loads the JPEG or PNG file `path` as one row of a batch: `3 × H × W` values `(level − mean) / std`, channel by channel,
/// then row by row.
///
/// Levels are 0 to 255. The picture is turned upright as its EXIF orientation says; grey is spread over the three channels,
/// transparency is dropped, 16 bits become 8, and CMYK becomes RGB without a colour profile. Height and width are those of
/// `preprocessing`: see [`input_size`].
///
/// # Errors
///
/// If the file cannot be read or is not a whole JPEG or PNG picture; if it has more than 256 MiB, more than 2^27 pixels or
/// takes more than 512 MiB when decoded; or if this version cannot follow `preprocessing`.
pub fn load(path: &Path, preprocessing: &Preprocessing) -> Result<Vec<f32>, PictureError> {
    let picture = decode::read(path)?;
    prepare::prepare(&picture, preprocessing)
}

impl From<PictureError> for Failure {
    fn from(error: PictureError) -> Self {
        let hint = match &error {
            PictureError::Undecodable { source, .. } => match source {
                DecodeError::Format { .. } => Some("convert it to JPEG or PNG"),
                DecodeError::TooLarge => Some("scale the picture down first"),
                DecodeError::Empty | DecodeError::CutOff | DecodeError::Damaged(_) => None,
            },
            PictureError::Preprocessing(_) => Some("emit the file again with this version"),
            PictureError::Io { .. }
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
