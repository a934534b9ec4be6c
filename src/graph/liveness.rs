//! How many elements of activations a run holds at once.

use super::{Graph, ValueKind};
use crate::tensor::shape::element_count;

impl Graph {
    /// The most elements of inputs and results that are held at once, if nodes run in order, each result is new, and each is
    /// dropped after its last use. Inputs and outputs of the graph are held while they are needed; parameters are not counted.
    ///
    /// Runtimes need more (scratch space, layouts of their own) or less (results written over operands). Folding batch norms first
    /// makes it what a runtime that fuses them needs.
    ///
    /// # Panics
    /// If a dimension is symbolic: counting is done at a fixed size.
    #[must_use]
    pub fn peak_activations(&self) -> u64 {
        let elements = |index: usize| {
            let value = &self.values[index];
            match value.kind {
                ValueKind::Activation => {
                    element_count(&value.shape).expect("counting needs fixed sizes")
                }
                ValueKind::Initializer(_) => 0,
            }
        };
        let mut last_use = vec![0; self.values.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                last_use[input.0] = place;
            }
        }
        for output in &self.outputs {
            last_use[output.0] = usize::MAX;
        }
        let mut held: u64 = self.inputs.iter().map(|id| elements(id.0)).sum();
        let mut peak = held;
        for (place, node) in self.nodes.iter().enumerate() {
            held += elements(node.output.0);
            peak = peak.max(held);
            let mut operands: Vec<usize> = node.inputs.iter().map(|id| id.0).collect();
            operands.push(node.output.0);
            operands.sort_unstable();
            operands.dedup();
            held -= operands
                .into_iter()
                .filter(|index| last_use[*index] <= place)
                .map(elements)
                .sum::<u64>();
        }
        peak
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Activation, Node, Op, Value, ValueId};
    use super::*;
    use crate::tensor::shape::Dim;

    fn graph(extents: &[u64], nodes: &[(&[usize], usize)], inputs: &[usize]) -> Graph {
        let value = |(index, extent): (usize, &u64)| Value {
            name: format!("v{index}"),
            shape: vec![Dim::Fixed(*extent)],
            kind: ValueKind::Activation,
        };
        let node = |(inputs, output): &(&[usize], usize)| Node {
            name: format!("n{output}"),
            op: Op::Activation(Activation::Relu),
            inputs: inputs.iter().copied().map(ValueId).collect(),
            output: ValueId(*output),
        };
        Graph {
            values: extents.iter().enumerate().map(value).collect(),
            nodes: nodes.iter().map(node).collect(),
            inputs: inputs.iter().copied().map(ValueId).collect(),
            outputs: vec![ValueId(extents.len() - 1)],
            parameters: Vec::new(),
        }
    }

    #[test]
    fn a_chain_holds_two_neighbours() {
        let chain = graph(&[3, 50, 7, 1], &[(&[0], 1), (&[1], 2), (&[2], 3)], &[0]);
        assert_eq!(chain.peak_activations(), 57);
    }

    #[test]
    fn a_shortcut_is_held_until_its_sum() {
        // 0 → 1 → 2 → 3, and 3 = 2 + 0.
        let residual = graph(
            &[10, 60, 10, 10],
            &[(&[0], 1), (&[1], 2), (&[2, 0], 3)],
            &[0],
        );
        assert_eq!(residual.peak_activations(), 80);
    }

    #[test]
    fn an_operand_that_is_used_twice_is_dropped_once() {
        let square = graph(&[4, 4, 4], &[(&[0, 0], 1), (&[1, 1], 2)], &[0]);
        assert_eq!(square.peak_activations(), 8);
    }
}
