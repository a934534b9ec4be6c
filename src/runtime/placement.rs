//! On which execution provider each node of a file was placed, and whether that is where it was to be.
//!
//! A placement is evidence, so it says where it comes from. The JSON form is part of the report of `verify`.

use crate::files::foreign::Foreign;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Nodes that are listed by name; all are counted. Keeps a line between processes short.
const LISTED: usize = 1000;
/// Nodes that an error names.
const NAMED: usize = 8;

/// Which provider has how many nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Where this was read.
    pub source: Source,
    /// The provider on which every node was to be, such as `CUDAExecutionProvider`.
    pub provider: String,
    /// Nodes in all. The runtime has folded and fused some, so it need not be as many as the file has.
    pub nodes: usize,
    /// Nodes on the provider, copies between memories not counted.
    pub nodes_on_provider: usize,
    /// The others; of thousands the first thousand.
    pub elsewhere: Vec<PlacedNode>,
}

/// Where a placement was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The partitioner's record of the session that ran.
    Partitioner,
    /// The partitioner's record of a session that was made only for this, since the one that must not use the CPU
    /// was refused. It never computed anything.
    PartitionerWithoutBan,
    /// The kernels in the profile of the first run, the same run whose outputs are judged.
    Profile,
}

/// A node that is not where it was to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedNode {
    /// The provider that has it.
    pub provider: String,
    /// Its name; the runtime names what it has fused or added.
    pub node: String,
    /// Its operator.
    pub op: String,
}

impl PlacedNode {
    /// A copy between host and device: it runs on the provider, and only because a neighbour does not.
    fn is_copy(&self) -> bool {
        self.op.starts_with("Memcpy")
    }
}

impl Placement {
    /// Counts the nodes that are on `provider`, and lists the others.
    #[must_use]
    pub fn of(source: Source, provider: &str, placed: Vec<PlacedNode>) -> Self {
        let nodes = placed.len();
        let mut elsewhere = placed;
        elsewhere.retain(|placed| placed.provider != provider || placed.is_copy());
        let nodes_on_provider = nodes - elsewhere.len();
        elsewhere.truncate(LISTED);
        Self {
            source,
            provider: provider.to_owned(),
            nodes,
            nodes_on_provider,
            elsewhere,
        }
    }

    /// Whether there are nodes, and every one is on the provider.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.nodes > 0 && self.nodes_on_provider == self.nodes
    }

    /// The provider's name without the words that all have, such as `CUDA`.
    #[must_use]
    pub fn provider_name(&self) -> &str {
        short(&self.provider)
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (on, nodes) = (self.nodes_on_provider, self.nodes);
        write!(
            f,
            "{on} of {nodes} nodes on {}",
            self.provider_name().shown()
        )?;
        for (index, placed) in self.elsewhere.iter().take(NAMED).enumerate() {
            let separator = if index == 0 { "; elsewhere: " } else { ", " };
            let (node, op) = (placed.node.shown(), placed.op.shown());
            let provider = short(&placed.provider).shown();
            write!(f, "{separator}`{node}` ({op}, {provider})")?;
        }
        match (nodes - on).saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

fn short(provider: &str) -> &str {
    provider
        .strip_suffix("ExecutionProvider")
        .unwrap_or(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(provider: &str, node: &str, op: &str) -> PlacedNode {
        PlacedNode {
            provider: format!("{provider}ExecutionProvider"),
            node: node.into(),
            op: op.into(),
        }
    }

    fn placement(nodes: Vec<PlacedNode>) -> Placement {
        Placement::of(Source::Profile, "CUDAExecutionProvider", nodes)
    }

    #[test]
    fn only_all_of_some_nodes_is_complete() {
        let all = placement(vec![
            placed("CUDA", "a", "Conv"),
            placed("CUDA", "b", "Mul"),
        ]);
        assert!(all.is_complete());
        assert_eq!(all.to_string(), "2 of 2 nodes on CUDA");
        assert!(!placement(vec![]).is_complete());
        let one = placement(vec![placed("CUDA", "a", "Conv"), placed("CPU", "b", "Mul")]);
        assert!(!one.is_complete());
        assert_eq!(
            one.to_string(),
            "1 of 2 nodes on CUDA; elsewhere: `b` (Mul, CPU)"
        );
    }

    #[test]
    fn a_copy_tells_of_a_node_that_is_elsewhere() {
        let copied = placement(vec![
            placed("CUDA", "a", "Conv"),
            placed("CUDA", "Memcpy", "MemcpyToHost"),
        ]);
        assert!(!copied.is_complete());
        assert_eq!(copied.nodes_on_provider, 1);
    }

    #[test]
    fn many_nodes_are_counted_and_some_named() {
        let nodes = (0..1500)
            .map(|at| placed("CPU", &at.to_string(), "Add"))
            .collect();
        let none = placement(nodes);
        assert_eq!((none.nodes, none.elsewhere.len()), (1500, LISTED));
        assert!(none.to_string().ends_with("`7` (Add, CPU) and 1492 more"));
    }
}
