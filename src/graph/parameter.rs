//! Parameters as the network declares them, and recipes that make initializers from them.

use crate::tensor::shape::Shape;

/// A tensor that weights must provide.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, in timm's vocabulary.
    pub name: String,
    /// Its shape; all dimensions are known.
    pub shape: Shape,
    /// What it is for.
    pub role: Role,
}

/// What a parameter is for: what counting and initialisation rules ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// Convolution kernel, `[out, in / groups, height, width]`.
    ConvWeight {
        /// Number of channel groups.
        groups: u64,
    },
    /// Kernels of several experts, `[experts, out · in / groups · height · width]`, each flattened.
    ExpertWeights {
        /// Shape of one kernel, `[out, in / groups, height, width]`.
        kernel: [u64; 4],
    },
    /// Weight of the layer that decides how experts are mixed, `[experts, features]`.
    RoutingWeight,
    /// Bias of that layer.
    RoutingBias,
    /// Convolution bias (only squeeze-and-excitation has them).
    ConvBias,
    /// Scale of a batch norm.
    Gamma {
        /// Name of the running variance of the same batch norm.
        variance: String,
        /// The epsilon that goes with it.
        epsilon: f64,
        /// Where the batch norm stands.
        site: Site,
    },
    /// Offset of a batch norm or of a layer norm.
    Beta,
    /// Running mean of a batch norm: a buffer, not trained.
    RunningMean,
    /// Running variance of a batch norm: a buffer, not trained.
    RunningVariance,
    /// Weight of a linear layer that is not the classifier, `[out, in]`.
    HiddenWeight,
    /// Bias of such a layer.
    HiddenBias,
    /// Scale of a layer norm.
    LayerGamma,
    /// Weight of the classifier, `[classes, features]`.
    LinearWeight,
    /// Bias of the classifier.
    LinearBias,
}

/// Where a batch norm stands in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// An activation follows.
    Inner,
    /// It closes a block whose result goes on alone.
    Closing,
    /// It closes a block that is added to its input.
    ClosingResidual {
        /// Blocks in the stage, after depth scaling.
        stage_blocks: u64,
    },
}

impl Site {
    /// At the end of a block of a stage that has `stage_blocks` of them.
    #[must_use]
    pub fn closing(residual: bool, stage_blocks: u64) -> Self {
        if residual {
            Self::ClosingResidual { stage_blocks }
        } else {
            Self::Closing
        }
    }
}

impl Parameter {
    /// Whether it is the classifier's.
    #[must_use]
    pub fn is_classifier(&self) -> bool {
        matches!(self.role, Role::LinearWeight | Role::LinearBias)
    }

    /// Whether it is trained; running statistics are not, and do not count as parameters.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        !matches!(self.role, Role::RunningMean | Role::RunningVariance)
    }

    /// Number of elements.
    ///
    /// # Panics
    /// If a dimension is not known; the network never declares such a parameter.
    #[must_use]
    pub fn element_count(&self) -> u64 {
        crate::tensor::shape::element_count(&self.shape).expect("parameters have known shapes")
    }
}

/// How an initializer is computed from parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightRecipe {
    /// The parameter as it is.
    Parameter(String),
    /// A kernel, the kernels of several experts, or a matrix, each output channel multiplied by
    /// `gamma / sqrt(variance + epsilon)` in f64.
    FoldedWeight {
        /// The kernel.
        weight: String,
        /// The batch norm that follows it.
        norm: BatchNormNames,
    },
    /// `beta + (bias − mean) · gamma / sqrt(variance + epsilon)` in f64: the bias that a folded batch norm leaves.
    FoldedBias {
        /// The bias of what comes before it, which is added to `−mean`; convolutions have none.
        bias: Option<String>,
        /// The batch norm.
        norm: BatchNormNames,
    },
    /// A kernel `[out, in, height, width]`, each input channel multiplied by its number in f64.
    ScaledChannels {
        /// The kernel: a parameter, or one with a batch norm folded in.
        of: Box<WeightRecipe>,
        /// A factor for each input channel.
        by: Vec<f64>,
    },
    /// Kernels of several experts, the experts of one output channel side by side: `[experts, out, n]`
    /// becomes `[out, experts, n]`.
    ExpertsInner {
        /// What is rearranged.
        of: Box<WeightRecipe>,
        /// Number of experts.
        experts: u64,
        /// Output channels of each.
        filters: u64,
    },
    /// A matrix of `[rows, columns]` as `[columns, rows]`.
    Transposed {
        /// What is transposed.
        of: Box<WeightRecipe>,
        /// Its first extent.
        rows: u64,
        /// Its second extent.
        columns: u64,
    },
}

impl WeightRecipe {
    /// The parameters that it reads.
    #[must_use]
    pub fn parameters(&self) -> Vec<&str> {
        match self {
            Self::Parameter(name) => vec![name],
            Self::FoldedWeight { weight, norm } => vec![weight, &norm.gamma, &norm.variance],
            Self::FoldedBias { bias, norm } => {
                let mut names: Vec<&str> =
                    vec![&norm.gamma, &norm.variance, &norm.beta, &norm.mean];
                names.extend(bias.as_deref());
                names
            }
            Self::ExpertsInner { of, .. }
            | Self::Transposed { of, .. }
            | Self::ScaledChannels { of, .. } => of.parameters(),
        }
    }

    /// The batch norm that it folds in.
    #[must_use]
    pub fn norm(&self) -> Option<&BatchNormNames> {
        match self {
            Self::Parameter(_) => None,
            Self::FoldedWeight { norm, .. } | Self::FoldedBias { norm, .. } => Some(norm),
            Self::ExpertsInner { of, .. }
            | Self::Transposed { of, .. }
            | Self::ScaledChannels { of, .. } => of.norm(),
        }
    }
}

/// The parameters of one batch norm.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormNames {
    /// Scale.
    pub gamma: String,
    /// Offset.
    pub beta: String,
    /// Running mean.
    pub mean: String,
    /// Running variance.
    pub variance: String,
    /// Added to the variance.
    pub epsilon: f64,
}
