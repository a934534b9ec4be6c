//! What follows the last feature maps: how they are pooled, and the layers from there to the logits.

use crate::graph::Activation;

/// A pool and a chain of layers. By default the mean, and one linear layer to the classes.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadChain {
    /// How feature maps become one vector.
    pub pool: HeadPool,
    /// From that vector to the result, in order.
    pub layers: Vec<HeadLayer>,
}

/// How feature maps `[batch, filters, height, width]` become `[batch, features]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeadPool {
    /// Mean over height and width.
    Average,
    /// Largest element over height and width.
    Max,
    /// Mean of mean and largest element (timm `layers/adaptive_avgmax_pool.py`, `avgmax`).
    HalfAverageHalfMax,
    /// The means, then the largest elements: twice as many features (timm `catavgmax`).
    AverageThenMax,
    /// The largest elements, then the means: twice as many features (fastai `layers.py`, `AdaptiveConcatPool2d`).
    MaxThenAverage,
    /// `mean(max(x, epsilon)^power)^(1 / power)`: the generalised mean (arXiv 1711.02512, equation 3).
    GeneralizedMean {
        /// The exponent.
        power: f64,
        /// The least element that is raised to it.
        epsilon: f64,
    },
}

/// A layer on `[batch, features]`. Dropout is none: it does nothing in inference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeadLayer {
    /// `x · weightᵀ`, and a bias where it has one.
    Linear {
        /// Features of the result.
        features: u64,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Batch normalisation of each feature.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// Normalisation over the features of one image, then scale and offset.
    LayerNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// An element-wise non-linearity.
    Activation(Activation),
    /// Division by the Euclidean norm.
    Normalize,
}
