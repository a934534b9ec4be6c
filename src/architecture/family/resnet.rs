//! ResNet-50, the baseline whose scaling the paper compares (arXiv 1905.11946, table 3).
//!
//! Source: torchvision `models/resnet.py` (`resnet50`, `ResNet50_Weights.IMAGENET1K_V1`); arXiv 1512.03385, table 1.

use super::rows::{bottleneck, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Head, Options, Stem, StemPool};
use crate::graph::{Activation, Padding};
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "resnet-50",
    prefix: "",
    baseline: &RESNET_50,
    variants: &[variant("resnet-50", None, &RESNET_50, 1.0, 1.0, 224)],
};

static RESNET_50: Baseline = Baseline {
    family: &FAMILY,
    stem: Stem {
        conv: "conv1",
        filters: 64,
        kernel_size: 7,
        stride: 2,
        activation: Activation::Relu,
        pool: Some(StemPool {
            kernel_size: 3,
            stride: 2,
        }),
    },
    stages: &[
        bottleneck(3, 1, [64, 256]),
        bottleneck(4, 2, [256, 512]),
        bottleneck(6, 2, [512, 1024]),
        bottleneck(3, 2, [1024, 2048]),
    ],
    head: Head {
        conv: None,
        classifier: "fc",
    },
    rules: Rules {
        ninety_percent: true,
        fixed_ends: false,
    },
    options: Options {
        padding: Padding::Symmetric,
        batch_norm_epsilon: 1e-5,
        ..Options::TENSORFLOW
    },
    evaluation: Evaluation {
        normal: Normal::IMAGENET,
        crop: Crop::Padding(32),
        interpolation: Interpolation::Bilinear,
    },
};
