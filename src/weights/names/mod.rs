//! Other libraries' tensor names: the one place that knows them.
//!
//! The graph's parameters are named as timm names them. A [`NameMap`] turns those names into the ones
//! that a checkpoint uses, and [`Naming::detect`] finds out which library wrote it. What else a naming
//! says about a checkpoint, padding and epsilon, is in [`conventions`].

pub mod conventions;
mod map;

pub use map::{NameMap, UnknownName};

use super::TensorInfo;
use std::fmt;

/// A library whose tensor names are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// timm and geffnet: `blocks.0.0.conv_dw.weight`.
    Timm,
    /// torchvision: `features.1.0.block.0.0.weight`.
    Torchvision,
    /// `efficientnet_pytorch` by lukemelas, and its Lite ports: `_blocks.0._depthwise_conv.weight`.
    Lukemelas,
}

impl Naming {
    /// Every naming, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Timm, Self::Torchvision, Self::Lukemelas];

    /// Finds the naming of a checkpoint from its stem and its classifier; `None` if no library's is there.
    #[must_use]
    pub fn detect(tensors: &[TensorInfo]) -> Option<Self> {
        let has = |name: &str| tensors.iter().any(|tensor| tensor.name == name);
        Self::ALL
            .into_iter()
            .find(|naming| has(naming.stem_weight()) || has(naming.classifier_weight()))
    }

    /// The name of the first convolution's kernel, `[filters, channels, height, width]`.
    #[must_use]
    pub fn stem_weight(self) -> &'static str {
        match self {
            Self::Timm => "conv_stem.weight",
            Self::Torchvision => "features.0.0.weight",
            Self::Lukemelas => "_conv_stem.weight",
        }
    }

    /// The name of the classifier's weight, `[classes, features]`.
    #[must_use]
    pub fn classifier_weight(self) -> &'static str {
        match self {
            Self::Timm => "classifier.weight",
            Self::Torchvision => "classifier.1.weight",
            Self::Lukemelas => "_fc.weight",
        }
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timm => "timm",
            Self::Torchvision => "torchvision",
            Self::Lukemelas => "lukemelas",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Dtype;

    #[test]
    fn each_library_is_detected_by_its_own_names() {
        let detect = |names: &[&str]| {
            let tensors: Vec<_> = names
                .iter()
                .map(|name| TensorInfo {
                    name: (*name).to_string(),
                    shape: vec![],
                    dtype: Dtype::F32,
                })
                .collect();
            Naming::detect(&tensors)
        };
        assert_eq!(
            detect(&["blocks.0.0.conv_dw.weight", "conv_stem.weight"]),
            Some(Naming::Timm)
        );
        assert_eq!(
            detect(&["features.0.0.weight", "classifier.1.weight"]),
            Some(Naming::Torchvision)
        );
        assert_eq!(
            detect(&["_blocks.0._bn1.bias", "_fc.weight"]),
            Some(Naming::Lukemelas)
        );
        assert_eq!(
            detect(&["conv1.weight", "layer1.0.conv1.weight", "fc.weight"]),
            None
        );
        assert_eq!(detect(&[]), None);
    }
}
