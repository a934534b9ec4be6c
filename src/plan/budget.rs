//! Limits, and whether a row keeps them.

use super::Cost;

/// What may be spent on one image; what has no limit is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostLimits {
    /// Multiply-adds.
    pub macs: Option<u64>,
    /// Trained parameters.
    pub parameters: Option<u64>,
    /// Bytes of activations held at once, in the element type of the network.
    pub memory: Option<u64>,
    /// Bytes of the file, in the element type of the network.
    pub file: Option<u64>,
}

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Multiply-adds.
    Macs,
    /// Trained parameters.
    Parameters,
    /// Bytes of activations held at once.
    Memory,
    /// Bytes of the file.
    File,
}

/// A limit that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Which one.
    pub limit: Limit,
    /// What it allows.
    pub allowed: u64,
    /// What is needed.
    pub needed: u64,
}

impl CostLimits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// The limits that a cost does not keep.
    #[must_use]
    pub fn exceeded(&self, cost: &Cost) -> Vec<Excess> {
        let limits = [
            (Limit::Macs, self.macs, cost.macs),
            (Limit::Parameters, self.parameters, cost.parameters),
            (Limit::Memory, self.memory, cost.peak_bytes()),
            (Limit::File, self.file, cost.file_bytes),
        ];
        let excess = |(limit, allowed, needed): (Limit, Option<u64>, u64)| {
            let allowed = allowed?;
            (needed > allowed).then_some(Excess {
                limit,
                allowed,
                needed,
            })
        };
        limits.into_iter().filter_map(excess).collect()
    }
}
