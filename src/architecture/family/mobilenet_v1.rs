//! MobileNetV1, a baseline whose scaling the paper compares (arXiv 1905.11946, table 3): depthwise separable blocks with
//! ReLU6, and no addition.
//!
//! Source: timm `models/efficientnet.py` (`_gen_mobilenet_v1`), whose pictures are prepared as in tensorflow/models
//! `slim/preprocessing/inception_preprocessing.py`; arXiv 1704.04861, table 1.

use super::rows::{depthwise_separable, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Head, HeadConv, Options, Stage, Stem};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "mobilenet-v1",
    prefix: "",
    baseline: &MOBILENET_V1,
    variants: &[
        variant("mobilenet-v1", None, &MOBILENET_V1, 1.0, 1.0, 224),
        variant("mobilenet-v1-125", None, &MOBILENET_V1, 1.25, 1.0, 224),
        variant("mobilenet-v1-100h", None, &HEADED, 1.0, 1.0, 224),
    ],
};

static MOBILENET_V1: Baseline = baseline(None);
/// With a 1×1 convolution before the pool.
static HEADED: Baseline = baseline(Some(HeadConv {
    filters: 1024,
    activation: RELU6,
}));

const RELU6: Activation = Activation::Relu6;

static STAGES: [Stage; 5] = [
    depthwise_separable(RELU6, 1, 1, [32, 64]),
    depthwise_separable(RELU6, 2, 2, [64, 128]),
    depthwise_separable(RELU6, 2, 2, [128, 256]),
    depthwise_separable(RELU6, 6, 2, [256, 512]),
    depthwise_separable(RELU6, 2, 2, [512, 1024]),
];

const fn baseline(conv: Option<HeadConv>) -> Baseline {
    Baseline {
        family: &FAMILY,
        stem: Stem::efficientnet(32, RELU6),
        stages: &STAGES,
        head: Head {
            conv,
            classifier: "classifier",
        },
        rules: Rules {
            least_head: true,
            ..Rules::UNIFORM
        },
        options: Options::PYTORCH,
        evaluation: Evaluation {
            normal: Normal::HALF,
            crop: Crop::Padding(32),
            interpolation: Interpolation::Bicubic,
        },
    }
}
