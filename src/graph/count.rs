//! Parameters, buffers and multiply-adds of a canonical graph.

use super::{Graph, Node, Op};
use crate::tensor::shape::element_count;

/// What a graph costs for one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Elements of trained parameters; gamma and beta of batch norms included.
    pub parameters: u64,
    /// Elements of running means and variances.
    pub buffers: u64,
    /// Multiply-adds of convolutions and linear layers; biases, batch norms, activations, pooling and
    /// element-wise products are not counted. [`u64::MAX`] where there are more.
    pub macs: u64,
    /// Multiply-adds that mix the kernels of experts, once an image; not in `macs`.
    pub mixing_macs: u64,
}

impl Graph {
    /// Counts the whole graph.
    ///
    /// # Panics
    /// If a dimension that matters is symbolic: counting is done at a fixed size.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts_where(|_| true)
    }

    /// Counts what belongs to names that satisfy `belongs`.
    ///
    /// # Panics
    /// If a dimension that matters is symbolic: counting is done at a fixed size.
    #[must_use]
    pub fn counts_where(&self, belongs: impl Fn(&str) -> bool) -> Counts {
        self.counts_by(1, |name| belongs(name).then_some(0))[0]
    }

    /// Counts each of `parts` parts, in one pass: `part` gives the number of the one that a name belongs to, if to any.
    ///
    /// # Panics
    /// If a dimension that matters is symbolic: counting is done at a fixed size; or if `part` gives `parts` or more.
    #[must_use]
    pub fn counts_by(&self, parts: usize, part: impl Fn(&str) -> Option<usize>) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); parts];
        for parameter in &self.parameters {
            let Some(part) = part(&parameter.name) else {
                continue;
            };
            let elements = parameter.element_count();
            if parameter.is_trained() {
                counts[part].parameters += elements;
            } else {
                counts[part].buffers += elements;
            }
        }
        for node in &self.nodes {
            if let Some(part) = part(&node.name) {
                counts[part].macs = counts[part].macs.saturating_add(self.macs(node));
                counts[part].mixing_macs += self.mixing_macs(node);
            }
        }
        counts
    }

    fn mixing_macs(&self, node: &Node) -> u64 {
        match &node.op {
            Op::RoutedConv { .. } => element_count(&self.value(node.inputs[2]).shape)
                .expect("parameters have known shapes"),
            _ => 0,
        }
    }

    fn macs(&self, node: &Node) -> u64 {
        let per_output = match &node.op {
            Op::Conv(conv) | Op::RoutedConv { conv, .. } => {
                let channels = self.value(node.inputs[0]).shape[1]
                    .fixed()
                    .expect("channels are fixed");
                conv.kernel[0] * conv.kernel[1] * channels / conv.groups
            }
            Op::Linear => self.value(node.inputs[0]).shape[1]
                .fixed()
                .expect("features are fixed"),
            _ => return 0,
        };
        element_count(&self.value(node.output).shape)
            .expect("counting needs fixed sizes")
            .saturating_mul(per_output)
    }
}
