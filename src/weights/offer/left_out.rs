//! Tensors of a checkpoint that are not read, and what accounts for each.

use crate::files::foreign::Foreign;
use std::collections::BTreeMap;
use std::fmt;

/// Tensors that are left out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutGroup {
    /// What accounts for them.
    pub kind: GroupKind,
    /// What their names have in common: where they lie, or what they are called.
    pub place: String,
    /// Their names in the container.
    pub names: Vec<String>,
}

/// What accounts for a tensor that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// Another state dict of the same network.
    StateDict,
    /// State of an optimiser.
    Optimiser,
    /// A loss, or its weights.
    Loss,
    /// A metric.
    Metric,
    /// The teacher of a distillation.
    Teacher,
    /// Progress of the training, schedulers and the like.
    Training,
    /// What averaging counts.
    Averaging,
    /// A counter beside a module's weights.
    Counter,
    /// Variables that moving averages stand in for.
    Averaged,
    /// What a layer in front of the network normalises an input of other than three channels with.
    Normalization,
    /// Outside the prefix that was asked for.
    Outside,
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StateDict => "another state dict",
            Self::Optimiser => "optimiser",
            Self::Loss => "loss",
            Self::Metric => "metric",
            Self::Teacher => "teacher",
            Self::Training => "training state",
            Self::Averaging => "averaging",
            Self::Counter => "counters",
            Self::Averaged => "averaged",
            Self::Normalization => "normalization of the input, which is not a part of the network",
            Self::Outside => "outside the prefix",
        })
    }
}

impl fmt::Display for LeftOutGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names[..] {
            [name] => write!(f, "`{}` ({})", name.shown(), self.kind),
            names => write!(
                f,
                "{} tensors of `{}` ({})",
                names.len(),
                self.place.shown(),
                self.kind
            ),
        }
    }
}

/// Groups in the making, in the order in which each begins.
#[derive(Default)]
pub(in crate::weights) struct LeftOut {
    groups: Vec<LeftOutGroup>,
    places: BTreeMap<(GroupKind, String), usize>,
}

impl LeftOut {
    /// Adds a tensor to those of its kind and place.
    pub(in crate::weights) fn add(&mut self, kind: GroupKind, place: &str, name: &str) {
        let place = place.to_owned();
        let next = self.groups.len();
        let group = *self.places.entry((kind, place.clone())).or_insert(next);
        if group == next {
            let names = Vec::new();
            self.groups.push(LeftOutGroup { kind, place, names });
        }
        self.groups[group].names.push(name.to_owned());
    }

    /// The groups.
    pub(in crate::weights) fn into_groups(self) -> Vec<LeftOutGroup> {
        self.groups
    }
}
