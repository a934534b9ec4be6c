//! The graph that `network` builds and every `form` pass rewrites: typed values, nodes, parameters.
//!
//! It knows neither EfficientNet nor ONNX's spelling. The canonical graph holds one node per concept
//! ([`Op::Conv`], [`Op::BatchNorm`], [`Op::Activation`] …); the last form pass replaces each by
//! [`Op::Onnx`] operators, and only such a graph can be written.

pub mod parameter;
pub mod shape;

mod build;
mod count;

use crate::onnx::ops::Operator;
pub use build::{BuildError, GraphBuilder};
pub use count::Counts;
pub use parameter::{BatchNormNames, Parameter, Recipe, Role, Site};
use shape::Shape;

/// Index of a value in [`Graph::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(pub(crate) usize);

/// A directed acyclic graph in topological order.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Every value; a [`ValueId`] is an index into this.
    pub values: Vec<Value>,
    /// Nodes, each after the nodes whose results it uses.
    pub nodes: Vec<Node>,
    /// Values that the caller provides.
    pub inputs: Vec<ValueId>,
    /// Values that the caller receives.
    pub outputs: Vec<ValueId>,
    /// The parameters that the network declared; form passes never change them.
    pub parameters: Vec<Parameter>,
}

/// A named tensor.
#[derive(Clone, Debug)]
pub struct Value {
    /// Unique in the graph, and an API: see the crate documentation on names.
    pub name: String,
    /// Its shape; its type is f32, or i64 for a [`ValueKind::TargetShape`].
    pub shape: Shape,
    /// Where it comes from.
    pub kind: ValueKind,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// A graph input or the result of a node.
    Activation,
    /// Computed from parameters when weights are bound.
    Initializer(Recipe),
    /// Fixed by the form, such as a clip bound.
    Constant(Vec<f32>),
    /// A shape that an operator takes as an operand: integers, fixed by the form.
    TargetShape(Vec<i64>),
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique among nodes.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Operands, in the operation's own order.
    pub inputs: Vec<ValueId>,
    /// Its single result.
    pub output: ValueId,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Two-dimensional convolution: `x`, `weight` and, once folded, `bias`.
    Conv(Conv),
    /// A convolution whose kernel is a mixture for every image: `x`, `routing` `[batch, experts]`, `weight`
    /// `[experts, kernel elements]` and, once folded, `bias`.
    RoutedConv {
        /// How the mixed kernel is used.
        conv: Conv,
        /// Channels of the result.
        filters: u64,
    },
    /// Batch normalisation in inference: `x`, `gamma`, `beta`, `mean`, `variance`.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// An element-wise non-linearity.
    Activation(Activation),
    /// Mean over height and width; the two dimensions stay as 1 or go.
    Pool {
        /// Whether height and width stay, with extent 1.
        keep_dims: bool,
    },
    /// `x · weightᵀ + bias`, weight `[out, in]`.
    Linear,
    /// Element-wise product, with broadcasting.
    Mul,
    /// Element-wise sum of equal shapes.
    Add,
    /// Softmax over the last dimension.
    Softmax,
    /// An operator as ONNX spells it.
    Onnx(Operator),
}

/// Attributes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Height and width of the window.
    pub kernel: [u64; 2],
    /// Steps along height and width.
    pub stride: [u64; 2],
    /// Number of channel groups.
    pub groups: u64,
    /// How the border is padded.
    pub padding: Padding,
}

/// How a convolution pads the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// TensorFlow's rule: output extent `ceil(n / stride)`, an odd element at the end.
    Same,
    /// `kernel / 2` on every side, PyTorch's habit.
    Symmetric,
}

/// An element-wise non-linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(x)`.
    Swish,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
}

impl Padding {
    /// As in `--padding`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Symmetric => "symmetric",
        }
    }

    /// The padding called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Same, Self::Symmetric]
            .into_iter()
            .find(|padding| padding.name() == name)
    }
}

impl Graph {
    /// The value behind an id.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Adds a value and returns its id.
    pub fn add_value(&mut self, value: Value) -> ValueId {
        self.values.push(value);
        ValueId(self.values.len() - 1)
    }

    /// Initializers and constants in the order in which nodes first use them: the order in a file.
    #[must_use]
    pub fn stored_values(&self) -> Vec<ValueId> {
        let mut seen = vec![false; self.values.len()];
        let mut order = Vec::new();
        for id in self.nodes.iter().flat_map(|node| &node.inputs) {
            let stored = self.value(*id).kind != ValueKind::Activation;
            if stored && !std::mem::replace(&mut seen[id.0], true) {
                order.push(*id);
            }
        }
        order
    }
}
