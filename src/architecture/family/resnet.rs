//! ResNet-50, a baseline whose scaling the paper compares (arXiv 1905.11946, table 3), and its kin.
//!
//! Source: torchvision `models/resnet.py` (`resnet50`, `ResNet50_Weights.IMAGENET1K_V1`, `wide_resnet50_2`); arXiv
//! 1512.03385, table 1.

use super::rows::{bottleneck, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Head, Options, Stage, Stem, StemPool};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "resnet-50",
    prefix: "",
    baseline: &RESNET_50,
    variants: &[
        variant("resnet-50", None, &RESNET_50, 1.0, 1.0, 224),
        variant("resnet-101", None, &RESNET_101, 1.0, 1.0, 224),
        variant("resnet-152", None, &RESNET_152, 1.0, 1.0, 224),
        variant("wide-resnet-50", None, &WIDE_RESNET_50, 1.0, 1.0, 224),
        variant("wide-resnet-101", None, &WIDE_RESNET_101, 1.0, 1.0, 224),
    ],
};

static RESNET_50: Baseline = baseline(&stages(4, [3, 4, 6, 3]));
static RESNET_101: Baseline = baseline(&stages(4, [3, 4, 23, 3]));
static RESNET_152: Baseline = baseline(&stages(4, [3, 8, 36, 3]));
/// Only the 3×3 convolutions are wider (`width_per_group=128`).
static WIDE_RESNET_50: Baseline = baseline(&stages(2, [3, 4, 6, 3]));
static WIDE_RESNET_101: Baseline = baseline(&stages(2, [3, 4, 23, 3]));

const fn stages(expansion: u64, repeats: [u64; 4]) -> [Stage; 4] {
    [
        bottleneck(expansion, repeats[0], 1, [64, 256]),
        bottleneck(expansion, repeats[1], 2, [256, 512]),
        bottleneck(expansion, repeats[2], 2, [512, 1024]),
        bottleneck(expansion, repeats[3], 2, [1024, 2048]),
    ]
}

const fn baseline(stages: &'static [Stage]) -> Baseline {
    Baseline {
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
        stages,
        head: Head {
            conv: None,
            classifier: "fc",
        },
        rules: Rules::UNIFORM,
        options: Options::PYTORCH,
        evaluation: Evaluation {
            normal: Normal::IMAGENET,
            crop: Crop::Padding(32),
            interpolation: Interpolation::Bilinear,
        },
    }
}
