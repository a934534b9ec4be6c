//! Block rows, and a network with every number resolved.
//!
//! The rows are those of the published baselines; [`Architecture::scale`] applies a [`Scaling`] to them.
//! How the parts are wired is `network`'s business.

pub mod design;
mod rows;

pub use design::Design;
use rows::Rows;

use crate::graph::{Activation, Padding};
use crate::scaling::{Family, Scaling, round_filters, round_repeats};

/// Epsilon of every batch norm in TensorFlow's EfficientNets (tensorflow/tpu `efficientnet_builder.py`).
pub const TF_BATCH_NORM_EPSILON: f64 = 1e-3;
/// Classes of ImageNet-1k.
pub const IMAGENET_CLASSES: u64 = 1000;
/// Networks of more blocks than this are refused.
pub const LARGEST_BLOCK_COUNT: u64 = 5_000;
/// Networks of more weight bytes than this are refused.
pub const LARGEST_WEIGHT_BYTES: u64 = 256 << 30;

/// A network with every number resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Filters of the stem convolution.
    pub stem_filters: u64,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// Filters of the head convolution.
    pub head_filters: u64,
    /// Non-linearity everywhere but in squeeze-and-excitation.
    pub activation: Activation,
    /// How stages that have squeeze-and-excitation squeeze.
    pub squeeze: Squeeze,
    /// Choices that scaling does not make.
    pub options: Options,
}

/// How squeeze-and-excitation squeezes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Squeeze {
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

/// Choices that scaling does not make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How convolutions pad the border.
    pub padding: Padding,
    /// Epsilon of every batch norm.
    pub batch_norm_epsilon: f64,
    /// Logits.
    pub classes: u64,
    /// Channels of the input.
    pub in_channels: u64,
}

impl Default for Options {
    /// TensorFlow's: SAME padding, epsilon 1e-3; 1000 classes, 3 channels.
    fn default() -> Self {
        Self {
            padding: Padding::Same,
            batch_norm_epsilon: TF_BATCH_NORM_EPSILON,
            classes: IMAGENET_CLASSES,
            in_channels: 3,
        }
    }
}

/// How a block is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Expansion, depthwise convolution, squeeze-and-excitation, projection.
    MbConv,
    /// A full convolution expands in place of the first two; without expansion it is the whole block.
    Fused,
}

/// Blocks of one shape in a row; only the first has the stride and the change of filters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How each block is built.
    pub kind: BlockKind,
    /// Side of the depthwise kernel, or of the full one.
    pub kernel_size: u64,
    /// Number of blocks.
    pub num_repeat: u64,
    /// Filters that enter the stage by its row: what expansion and squeezing count from. What really enters
    /// is the stage before, or the stem; the rows of Lite3 and of EdgeTPU say otherwise for their first stage.
    pub input_filters: u64,
    /// Filters that leave every block.
    pub output_filters: u64,
    /// Expanded filters over input filters.
    pub expand_ratio: u64,
    /// Whether blocks expand by a convolution of its own; a published network of ratio 1 has none.
    pub has_expansion: bool,
    /// Stride of the first block.
    pub stride: u64,
    /// Squeezed filters over those that [`Squeeze::share_of`] says, if it has squeeze-and-excitation.
    pub squeeze_ratio: Option<f64>,
    /// Whether the input is added to the result where shapes allow.
    pub skip: bool,
    /// How many kernels are mixed in every convolution of a block, image by image.
    pub experts: Option<u64>,
}

/// A network that is refused for its size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Too many blocks.
    #[error("the network would have {0} blocks, expected at most {LARGEST_BLOCK_COUNT}")]
    Blocks(u64),
    /// Too many weight bytes.
    #[error(
        "the weights would take at least {} GiB, expected at most {} GiB",
        .0 >> 30,
        LARGEST_WEIGHT_BYTES >> 30
    )]
    Bytes(u128),
}

impl Architecture {
    /// The family's baseline, scaled.
    ///
    /// Lite scales neither stem nor head, nor the repeats of its first and last stage, but the filters of
    /// every stage (tensorflow/tpu `lite/efficientnet_lite_builder.py`, `fix_head_stem`).
    ///
    /// # Errors
    /// If the network would be of unreasonable size; nothing large is built to find out.
    pub fn scale(scaling: &Scaling, options: Options) -> Result<Self, SizeError> {
        let family = scaling.family();
        let lite = family == Family::Lite;
        let scale = |filters| {
            let width = scaling.coefficients.width;
            round_filters(filters, width, family.has_ninety_percent_rule())
        };
        let outer = |filters| if lite { filters } else { scale(filters) };
        let rows = Rows::of(scaling.baseline);
        let last = rows.stages.len() - 1;
        let stage = |(index, row): (usize, &Stage)| Stage {
            num_repeat: if lite && (index == 0 || index == last) {
                row.num_repeat
            } else {
                round_repeats(row.num_repeat, scaling.coefficients.depth)
            },
            input_filters: scale(row.input_filters),
            output_filters: scale(row.output_filters),
            ..*row
        };
        let architecture = Self {
            stem_filters: outer(rows.stem_filters),
            stages: rows.stages.iter().enumerate().map(stage).collect(),
            head_filters: outer(rows.head_filters),
            activation: rows.activation,
            squeeze: Squeeze {
                share_of: ShareOf::Input,
                activation: rows.activation,
            },
            options,
        };
        architecture.refuse_unreasonable_size()?;
        Ok(architecture)
    }

    /// The same network with other padding, epsilon, classes and input channels.
    ///
    /// # Errors
    /// If it would be of unreasonable size.
    pub fn with_options(self, options: Options) -> Result<Self, SizeError> {
        let architecture = Self { options, ..self };
        architecture.refuse_unreasonable_size()?;
        Ok(architecture)
    }

    /// Number of blocks.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.stages.iter().map(|stage| stage.num_repeat).sum()
    }

    fn refuse_unreasonable_size(&self) -> Result<(), SizeError> {
        if self.block_count() > LARGEST_BLOCK_COUNT {
            return Err(SizeError::Blocks(self.block_count()));
        }
        let repeated = |stage: &Stage| {
            let filters = u128::from(stage.output_filters);
            2 * filters
                * filters
                * u128::from(stage.expand_ratio)
                * u128::from(stage.experts.unwrap_or(1))
                * u128::from(stage.num_repeat - 1)
        };
        let classifier = u128::from(self.head_filters) * u128::from(self.options.classes);
        let stem = u128::from(self.options.in_channels) * u128::from(self.stem_filters) * 9;
        let bytes = 4 * (self.stages.iter().map(repeated).sum::<u128>() + classifier + stem);
        if bytes > u128::from(LARGEST_WEIGHT_BYTES) {
            return Err(SizeError::Bytes(bytes));
        }
        Ok(())
    }
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

    /// Expanded filters of block `index`.
    #[must_use]
    pub fn expanded_filters(&self, index: u64) -> u64 {
        self.block_input_filters(index) * self.expand_ratio
    }

    /// Squeezed filters of block `index`: a share of what enters the block, or of that expanded, at least 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "filters are far below 2^53"
    )]
    pub fn squeezed_filters(&self, index: u64, share_of: ShareOf) -> Option<u64> {
        let ratio = self.squeeze_ratio?;
        let whole = match share_of {
            ShareOf::Input => self.block_input_filters(index),
            ShareOf::Expanded => self.expanded_filters(index),
        };
        Some(((whole as f64 * ratio) as u64).max(1))
    }
}
