//! MobileNetV2, a baseline whose scaling the paper compares (arXiv 1905.11946, table 3): MBConv blocks with ReLU6 and
//! without squeeze-and-excitation.
//!
//! Sources: torchvision `models/mobilenetv2.py`; timm `models/efficientnet.py` (`_gen_mobilenet_v2`); arXiv 1801.04381,
//! table 2.

use super::rows::{HEAD_FILTERS, like, mbconv, separable, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Head, MbConv, Options, Stage, Stem};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "mobilenet-v2",
    prefix: "",
    baseline: &MOBILENET_V2,
    variants: &[
        variant("mobilenet-v2", None, &MOBILENET_V2, 1.0, 1.0, 224),
        variant("mobilenet-v2-035", None, &MOBILENET_V2, 0.35, 1.0, 224),
        variant("mobilenet-v2-050", None, &MOBILENET_V2, 0.5, 1.0, 224),
        variant("mobilenet-v2-075", None, &MOBILENET_V2, 0.75, 1.0, 224),
        variant("mobilenet-v2-140", None, &MOBILENET_V2, 1.4, 1.0, 224),
        variant("mobilenet-v2-110d", None, &FIXED_ENDS, 1.1, 1.2, 224),
        variant("mobilenet-v2-120d", None, &FIXED_ENDS, 1.2, 1.4, 224),
    ],
};

static MOBILENET_V2: Baseline = baseline(Rules {
    least_head: true,
    ..Rules::UNIFORM
});
/// As timm scales its deeper ones (`fix_stem_head`).
static FIXED_ENDS: Baseline = baseline(Rules {
    fixed_ends: true,
    ..Rules::UNIFORM
});

const MBCONV: MbConv = like(Activation::Relu6, None);

static STAGES: [Stage; 7] = [
    separable(MBCONV, 3, 1, 1, [32, 16]),
    mbconv(MBCONV, 3, 2, 2, 6, [16, 24]),
    mbconv(MBCONV, 3, 3, 2, 6, [24, 32]),
    mbconv(MBCONV, 3, 4, 2, 6, [32, 64]),
    mbconv(MBCONV, 3, 3, 1, 6, [64, 96]),
    mbconv(MBCONV, 3, 3, 2, 6, [96, 160]),
    mbconv(MBCONV, 3, 1, 1, 6, [160, 320]),
];

const fn baseline(rules: Rules) -> Baseline {
    Baseline {
        family: &FAMILY,
        stem: Stem::efficientnet(32, Activation::Relu6),
        stages: &STAGES,
        head: Head::efficientnet(HEAD_FILTERS, Activation::Relu6),
        rules,
        options: Options::PYTORCH,
        evaluation: Evaluation {
            normal: Normal::IMAGENET,
            crop: Crop::Padding(32),
            interpolation: Interpolation::Bilinear,
        },
    }
}
