//! The block rows of every baseline, as its authors wrote them.

use super::{BlockKind, Stage};
use crate::graph::Activation;
use crate::scaling::Baseline;

/// A baseline before scaling.
pub(super) struct Rows {
    pub(super) stem_filters: u64,
    pub(super) head_filters: u64,
    pub(super) activation: Activation,
    pub(super) stages: Vec<Stage>,
}

/// tensorflow/tpu `efficientnet_builder.py`; arXiv 1905.11946, table 1.
const V1: [Stage; 7] = [
    mbconv(3, 1, 1, 1, [32, 16]),
    mbconv(3, 2, 2, 6, [16, 24]),
    mbconv(5, 2, 2, 6, [24, 40]),
    mbconv(3, 3, 2, 6, [40, 80]),
    mbconv(5, 3, 1, 6, [80, 112]),
    mbconv(5, 4, 2, 6, [112, 192]),
    mbconv(3, 1, 1, 6, [192, 320]),
];

/// tensorflow/tpu `edgetpu/efficientnet_edgetpu_builder.py`. The first stage counts its expansion from 24
/// filters though the stem has 32, and adds no input to its result.
const EDGETPU: [Stage; 6] = [
    Stage {
        skip: false,
        ..fused(3, 1, 1, 4, [24, 24])
    },
    fused(3, 2, 2, 8, [24, 32]),
    fused(3, 4, 2, 8, [32, 48]),
    plain(5, 5, 2, 8, [48, 96]),
    plain(5, 4, 1, 8, [96, 144]),
    plain(5, 2, 2, 8, [144, 192]),
];

/// google/automl `efficientnetv2/effnetv2_configs.py`, as are all that follow.
const V2_BASE: [Stage; 6] = [
    fused(3, 1, 1, 1, [32, 16]),
    fused(3, 2, 2, 4, [16, 32]),
    fused(3, 2, 2, 4, [32, 48]),
    mbconv(3, 3, 2, 4, [48, 96]),
    mbconv(3, 5, 1, 6, [96, 112]),
    mbconv(3, 8, 2, 6, [112, 192]),
];
const V2_S: [Stage; 6] = [
    fused(3, 2, 1, 1, [24, 24]),
    fused(3, 4, 2, 4, [24, 48]),
    fused(3, 4, 2, 4, [48, 64]),
    mbconv(3, 6, 2, 4, [64, 128]),
    mbconv(3, 9, 1, 6, [128, 160]),
    mbconv(3, 15, 2, 6, [160, 256]),
];
const V2_M: [Stage; 7] = [
    fused(3, 3, 1, 1, [24, 24]),
    fused(3, 5, 2, 4, [24, 48]),
    fused(3, 5, 2, 4, [48, 80]),
    mbconv(3, 7, 2, 4, [80, 160]),
    mbconv(3, 14, 1, 6, [160, 176]),
    mbconv(3, 18, 2, 6, [176, 304]),
    mbconv(3, 5, 1, 6, [304, 512]),
];
const V2_L: [Stage; 7] = [
    fused(3, 4, 1, 1, [32, 32]),
    fused(3, 7, 2, 4, [32, 64]),
    fused(3, 7, 2, 4, [64, 96]),
    mbconv(3, 10, 2, 4, [96, 192]),
    mbconv(3, 19, 1, 6, [192, 224]),
    mbconv(3, 25, 2, 6, [224, 384]),
    mbconv(3, 7, 1, 6, [384, 640]),
];
const V2_XL: [Stage; 7] = [
    fused(3, 4, 1, 1, [32, 32]),
    fused(3, 8, 2, 4, [32, 64]),
    fused(3, 8, 2, 4, [64, 96]),
    mbconv(3, 16, 2, 4, [96, 192]),
    mbconv(3, 24, 1, 6, [192, 256]),
    mbconv(3, 32, 2, 6, [256, 512]),
    mbconv(3, 8, 1, 6, [512, 640]),
];

/// The first of V1's stages whose kernels CondConv mixes (tensorflow/tpu
/// `condconv/efficientnet_condconv_builder.py`).
const FIRST_CONDCONV_STAGE: usize = 4;

impl Rows {
    pub(super) fn of(baseline: Baseline) -> Self {
        let (stages, activation): (&[Stage], _) = match baseline {
            Baseline::V1 | Baseline::CondConv { .. } => (&V1, Activation::Swish),
            Baseline::Lite => (&V1, Activation::Relu6),
            Baseline::EdgeTpu => (&EDGETPU, Activation::Relu),
            Baseline::V2Base => (&V2_BASE, Activation::Swish),
            Baseline::V2S => (&V2_S, Activation::Swish),
            Baseline::V2M => (&V2_M, Activation::Swish),
            Baseline::V2L => (&V2_L, Activation::Swish),
            Baseline::V2Xl => (&V2_XL, Activation::Swish),
        };
        let mut stages = stages.to_vec();
        match baseline {
            // Lite's rows have squeeze-and-excitation too; `use_se` switches it off.
            Baseline::Lite => stages
                .iter_mut()
                .for_each(|stage| stage.squeeze_ratio = None),
            Baseline::CondConv { experts } => stages[FIRST_CONDCONV_STAGE..]
                .iter_mut()
                .for_each(|stage| stage.experts = Some(experts)),
            _ => {}
        }
        Self {
            stem_filters: match baseline {
                Baseline::V2S | Baseline::V2M => 24,
                _ => 32,
            },
            head_filters: 1280,
            activation,
            stages,
        }
    }
}

const fn mbconv(
    kernel_size: u64,
    num_repeat: u64,
    stride: u64,
    expand_ratio: u64,
    [input_filters, output_filters]: [u64; 2],
) -> Stage {
    Stage {
        kind: BlockKind::MbConv,
        kernel_size,
        num_repeat,
        input_filters,
        output_filters,
        expand_ratio,
        has_expansion: expand_ratio != 1,
        stride,
        squeeze_ratio: Some(0.25),
        skip: true,
        experts: None,
    }
}

const fn plain(
    kernel_size: u64,
    num_repeat: u64,
    stride: u64,
    expand_ratio: u64,
    filters: [u64; 2],
) -> Stage {
    Stage {
        squeeze_ratio: None,
        ..mbconv(kernel_size, num_repeat, stride, expand_ratio, filters)
    }
}

const fn fused(
    kernel_size: u64,
    num_repeat: u64,
    stride: u64,
    expand_ratio: u64,
    filters: [u64; 2],
) -> Stage {
    Stage {
        kind: BlockKind::Fused,
        ..plain(kernel_size, num_repeat, stride, expand_ratio, filters)
    }
}
