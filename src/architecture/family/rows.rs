//! The notation of the families' tables: kernel, repeats, stride, expansion, filters in and out.

use super::{Baseline, Variant};
use crate::architecture::{
    Block, Bottleneck, Fused, MbConv, Plain, Separable, ShareOf, Squeeze, Stage,
};
use crate::graph::Activation;
use crate::scaling::Coefficients;

/// What graphs of EfficientNets are called before the name of a variant.
pub(super) const EFFICIENTNET: &str = "efficientnet-";
/// Filters of every unscaled EfficientNet's head.
pub(super) const HEAD_FILTERS: u64 = 1280;

/// Squeeze-and-excitation of a quarter of the filters that enter a block.
pub(super) const QUARTER: Squeeze = Squeeze {
    ratio: 0.25,
    share_of: ShareOf::Input,
    activation: Activation::Swish,
};

/// What MBConv blocks have in common before a row says kernel and expansion.
pub(super) const fn like(activation: Activation, squeeze: Option<Squeeze>) -> MbConv {
    MbConv {
        kernel_size: 3,
        expand_ratio: 1,
        squeeze,
        skip: true,
        experts: None,
        activation,
    }
}

pub(super) const fn mbconv(
    like: MbConv,
    kernel_size: u64,
    num_repeat: u64,
    stride: u64,
    expand_ratio: u64,
    filters: [u64; 2],
) -> Stage {
    let block = Block::MbConv(MbConv {
        kernel_size,
        expand_ratio,
        ..like
    });
    stage(block, num_repeat, stride, filters)
}

pub(super) const fn separable(
    like: MbConv,
    kernel_size: u64,
    num_repeat: u64,
    stride: u64,
    filters: [u64; 2],
) -> Stage {
    let block = Block::Separable(Separable {
        kernel_size,
        squeeze: like.squeeze,
        skip: like.skip,
        experts: like.experts,
        activation: like.activation,
        project_activation: None,
    });
    stage(block, num_repeat, stride, filters)
}

/// 3×3 depthwise and 1×1, each with the activation; nothing is added.
pub(super) const fn depthwise_separable(
    activation: Activation,
    num_repeat: u64,
    stride: u64,
    filters: [u64; 2],
) -> Stage {
    let block = Block::Separable(Separable {
        kernel_size: 3,
        squeeze: None,
        skip: false,
        experts: None,
        activation,
        project_activation: Some(activation),
    });
    stage(block, num_repeat, stride, filters)
}

pub(super) const fn fused(
    like: Fused,
    num_repeat: u64,
    stride: u64,
    expand_ratio: u64,
    filters: [u64; 2],
) -> Stage {
    let block = Block::Fused(Fused {
        expand_ratio,
        ..like
    });
    stage(block, num_repeat, stride, filters)
}

pub(super) const fn plain(like: Plain, num_repeat: u64, stride: u64, filters: [u64; 2]) -> Stage {
    stage(Block::Plain(like), num_repeat, stride, filters)
}

pub(super) const fn bottleneck(
    expansion: u64,
    num_repeat: u64,
    stride: u64,
    filters: [u64; 2],
) -> Stage {
    let block = Block::Bottleneck(Bottleneck {
        expansion,
        activation: Activation::Relu,
    });
    stage(block, num_repeat, stride, filters)
}

const fn stage(
    block: Block,
    num_repeat: u64,
    stride: u64,
    [input_filters, output_filters]: [u64; 2],
) -> Stage {
    Stage {
        block,
        num_repeat,
        stride,
        input_filters,
        output_filters,
    }
}

/// A published row: name, φ, what is scaled, width, depth, resolution.
pub(super) const fn variant(
    name: &'static str,
    phi: Option<u32>,
    baseline: &'static Baseline,
    width: f64,
    depth: f64,
    resolution: u64,
) -> Variant {
    Variant {
        name,
        phi,
        baseline,
        coefficients: Coefficients { width, depth },
        resolution,
    }
}
