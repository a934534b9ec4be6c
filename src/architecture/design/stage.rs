//! What a description of a stage says, key by key, and whether it makes sense.

use super::check::{Checker, MOST_FILTERS, RecordError, name_of};
use crate::architecture::{
    Block, Fused, LARGEST_BLOCK_COUNT, MbConv, Plain, Separable, ShareOf, Squeeze, Stage,
};
use crate::graph::Activation;
use serde::{Deserialize, Serialize};

/// Blocks of one shape in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecord {
    /// `mbconv` or `fused`.
    pub block: String,
    /// Side of the depthwise kernel, or of the full one.
    pub kernel_size: u64,
    /// Number of blocks.
    pub num_repeat: u64,
    /// Stride of the first block.
    pub stride: u64,
    /// Expanded filters over input filters.
    pub expand_ratio: u64,
    /// Whether blocks expand by a convolution of its own; by default where the ratio is not 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansion: Option<bool>,
    /// Filters that enter; what the stage before gives. The first stage's may differ from the stem's, and are
    /// then what its expansion and squeezing count from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_filters: Option<u64>,
    /// Filters that leave every block.
    pub output_filters: u64,
    /// Squeezed filters as a share; none without squeeze-and-excitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se_ratio: Option<f64>,
    /// Whether the input is added where shapes allow; by default it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<bool>,
    /// Kernels that are mixed image by image (CondConv).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<u64>,
}

/// What every stage takes from the keys of the top level.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    pub(super) activation: Activation,
    pub(super) share_of: ShareOf,
    pub(super) squeeze_activation: Activation,
}

const LARGEST_KERNEL: u64 = 31;
const LARGEST_EXPANSION: u64 = 64;
const MOST_EXPERTS: u64 = 64;
const BLOCKS: [(&str, Kind); 2] = [("mbconv", Kind::MbConv), ("fused", Kind::Fused)];

/// What the key `block` says; whether a block expands is a key of its own.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    MbConv,
    Fused,
}

impl StageRecord {
    /// None if its block has no keys.
    pub(super) fn of(stage: &Stage) -> Option<Self> {
        let (kind, kernel_size, expands, skip) = match stage.block {
            Block::MbConv(block) => (Kind::MbConv, block.kernel_size, true, block.skip),
            Block::Separable(block) if block.project_activation.is_none() => {
                (Kind::MbConv, block.kernel_size, false, block.skip)
            }
            Block::Fused(block) => (Kind::Fused, block.kernel_size, true, block.skip),
            Block::Plain(block) => (Kind::Fused, block.kernel_size, false, block.skip),
            Block::Separable(_) | Block::Bottleneck(_) => return None,
        };
        let expand_ratio = stage.block.expand_ratio();
        Some(Self {
            block: name_of(&BLOCKS, kind),
            kernel_size,
            num_repeat: stage.num_repeat,
            stride: stage.stride,
            expand_ratio,
            expansion: (expands != (expand_ratio != 1)).then_some(expands),
            input_filters: Some(stage.input_filters),
            output_filters: stage.output_filters,
            se_ratio: stage.block.squeeze().map(|squeeze| squeeze.ratio),
            skip: (!skip).then_some(false),
            experts: stage.block.experts(),
        })
    }

    /// The stage, where `enters` filters come from the one before.
    pub(super) fn stage(
        &self,
        index: usize,
        enters: u64,
        defaults: Defaults,
    ) -> Result<Stage, RecordError> {
        let checker = Checker { stage: Some(index) };
        let kind = checker.named("block", &self.block, &BLOCKS)?;
        let kernel_size = checker.within("kernel_size", self.kernel_size, LARGEST_KERNEL)?;
        if kernel_size % 2 == 0 {
            return Err(checker.fault("kernel_size", "an odd number", &kernel_size));
        }
        let expand_ratio = checker.within("expand_ratio", self.expand_ratio, LARGEST_EXPANSION)?;
        let has_expansion = self.expansion.unwrap_or(expand_ratio != 1);
        if !has_expansion && expand_ratio != 1 {
            return Err(checker.fault(
                "expansion",
                "`true` where `expand_ratio` is not 1",
                &"`false`",
            ));
        }
        let input_filters = match self.input_filters {
            Some(filters) if index > 0 && filters != enters => {
                let expected = format!("the {enters} filters that the stage before gives");
                return Err(checker.fault("input_filters", &expected, &filters));
            }
            Some(filters) => checker.within("input_filters", filters, MOST_FILTERS)?,
            None => enters,
        };
        if let Some(ratio) = self.se_ratio {
            if !(ratio > 0.0 && ratio <= 1.0) {
                return Err(checker.fault("se_ratio", "a number above 0 and at most 1", &ratio));
            }
            if kind == Kind::Fused && !has_expansion {
                let expected =
                    "none in a fused block without expansion, which is a single convolution";
                return Err(checker.fault("se_ratio", expected, &ratio));
            }
        }
        let experts = match self.experts {
            Some(experts) if kind == Kind::Fused => {
                return Err(checker.fault("experts", "none in a fused block", &experts));
            }
            Some(experts) => Some(checker.within("experts", experts, MOST_EXPERTS)?),
            None => None,
        };
        let activation = defaults.activation;
        let squeeze = self.se_ratio.map(|ratio| Squeeze {
            ratio,
            share_of: defaults.share_of,
            activation: defaults.squeeze_activation,
        });
        let skip = self.skip.unwrap_or(true);
        let num_repeat = checker.within("num_repeat", self.num_repeat, LARGEST_BLOCK_COUNT)?;
        let output_filters = checker.within("output_filters", self.output_filters, MOST_FILTERS)?;
        let stride = checker.within("stride", self.stride, 2)?;
        let block = match (kind, has_expansion) {
            (Kind::MbConv, true) => Block::MbConv(MbConv {
                kernel_size,
                expand_ratio,
                squeeze,
                skip,
                experts,
                activation,
            }),
            (Kind::MbConv, false) => Block::Separable(Separable {
                kernel_size,
                squeeze,
                skip,
                experts,
                activation,
                project_activation: None,
            }),
            (Kind::Fused, true) => Block::Fused(Fused {
                kernel_size,
                expand_ratio,
                squeeze,
                skip,
                activation,
            }),
            (Kind::Fused, false) => Block::Plain(Plain {
                kernel_size,
                skip,
                activation,
            }),
        };
        Ok(Stage {
            block,
            num_repeat,
            stride,
            input_filters,
            output_filters,
        })
    }
}
