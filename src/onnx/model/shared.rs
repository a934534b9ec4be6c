//! External data in which all tensors of a sort begin at one place: a range as large as the largest of them.

use super::storage::{Alignment, Piece};
use crate::onnx::graph::{Graph, ValueId, ValueKind};
use crate::onnx::ops::Operator;
use crate::tensor::Element;
use crate::tensor::shape::element_count;
use std::collections::BTreeSet;

/// Numbers that stand for tensors of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedRange {
    /// For all but variances.
    Weights,
    /// For variances of batch norms: positive numbers.
    Variances,
}

impl SharedRange {
    const ALL: [Self; 2] = [Self::Weights, Self::Variances];

    /// The name under which a source offers it, which no tensor has.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "\0weights",
            Self::Variances => "\0variances",
        }
    }

    /// The range of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.name() == name)
    }
}

/// The ranges that a graph needs, one for each sort and element type, in the order of the file.
pub(super) struct Ranges {
    variances: BTreeSet<ValueId>,
    laid: Vec<(SharedRange, Piece<'static>)>,
}

impl Ranges {
    /// Lays out the ranges of a graph, weights first.
    pub(super) fn new(graph: &Graph, alignment: Alignment) -> Self {
        let norms = graph.nodes().iter();
        let norms =
            norms.filter(|node| matches!(node.operator, Operator::BatchNormalization { .. }));
        let mut ranges = Self {
            variances: norms
                .filter_map(|node| node.inputs.last().copied())
                .collect(),
            laid: Vec::new(),
        };
        for id in graph.stored_values() {
            let value = graph.value(id);
            if !matches!(value.kind, ValueKind::Initializer(_)) {
                continue;
            }
            let (range, element) = (ranges.range(id), value.r#type.element);
            let elements = element_count(&value.r#type.shape).expect("stored values are fixed");
            let elements = usize::try_from(elements).expect("a tensor fits memory");
            let mut laid = ranges.laid.iter_mut();
            match laid.find(|(sort, piece)| *sort == range && piece.element == element) {
                Some((_, piece)) => piece.elements = piece.elements.max(elements),
                None => ranges.laid.push((
                    range,
                    Piece {
                        name: range.name(),
                        element,
                        elements,
                        offset: 0,
                    },
                )),
            }
        }
        ranges.laid.sort_by_key(|(range, _)| *range);
        let mut end = 0_u64;
        for (_, piece) in &mut ranges.laid {
            piece.offset = end.next_multiple_of(alignment.bytes());
            end = piece.end();
        }
        ranges
    }

    /// All of them, in the order of the file.
    pub(super) fn pieces(&self) -> Vec<Piece<'static>> {
        self.laid.iter().map(|(_, piece)| *piece).collect()
    }

    /// Where an initializer begins.
    pub(super) fn offset(&self, id: ValueId, element: Element) -> Option<u64> {
        let range = self.range(id);
        let mut laid = self.laid.iter();
        let laid = laid.find(|(sort, piece)| *sort == range && piece.element == element);
        laid.map(|(_, piece)| piece.offset)
    }

    fn range(&self, id: ValueId) -> SharedRange {
        if self.variances.contains(&id) {
            SharedRange::Variances
        } else {
            SharedRange::Weights
        }
    }
}
