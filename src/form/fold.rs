//! Batch norms that follow a convolution become its weight and bias.

use crate::graph::{BatchNormNames, Graph, Node, Op, Value, ValueId, ValueKind, WeightRecipe};

/// Folds every batch norm that is the only reader of a convolution without bias; into every expert of a
/// routed one.
///
/// The convolution keeps its name and its weight's name, gains `NAME.bias`, and its result takes the batch
/// norm's name. The arithmetic happens in f64 when weights are bound.
#[must_use]
pub fn fold_batch_norms(mut graph: Graph) -> Graph {
    let mut readers = vec![0_usize; graph.values.len()];
    for id in graph
        .nodes
        .iter()
        .flat_map(|node| &node.inputs)
        .chain(&graph.outputs)
    {
        readers[id.0] += 1;
    }
    let mut producer: Vec<Option<usize>> = vec![None; graph.values.len()];
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        let target = producer[node.inputs[0].0].filter(|index| {
            readers[node.inputs[0].0] == 1
                && operands_before_bias(&nodes[*index].op) == Some(nodes[*index].inputs.len())
        });
        match (&node.op, target) {
            (Op::BatchNorm { epsilon }, Some(index)) => {
                fold_into(&mut graph, &mut nodes[index], &node, *epsilon);
                producer[node.output.0] = Some(index);
            }
            _ => {
                producer[node.output.0] = Some(nodes.len());
                nodes.push(node);
            }
        }
    }
    graph.nodes = nodes;
    graph
}

/// How many operands a convolution has without a bias, its weight last.
fn operands_before_bias(op: &Op) -> Option<usize> {
    match op {
        Op::Conv(_) => Some(2),
        Op::RoutedConv { .. } => Some(3),
        _ => None,
    }
}

fn fold_into(graph: &mut Graph, conv: &mut Node, batch_norm: &Node, epsilon: f64) {
    let name = |id: ValueId| graph.value(id).name.clone();
    let norm = BatchNormNames {
        gamma: name(batch_norm.inputs[1]),
        beta: name(batch_norm.inputs[2]),
        mean: name(batch_norm.inputs[3]),
        variance: name(batch_norm.inputs[4]),
        epsilon,
    };
    let weight_id = conv.inputs[conv.inputs.len() - 1];
    let weight = name(weight_id);
    let bias_shape = graph.value(batch_norm.inputs[2]).shape.clone();
    graph.values[weight_id.0].kind = ValueKind::Initializer(WeightRecipe::FoldedWeight {
        weight,
        norm: norm.clone(),
    });
    let bias = graph.add_value(Value {
        name: format!("{}.bias", conv.name),
        shape: bias_shape,
        kind: ValueKind::Initializer(WeightRecipe::FoldedBias { norm }),
    });
    conv.inputs.push(bias);
    conv.output = batch_norm.output;
}
