//! Operators: the only home of `op_type` strings, attribute names, defaults and shape rules.
//!
//! Every [`Operator`] can be written ([`Operator::op_type`], [`Operator::attributes`]), read back
//! ([`Operator::from_node`]) and told the types of its operands ([`Operator::infer`]). It knows no
//! names of nodes and values, no files, and not which opset a file asks for: the definitions are those
//! that opsets 14 to 17 share.
//!
//! An operator that is written is a variant here, and an arm in [`Operator::from_node`], which the compiler does not ask
//! for. `definitions`, `cost` and the reference have tables of their own, which share nothing with this one.
//!
//! Source: ONNX's operator reference (`docs/Operators.md`, `docs/Changelog.md`), of the versions Add-14,
//! BatchNormalization-14 and -15, Cast-13, Clip-13, Conv-11, Flatten-13, Gemm-13, GlobalAveragePool-1,
//! MatMul-13, MaxPool-12, Mul-14, ReduceMean-13, Relu-14, Reshape-14, Sigmoid-13, Sub-14, Transpose-13 and Softmax-13; of
//! heads, Concat-13, Div-14, Elu-6, Erf-13, GlobalMaxPool-1, LeakyRelu-6, Max-13, Pow-13, ReduceL2-13, Sqrt-13 and Tanh-13;
//! and of what only later opsets have: Swish-24, and ReduceMean-18 and ReduceL2-18 with their axes as an operand.

mod attributes;
pub(crate) mod definitions;
mod elements;
mod infer;
mod tensor_type;

use crate::files::foreign::Foreign;
use crate::tensor::Element;
pub(crate) use infer::agree;
pub use tensor_type::TensorType;

use std::ops::RangeInclusive;

/// An operator of ONNX's own domain with its attributes, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Two-dimensional convolution of `x`, `weight` and an optional `bias`; dilations are 1.
    Conv {
        /// Height and width of the window; at least 1.
        kernel_shape: [u64; 2],
        /// Steps along height and width; at least 1.
        strides: [u64; 2],
        /// Zeros around.
        pads: ConvPads,
        /// Number of channel groups; at least 1.
        group: u64,
    },
    /// Batch normalisation in inference: `x`, `scale`, `bias`, `mean`, `variance`.
    BatchNormalization {
        /// Added to the variance; 1e-5 where a node does not say.
        epsilon: f32,
    },
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
    /// `x / (1 + exp(−x))`, from opset 24 on.
    Swish,
    /// `max(x, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// The error function.
    Erf,
    /// The square root.
    Sqrt,
    /// `x` where it is above 0, else `alpha · (exp(x) − 1)`.
    Elu {
        /// The factor; 1 where a node does not say.
        alpha: f32,
    },
    /// `x` where it is above 0, else `alpha · x`.
    LeakyRelu {
        /// The slope; 0.01 where a node does not say.
        alpha: f32,
    },
    /// Element-wise product, with broadcasting.
    Mul,
    /// Element-wise sum, with broadcasting.
    Add,
    /// Element-wise difference `a − b`, with broadcasting.
    Sub,
    /// Element-wise quotient `a / b`, with broadcasting.
    Div,
    /// Element-wise power `a^b`, with broadcasting.
    Pow,
    /// Element-wise largest of any number of operands, with broadcasting.
    Max,
    /// The operands one after the other.
    Concat {
        /// Along which dimension, counted from the end if negative.
        axis: i64,
    },
    /// The same elements as another type.
    Cast {
        /// The type.
        to: Element,
    },
    /// `min(max(x, low), high)`; the bounds are optional scalar operands.
    Clip,
    /// Largest element in a two-dimensional window; pads never are.
    MaxPool {
        /// Height and width of the window; at least 1.
        kernel_shape: [u64; 2],
        /// Steps along height and width; at least 1.
        strides: [u64; 2],
        /// Elements around: top, left, bottom, right; fewer than the window has.
        pads: [u64; 4],
    },
    /// Mean over height and width, which stay with extent 1.
    GlobalAveragePool,
    /// Largest element over height and width, which stay with extent 1.
    GlobalMaxPool,
    /// The same elements in two dimensions: those before `axis` in the first, the others in the second.
    Flatten {
        /// The first dimension of the second part, counted from the end if negative; 1 where a node does not say.
        axis: i64,
    },
    /// Mean over some dimensions.
    ReduceMean {
        /// The dimensions.
        axes: Axes,
        /// Whether they stay, with extent 1.
        keep_dims: bool,
    },
    /// Euclidean norm over some dimensions.
    ReduceL2 {
        /// The dimensions.
        axes: Axes,
        /// Whether they stay, with extent 1.
        keep_dims: bool,
    },
    /// `a · b + c`, or `a · b` without a third operand; `a` is not transposed, and both factors are 1.
    Gemm {
        /// Whether `b` is transposed first.
        trans_b: bool,
    },
    /// Matrix product over the last two dimensions, broadcast over the others.
    MatMul,
    /// The same elements in another shape, the second operand: 0 keeps an extent, −1 is what is left.
    Reshape,
    /// The dimensions in another order.
    Transpose {
        /// Which dimension comes where.
        perm: Vec<i64>,
    },
    /// Softmax along one dimension.
    Softmax {
        /// The dimension, counted from the end if negative; −1 where a node does not say.
        axis: i64,
    },
}

/// Which dimensions a mean or a norm is over, negative ones counted from the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// These, as an attribute, up to opset 17; empty means all.
    Attribute(Vec<i64>),
    /// Those of the second operand, from opset 18 on.
    Operand,
}

/// Zeros around the operand of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvPads {
    /// So many: top, left, bottom, right.
    Explicit([u64; 4]),
    /// As many as `ceil(n / stride)` results need, whatever n is; an odd one more at the end (`auto_pad` of `SAME_UPPER`).
    SameUpper,
}

/// Why a node is not one of the operators above, or does not take its operands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// The operator is not one of those above; ONNX may define it.
    #[error("operator `{op_type}` of domain `{domain}` is not known here", op_type = op_type.shown(), domain = domain.shown())]
    Unknown {
        /// Name of the operator.
        op_type: String,
        /// Its domain.
        domain: String,
    },
    /// ONNX allows this use of the operator; this project neither writes nor infers it.
    #[error("`{op_type}`: {reason} is not supported here", reason = reason.shown())]
    Unsupported {
        /// Name of the operator.
        op_type: &'static str,
        /// What is not supported.
        reason: String,
    },
    /// An attribute that the operator does not have, or cannot have with this type or value.
    #[error("`{op_type}`: attribute `{attribute}`: {reason}", attribute = attribute.shown(), reason = reason.shown())]
    Attribute {
        /// Name of the operator.
        op_type: &'static str,
        /// Name of the attribute.
        attribute: String,
        /// What is wrong, expected and found.
        reason: String,
    },
    /// A wrong number of operands or results.
    #[error("`{op_type}`: {reason}", reason = reason.shown())]
    Arity {
        /// Name of the operator.
        op_type: &'static str,
        /// What is wrong, expected and found.
        reason: String,
    },
    /// An operand of a type or shape that the operator does not take.
    #[error("`{op_type}`: operand `{operand}`: {reason}", reason = reason.shown())]
    Operand {
        /// Name of the operator.
        op_type: &'static str,
        /// Name of the operand in the operator's own vocabulary.
        operand: &'static str,
        /// What is wrong, expected and found.
        reason: String,
    },
}

impl OpError {
    /// Whether ONNX forbids the node; otherwise it is only out of this project's reach.
    #[must_use]
    pub fn is_illegal(&self) -> bool {
        !matches!(self, Self::Unknown { .. } | Self::Unsupported { .. })
    }
}

impl Operator {
    /// The operator's name in ONNX's own domain.
    #[must_use]
    pub fn op_type(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "Conv",
            Self::BatchNormalization { .. } => "BatchNormalization",
            Self::Sigmoid => "Sigmoid",
            Self::Swish => "Swish",
            Self::Relu => "Relu",
            Self::Tanh => "Tanh",
            Self::Erf => "Erf",
            Self::Sqrt => "Sqrt",
            Self::Elu { .. } => "Elu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Mul => "Mul",
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Div => "Div",
            Self::Pow => "Pow",
            Self::Max => "Max",
            Self::Concat { .. } => "Concat",
            Self::Cast { .. } => "Cast",
            Self::Clip => "Clip",
            Self::MaxPool { .. } => "MaxPool",
            Self::GlobalAveragePool => "GlobalAveragePool",
            Self::GlobalMaxPool => "GlobalMaxPool",
            Self::Flatten { .. } => "Flatten",
            Self::ReduceMean { .. } => "ReduceMean",
            Self::ReduceL2 { .. } => "ReduceL2",
            Self::Gemm { .. } => "Gemm",
            Self::MatMul => "MatMul",
            Self::Reshape => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Softmax { .. } => "Softmax",
        }
    }

    /// How many operands the operator takes; those past the lower bound are optional.
    #[must_use]
    pub fn operand_count(&self) -> RangeInclusive<usize> {
        match self {
            Self::Conv { .. } | Self::Gemm { .. } => 2..=3,
            Self::BatchNormalization { .. } => 5..=5,
            Self::Mul
            | Self::Add
            | Self::Sub
            | Self::Div
            | Self::Pow
            | Self::MatMul
            | Self::Reshape
            | Self::ReduceMean {
                axes: Axes::Operand,
                ..
            }
            | Self::ReduceL2 {
                axes: Axes::Operand,
                ..
            } => 2..=2,
            Self::Max | Self::Concat { .. } => 1..=usize::MAX,
            Self::Clip => 1..=3,
            Self::Sigmoid
            | Self::Swish
            | Self::Relu
            | Self::Tanh
            | Self::Erf
            | Self::Sqrt
            | Self::Elu { .. }
            | Self::LeakyRelu { .. }
            | Self::Cast { .. }
            | Self::MaxPool { .. }
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::ReduceL2 { .. }
            | Self::Flatten { .. }
            | Self::ReduceMean { .. }
            | Self::Softmax { .. }
            | Self::Transpose { .. } => 1..=1,
        }
    }

    fn check_operand_count(&self, found: usize) -> Result<(), OpError> {
        let allowed = self.operand_count();
        if allowed.contains(&found) {
            return Ok(());
        }
        let expected = match (allowed.start(), allowed.end()) {
            (least, most) if least == most => format!("{least}"),
            (least, &usize::MAX) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        };
        let reason = format!("expected {expected} operands, found {found}");
        Err(OpError::Arity {
            op_type: self.op_type(),
            reason,
        })
    }
}
