//! Batch norms that follow a convolution or a linear layer become its weight and bias.

use crate::graph::{BatchNormNames, Graph, Node, Op, Value, ValueId, ValueKind, WeightRecipe};

/// Folds every batch norm that is the only reader of a convolution without bias, into every expert of a routed one, or of a
/// linear layer.
///
/// The convolution or linear layer keeps its name and its weight's name, gains `NAME.bias`, and its result takes the batch
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
        let target = producer[node.inputs[0].0]
            .filter(|index| readers[node.inputs[0].0] == 1 && takes_norm(&nodes[*index]));
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

/// Whether a batch norm can become part of a node: of a convolution that has no bias, its weight last, or of a linear layer
/// into which none was folded.
fn takes_norm(node: &Node) -> bool {
    match node.op {
        Op::Conv(_) => node.inputs.len() == 2,
        Op::RoutedConv { .. } => node.inputs.len() == 3,
        Op::Linear => true,
        _ => false,
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
    let own_bias = match conv.op {
        Op::Linear if conv.inputs.len() == 3 => conv.inputs.pop(),
        _ => None,
    };
    let own_bias = own_bias.map(name);
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
        kind: ValueKind::Initializer(WeightRecipe::FoldedBias {
            bias: own_bias,
            norm,
        }),
    });
    conv.inputs.push(bias);
    conv.output = batch_norm.output;
}
