//! torchvision's models: `models/efficientnet.py`, `models/mobilenetv2.py` and `models/resnet.py` of 0.29.2.

use super::{LabelSet, Library, Like};
use crate::architecture::Variant;
use crate::graph::Padding;
use crate::metadata::{Framing, Interpolation, Normal, Preprocessing, Sampling};
use Interpolation::{Bicubic, Bilinear};

type Row = (
    &'static str,
    &'static str,
    &'static str,
    u64,
    u64,
    Interpolation,
    f64,
);

/// Model, variant, weights, sides of resize and crop, filter, epsilon. The first weights of a model are its `DEFAULT`.
///
/// Sides and filters are those of each `*_Weights`; epsilons those of `norm_layer` (PyTorch's 1e-5 up to B4).
const MODELS: [Row; 24] = [
    ("efficientnet_b0", "b0", V1, 256, 224, Bicubic, 1e-5),
    ("efficientnet_b1", "b1", V2, 255, 240, Bilinear, 1e-5),
    ("efficientnet_b1", "b1", V1, 256, 240, Bicubic, 1e-5),
    ("efficientnet_b2", "b2", V1, 288, 288, Bicubic, 1e-5),
    ("efficientnet_b3", "b3", V1, 320, 300, Bicubic, 1e-5),
    ("efficientnet_b4", "b4", V1, 384, 380, Bicubic, 1e-5),
    ("efficientnet_b5", "b5", V1, 456, 456, Bicubic, 1e-3),
    ("efficientnet_b6", "b6", V1, 528, 528, Bicubic, 1e-3),
    ("efficientnet_b7", "b7", V1, 600, 600, Bicubic, 1e-3),
    ("efficientnet_v2_s", "v2-s", V1, 384, 384, Bilinear, 1e-3),
    ("efficientnet_v2_m", "v2-m", V1, 480, 480, Bilinear, 1e-3),
    ("efficientnet_v2_l", "v2-l", V1, 480, 480, Bicubic, 1e-3),
    ("mobilenet_v2", "mobilenet-v2", V2, 232, 224, Bilinear, 1e-5),
    ("mobilenet_v2", "mobilenet-v2", V1, 256, 224, Bilinear, 1e-5),
    ("resnet50", "resnet-50", V2, 232, 224, Bilinear, 1e-5),
    ("resnet50", "resnet-50", V1, 256, 224, Bilinear, 1e-5),
    ("resnet101", "resnet-101", V2, 232, 224, Bilinear, 1e-5),
    ("resnet101", "resnet-101", V1, 256, 224, Bilinear, 1e-5),
    ("resnet152", "resnet-152", V2, 232, 224, Bilinear, 1e-5),
    ("resnet152", "resnet-152", V1, 256, 224, Bilinear, 1e-5),
    (
        "wide_resnet50_2",
        "wide-resnet-50",
        V2,
        232,
        224,
        Bilinear,
        1e-5,
    ),
    (
        "wide_resnet50_2",
        "wide-resnet-50",
        V1,
        256,
        224,
        Bilinear,
        1e-5,
    ),
    (
        "wide_resnet101_2",
        "wide-resnet-101",
        V2,
        232,
        224,
        Bilinear,
        1e-5,
    ),
    (
        "wide_resnet101_2",
        "wide-resnet-101",
        V1,
        256,
        224,
        Bilinear,
        1e-5,
    ),
];

const V1: &str = "IMAGENET1K_V1";
const V2: &str = "IMAGENET1K_V2";

/// Every model with each of its weights.
pub(super) fn models() -> Vec<Like> {
    MODELS.into_iter().filter_map(like).collect()
}

fn like((model, variant, tag, resize, size, interpolation, epsilon): Row) -> Option<Like> {
    // V2-L is TensorFlow's, and keeps its mean and deviation.
    let normal = match model {
        "efficientnet_v2_l" => Normal::HALF,
        _ => Normal::IMAGENET,
    };
    let framing = Framing::Cover([resize; 2]);
    Some(Like {
        library: Library::Torchvision,
        model: model.to_owned(),
        tag: Some(tag.to_owned()),
        variant: Variant::by_name(variant)?,
        padding: Padding::Symmetric,
        batch_norm_epsilon: epsilon,
        size,
        preprocessing: Preprocessing::rgb(
            [size; 2],
            normal,
            framing,
            interpolation,
            Sampling::Antialias,
        ),
        test: None,
        classes: 1000,
        labels: LabelSet::Imagenet,
    })
}
