//! Building a graph node by node, with the shape of every value known as it is made.

use super::parameter::{Parameter, Role, WeightRecipe};
use super::{Conv, Graph, Node, Op, Padding, Value, ValueId, ValueKind, Window};
use crate::files::foreign::Foreign;
use crate::tensor::shape::{Dim, Shape, WindowError};

/// Why a node cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The input is too small for a window.
    #[error("in node `{node}`: {source}", node = node.shown())]
    Window {
        /// The node.
        node: String,
        /// What does not fit.
        source: WindowError,
    },
}

/// Appends nodes to a [`Graph`]; every method returns the value that it adds.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    /// Declares a graph input.
    pub fn input(&mut self, name: &str, shape: Shape) -> ValueId {
        let id = self.activation(name, shape);
        self.graph.inputs.push(id);
        id
    }

    /// Declares a parameter, bound as it is.
    pub fn parameter(&mut self, name: &str, shape: &[u64], role: Role) -> ValueId {
        self.declare(name, shape, role);
        self.reshaped(name, shape, name)
    }

    /// Declares a parameter of which initializers are made. Each name is declared once.
    pub fn declare(&mut self, name: &str, shape: &[u64], role: Role) {
        self.graph.parameters.push(Parameter {
            name: name.to_owned(),
            shape: fixed(shape),
            role,
        });
    }

    /// An initializer with the elements of a declared parameter, in a shape of as many.
    pub fn reshaped(&mut self, name: &str, shape: &[u64], parameter: &str) -> ValueId {
        self.graph.add_value(Value {
            name: name.to_owned(),
            shape: fixed(shape),
            kind: ValueKind::Initializer(WeightRecipe::Parameter(parameter.to_owned())),
        })
    }

    /// Gives a value another name; its node keeps its own.
    pub fn rename(&mut self, id: ValueId, name: &str) {
        name.clone_into(&mut self.graph.values[id.0].name);
    }

    /// Appends a node whose result carries `output` as its name.
    ///
    /// # Errors
    /// If a window does not fit its input.
    pub fn node(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<ValueId>,
        output: &str,
    ) -> Result<ValueId, BuildError> {
        let shape = self
            .result_shape(&op, &inputs)
            .map_err(|source| BuildError::Window {
                node: name.to_owned(),
                source,
            })?;
        let output = self.activation(output, shape);
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs,
            output,
        });
        Ok(output)
    }

    /// The shape of a value made earlier.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> &Shape {
        &self.graph.value(id).shape
    }

    /// Ends the graph with its outputs.
    #[must_use]
    pub fn finish(mut self, outputs: Vec<ValueId>) -> Graph {
        self.graph.outputs = outputs;
        self.graph
    }

    fn activation(&mut self, name: &str, shape: Shape) -> ValueId {
        self.graph.add_value(Value {
            name: name.to_owned(),
            shape,
            kind: ValueKind::Activation,
        })
    }

    fn result_shape(&self, op: &Op, inputs: &[ValueId]) -> Result<Shape, WindowError> {
        let x = self.shape(inputs[0]);
        Ok(match op {
            Op::Conv(conv) => {
                let filters = self.shape(inputs[1])[0].clone();
                let height = conv.window().extent(&x[2], 0)?;
                let width = conv.window().extent(&x[3], 1)?;
                vec![x[0].clone(), filters, height, width]
            }
            Op::RoutedConv { conv, filters } => {
                let height = conv.window().extent(&x[2], 0)?;
                let width = conv.window().extent(&x[3], 1)?;
                vec![x[0].clone(), Dim::Fixed(*filters), height, width]
            }
            Op::MaxPool(window) => {
                let height = window.extent(&x[2], 0)?;
                let width = window.extent(&x[3], 1)?;
                vec![x[0].clone(), x[1].clone(), height, width]
            }
            Op::Pool { keep_dims: true } => {
                vec![x[0].clone(), x[1].clone(), Dim::Fixed(1), Dim::Fixed(1)]
            }
            Op::Pool { keep_dims: false } | Op::LargestPool | Op::GeneralizedMean { .. } => {
                vec![x[0].clone(), x[1].clone()]
            }
            Op::Concat => {
                let features = [x, self.shape(inputs[1])].map(|shape| shape[1].fixed());
                let features = features.map(|features| features.expect("features are fixed"));
                vec![x[0].clone(), Dim::Fixed(features.iter().sum())]
            }
            Op::Linear => vec![x[0].clone(), self.shape(inputs[1])[0].clone()],
            Op::BatchNorm { .. }
            | Op::LayerNorm { .. }
            | Op::Activation(_)
            | Op::Mul
            | Op::Add
            | Op::Midpoint
            | Op::Normalize
            | Op::Softmax => x.clone(),
        })
    }
}

fn fixed(shape: &[u64]) -> Shape {
    shape.iter().copied().map(Dim::Fixed).collect()
}

impl Conv {
    /// The window that it moves.
    #[must_use]
    pub fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
        }
    }
}

impl Window {
    /// Padding before and after along an axis (0 height, 1 width), or none if it is not constant.
    #[must_use]
    pub fn pads(&self, extent: &Dim, axis: usize) -> Option<[u64; 2]> {
        match self.padding {
            Padding::Same => extent.same_padding(self.kernel[axis], self.stride[axis]),
            Padding::Symmetric => Some([self.kernel[axis] / 2; 2]),
            Padding::Static(size) => {
                Dim::Fixed(size[axis]).same_padding(self.kernel[axis], self.stride[axis])
            }
        }
    }

    fn extent(&self, extent: &Dim, axis: usize) -> Result<Dim, WindowError> {
        match self.pads(extent, axis) {
            Some(pads) => extent.window(self.kernel[axis], self.stride[axis], pads),
            None => Ok(Dim::Unset),
        }
    }
}
