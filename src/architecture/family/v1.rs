//! EfficientNet-B0 scaled: Swish, squeeze-and-excitation, everything scales.
//!
//! Sources: tensorflow/tpu `efficientnet_builder.py`, `preprocessing.py` and `main.py` (the padding scales with the
//! size); arXiv 1905.11946, table 1.

use super::rows::{EFFICIENTNET, HEAD_FILTERS, QUARTER, like, mbconv, separable, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal};
use crate::architecture::{Head, MbConv, Options, Stage, Stem};
use crate::graph::Activation;
use crate::scaling::Rules;

pub(super) static FAMILY: Family = Family {
    name: "v1",
    prefix: EFFICIENTNET,
    baseline: &B0,
    variants: &[
        variant("b0", Some(0), &B0, 1.0, 1.0, 224),
        variant("b1", Some(1), &B0, 1.0, 1.1, 240),
        variant("b2", Some(2), &B0, 1.1, 1.2, 260),
        variant("b3", Some(3), &B0, 1.2, 1.4, 300),
        variant("b4", Some(4), &B0, 1.4, 1.8, 380),
        variant("b5", Some(5), &B0, 1.6, 2.2, 456),
        variant("b6", Some(6), &B0, 1.8, 2.6, 528),
        variant("b7", Some(7), &B0, 2.0, 3.1, 600),
        variant("b8", Some(8), &B0, 2.2, 3.6, 672),
        variant("l2", None, &B0, 4.3, 5.3, 800),
    ],
};

static B0: Baseline = baseline(&FAMILY, &stages(MBCONV, MBCONV));

/// A block with Swish and squeeze-and-excitation.
pub(super) const MBCONV: MbConv = like(Activation::Swish, Some(QUARTER));

/// A baseline of these stages that differs from B0 in nothing else.
pub(super) const fn baseline(family: &'static Family, stages: &'static [Stage]) -> Baseline {
    Baseline {
        family,
        stem: Stem::efficientnet(32, Activation::Swish),
        stages,
        head: Head::efficientnet(HEAD_FILTERS, Activation::Swish),
        rules: Rules::UNIFORM,
        options: Options::TENSORFLOW,
        evaluation: Evaluation {
            normal: Normal::IMAGENET,
            crop: Crop::Proportional,
            interpolation: Interpolation::Bicubic,
        },
    }
}

/// B0's rows; blocks of the first four stages are like `early`, those of the last three like `late`.
pub(super) const fn stages(early: MbConv, late: MbConv) -> [Stage; 7] {
    [
        separable(early, 3, 1, 1, [32, 16]),
        mbconv(early, 3, 2, 2, 6, [16, 24]),
        mbconv(early, 5, 2, 2, 6, [24, 40]),
        mbconv(early, 3, 3, 2, 6, [40, 80]),
        mbconv(late, 5, 3, 1, 6, [80, 112]),
        mbconv(late, 5, 4, 2, 6, [112, 192]),
        mbconv(late, 3, 1, 1, 6, [192, 320]),
    ]
}
