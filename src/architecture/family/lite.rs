//! EfficientNet-Lite: B0's rows with ReLU6, no squeeze-and-excitation, stem and head of fixed width.
//!
//! Source: tensorflow/tpu `lite/efficientnet_lite_builder.py`; its rows have squeeze-and-excitation too, and `use_se`
//! switches it off.

use super::rows::{EFFICIENTNET, HEAD_FILTERS, like, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal, v1};
use crate::architecture::{Head, MbConv, Options, Stem};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "lite",
    prefix: EFFICIENTNET,
    baseline: &LITE0,
    variants: &[
        variant("lite0", Some(0), &LITE0, 1.0, 1.0, 224),
        variant("lite1", Some(1), &LITE0, 1.0, 1.1, 240),
        variant("lite2", Some(2), &LITE0, 1.1, 1.2, 260),
        variant("lite3", Some(3), &LITE0, 1.2, 1.4, 280),
        variant("lite4", Some(4), &LITE0, 1.4, 1.8, 300),
    ],
};

static LITE0: Baseline = Baseline {
    family: &FAMILY,
    stem: Stem::efficientnet(32, Activation::Relu6),
    stages: &v1::stages(MBCONV, MBCONV),
    head: Head::efficientnet(HEAD_FILTERS, Activation::Relu6),
    rules: Rules {
        fixed_ends: true,
        ..Rules::UNIFORM
    },
    options: Options::TENSORFLOW,
    evaluation: Evaluation {
        normal: Normal::LITE,
        crop: Crop::Padding(32),
        interpolation: Interpolation::Bilinear,
    },
};

const MBCONV: MbConv = like(Activation::Relu6, None);
