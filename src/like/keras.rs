//! Keras's models: `src/applications/efficientnet.py` and `efficientnet_v2.py` of 3.15.1.
//!
//! All have weights `imagenet` alone, so names have no tag.

use super::{LabelSet, Library, Like};
use crate::architecture::Variant;
use crate::graph::Padding;
use crate::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};

/// Keras's name and ours. `default_size` is the published evaluation size of each; `BatchNormalization` has epsilon
/// 1e-3.
const MODELS: [(&str, &str); 15] = [
    ("EfficientNetB0", "b0"),
    ("EfficientNetB1", "b1"),
    ("EfficientNetB2", "b2"),
    ("EfficientNetB3", "b3"),
    ("EfficientNetB4", "b4"),
    ("EfficientNetB5", "b5"),
    ("EfficientNetB6", "b6"),
    ("EfficientNetB7", "b7"),
    ("EfficientNetV2B0", "v2-b0"),
    ("EfficientNetV2B1", "v2-b1"),
    ("EfficientNetV2B2", "v2-b2"),
    ("EfficientNetV2B3", "v2-b3"),
    ("EfficientNetV2S", "v2-s"),
    ("EfficientNetV2M", "v2-m"),
    ("EfficientNetV2L", "v2-l"),
];

/// Every model.
pub(super) fn models() -> Vec<Like> {
    let like = |(model, variant): (&str, &str)| {
        let variant = Variant::by_name(variant)?;
        Some(Like {
            library: Library::Keras,
            model: model.to_owned(),
            tag: None,
            variant,
            padding: Padding::Same,
            batch_norm_epsilon: 1e-3,
            size: variant.resolution,
            preprocessing: preprocessing(variant),
            test: None,
            classes: 1000,
            labels: LabelSet::Imagenet,
        })
    };
    MODELS.into_iter().filter_map(like).collect()
}

/// What a model of V1 with this mean and variance in its `Normalization` normalises pictures with, which it has from 0
/// to 255.
///
/// The weights that Keras publishes have deviations in the variance's place, which a further `Rescaling` of such models
/// repairs (`IMAGENET_STDDEV_RGB` in keras `efficientnet.py`).
#[must_use]
pub fn normal(mean: [f64; 3], variance: [f64; 3]) -> Normal {
    /// Singles differ from what they stand for by less.
    const CLOSE: f64 = 1e-6;
    let published = Normal::IMAGENET;
    let is_close = |values: [f64; 3], published: [f64; 3]| {
        let mut pairs = values.into_iter().zip(published);
        pairs.all(|(value, published)| (value - published / 255.0).abs() < CLOSE)
    };
    if is_close(mean, published.mean) && is_close(variance, published.std) {
        return published;
    }
    Normal::of_unit(mean, variance.map(f64::sqrt))
}

/// The model's own `Rescaling` and `Normalization` (V1's, with the factor that repairs its stored deviation, is
/// `(x / 255 − mean) / std`; that of V2-S to L is `x / 128 − 1`). Keras leaves resizing to its user; its guides do it
/// with `tf.image.resize` to the network's size.
fn preprocessing(variant: &Variant) -> Preprocessing {
    prepared([variant.resolution; 2], variant.baseline.evaluation.normal)
}

/// How pictures become input of a size for a model that normalises them so: as Keras's guides resize them.
#[must_use]
pub fn prepared(size: [u64; 2], normal: Normal) -> Preprocessing {
    let (framing, sampling) = (Framing::Stretch(size), Sampling::HalfPixel);
    Preprocessing::rgb(size, normal, framing, Interpolation::Bilinear, sampling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normalization_of_a_checkpoint_is_what_the_model_computes() {
        let single = |values: [f32; 3]| values.map(f64::from);
        let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        // Published weights have deviations in the variance's place.
        let published = normal(single(mean), single(deviation));
        assert_eq!(published, Normal::IMAGENET);
        // Untrained models normalise nothing.
        let untrained = normal([0.0; 3], [1.0; 3]);
        assert_eq!(untrained, Normal::of_unit([0.0; 3], [1.0; 3]));
        let adapted = normal([0.5; 3], [0.0625; 3]);
        assert_eq!(adapted, Normal::of_unit([0.5; 3], [0.25; 3]));
    }
}
