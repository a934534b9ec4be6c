//! EfficientNetV2: Swish, full convolutions in the early stages, squeeze-and-excitation in the late ones.
//!
//! Sources: google/automl `efficientnetv2/effnetv2_configs.py` (the size is `eval.isize`), `preprocessing.py`; filters
//! are rounded without the 90 % line (`effnetv2_model.py`). Only V2-B0 is scaled in published models.

use super::rows::{EFFICIENTNET, HEAD_FILTERS, fused, mbconv, plain, variant};
use super::v1::MBCONV;
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Fused, Head, Options, Plain, Stage, Stem};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "v2",
    prefix: EFFICIENTNET,
    baseline: &B0,
    variants: &[
        variant("v2-s", None, &S, 1.0, 1.0, 384),
        variant("v2-m", None, &M, 1.0, 1.0, 480),
        variant("v2-l", None, &L, 1.0, 1.0, 480),
        variant("v2-xl", None, &XL, 1.0, 1.0, 512),
        variant("v2-b0", Some(0), &B0, 1.0, 1.0, 224),
        variant("v2-b1", Some(1), &B0, 1.0, 1.1, 240),
        variant("v2-b2", Some(2), &B0, 1.1, 1.2, 260),
        variant("v2-b3", Some(3), &B0, 1.2, 1.4, 300),
    ],
};

static B0: Baseline = Baseline {
    evaluation: Evaluation {
        normal: Normal::IMAGENET,
        crop: Crop::Proportional,
        interpolation: Interpolation::Bicubic,
    },
    ..baseline(
        32,
        &[
            plain(PLAIN, 1, 1, [32, 16]),
            fused(FUSED, 2, 2, 4, [16, 32]),
            fused(FUSED, 2, 2, 4, [32, 48]),
            mbconv(MBCONV, 3, 3, 2, 4, [48, 96]),
            mbconv(MBCONV, 3, 5, 1, 6, [96, 112]),
            mbconv(MBCONV, 3, 8, 2, 6, [112, 192]),
        ],
    )
};
static S: Baseline = baseline(
    24,
    &[
        plain(PLAIN, 2, 1, [24, 24]),
        fused(FUSED, 4, 2, 4, [24, 48]),
        fused(FUSED, 4, 2, 4, [48, 64]),
        mbconv(MBCONV, 3, 6, 2, 4, [64, 128]),
        mbconv(MBCONV, 3, 9, 1, 6, [128, 160]),
        mbconv(MBCONV, 3, 15, 2, 6, [160, 256]),
    ],
);
static M: Baseline = baseline(
    24,
    &[
        plain(PLAIN, 3, 1, [24, 24]),
        fused(FUSED, 5, 2, 4, [24, 48]),
        fused(FUSED, 5, 2, 4, [48, 80]),
        mbconv(MBCONV, 3, 7, 2, 4, [80, 160]),
        mbconv(MBCONV, 3, 14, 1, 6, [160, 176]),
        mbconv(MBCONV, 3, 18, 2, 6, [176, 304]),
        mbconv(MBCONV, 3, 5, 1, 6, [304, 512]),
    ],
);
static L: Baseline = baseline(
    32,
    &[
        plain(PLAIN, 4, 1, [32, 32]),
        fused(FUSED, 7, 2, 4, [32, 64]),
        fused(FUSED, 7, 2, 4, [64, 96]),
        mbconv(MBCONV, 3, 10, 2, 4, [96, 192]),
        mbconv(MBCONV, 3, 19, 1, 6, [192, 224]),
        mbconv(MBCONV, 3, 25, 2, 6, [224, 384]),
        mbconv(MBCONV, 3, 7, 1, 6, [384, 640]),
    ],
);
static XL: Baseline = baseline(
    32,
    &[
        plain(PLAIN, 4, 1, [32, 32]),
        fused(FUSED, 8, 2, 4, [32, 64]),
        fused(FUSED, 8, 2, 4, [64, 96]),
        mbconv(MBCONV, 3, 16, 2, 4, [96, 192]),
        mbconv(MBCONV, 3, 24, 1, 6, [192, 256]),
        mbconv(MBCONV, 3, 32, 2, 6, [256, 512]),
        mbconv(MBCONV, 3, 8, 1, 6, [512, 640]),
    ],
);

const FUSED: Fused = Fused {
    kernel_size: 3,
    expand_ratio: 1,
    squeeze: None,
    skip: true,
    activation: Activation::Swish,
};
const PLAIN: Plain = Plain {
    kernel_size: 3,
    skip: true,
    activation: Activation::Swish,
};

const fn baseline(stem_filters: u64, stages: &'static [Stage]) -> Baseline {
    Baseline {
        family: &FAMILY,
        stem: Stem::efficientnet(stem_filters, Activation::Swish),
        stages,
        head: Head::efficientnet(HEAD_FILTERS, Activation::Swish),
        rules: Rules {
            ninety_percent: false,
            ..Rules::UNIFORM
        },
        options: Options::TENSORFLOW,
        evaluation: Evaluation {
            normal: Normal::V2,
            crop: Crop::Whole,
            interpolation: Interpolation::Bilinear,
        },
    }
}
