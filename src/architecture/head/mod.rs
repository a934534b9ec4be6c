//! What follows the last feature maps: how they are pooled, and the layers from there to the logits.

mod text;

pub use text::{HeadSketch, HeadTextError, LayerSketch};

use crate::graph::Activation;
use std::fmt;

/// A pool and a chain of layers. By default the mean, and one linear layer to the classes.
///
/// A chain whose last layer is linear has classes: that layer gives the logits. One that ends in [`HeadLayer::Normalize`] gives an
/// embedding. Any other has no result that this program names, and only what comes before its layers can be an output.
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

impl HeadChain {
    /// The mean, and one linear layer with a bias to the classes: what a network has by default.
    #[must_use]
    pub fn usual(classes: u64) -> Self {
        Self {
            pool: HeadPool::Average,
            layers: vec![HeadLayer::Linear {
                features: classes,
                bias: true,
            }],
        }
    }

    /// The number of classes: the features of the last layer, if that is linear. None of any other chain.
    #[must_use]
    pub fn classes(&self) -> Option<u64> {
        match self.layers.last() {
            Some(HeadLayer::Linear { features, .. }) => Some(*features),
            _ => None,
        }
    }

    /// Whether its last layer gives classes or an embedding.
    #[must_use]
    pub fn has_result(&self) -> bool {
        self.classes().is_some() || self.layers.last() == Some(&HeadLayer::Normalize)
    }

    /// Whether it is one linear layer, which has the classifier's own names.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self.layers.as_slice(), [HeadLayer::Linear { .. }])
    }

    /// Whether each logit is the mean of a map over height and width: the classifier after average pooling.
    #[must_use]
    pub fn has_class_maps(&self) -> bool {
        self.is_single() && self.pool == HeadPool::Average
    }

    /// What the names of a layer's parameters begin with: `classifier` of a head that is one linear layer, else
    /// `classifier.0`, `classifier.1` …, where `classifier` is the network's own name for it.
    #[must_use]
    pub fn scope(&self, classifier: &str, layer: usize) -> String {
        if self.is_single() {
            classifier.to_owned()
        } else {
            format!("{classifier}.{layer}")
        }
    }

    /// Features that leave the pool, if `filters` maps enter it.
    #[must_use]
    pub fn pooled_features(&self, filters: u64) -> u64 {
        match self.pool {
            HeadPool::AverageThenMax | HeadPool::MaxThenAverage => filters.saturating_mul(2),
            HeadPool::Average
            | HeadPool::Max
            | HeadPool::HalfAverageHalfMax
            | HeadPool::GeneralizedMean { .. } => filters,
        }
    }

    /// Elements of the matrices of its linear layers, if `filters` maps enter the pool.
    #[must_use]
    pub fn linear_weights(&self, filters: u64) -> u128 {
        let mut enters = self.pooled_features(filters);
        let mut elements: u128 = 0;
        for layer in &self.layers {
            if let HeadLayer::Linear { features, .. } = layer {
                elements = elements.saturating_add(u128::from(enters) * u128::from(*features));
                enters = *features;
            }
        }
        elements
    }
}

/// As in `--head`: the pool unless it is the mean, and the layers, all with their numbers but for the classes.
/// [`HeadSketch`] reads it back.
impl fmt::Display for HeadChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HeadSketch::from(self).fmt(f)
    }
}
