//! Results of a graph, and the values that become them.

use super::level::{self, FeatureLevel, NetworkError, Part};
use crate::architecture::Architecture;
use crate::graph::{Graph, GraphBuilder, ValueId};
use std::collections::BTreeMap;

/// A result of the graph; its name in the file is [`Output::name`]. `network` sets the value of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Raw class scores, `[batch, classes]`.
    Logits,
    /// Softmax of the logits, or a sigmoid of each.
    Probabilities,
    /// What enters the last linear layer, divided by its Euclidean norm, `[batch, features]`; of a head without classes, what
    /// its last layer gives, divided so. By default the pooled maps.
    Embedding,
    /// The head's feature maps as one vector, `[batch, features]`; by default the mean of each.
    Pooled,
    /// Class activation maps, `[batch, classes, height, width]` of the head's feature maps: the mean of each over height and
    /// width, plus the class's bias, is its logit (arXiv 1512.04150, equation 2).
    Cam,
    /// Feature maps for detection and segmentation, `[batch, filters, height, width]`.
    Features(FeatureLevel),
}

impl Output {
    /// Every output, in the order in which people list them.
    pub const ALL: [Self; 10] = [
        Self::Logits,
        Self::Probabilities,
        Self::Embedding,
        Self::Pooled,
        Self::Cam,
        Self::Features(FeatureLevel::ALL[0]),
        Self::Features(FeatureLevel::ALL[1]),
        Self::Features(FeatureLevel::ALL[2]),
        Self::Features(FeatureLevel::ALL[3]),
        Self::Features(FeatureLevel::ALL[4]),
    ];

    /// Name of the graph output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Embedding => "embedding",
            Self::Pooled => "pooled",
            Self::Cam => "cam",
            Self::Features(level) => level.output_name(),
        }
    }

    /// Whether it is of classes, so that the classifier's weight must be there.
    #[must_use]
    pub fn has_classes(self) -> bool {
        matches!(self, Self::Logits | Self::Probabilities | Self::Cam)
    }

    /// Whether the logits must be computed for it.
    #[must_use]
    pub fn needs_logits(self) -> bool {
        matches!(self, Self::Logits | Self::Probabilities)
    }

    /// Whether the maps must be pooled for it.
    pub(super) fn needs_pool(self) -> bool {
        matches!(self, Self::Pooled | Self::Embedding) || self.needs_logits()
    }

    /// The part of the network after which it is taken.
    pub(super) fn part(self, architecture: &Architecture) -> Result<Part, NetworkError> {
        let chain = architecture.head_chain();
        match self {
            Self::Features(level) => level::part(architecture, level),
            _ if self.has_classes() && !chain.has_result() => Err(NetworkError::OpenEnd {
                head: chain.to_string(),
            }),
            _ if self.has_classes() && chain.classes().is_none() => Err(NetworkError::NoClasses {
                output: self.name(),
                head: chain.to_string(),
            }),
            Self::Embedding if !chain.has_result() => Err(NetworkError::OpenEnd {
                head: chain.to_string(),
            }),
            Self::Cam if !chain.has_class_maps() => Err(NetworkError::NoClassMaps {
                head: chain.to_string(),
            }),
            Self::Logits | Self::Probabilities | Self::Embedding | Self::Pooled | Self::Cam => {
                Ok(Part::Head)
            }
        }
    }

    /// The output called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.name() == name)
    }
}

/// The outputs that a network is built for, and their values as far as it is.
pub(super) struct Taps {
    /// In the order of the file, each with the part after which it is taken.
    outputs: Vec<(Output, Part)>,
    values: BTreeMap<Output, ValueId>,
}

impl Taps {
    pub(super) fn new(
        architecture: &Architecture,
        outputs: &[Output],
    ) -> Result<Self, NetworkError> {
        let parts = outputs
            .iter()
            .map(|output| Ok((*output, output.part(architecture)?)));
        Ok(Self {
            outputs: parts.collect::<Result<_, NetworkError>>()?,
            values: BTreeMap::new(),
        })
    }

    pub(super) fn has(&self, is_wanted: impl Fn(Output) -> bool) -> bool {
        self.outputs.iter().any(|(output, _)| is_wanted(*output))
    }

    /// Whether an output needs more than the network up to and with `part`.
    pub(super) fn go_beyond(&self, part: Part) -> bool {
        self.outputs.iter().any(|(_, wanted)| *wanted > part)
    }

    /// Notes the feature maps that a part of the network ends with.
    pub(super) fn passed(&mut self, part: Part, maps: ValueId) {
        for (output, wanted) in &self.outputs {
            if *wanted == part {
                self.values.insert(*output, maps);
            }
        }
    }

    pub(super) fn set(&mut self, output: Output, value: ValueId) {
        self.values.insert(output, value);
    }

    /// Ends the graph with these outputs, in order; each value gets the name of its output.
    pub(super) fn finish(&self, mut builder: GraphBuilder) -> Graph {
        let mut values = Vec::new();
        for (output, _) in &self.outputs {
            let value = self.values.get(output).copied();
            let value = value.expect("the network builds what its outputs need");
            builder.rename(value, output.name());
            values.push(value);
        }
        builder.finish(values)
    }
}
