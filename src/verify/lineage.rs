//! What the nodes of a graph make of the rows of a batch: data that `trace` finds.

use crate::files::foreign::Foreign;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What to do about a model that was exported while it was trained.
const EVALUATION: &str = "export the model in evaluation mode (`model.eval()` in PyTorch)";

/// What the nodes of a file make of rows, as far as checking rows matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Outputs that do not depend on rows of the images, or whose own rows are not those.
    pub without_rows: BTreeSet<String>,
    /// Outputs of which a row depends on the other rows by the definition of a node: the first such node.
    pub mixed: BTreeMap<String, RowNode>,
    /// Nodes on rows that fix the batch.
    pub fixes_batch: Vec<RowNode>,
}

/// A node that does something to the rows of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowNode {
    /// The node's name, or that of its first result where it has none.
    pub node: String,
    /// The operator.
    pub op_type: String,
    /// What it does.
    pub does: Does,
}

/// What a node does to the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It quantises with the range of all rows.
    QuantisesBatch,
    /// It normalises with the statistics of all rows.
    NormalisesBatch,
    /// It reduces all rows to one.
    ReducesBatch,
    /// It is a dropout in training mode.
    DropsOut,
    /// It draws random numbers.
    Draws,
    /// It gives the batch this extent.
    FixesBatch(u64),
}

impl Does {
    /// Whether results are other numbers on every run.
    #[must_use]
    pub fn is_random(self) -> bool {
        matches!(self, Self::DropsOut | Self::Draws)
    }
}

impl RowNode {
    /// Whether the model was exported while it was trained, by this node.
    #[must_use]
    pub fn trains(&self) -> bool {
        self.does == Does::DropsOut || self.op_type == "BatchNormalization"
    }

    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        self.trains().then_some(EVALUATION)
    }
}

impl fmt::Display for RowNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, op_type) = (self.node.shown(), self.op_type.shown());
        write!(f, "node `{node}` (`{op_type}`) ")?;
        match self.does {
            Does::QuantisesBatch => f.write_str("quantises with the range of the whole batch"),
            Does::NormalisesBatch if self.op_type == "BatchNormalization" => f.write_str(
                "is in training mode and normalises with the statistics of the whole batch",
            ),
            Does::NormalisesBatch => f.write_str("normalises over the batch"),
            Does::ReducesBatch => f.write_str("reduces over the batch"),
            Does::DropsOut => f.write_str("is in training mode"),
            Does::Draws => f.write_str("draws random numbers"),
            Does::FixesBatch(extent) => write!(f, "fixes the batch to {extent}"),
        }
    }
}

/// The batches of a symbolic batch that run in no runtime, and those that do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixedBatch {
    /// Batches that ran.
    pub ran: Vec<u64>,
    /// The first batch that fails: every runtime refused it, or returned outputs of another shape or order of rows.
    pub refused: u64,
    /// Nodes that fix the batch to another extent: the cause, where there is one.
    pub nodes: Vec<FixingNode>,
    /// Whether the runtimes agree on what ran; none if fewer than two ran it.
    pub agrees: Option<bool>,
    /// The same nodes, as the note names them.
    #[serde(skip)]
    pub(super) sites: Vec<RowNode>,
}

/// A node that fixes the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FixingNode {
    /// Its name, or that of its first result.
    pub node: String,
    /// The operator.
    pub op_type: String,
    /// The extent that it gives the batch.
    pub batch: u64,
}

impl fmt::Display for FixedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ran, refused, .. } = self;
        write!(
            f,
            "the batch is declared as symbolic, but batch {refused} does not run"
        )?;
        for (place, site) in self.sites.iter().enumerate() {
            write!(f, "{} {site}", if place == 0 { ":" } else { "," })?;
        }
        let ran: Vec<String> = ran.iter().map(u64::to_string).collect();
        if !ran.is_empty() {
            write!(f, "; batch {} ran", ran.join(", "))?;
        }
        match self.agrees {
            Some(true) => f.write_str(", and the runtimes agree on it"),
            Some(false) => f.write_str(", and the runtimes disagree on it"),
            None => Ok(()),
        }
    }
}
