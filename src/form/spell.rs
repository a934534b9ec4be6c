//! Every concept in ONNX operators, as opset 17 has them.
//!
//! Swish is Sigmoid and Mul, a pool is ReduceMean with its axes as an attribute, a linear layer is Gemm,
//! ReLU6 is Clip with its bounds as constants. Padding becomes explicit, possibly asymmetric, pads.

use crate::graph::{Activation, Conv, Graph, Node, Op, Value, ValueId, ValueKind};
use crate::onnx::ops::Operator;
use crate::tensor::shape::{Dim, display};

/// Why a graph cannot be spelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpellError {
    /// A routed convolution, which [`super::route_experts`] replaces.
    #[error("node `{0}` is a routed convolution, expected simpler ones")]
    Routed(String),
    /// The padding depends on the input's size.
    #[error(
        "node `{node}` has no constant padding: its input has the shape {shape}, expected a height and a \
         width that are fixed or multiples of the stride"
    )]
    Padding {
        /// The node.
        node: String,
        /// Its input's shape.
        shape: String,
    },
}

/// Replaces every concept by ONNX operators; names of nodes and values stay.
///
/// # Errors
/// If a convolution has no constant padding.
pub fn spell(mut graph: Graph) -> Result<Graph, SpellError> {
    let nodes = std::mem::take(&mut graph.nodes);
    let mut speller = Speller {
        nodes: Vec::with_capacity(nodes.len() * 2),
        relu6_bounds: None,
        graph,
    };
    for node in nodes {
        speller.spell(node)?;
    }
    speller.graph.nodes = speller.nodes;
    Ok(speller.graph)
}

struct Speller {
    graph: Graph,
    nodes: Vec<Node>,
    relu6_bounds: Option<[ValueId; 2]>,
}

impl Speller {
    fn spell(&mut self, mut node: Node) -> Result<(), SpellError> {
        let operator = match &node.op {
            Op::Conv(conv) => self.conv(&node, *conv)?,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "ONNX stores epsilon as f32"
            )]
            Op::BatchNorm { epsilon } => Operator::BatchNormalization {
                epsilon: *epsilon as f32,
            },
            Op::Activation(Activation::Sigmoid) => Operator::Sigmoid,
            Op::Activation(Activation::Relu) => Operator::Relu,
            Op::Activation(Activation::Swish) => {
                let gate = self.sigmoid(&node);
                node.inputs.push(gate);
                Operator::Mul
            }
            Op::Activation(Activation::Relu6) => {
                let bounds = self.relu6_bounds();
                node.inputs.extend(bounds);
                Operator::Clip
            }
            Op::Pool { keep_dims } => Operator::ReduceMean {
                axes: vec![2, 3],
                keep_dims: *keep_dims,
            },
            Op::Linear => Operator::Gemm { trans_b: true },
            Op::Mul => Operator::Mul,
            Op::Add => Operator::Add,
            Op::Softmax => Operator::Softmax { axis: -1 },
            Op::Onnx(operator) => operator.clone(),
            Op::RoutedConv { .. } => return Err(SpellError::Routed(node.name)),
        };
        node.op = Op::Onnx(operator);
        self.nodes.push(node);
        Ok(())
    }

    fn conv(&self, node: &Node, conv: Conv) -> Result<Operator, SpellError> {
        let shape = &self.graph.value(node.inputs[0]).shape;
        let pads = |axis: usize, extent: &Dim| {
            conv.pads(extent, axis).ok_or_else(|| SpellError::Padding {
                node: node.name.clone(),
                shape: display(shape),
            })
        };
        let [top, bottom] = pads(0, &shape[2])?;
        let [left, right] = pads(1, &shape[3])?;
        Ok(Operator::Conv {
            kernel_shape: conv.kernel,
            strides: conv.stride,
            pads: [top, left, bottom, right],
            group: conv.groups,
        })
    }

    fn sigmoid(&mut self, node: &Node) -> ValueId {
        let name = format!("{}.sigmoid", node.name);
        let shape = self.graph.value(node.output).shape.clone();
        let output = self.graph.add_value(Value {
            name: name.clone(),
            shape,
            kind: ValueKind::Activation,
        });
        let inputs = node.inputs.clone();
        self.nodes.push(Node {
            name,
            op: Op::Onnx(Operator::Sigmoid),
            inputs,
            output,
        });
        output
    }

    fn relu6_bounds(&mut self) -> [ValueId; 2] {
        *self.relu6_bounds.get_or_insert_with(|| {
            [("relu6.min", 0.0), ("relu6.max", 6.0)].map(|(name, bound)| {
                self.graph.add_value(Value {
                    name: name.to_owned(),
                    shape: Vec::new(),
                    kind: ValueKind::Constant(vec![bound]),
                })
            })
        })
    }
}
