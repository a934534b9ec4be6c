//! A network with every number resolved: a stem, stages of blocks, a head.
//!
//! [`family`] has the published baselines; [`Architecture::scale`] applies a [`Scaling`] to one. [`design`] reads
//! networks that are nobody's baseline. How the parts are wired is `network`'s business.

mod block;
pub mod design;
pub mod family;
mod head;
mod scaled;

pub use block::{Block, Bottleneck, Fused, MbConv, Plain, Separable, ShareOf, Squeeze, Stage};
pub use design::Design;
pub use family::{Baseline, Family, ReportedAccuracy, Variant};
pub use head::{HeadChain, HeadLayer, HeadPool, HeadSketch, HeadTextError, LayerSketch};
pub use scaled::{Reading, Scaling};

use crate::graph::{Activation, Padding};

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
    /// What comes before the stages.
    pub stem: Stem,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// What comes after the stages.
    pub head: Head,
    /// The head's pool and the layers after it; none is [`HeadChain::usual`].
    pub chain: Option<HeadChain>,
    /// Choices that scaling does not make.
    pub options: Options,
}

/// What comes before the stages: a convolution, a batch norm, an activation and perhaps a max pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stem {
    /// Name of the convolution.
    pub conv: &'static str,
    /// Filters of the convolution.
    pub filters: u64,
    /// Side of its kernel.
    pub kernel_size: u64,
    /// Its stride.
    pub stride: u64,
    /// Its non-linearity.
    pub activation: Activation,
    /// The max pool, if it has one.
    pub pool: Option<StemPool>,
}

/// The max pool of a stem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StemPool {
    /// Side of its window.
    pub kernel_size: u64,
    /// Its stride.
    pub stride: u64,
}

/// What comes after the stages: perhaps a convolution, then a pool and a classifier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// A 1×1 convolution, a batch norm and an activation, if it has them.
    pub conv: Option<HeadConv>,
    /// Name of the classifier.
    pub classifier: &'static str,
}

/// The 1×1 convolution of a head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadConv {
    /// Its filters.
    pub filters: u64,
    /// Its non-linearity.
    pub activation: Activation,
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

impl Options {
    /// TensorFlow's: SAME padding, epsilon 1e-3; 1000 classes, 3 channels.
    pub const TENSORFLOW: Self = Self {
        padding: Padding::Same,
        batch_norm_epsilon: TF_BATCH_NORM_EPSILON,
        classes: IMAGENET_CLASSES,
        in_channels: 3,
    };
    /// PyTorch's: symmetric padding, epsilon 1e-5; 1000 classes, 3 channels.
    pub const PYTORCH: Self = Self {
        padding: Padding::Symmetric,
        batch_norm_epsilon: 1e-5,
        ..Self::TENSORFLOW
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::TENSORFLOW
    }
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
    /// Too many multiply-adds to count.
    #[error("the network would need more than 10^19 multiply-adds for an image")]
    Macs,
}

impl Architecture {
    /// The family's baseline, scaled by its rules.
    ///
    /// # Errors
    /// If the network would be of unreasonable size; nothing large is built to find out.
    pub fn scale(scaling: &Scaling, options: Options) -> Result<Self, SizeError> {
        let Baseline {
            stem,
            stages,
            head,
            rules,
            ..
        } = scaling.baseline;
        let (width, depth) = (scaling.coefficients.width, scaling.coefficients.depth);
        let last = stages.len() - 1;
        let output = |row: &Stage| row.block.scaled_filters(row.output_filters, *rules, width);
        let stage = |(index, row): (usize, &Stage)| Stage {
            num_repeat: rules.repeats(row.num_repeat, depth, index == 0 || index == last),
            // The first stage's row says itself what it counts from.
            input_filters: match index.checked_sub(1) {
                Some(before) => output(&stages[before]),
                None => rules.filters(row.input_filters, width),
            },
            output_filters: output(row),
            ..*row
        };
        let architecture = Self {
            stem: Stem {
                filters: rules.stem_filters(stem.filters, width),
                ..*stem
            },
            stages: stages.iter().enumerate().map(stage).collect(),
            head: Head {
                conv: head.conv.map(|conv| HeadConv {
                    filters: rules.head_filters(conv.filters, width),
                    ..conv
                }),
                ..*head
            },
            chain: None,
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

    /// The same network with another pool and other layers after it; with none, the usual ones.
    ///
    /// # Errors
    /// If it would be of unreasonable size.
    pub fn with_head(mut self, chain: Option<HeadChain>) -> Result<Self, SizeError> {
        self.chain = chain;
        self.refuse_unreasonable_size()?;
        Ok(self)
    }

    /// The pool and the layers after it.
    #[must_use]
    pub fn head_chain(&self) -> HeadChain {
        let chain = self.chain.clone();
        chain.unwrap_or_else(|| HeadChain::usual(self.options.classes))
    }

    /// Number of blocks.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.stages.iter().map(|stage| stage.num_repeat).sum()
    }

    /// Channels that the pool takes, and that the classifier reads by default.
    #[must_use]
    pub fn features(&self) -> u64 {
        match (self.head.conv, self.stages.last()) {
            (Some(conv), _) => conv.filters,
            (None, Some(stage)) => stage.output_filters,
            (None, None) => self.stem.filters,
        }
    }

    /// Squeeze-and-excitation of the first stage that has it.
    #[must_use]
    pub fn squeeze(&self) -> Option<Squeeze> {
        self.stages.iter().find_map(|stage| stage.block.squeeze())
    }

    fn refuse_unreasonable_size(&self) -> Result<(), SizeError> {
        if self.block_count() > LARGEST_BLOCK_COUNT {
            return Err(SizeError::Blocks(self.block_count()));
        }
        let repeated = |stage: &Stage| {
            stage.block.least_weights(stage.output_filters) * u128::from(stage.num_repeat - 1)
        };
        let linear = self.head_chain().linear_weights(self.features());
        let window = u128::from(self.stem.kernel_size * self.stem.kernel_size);
        let stem = u128::from(self.options.in_channels) * u128::from(self.stem.filters) * window;
        let bytes = 4 * (self.stages.iter().map(repeated).sum::<u128>() + linear + stem);
        if bytes > u128::from(LARGEST_WEIGHT_BYTES) {
            return Err(SizeError::Bytes(bytes));
        }
        Ok(())
    }
}

impl Stem {
    /// An EfficientNet's: 3×3, stride 2.
    #[must_use]
    pub const fn efficientnet(filters: u64, activation: Activation) -> Self {
        Self {
            conv: "conv_stem",
            filters,
            kernel_size: 3,
            stride: 2,
            activation,
            pool: None,
        }
    }
}

impl Head {
    /// An EfficientNet's: 1×1 convolution, pool, classifier.
    #[must_use]
    pub const fn efficientnet(filters: u64, activation: Activation) -> Self {
        Self {
            conv: Some(HeadConv {
                filters,
                activation,
            }),
            classifier: "classifier",
        }
    }
}
