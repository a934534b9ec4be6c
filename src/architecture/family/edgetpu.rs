//! EfficientNet-EdgeTPU: ReLU, no squeeze-and-excitation, full convolutions in the early stages.
//!
//! Source: tensorflow/tpu `edgetpu/efficientnet_edgetpu_builder.py`.

use super::rows::{EFFICIENTNET, HEAD_FILTERS, fused, like, mbconv, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Fused, Head, MbConv, Options, Stem};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "edgetpu",
    prefix: EFFICIENTNET,
    baseline: &S,
    variants: &[
        variant("edgetpu-s", None, &S, 1.0, 1.0, 224),
        variant("edgetpu-m", None, &S, 1.0, 1.1, 240),
        variant("edgetpu-l", None, &S, 1.2, 1.4, 300),
    ],
};

/// The first stage counts its expansion from 24 filters though the stem has 32, and adds no input to its result.
static S: Baseline = Baseline {
    family: &FAMILY,
    stem: Stem::efficientnet(32, Activation::Relu),
    stages: &[
        fused(WITHOUT_SKIP, 1, 1, 4, [24, 24]),
        fused(FUSED, 2, 2, 8, [24, 32]),
        fused(FUSED, 4, 2, 8, [32, 48]),
        mbconv(MBCONV, 5, 5, 2, 8, [48, 96]),
        mbconv(MBCONV, 5, 4, 1, 8, [96, 144]),
        mbconv(MBCONV, 5, 2, 2, 8, [144, 192]),
    ],
    head: Head::efficientnet(HEAD_FILTERS, Activation::Relu),
    rules: Rules::UNIFORM,
    options: Options::TENSORFLOW,
    evaluation: Evaluation {
        normal: Normal::LITE,
        crop: Crop::Padding(32),
        interpolation: Interpolation::Bilinear,
    },
};

const FUSED: Fused = Fused {
    kernel_size: 3,
    expand_ratio: 1,
    squeeze: None,
    skip: true,
    activation: Activation::Relu,
};
const WITHOUT_SKIP: Fused = Fused {
    skip: false,
    ..FUSED
};
const MBCONV: MbConv = like(Activation::Relu, None);
