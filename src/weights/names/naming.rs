//! Libraries by their tensor names, and which of them wrote a checkpoint.

use crate::tensor::TensorInfo;
use std::fmt;

/// A library whose tensor names are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// timm and geffnet: `blocks.0.0.conv_dw.weight`.
    Timm,
    /// timm's and torchvision's ResNets, which have the same names: `layer1.0.conv1.weight`.
    Resnet,
    /// torchvision's MobileNetV2: `features.1.conv.0.0.weight`.
    MobileNetV2,
    /// torchvision's EfficientNets: `features.1.0.block.0.0.weight`.
    Torchvision,
    /// Their `features` alone, under whatever name: `1.0.block.0.0.weight`. fastai's body of one is at `0.0.`.
    TorchvisionFeatures,
    /// `efficientnet_pytorch` by lukemelas, and its Lite ports: `_blocks.0._depthwise_conv.weight`.
    Lukemelas,
    /// Hugging Face transformers, `EfficientNetForImageClassification`: `efficientnet.encoder.blocks.0.…`.
    Transformers,
    /// Its `EfficientNetModel`, the same network without a classifier: `encoder.blocks.0.…`.
    TransformersBase,
    /// MMPretrain's `EfficientNet` and `EfficientNetV2`: `backbone.layers.1.0.depthwise_conv.conv.weight`.
    MmPretrain,
    /// Keras: `block1a_dwconv/depthwise_kernel`, in Keras's layout.
    Keras,
    /// TensorFlow's own checkpoints: `blocks_0/depthwise_conv2d/depthwise_kernel`, in TensorFlow's layout.
    TensorFlow,
}

impl Naming {
    /// Every naming, in the order in which they are tried.
    pub const ALL: [Self; 11] = [
        Self::Timm,
        Self::Resnet,
        Self::MobileNetV2,
        Self::Torchvision,
        Self::TorchvisionFeatures,
        Self::Lukemelas,
        Self::Transformers,
        Self::TransformersBase,
        Self::MmPretrain,
        Self::Keras,
        Self::TensorFlow,
    ];

    /// Those of files that can be written: safetensors in the library's names and layout, which for other families than
    /// EfficientNets may be another naming's.
    pub const EXPORTED: [Self; 6] = [
        Self::Timm,
        Self::Torchvision,
        Self::Lukemelas,
        Self::Transformers,
        Self::MmPretrain,
        Self::Keras,
    ];

    /// Finds the naming of a checkpoint from its stem and its classifier, where several match, the one with the most names; `None` if
    /// no library's is there.
    #[must_use]
    pub fn detect(tensors: &[TensorInfo]) -> Option<Self> {
        let has = |name: &str| tensors.iter().any(|tensor| tensor.name == name);
        let there = Self::ALL.into_iter().filter(|naming| {
            let has_end = has(naming.stem_weight()) || has(naming.classifier_weight());
            has_end && naming.witness().is_none_or(has)
        });
        // Of equals, `max_by_key` takes the last.
        there.rev().max_by_key(|naming| {
            let own = tensors
                .iter()
                .filter(|tensor| naming.is_backbone(&tensor.name));
            own.count()
        })
    }

    /// Whether a name is of the network below its classifier, as far as its start tells.
    #[must_use]
    pub fn is_backbone(self, name: &str) -> bool {
        let starts: &[&str] = match self {
            Self::Timm => &["conv_stem.", "bn1.", "blocks.", "conv_head.", "bn2."],
            Self::Resnet => &["conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."],
            Self::Torchvision | Self::MobileNetV2 => &["features."],
            Self::TorchvisionFeatures => &["0.", "1.", "2.", "3.", "4.", "5.", "6.", "7.", "8."],
            Self::MmPretrain => &["backbone."],
            Self::Lukemelas => &["_conv_stem.", "_bn0.", "_blocks.", "_conv_head.", "_bn1."],
            Self::Transformers => &["efficientnet."],
            Self::TransformersBase => &["embeddings.", "encoder."],
            Self::Keras => &["stem_", "top_conv/", "top_bn/", "normalization"],
            Self::TensorFlow => &["stem/", "blocks_", "head/conv2d/", "head/tpu_batch"],
        };
        let is_block = || {
            let number = name.strip_prefix("block").filter(|_| self == Self::Keras);
            number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        };
        starts.iter().any(|start| name.starts_with(start)) || is_block()
    }

    /// Whether a name is of the network, its classifier included, as far as its start tells.
    #[must_use]
    pub fn is_weight(self, name: &str) -> bool {
        let classifier = self.classifier_weight();
        let end = classifier.rfind(['.', '/']).map_or(0, |place| place + 1);
        self.is_backbone(name) || name.starts_with(&classifier[..end])
    }

    /// The naming that the library's models have which end in a classifier.
    #[must_use]
    pub fn with_classifier(self) -> Self {
        match self {
            Self::TransformersBase => Self::Transformers,
            Self::TorchvisionFeatures => Self::Torchvision,
            naming => naming,
        }
    }

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timm => "timm",
            Self::Resnet => "resnet",
            Self::Torchvision | Self::TorchvisionFeatures | Self::MobileNetV2 => "torchvision",
            Self::MmPretrain => "mmpretrain",
            Self::Lukemelas => "lukemelas",
            Self::Transformers | Self::TransformersBase => "transformers",
            Self::Keras => "keras",
            Self::TensorFlow => "tensorflow",
        }
    }

    /// The name of the first convolution's kernel, `[filters, channels, height, width]` in PyTorch's layout.
    #[must_use]
    pub fn stem_weight(self) -> &'static str {
        match self {
            Self::Timm => "conv_stem.weight",
            Self::Resnet => "conv1.weight",
            Self::Torchvision | Self::MobileNetV2 => "features.0.0.weight",
            Self::TorchvisionFeatures => "0.0.weight",
            Self::MmPretrain => "backbone.layers.0.conv.weight",
            Self::Lukemelas => "_conv_stem.weight",
            Self::Transformers => "efficientnet.embeddings.convolution.weight",
            Self::TransformersBase => "embeddings.convolution.weight",
            Self::Keras => "stem_conv/kernel",
            Self::TensorFlow => "stem/conv2d/kernel",
        }
    }

    /// A tensor that must be there too, where names of stem and classifier are those of other networks as well.
    #[must_use]
    pub fn witness(self) -> Option<&'static str> {
        match self {
            Self::Resnet => Some("layer1.0.conv1.weight"),
            Self::MobileNetV2 => Some("features.1.conv.0.0.weight"),
            Self::TorchvisionFeatures => Some("1.0.block.0.0.weight"),
            Self::MmPretrain => Some("backbone.layers.5.0.expand_conv.conv.weight"),
            Self::Transformers => Some("efficientnet.encoder.top_conv.weight"),
            Self::TransformersBase => Some("encoder.top_conv.weight"),
            Self::Timm | Self::Torchvision | Self::Lukemelas | Self::Keras | Self::TensorFlow => {
                None
            }
        }
    }

    /// The name of the classifier's weight, `[classes, features]`.
    #[must_use]
    pub fn classifier_weight(self) -> &'static str {
        match self {
            Self::Timm
            | Self::TorchvisionFeatures
            | Self::Transformers
            | Self::TransformersBase => "classifier.weight",
            Self::MmPretrain => "head.fc.weight",
            Self::Resnet => "fc.weight",
            Self::Torchvision | Self::MobileNetV2 => "classifier.1.weight",
            Self::Lukemelas => "_fc.weight",
            Self::Keras => "predictions/kernel",
            Self::TensorFlow => "head/dense/kernel",
        }
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Element;

    #[test]
    fn each_library_is_detected_by_its_own_names() {
        let detect = |names: &[&str]| {
            let tensors: Vec<_> = names
                .iter()
                .map(|name| TensorInfo {
                    name: (*name).to_string(),
                    shape: vec![],
                    element: Element::F32,
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
            detect(&[
                "classifier.weight",
                "classifier.bias",
                "features.0.0.weight"
            ]),
            Some(Naming::Torchvision)
        );
        assert_eq!(
            detect(&["_blocks.0._bn1.bias", "_fc.weight"]),
            Some(Naming::Lukemelas)
        );
        assert_eq!(
            detect(&["stem_conv/kernel", "stem_bn/gamma"]),
            Some(Naming::Keras)
        );
        assert_eq!(
            detect(&["blocks_0/conv2d/kernel", "head/dense/kernel"]),
            Some(Naming::TensorFlow)
        );
        assert_eq!(
            detect(&["conv1.weight", "layer1.0.conv1.weight", "fc.weight"]),
            Some(Naming::Resnet)
        );
        assert_eq!(
            detect(&["features.0.0.weight", "features.1.conv.0.0.weight"]),
            Some(Naming::MobileNetV2)
        );
        assert_eq!(
            detect(&[
                "efficientnet.embeddings.convolution.weight",
                "efficientnet.encoder.top_conv.weight",
                "classifier.weight"
            ]),
            Some(Naming::Transformers)
        );
        assert_eq!(
            detect(&["embeddings.convolution.weight", "encoder.top_conv.weight"]),
            Some(Naming::TransformersBase)
        );
        assert_eq!(
            detect(&["0.0.weight", "1.0.block.0.0.weight", "classifier.weight"]),
            Some(Naming::TorchvisionFeatures)
        );
        assert_eq!(
            detect(&[
                "backbone.layers.0.conv.weight",
                "backbone.layers.5.0.expand_conv.conv.weight"
            ]),
            Some(Naming::MmPretrain)
        );
        // Names that many networks have.
        assert_eq!(
            detect(&["0.0.weight", "backbone.layers.0.conv.weight"]),
            None
        );
        assert_eq!(detect(&["conv1.weight", "fc.weight"]), None);
        assert_eq!(detect(&[]), None);
    }
}
