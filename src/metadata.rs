//! What a file says about itself: JSON values under `efficientnet.*` metadata keys.

use serde::{Deserialize, Serialize};

/// Key of [`Preprocessing`].
pub const PREPROCESSING_KEY: &str = "efficientnet.preprocessing";
/// Key of the class names, a JSON array of strings.
pub const LABELS_KEY: &str = "efficientnet.labels";

/// How a picture becomes the graph's input: centre crop, resize, then `(pixel − mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Version of this record.
    pub version: u32,
    /// Order of the input's dimensions; `NCHW`.
    pub layout: String,
    /// Order of the colour channels; `RGB`.
    pub channels: String,
    /// Height and width of the input.
    pub size: [u64; 2],
    /// Per channel, on pixels from 0 to 255.
    pub mean: [f64; 3],
    /// Per channel, on pixels from 0 to 255.
    pub std: [f64; 3],
    /// The centre crop keeps `size / (size + crop_padding)` of the shorter side.
    pub crop_padding: u64,
    /// How the crop is resized to `size`.
    pub interpolation: Interpolation,
}

/// A resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Triangle filter, support 1.
    Bilinear,
    /// Catmull-Rom with a = −0.5, support 2.
    Bicubic,
}
