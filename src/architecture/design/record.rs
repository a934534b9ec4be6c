//! What a description of a network says, key by key, and whether it makes sense.

use super::Design;
use crate::architecture::{
    Architecture, BlockKind, IMAGENET_CLASSES, LARGEST_BLOCK_COUNT, Options, ShareOf, SizeError,
    Squeeze, Stage, TF_BATCH_NORM_EPSILON,
};
use crate::graph::{Activation, Padding};
use crate::scaling::{BASE_RESOLUTION, LARGEST_RESOLUTION};
use serde::{Deserialize, Serialize};

/// A network, described. Names of keys as in TensorFlow's `BlockArgs` (tensorflow/tpu `efficientnet_model.py`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Name of the graph.
    #[serde(default = "default_name")]
    pub name: String,
    /// Side of the square input in pixels.
    #[serde(default = "default_resolution")]
    pub resolution: u64,
    /// Filters of the stem convolution.
    pub stem_filters: u64,
    /// Filters of the head convolution.
    pub head_filters: u64,
    /// `swish`, `relu` or `relu6`.
    #[serde(default = "default_activation")]
    pub activation: String,
    /// `same`, `symmetric` or `static:S`.
    #[serde(default = "default_padding")]
    pub padding: String,
    /// Epsilon of every batch norm.
    #[serde(default = "default_epsilon")]
    pub bn_epsilon: f64,
    /// Logits.
    #[serde(default = "default_classes")]
    pub classes: u64,
    /// Channels of the input.
    #[serde(default = "default_in_channels")]
    pub in_channels: u64,
    /// How stages with a `se_ratio` squeeze.
    #[serde(default)]
    pub squeeze: SqueezeRecord,
    /// The stages, in order.
    pub stages: Vec<StageRecord>,
}

/// How squeeze-and-excitation squeezes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqueezeRecord {
    /// `input` or `expanded`: what `se_ratio` is a share of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of: Option<String>,
    /// As `activation`; the network's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
}

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

/// A value that makes no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {expected}, found {found}", place(*.stage, .key))]
pub struct RecordError {
    /// Index of the stage, from 0, if it is in one.
    pub stage: Option<usize>,
    /// The key, with dots between tables.
    pub key: &'static str,
    expected: String,
    found: String,
}

/// More filters or classes than this are a typing error.
const MOST_FILTERS: u64 = 1 << 16;
const MOST_CLASSES: u64 = 1 << 24;
const LARGEST_KERNEL: u64 = 31;
const LARGEST_EXPANSION: u64 = 64;
const MOST_EXPERTS: u64 = 64;
const LONGEST_NAME: usize = 100;
const ACTIVATIONS: [(&str, Activation); 3] = [
    ("swish", Activation::Swish),
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
];
const SHARES: [(&str, ShareOf); 2] = [("input", ShareOf::Input), ("expanded", ShareOf::Expanded)];
const BLOCKS: [(&str, BlockKind); 2] = [("mbconv", BlockKind::MbConv), ("fused", BlockKind::Fused)];

impl Record {
    /// A description of a network that comes with no more than its stages: TensorFlow's choices, 1000 classes.
    #[must_use]
    pub fn of_stages(stem_filters: u64, head_filters: u64, stages: Vec<StageRecord>) -> Self {
        Self {
            name: default_name(),
            resolution: default_resolution(),
            stem_filters,
            head_filters,
            activation: default_activation(),
            padding: default_padding(),
            bn_epsilon: default_epsilon(),
            classes: default_classes(),
            in_channels: default_in_channels(),
            squeeze: SqueezeRecord::default(),
            stages,
        }
    }

    /// What describes a network; [`Record::design`] gives it back.
    #[must_use]
    pub fn of(design: &Design) -> Self {
        let architecture = &design.architecture;
        let squeeze = architecture.squeeze;
        Self {
            name: design.name.clone(),
            resolution: design.resolution,
            stem_filters: architecture.stem_filters,
            head_filters: architecture.head_filters,
            activation: name_of(&ACTIVATIONS, architecture.activation),
            padding: architecture.options.padding.name(),
            bn_epsilon: architecture.options.batch_norm_epsilon,
            classes: architecture.options.classes,
            in_channels: architecture.options.in_channels,
            squeeze: SqueezeRecord {
                share_of: (squeeze.share_of != ShareOf::Input)
                    .then(|| name_of(&SHARES, squeeze.share_of)),
                activation: (squeeze.activation != architecture.activation)
                    .then(|| name_of(&ACTIVATIONS, squeeze.activation)),
            },
            stages: architecture.stages.iter().map(StageRecord::of).collect(),
        }
    }

    /// The network, with every number resolved.
    ///
    /// # Errors
    /// If a value makes no network, or the network would be of unreasonable size.
    pub fn design(&self) -> Result<Design, RecordError> {
        let fault = |key, expected: &str, found: String| RecordError {
            stage: None,
            key,
            expected: expected.to_owned(),
            found,
        };
        let name = self.name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            let expected = format!("1 to {LONGEST_NAME} printable characters");
            return Err(fault("name", &expected, format!("{:?}", self.name)));
        }
        let top = Checker { stage: None };
        let activation = top.named("activation", &self.activation, &ACTIVATIONS)?;
        let padding = Padding::by_name(&self.padding)
            .ok_or_else(|| fault("padding", Padding::EXPECTED, quoted(&self.padding)))?;
        if !(self.bn_epsilon > 0.0 && self.bn_epsilon < 1.0) {
            let found = self.bn_epsilon.to_string();
            return Err(fault("bn_epsilon", "a number above 0 and below 1", found));
        }
        let squeeze = Squeeze {
            share_of: match &self.squeeze.share_of {
                Some(name) => top.named("squeeze.share_of", name, &SHARES)?,
                None => ShareOf::Input,
            },
            activation: match &self.squeeze.activation {
                Some(name) => top.named("squeeze.activation", name, &ACTIVATIONS)?,
                None => activation,
            },
        };
        let options = Options {
            padding,
            batch_norm_epsilon: self.bn_epsilon,
            classes: top.within("classes", self.classes, MOST_CLASSES)?,
            in_channels: top.within("in_channels", self.in_channels, MOST_CLASSES)?,
        };
        let stem_filters = top.within("stem_filters", self.stem_filters, MOST_FILTERS)?;
        let mut stages = Vec::new();
        let mut enters = stem_filters;
        for (index, record) in self.stages.iter().enumerate() {
            let stage = record.stage(index, enters)?;
            enters = stage.output_filters;
            stages.push(stage);
        }
        if stages.is_empty() {
            return Err(fault("stages", "at least one stage", "none".to_owned()));
        }
        let architecture = Architecture {
            stem_filters,
            stages,
            head_filters: top.within("head_filters", self.head_filters, MOST_FILTERS)?,
            activation,
            squeeze,
            options,
        };
        let architecture = architecture.with_options(options);
        let refused =
            |error: SizeError| fault("stages", "a network of a size that fits", error.to_string());
        Ok(Design {
            name: name.to_owned(),
            resolution: top.within("resolution", self.resolution, LARGEST_RESOLUTION)?,
            architecture: architecture.map_err(refused)?,
        })
    }
}

impl StageRecord {
    fn of(stage: &Stage) -> Self {
        let has_expansion = stage.expand_ratio != 1;
        Self {
            block: name_of(&BLOCKS, stage.kind),
            kernel_size: stage.kernel_size,
            num_repeat: stage.num_repeat,
            stride: stage.stride,
            expand_ratio: stage.expand_ratio,
            expansion: (stage.has_expansion != has_expansion).then_some(stage.has_expansion),
            input_filters: Some(stage.input_filters),
            output_filters: stage.output_filters,
            se_ratio: stage.squeeze_ratio,
            skip: (!stage.skip).then_some(false),
            experts: stage.experts,
        }
    }

    /// The stage, where `enters` filters come from the one before.
    fn stage(&self, index: usize, enters: u64) -> Result<Stage, RecordError> {
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
            if kind == BlockKind::Fused && !has_expansion {
                let expected =
                    "none in a fused block without expansion, which is a single convolution";
                return Err(checker.fault("se_ratio", expected, &ratio));
            }
        }
        let experts = match self.experts {
            Some(experts) if kind == BlockKind::Fused => {
                return Err(checker.fault("experts", "none in a fused block", &experts));
            }
            Some(experts) => Some(checker.within("experts", experts, MOST_EXPERTS)?),
            None => None,
        };
        Ok(Stage {
            kind,
            kernel_size,
            num_repeat: checker.within("num_repeat", self.num_repeat, LARGEST_BLOCK_COUNT)?,
            input_filters,
            output_filters: checker.within("output_filters", self.output_filters, MOST_FILTERS)?,
            expand_ratio,
            has_expansion,
            stride: checker.within("stride", self.stride, 2)?,
            squeeze_ratio: self.se_ratio,
            skip: self.skip.unwrap_or(true),
            experts,
        })
    }
}

/// Checks values of the top level, or of one stage.
#[derive(Clone, Copy)]
struct Checker {
    stage: Option<usize>,
}

impl Checker {
    fn fault(self, key: &'static str, expected: &str, found: &dyn ToString) -> RecordError {
        RecordError {
            stage: self.stage,
            key,
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }

    fn within(self, key: &'static str, value: u64, most: u64) -> Result<u64, RecordError> {
        if (1..=most).contains(&value) {
            Ok(value)
        } else {
            Err(self.fault(key, &format!("a number from 1 to {most}"), &value))
        }
    }

    fn named<T: Copy>(
        self,
        key: &'static str,
        name: &str,
        table: &[(&str, T)],
    ) -> Result<T, RecordError> {
        let known = table.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<String> = table.iter().map(|(name, _)| quoted(name)).collect();
            self.fault(key, &names.join(" or "), &quoted(name))
        })
    }
}

fn place(stage: Option<usize>, key: &str) -> String {
    match stage {
        Some(index) => format!("`{key}` of stage {}", index + 1),
        None => format!("`{key}`"),
    }
}

fn quoted(text: &str) -> String {
    format!("`{}`", text.escape_debug())
}

fn name_of<T: Copy + PartialEq>(table: &[(&str, T)], value: T) -> String {
    let entry = table.iter().find(|(_, known)| *known == value);
    entry.map_or("sigmoid", |(name, _)| name).to_owned()
}

fn default_name() -> String {
    "efficientnet-own".to_owned()
}

fn default_resolution() -> u64 {
    BASE_RESOLUTION
}

fn default_activation() -> String {
    "swish".to_owned()
}

fn default_padding() -> String {
    Padding::Same.name()
}

fn default_epsilon() -> f64 {
    TF_BATCH_NORM_EPSILON
}

fn default_classes() -> u64 {
    IMAGENET_CLASSES
}

fn default_in_channels() -> u64 {
    3
}
