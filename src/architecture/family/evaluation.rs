//! How the authors of a baseline prepared pictures when they evaluated it.

use serde::{Deserialize, Serialize};

/// What pictures are normalised with, how they are cropped and resized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean and standard deviation.
    pub normal: Normal,
    /// Which part of a picture is taken.
    pub crop: Crop,
    /// The filter that resizes.
    pub interpolation: Interpolation,
}

/// A centre crop that keeps `size / (size + padding)` of a picture's shorter side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crop {
    /// The padding is a seventh of the size: 32 for 224 pixels.
    Proportional,
    /// So many pixels of padding at every size.
    Padding(u64),
    /// The whole picture.
    Whole,
}

/// What pixels from 0 to 255 are normalised with, channel by channel: `(pixel − mean) / std`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// What becomes 0.
    pub mean: [f64; 3],
    /// What becomes 1, from there.
    pub std: [f64; 3],
}

/// A resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The pixel under the centre of the new one, however large the picture.
    Nearest,
    /// Triangle filter, support 1.
    Bilinear,
    /// Cubic convolution, support 2; a = −0.5, but −0.75 where sampling is TensorFlow 1's.
    Bicubic,
}

impl Crop {
    /// Padding for a picture that is brought to `size`.
    #[must_use]
    pub fn padding(self, size: [u64; 2]) -> u64 {
        match self {
            Self::Proportional => (size[0].min(size[1]) + 3) / 7,
            Self::Padding(padding) => padding,
            Self::Whole => 0,
        }
    }
}

impl Normal {
    /// Pixels as they are.
    pub const NONE: Self = Self {
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    /// Mean and deviation of ImageNet (`MEAN_RGB` and `STDDEV_RGB` in tensorflow/tpu `efficientnet_builder.py`).
    pub const IMAGENET: Self = Self {
        mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
        std: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
    };
    /// From −1 to 1: timm's `IMAGENET_INCEPTION_MEAN`, and AdvProp in tensorflow/tpu `main.py`.
    pub const HALF: Self = Self {
        mean: [127.5; 3],
        std: [127.5; 3],
    };
    /// Lite, EdgeTPU and CondConv (their `*_builder.py` in tensorflow/tpu).
    pub const LITE: Self = Self {
        mean: [127.0; 3],
        std: [128.0; 3],
    };
    /// V2 (google/automl `efficientnetv2/preprocessing.py`).
    pub const V2: Self = Self {
        mean: [128.0; 3],
        std: [128.0; 3],
    };

    /// Of pixels from 0 to 1.
    #[must_use]
    pub fn of_unit(mean: [f64; 3], std: [f64; 3]) -> Self {
        Self {
            mean: mean.map(|level| level * 255.0),
            std: std.map(|level| level * 255.0),
        }
    }
}
