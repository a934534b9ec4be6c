//! transformers' models (Hugging Face), as the repositories `google/efficientnet-b0` to `-b7` have them.

use super::{LabelSet, Library, Like};
use crate::architecture::Variant;
use crate::graph::Padding;
use crate::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};

/// Ours of `CONFIG_MAP` (`models/efficientnet/convert_efficientnet_to_pytorch.py`), each after `efficientnet-`. Its sizes are
/// the published ones.
const MODELS: [&str; 8] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"];

/// `convert_image_processor` in the same file.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.478_539_44, 0.473_286_4, 0.474_341_63];

/// Every model.
pub(super) fn models() -> Vec<Like> {
    MODELS.into_iter().filter_map(like).collect()
}

/// `depthwise_padding` has the blocks whose input is odd at the model's own size: pads are SAME padding's there, whatever
/// the input's own size. `EfficientNetConfig` has epsilon 1e-3.
fn like(name: &str) -> Option<Like> {
    let variant = Variant::by_name(name)?;
    let size = [variant.resolution; 2];
    Some(Like {
        library: Library::Transformers,
        model: format!("efficientnet-{name}"),
        tag: None,
        variant,
        padding: Padding::Static(size),
        batch_norm_epsilon: 1e-3,
        size: variant.resolution,
        preprocessing: Preprocessing::rgb(
            size,
            normal(MEAN, STD),
            Framing::Stretch(size),
            Interpolation::Nearest,
            Sampling::Antialias,
        ),
        test: None,
        classes: 1000,
        labels: LabelSet::Imagenet,
    })
}

/// `EfficientNetImageProcessor` with `include_top` divides by the deviation twice.
fn normal(mean: [f64; 3], deviation: [f64; 3]) -> Normal {
    Normal::of_unit(mean, deviation.map(|level| level * level))
}
