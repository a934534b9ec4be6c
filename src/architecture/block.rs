//! Kinds of blocks, each with its own data, and rows of blocks.

use crate::graph::Activation;
use crate::scaling::Rules;

/// Blocks of one shape in a row; only the first has the stride and the change of filters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// What each block is.
    pub block: Block,
    /// Number of blocks.
    pub num_repeat: u64,
    /// Stride of the first block.
    pub stride: u64,
    /// Filters that enter the stage by its row: what expansion and squeezing count from. What really enters
    /// is the stage before, or the stem; the rows of Lite3 and of EdgeTPU say otherwise for their first stage.
    pub input_filters: u64,
    /// Filters that leave every block.
    pub output_filters: u64,
}

/// A block. How each kind is wired, and what its parameters are called, is in `network`, a file each.
///
/// `least_weights` must stay below what a kind really has, or networks are refused that would fit; without an
/// arm there, large ones are built before they are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Block {
    /// Expansion, depthwise convolution, squeeze-and-excitation, projection.
    MbConv(MbConv),
    /// An MBConv block without expansion.
    Separable(Separable),
    /// A full convolution that expands, squeeze-and-excitation, projection.
    Fused(Fused),
    /// One full convolution: a fused block without expansion.
    Plain(Plain),
    /// Reduction, 3×3 convolution, expansion, and the input or its projection added.
    Bottleneck(Bottleneck),
}

/// Expansion, depthwise convolution, squeeze-and-excitation, projection (tensorflow/tpu `efficientnet_model.py`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MbConv {
    /// Side of the depthwise kernel.
    pub kernel_size: u64,
    /// Expanded filters over input filters.
    pub expand_ratio: u64,
    /// Squeeze-and-excitation, if it has it.
    pub squeeze: Option<Squeeze>,
    /// Whether the input is added to the result where shapes allow.
    pub skip: bool,
    /// How many kernels are mixed in every convolution, image by image.
    pub experts: Option<u64>,
    /// Non-linearity everywhere but in squeeze-and-excitation.
    pub activation: Activation,
}

/// Depthwise convolution, squeeze-and-excitation, projection.
///
/// In an EfficientNet the projection is linear; in MobileNetV1 (arXiv 1704.04861, figure 3) it has the activation too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separable {
    /// Side of the depthwise kernel.
    pub kernel_size: u64,
    /// Squeeze-and-excitation, if it has it.
    pub squeeze: Option<Squeeze>,
    /// Whether the input is added to the result where shapes allow.
    pub skip: bool,
    /// How many kernels are mixed in every convolution, image by image.
    pub experts: Option<u64>,
    /// Non-linearity after the depthwise convolution.
    pub activation: Activation,
    /// Non-linearity after the projection, if it has one.
    pub project_activation: Option<Activation>,
}

/// A full convolution that expands, squeeze-and-excitation, projection (google/automl `effnetv2_model.py`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// Side of the full kernel.
    pub kernel_size: u64,
    /// Expanded filters over input filters.
    pub expand_ratio: u64,
    /// Squeeze-and-excitation, if it has it.
    pub squeeze: Option<Squeeze>,
    /// Whether the input is added to the result where shapes allow.
    pub skip: bool,
    /// Non-linearity everywhere but in squeeze-and-excitation.
    pub activation: Activation,
}

/// One full convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plain {
    /// Side of the kernel.
    pub kernel_size: u64,
    /// Whether the input is added to the result where shapes allow.
    pub skip: bool,
    /// Non-linearity, before the addition.
    pub activation: Activation,
}

/// Reduction, 3×3 convolution, expansion, and the input or its projection added (torchvision `models/resnet.py`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bottleneck {
    /// Filters that leave it over those of its 3×3 convolution.
    pub expansion: u64,
    /// Non-linearity, after the addition too.
    pub activation: Activation,
}

/// Squeeze-and-excitation: channels are weighed by what is in all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Squeeze {
    /// Squeezed filters over those that `share_of` says.
    pub ratio: f64,
    /// What the squeezed filters are a share of.
    pub share_of: ShareOf,
    /// Non-linearity after the reduction; the gate is a sigmoid always.
    pub activation: Activation,
}

/// What squeezed filters are a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareOf {
    /// The filters that enter the block, as in every EfficientNet.
    Input,
    /// The expanded filters, as in SENet and MobileNetV3.
    Expanded,
}

impl Stage {
    /// Filters that enter block `index` of the stage by its row.
    #[must_use]
    pub fn block_input_filters(&self, index: u64) -> u64 {
        if index == 0 {
            self.input_filters
        } else {
            self.output_filters
        }
    }

    /// Stride of block `index` of the stage.
    #[must_use]
    pub fn block_stride(&self, index: u64) -> u64 {
        if index == 0 { self.stride } else { 1 }
    }
}

impl Block {
    /// Expanded filters over input filters; 1 without expansion.
    #[must_use]
    pub fn expand_ratio(&self) -> u64 {
        match self {
            Self::MbConv(block) => block.expand_ratio,
            Self::Fused(block) => block.expand_ratio,
            Self::Separable(_) | Self::Plain(_) | Self::Bottleneck(_) => 1,
        }
    }

    /// Filters that leave it, scaled by `width`. Of a bottleneck those of its 3×3 convolution are rounded, so that the
    /// expansion stays a whole number.
    pub(super) fn scaled_filters(&self, filters: u64, rules: Rules, width: f64) -> u64 {
        match self {
            Self::Bottleneck(Bottleneck { expansion, .. }) => {
                expansion * rules.filters(filters / expansion, width)
            }
            Self::MbConv(_) | Self::Separable(_) | Self::Fused(_) | Self::Plain(_) => {
                rules.filters(filters, width)
            }
        }
    }

    /// The least number of weights that it has between `filters` and as many.
    pub(super) fn least_weights(&self, filters: u64) -> u128 {
        let (filters, experts) = (u128::from(filters), self.experts().unwrap_or(1));
        if let Self::Bottleneck(block) = self {
            return 2 * filters * (filters / u128::from(block.expansion));
        }
        // Convolutions of one position between as many filters; a depthwise convolution has next to nothing.
        let squares = match self {
            Self::Separable(_) | Self::Plain(_) => 1,
            Self::MbConv(_) | Self::Fused(_) | Self::Bottleneck(_) => 2 * self.expand_ratio(),
        };
        filters * filters * u128::from(squares) * u128::from(experts)
    }

    /// How many kernels are mixed in its convolutions, if they are.
    #[must_use]
    pub fn experts(&self) -> Option<u64> {
        match self {
            Self::MbConv(block) => block.experts,
            Self::Separable(block) => block.experts,
            Self::Fused(_) | Self::Plain(_) | Self::Bottleneck(_) => None,
        }
    }

    /// Squeeze-and-excitation, if it has it.
    #[must_use]
    pub fn squeeze(&self) -> Option<Squeeze> {
        match self {
            Self::MbConv(block) => block.squeeze,
            Self::Separable(block) => block.squeeze,
            Self::Fused(block) => block.squeeze,
            Self::Plain(_) | Self::Bottleneck(_) => None,
        }
    }
}

impl Squeeze {
    /// Squeezed filters of a block that `input` filters enter and that expands them to `expanded`: at least 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "filters are far below 2^53"
    )]
    pub fn filters(&self, input: u64, expanded: u64) -> u64 {
        let whole = match self.share_of {
            ShareOf::Input => input,
            ShareOf::Expanded => expanded,
        };
        ((whole as f64 * self.ratio) as u64).max(1)
    }
}
