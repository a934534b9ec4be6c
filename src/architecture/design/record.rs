//! What a description of a network says, key by key, and whether it makes sense.

use super::Design;
use super::check::{Checker, MOST_FILTERS, RecordError, name_of, quoted};
use super::stage::{Defaults, StageRecord};
use crate::architecture::{
    Architecture, Head, IMAGENET_CLASSES, Options, ShareOf, SizeError, Stem, TF_BATCH_NORM_EPSILON,
};
use crate::files::foreign::{Foreign, is_hidden};
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

/// More classes than this are a typing error.
const MOST_CLASSES: u64 = 1 << 24;
const LONGEST_NAME: usize = 100;
const ACTIVATIONS: [(&str, Activation); 3] = [
    ("swish", Activation::Swish),
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
];
const SHARES: [(&str, ShareOf); 2] = [("input", ShareOf::Input), ("expanded", ShareOf::Expanded)];
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

    /// What describes a network; [`Record::design`] gives it back. None if a part of it has no keys.
    #[must_use]
    pub fn of(design: &Design) -> Option<Self> {
        let architecture = &design.architecture;
        let activation = architecture.stem.activation;
        let head_filters = architecture.head.conv?.filters;
        let stages: Option<_> = architecture.stages.iter().map(StageRecord::of).collect();
        let squeeze = architecture.squeeze();
        let share_of = squeeze.map(|squeeze| squeeze.share_of);
        let squeeze_activation = squeeze.map(|squeeze| squeeze.activation);
        Some(Self {
            name: design.name.clone(),
            resolution: design.resolution,
            stem_filters: architecture.stem.filters,
            head_filters,
            activation: name_of(&ACTIVATIONS, activation),
            padding: architecture.options.padding.name(),
            bn_epsilon: architecture.options.batch_norm_epsilon,
            classes: architecture.options.classes,
            in_channels: architecture.options.in_channels,
            squeeze: SqueezeRecord {
                share_of: share_of
                    .filter(|share_of| *share_of != ShareOf::Input)
                    .map(|share_of| name_of(&SHARES, share_of)),
                activation: squeeze_activation
                    .filter(|own| *own != activation)
                    .map(|own| name_of(&ACTIVATIONS, own)),
            },
            stages: stages?,
        })
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
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains(is_hidden) {
            let expected = format!("1 to {LONGEST_NAME} printable characters");
            return Err(fault(
                "name",
                &expected,
                format!("\"{}\"", self.name.shown()),
            ));
        }
        let top = Checker { stage: None };
        let activation = top.named("activation", &self.activation, &ACTIVATIONS)?;
        let padding = Padding::by_name(&self.padding)
            .ok_or_else(|| fault("padding", Padding::EXPECTED, quoted(&self.padding)))?;
        if !(self.bn_epsilon > 0.0 && self.bn_epsilon < 1.0) {
            let found = self.bn_epsilon.to_string();
            return Err(fault("bn_epsilon", "a number above 0 and below 1", found));
        }
        let defaults = Defaults {
            activation,
            share_of: match &self.squeeze.share_of {
                Some(name) => top.named("squeeze.share_of", name, &SHARES)?,
                None => ShareOf::Input,
            },
            squeeze_activation: match &self.squeeze.activation {
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
            let stage = record.stage(index, enters, defaults)?;
            enters = stage.output_filters;
            stages.push(stage);
        }
        if stages.is_empty() {
            return Err(fault("stages", "at least one stage", "none".to_owned()));
        }
        let architecture = Architecture {
            stem: Stem::efficientnet(stem_filters, activation),
            stages,
            head: Head::efficientnet(
                top.within("head_filters", self.head_filters, MOST_FILTERS)?,
                activation,
            ),
            chain: None,
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
