//! From a picture's file to a graph's input. Knows image formats and pixels; knows nothing of models or runtimes.

mod decode;
mod prepare;
mod resize;

pub use prepare::check;

use crate::cli::exit::Failure;
use efficientnet_onnx::metadata::Preprocessing;
use std::path::Path;

/// The picture in the file `path` as one row of a batch: `3 × H × W` values, channel by channel.
///
/// # Errors
///
/// If the file cannot be read, is not a whole JPEG or PNG picture, or is too large to decode safely.
pub fn load(path: &Path, preprocessing: &Preprocessing) -> Result<Vec<f32>, Failure> {
    let picture = decode::read(path)?;
    prepare::prepare(&picture, preprocessing)
}
