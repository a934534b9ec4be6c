//! Results of a graph, and the values that become them.

use crate::graph::ValueId;
use std::collections::BTreeMap;

/// A result of the graph; its name in the file is [`Output::name`]. `network::head` sets the value of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Raw class scores, `[batch, classes]`.
    Logits,
    /// Softmax of the logits, or a sigmoid of each.
    Probabilities,
    /// Mean of the head's feature maps, `[batch, head filters]`.
    Pooled,
}

impl Output {
    /// Every output, in the order in which people list them.
    pub const ALL: [Self; 3] = [Self::Logits, Self::Probabilities, Self::Pooled];

    /// Name of the graph output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Pooled => "pooled",
        }
    }

    /// Whether the classifier must be computed for it.
    #[must_use]
    pub fn needs_classifier(self) -> bool {
        match self {
            Self::Logits | Self::Probabilities => true,
            Self::Pooled => false,
        }
    }

    /// The output called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.name() == name)
    }
}

/// Values of a network by the output that each can be.
#[derive(Default)]
pub(super) struct Taps(BTreeMap<Output, ValueId>);

impl Taps {
    pub(super) fn set(&mut self, output: Output, value: ValueId) {
        self.0.insert(output, value);
    }

    /// The values of these outputs, in order.
    pub(super) fn of(&self, outputs: &[Output]) -> Vec<ValueId> {
        let value = |output: &Output| {
            let value = self.0.get(output).copied();
            value.expect("the network builds what its outputs need")
        };
        outputs.iter().map(value).collect()
    }
}
