//! How a picture becomes a network's input, as its authors did it.

use super::VERSION;
use crate::scaling::Baseline;
use serde::{Deserialize, Serialize};

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

impl Preprocessing {
    /// What TensorFlow's models of a family were evaluated with.
    ///
    /// V1: ImageNet mean and deviation, bicubic, a crop of 224 / 256 (`preprocessing.py`, `main.py`; the padding
    /// scales with the size). Lite: `(pixel − 127) / 128`, bilinear, padding 32
    /// (`lite/efficientnet_lite_builder.py`). Both in tensorflow/tpu, `models/official/efficientnet`.
    #[must_use]
    pub fn tensorflow(baseline: Baseline, size: [u64; 2]) -> Self {
        let (mean, std, crop_padding, interpolation) = match baseline {
            Baseline::V1 | Baseline::V2Base => (
                [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
                [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
                (size[0].min(size[1]) + 3) / 7,
                Interpolation::Bicubic,
            ),
            Baseline::Lite | Baseline::EdgeTpu => {
                ([127.0; 3], [128.0; 3], 32, Interpolation::Bilinear)
            }
            Baseline::CondConv { .. } => ([127.0; 3], [128.0; 3], 32, Interpolation::Bicubic),
            Baseline::V2S | Baseline::V2M | Baseline::V2L | Baseline::V2Xl => {
                ([128.0; 3], [128.0; 3], 0, Interpolation::Bilinear)
            }
        };
        Self {
            version: VERSION,
            layout: "NCHW".to_owned(),
            channels: "RGB".to_owned(),
            size,
            mean,
            std,
            crop_padding,
            interpolation,
        }
    }
}
