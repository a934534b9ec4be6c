//! The canonical graph, which `network` builds: one node per concept, values with shapes, parameters.
//!
//! It knows neither EfficientNet nor ONNX. Concepts ([`Op::Conv`], [`Op::BatchNorm`], [`Op::Activation`] …) are what
//! is counted and what batch norms are folded in; the spelling makes ONNX operators of them.

pub mod parameter;

mod build;
mod count;
mod liveness;

use crate::tensor::shape::Shape;
pub use build::{BuildError, GraphBuilder};
pub use count::Counts;
pub use parameter::{BatchNormNames, Parameter, Role, Site, WeightRecipe};

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
    /// Its shape.
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
    Initializer(WeightRecipe),
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
    /// Largest element in a window; padding never is.
    MaxPool(Window),
    /// Mean over height and width; the two dimensions stay as 1 or go.
    Pool {
        /// Whether height and width stay, with extent 1.
        keep_dims: bool,
    },
    /// Largest element over height and width, which go.
    LargestPool,
    /// `mean(max(x, epsilon)^power)^(1 / power)` over height and width, which go.
    GeneralizedMean {
        /// The exponent.
        power: f64,
        /// The least element that is raised to it.
        epsilon: f64,
    },
    /// `x · weightᵀ + bias`, weight `[out, in]`; the bias may be absent.
    Linear,
    /// Normalisation over the features of one image: `x` `[batch, features]`, `gamma`, `beta`.
    LayerNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// Division of `[batch, features]` by the Euclidean norm of each row.
    Normalize,
    /// Two vectors `[batch, features]` one after the other.
    Concat,
    /// Element-wise mean of two equal shapes.
    Midpoint,
    /// Element-wise product, with broadcasting.
    Mul,
    /// Element-wise sum of equal shapes.
    Add,
    /// Softmax over the last dimension.
    Softmax,
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

/// A window that moves over height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its height and width.
    pub kernel: [u64; 2],
    /// Steps along height and width.
    pub stride: [u64; 2],
    /// How the border is padded.
    pub padding: Padding,
}

/// How a convolution or a max pool pads the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// TensorFlow's rule: output extent `ceil(n / stride)`, an odd element at the end.
    Same,
    /// `kernel / 2` on every side, PyTorch's habit.
    Symmetric,
    /// As many elements as [`Padding::Same`] needs for an input of this height and width, whatever the input's own size
    /// (efficientnet_pytorch `utils.py`, `Conv2dStaticSamePadding`). Of a network it is the size of the image, of a
    /// convolution the size of what enters it where the image has that size.
    Static([u64; 2]),
}

/// An element-wise non-linearity; that of classes, softmax or sigmoid, is `network::ClassActivation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `x · sigmoid(x)`.
    Swish,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x / 2 · (1 + erf(x / √2))`.
    Gelu,
    /// `x` where it is above 0, else `exp(x) − 1`.
    Elu,
    /// `x · min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `x` where it is above 0, else `slope · x`.
    LeakyRelu {
        /// From 0 to 1.
        slope: f64,
    },
}

/// Largest side of a [`Padding::Static`], in pixels.
const LARGEST_STATIC_SIDE: u64 = 1 << 20;

impl Padding {
    /// What [`Padding::by_name`] takes, for error messages.
    pub const EXPECTED: &str = "`same`, `symmetric`, `static:S` or `static:HxW`";

    /// As in `--padding`: `same`, `symmetric`, `static:224` or `static:224x320`, height first.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Same => "same".to_owned(),
            Self::Symmetric => "symmetric".to_owned(),
            Self::Static([height, width]) if height == width => format!("static:{height}"),
            Self::Static([height, width]) => format!("static:{height}x{width}"),
        }
    }

    /// The padding called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let pixels = |text: &str| {
            let side = text.parse().ok()?;
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            (is_plain && (1..=LARGEST_STATIC_SIDE).contains(&side)).then_some(side)
        };
        match (name, name.strip_prefix("static:")) {
            ("same", _) => Some(Self::Same),
            ("symmetric", _) => Some(Self::Symmetric),
            (_, Some(size)) => {
                let (height, width) = size.split_once('x').unwrap_or((size, size));
                Some(Self::Static([pixels(height)?, pixels(width)?]))
            }
            _ => None,
        }
    }

    /// Whether an image of `size` is padded alike by both.
    #[must_use]
    pub fn agrees_at(self, other: Self, size: [u64; 2]) -> bool {
        let at_size = |padding| match padding {
            Self::Static(native) if native == size => Self::Same,
            _ => padding,
        };
        at_size(self) == at_size(other)
    }

    /// Whether the pads depend on the size of the input.
    #[must_use]
    pub fn depends_on_size(self) -> bool {
        self == Self::Same
    }

    /// The padding of what follows a convolution of `stride`: an output has `ceil(n / stride)` elements at the size of a
    /// [`Padding::Static`].
    #[must_use]
    pub fn after(self, stride: u64) -> Self {
        match self {
            Self::Static(size) => Self::Static(size.map(|side| side.div_ceil(stride))),
            Self::Same | Self::Symmetric => self,
        }
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
}
