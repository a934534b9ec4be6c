//! What of a form is seldom asked for: which operators stand for a concept, and the IR version.

use crate::onnx::opset::Opset;

/// Which operators compute x · sigmoid(x).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Swish {
    /// Sigmoid and Mul, which every toolchain has.
    #[default]
    SigmoidMul,
    /// Swish, from opset 24 on.
    SwishOp,
}

/// Which operators compute the mean over height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// GlobalAveragePool, and Flatten before a linear layer.
    GlobalAverage,
    /// ReduceMean: its axes are an attribute up to opset 17, and an operand from 18 on.
    ReduceMean,
}

impl Swish {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::SigmoidMul, Self::SwishOp];

    /// As in `--form swish=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SigmoidMul => "sigmoid-mul",
            Self::SwishOp => "swish-op",
        }
    }

    /// The choice called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

impl Pool {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::GlobalAverage, Self::ReduceMean];

    /// The one that most toolchains take in an opset: ReduceMean where its axes are an attribute.
    #[must_use]
    pub fn usual(opset: Opset) -> Self {
        if opset.reduces_by_attribute() {
            Self::ReduceMean
        } else {
            Self::GlobalAverage
        }
    }

    /// As in `--form pool=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GlobalAverage => "global-average",
            Self::ReduceMean => "reduce-mean",
        }
    }

    /// The choice called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}
