//! Models of efficientnet_pytorch 0.7.1 (lukemelas) and of efficientnet_lite_pytorch 0.1.0, its Lite port.

use super::{LabelSet, Library, Like};
use crate::architecture::Variant;
use crate::graph::Padding;
use crate::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};

/// Ours of `VALID_MODELS` (`utils.py`) and of the Lite port, each after `efficientnet-`. Sizes are those of
/// `efficientnet_params`: the published ones.
const MODELS: [&str; 15] = [
    "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "l2", "lite0", "lite1", "lite2", "lite3",
    "lite4",
];

/// Models with weights of AdvProp (`url_map_advprop`); B8 has no others.
const ADVPROP: [&str; 9] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];

/// Every model with each of its weights.
pub(super) fn models() -> Vec<Like> {
    let mut models = Vec::new();
    for name in MODELS {
        if name != "b8" {
            models.extend(like(name, None));
        }
        if ADVPROP.contains(&name) {
            models.extend(like(name, Some("advprop")));
        }
    }
    models
}

/// `Conv2dStaticSamePadding` of the model's own size, `batch_norm_epsilon=0.001` and 1,000 classes (`utils.py` of both
/// packages).
fn like(name: &str, tag: Option<&str>) -> Option<Like> {
    let variant = Variant::by_name(name)?;
    Some(Like {
        library: Library::Lukemelas,
        model: format!("efficientnet-{name}"),
        tag: tag.map(str::to_owned),
        variant,
        padding: Padding::Static([variant.resolution; 2]),
        batch_norm_epsilon: 1e-3,
        size: variant.resolution,
        preprocessing: preprocessing(variant, tag),
        test: None,
        classes: 1000,
        labels: LabelSet::Imagenet,
    })
}

/// As `examples/imagenet/main.py` evaluates. The Lite port has nothing of its own, so its is the originals'.
fn preprocessing(variant: &Variant, tag: Option<&str>) -> Preprocessing {
    let size = [variant.resolution; 2];
    if variant.baseline.family.name == "lite" {
        return Preprocessing::tensorflow(variant.baseline, size);
    }
    let normal = match tag {
        Some("advprop") => Normal::HALF,
        _ => Normal::IMAGENET,
    };
    let (framing, sampling) = (Framing::Cover(size), Sampling::Antialias);
    Preprocessing::rgb(size, normal, framing, Interpolation::Bicubic, sampling)
}
