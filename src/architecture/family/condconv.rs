//! B0 whose last three stages mix the kernels of several experts.
//!
//! Source: tensorflow/tpu `condconv/efficientnet_condconv_builder.py`.

use super::rows::{EFFICIENTNET, variant};
use super::{Baseline, Crop, Evaluation, Family, Interpolation, Normal, v1};
use crate::architecture::{MbConv, Stage};

pub(super) static FAMILY: Family = Family {
    name: "condconv",
    prefix: EFFICIENTNET,
    baseline: &B0_8E,
    variants: &[
        variant("condconv-b0-4e", None, &B0_4E, 1.0, 1.0, 224),
        variant("condconv-b0-8e", None, &B0_8E, 1.0, 1.0, 224),
        variant("condconv-b0-8e-depth", None, &B0_8E, 1.0, 1.1, 224),
    ],
};

static B0_4E: Baseline = baseline(&stages(4));
static B0_8E: Baseline = baseline(&stages(8));

const fn baseline(stages: &'static [Stage]) -> Baseline {
    Baseline {
        evaluation: Evaluation {
            normal: Normal::LITE,
            crop: Crop::Padding(32),
            interpolation: Interpolation::Bicubic,
        },
        ..v1::baseline(&FAMILY, stages)
    }
}

const fn stages(experts: u64) -> [Stage; 7] {
    let late = MbConv {
        experts: Some(experts),
        ..v1::MBCONV
    };
    v1::stages(v1::MBCONV, late)
}
