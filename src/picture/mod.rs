//! Loads JPEG and PNG files as inputs of a graph: `3 · H · W` values, prepared as the network's authors prepared them. Draws
//! heat maps over what was prepared, as one [`Figure`].
//!
//! Owns the decoding of pictures, with limits for hostile files, resizing that matches Pillow's and TensorFlow's byte for
//! byte, and the colours and letters of figures. Independent of models and runtimes: a [`Preprocessing`] says everything that is needed.
//!
//! ```
//! use efficientnet_onnx::architecture::Family;
//! use efficientnet_onnx::metadata::Preprocessing;
//! use efficientnet_onnx::picture;
//! use std::path::Path;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let lite = Family::by_name("lite").ok_or("lite is published")?;
//! let preprocessing = Preprocessing::tensorflow(lite.baseline, [224, 192]);
//! use efficientnet_onnx::picture::Orientation;
//! let path = Path::new("tests/fixtures/pictures/cmyk.jpg");
//! let loaded = picture::load(path, &preprocessing, Orientation::Recorded)?;
//! assert_eq!(loaded.values.len(), 3 * 224 * 192);
//! assert!(!loaded.turned);
//! # Ok(())
//! # }
//! ```

mod decode;
mod error;
mod figure;
mod jpeg;
mod limits;
mod pixels;
mod prepare;
mod resize;
mod room;

pub use crate::metadata::Orientation;
pub use error::{DecodeError, PictureError, PreprocessingError};
pub use figure::{Figure, FigureError, FigureRow, HeatMap, Panel};
pub use pixels::Pixels;
pub use prepare::input_size;

use crate::memory::Buffer;
use crate::metadata::Preprocessing;
use std::path::Path;

/// A picture that was prepared.
#[derive(Debug)]
pub struct Loaded {
    /// `3 · H · W` values.
    pub values: Buffer<f32>,
    /// Whether an EXIF record turned or mirrored it.
    pub turned: bool,
}

/// Loads the JPEG or PNG file `path` as one row of a batch: `3 · H · W` values `(level − mean) / std`, row by row: `3 × H × W`
/// of layout `NCHW`, `H × W × 3` of layout `NHWC`; of elements `u8` they are integers from 0 to 255.
///
/// Levels are 0 to 255. The picture is turned upright as its EXIF orientation says, unless `orientation` is
/// [`Orientation::Stored`]; grey is spread over the three channels,
/// transparency is dropped, 16 bits become 8, and CMYK becomes RGB without a colour profile. Height and width are those of
/// `preprocessing`: see [`input_size`].
///
/// # Errors
///
/// If the file cannot be read or is not a whole JPEG or PNG picture; if it has more than 256 MiB, more than 2^27 pixels or
/// takes more than 512 MiB when decoded; if decoding or preparing it does not fit the memory limit; or if this version
/// cannot follow `preprocessing`.
pub fn load(
    path: &Path,
    preprocessing: &Preprocessing,
    orientation: Orientation,
) -> Result<Loaded, PictureError> {
    let picture = decode::read(path, orientation)?;
    let values = prepare::prepare(&picture.pixels, preprocessing)?;
    Ok(Loaded {
        values,
        turned: picture.turned,
    })
}
