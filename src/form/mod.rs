//! Passes from the canonical graph to the form that a toolchain wants; each is a function in a file of its own.
//!
//! Batch norms are folded on the canonical graph ([`fold_batch_norms`]). [`spell`] is the only bridge to
//! [`onnx::Graph`](crate::onnx::graph::Graph): every concept becomes ONNX operators, routed convolutions included. An
//! option is a field of [`Form`] and a pass here, never a condition in `network`.

mod fold;
mod spell;

pub use fold::fold_batch_norms;
pub use spell::{SpellError, spell};

use crate::graph;
use crate::onnx::graph::Graph;
use crate::onnx::opset::Opset;
use crate::tensor::Element;

/// How a graph is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The operator set; one of [`WRITABLE`].
    pub opset: Opset,
    /// What happens to batch norms.
    pub batch_norms: BatchNorms,
}

/// What happens to batch norms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNorms {
    /// They become part of the convolutions before them.
    Fold,
    /// They stay.
    Keep,
}

/// The operator sets that can be written.
pub const WRITABLE: [Opset; 1] = [Opset::DEFAULT];

/// The element types in which weights, input and outputs can be written.
pub const ELEMENTS: [Element; 1] = [Element::F32];

/// The opset of a number, if it can be written.
#[must_use]
pub fn writable(opset: i64) -> Option<Opset> {
    WRITABLE.into_iter().find(|known| known.version() == opset)
}

impl Default for Form {
    /// Opset 17, batch norms folded: the form that every toolchain tried has loaded.
    fn default() -> Self {
        Self {
            opset: Opset::DEFAULT,
            batch_norms: BatchNorms::Fold,
        }
    }
}

/// A canonical graph in a form: every pass that the form asks for, in order.
///
/// # Errors
/// If the form cannot express the graph.
pub fn apply(graph: graph::Graph, form: &Form) -> Result<Graph, SpellError> {
    let graph = match form.batch_norms {
        BatchNorms::Fold => fold_batch_norms(graph),
        BatchNorms::Keep => graph,
    };
    spell(&graph, form)
}

impl BatchNorms {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Fold, Self::Keep];

    /// As in `--bn`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Keep => "keep",
        }
    }

    /// The choice called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}
