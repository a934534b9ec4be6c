//! What a checkpoint's names do not say about the network that it is for: padding and epsilon.
//!
//! A wrong guess would change every logit in silence, so nothing is guessed: the request decides, then what
//! the file says of itself, then what its library always does.

use super::naming::Naming;
use crate::graph::Padding;
use std::fmt;

/// How convolutions pad, and what batch norms add to the variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conventions {
    /// How convolutions pad the border.
    pub padding: Padding,
    /// Epsilon of every batch norm.
    pub batch_norm_epsilon: f64,
}

impl fmt::Display for Conventions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            padding,
            batch_norm_epsilon,
        } = self;
        write!(
            f,
            "padding {} and epsilon {batch_norm_epsilon:e}",
            padding.name()
        )
    }
}

/// What is known of [`Conventions`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    /// How convolutions pad the border.
    pub padding: Option<Padding>,
    /// Epsilon of every batch norm.
    pub batch_norm_epsilon: Option<f64>,
}

/// Neither the request, nor the file, nor its naming says how it was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Undecided {
    /// The naming.
    pub naming: Naming,
    /// Whether the padding is unknown.
    pub padding: bool,
    /// Whether the epsilon is unknown.
    pub batch_norm_epsilon: bool,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = match (self.padding, self.batch_norm_epsilon) {
            (true, false) => "padding",
            (false, true) => "batch norm epsilon",
            _ => "padding and batch norm epsilon",
        };
        write!(
            f,
            "the checkpoint has {} names, which do not tell its {missing}",
            self.naming
        )
    }
}

/// Decides padding and epsilon: first what is `asked` for, then the file's own `metadata`, then what the naming implies.
///
/// `variant` is the published name that is asked for, such as `b5`; torchvision's epsilon and efficientnet_pytorch's
/// padding depend on it.
///
/// # Errors
/// If one of them stays unknown.
pub fn resolve_conventions(
    asked: Known,
    metadata: Known,
    naming: Naming,
    variant: Option<&str>,
) -> Result<Conventions, Undecided> {
    let implied = implied(naming, variant);
    let padding = asked.padding.or(metadata.padding).or(implied.padding);
    let epsilon = asked
        .batch_norm_epsilon
        .or(metadata.batch_norm_epsilon)
        .or(implied.batch_norm_epsilon);
    match (padding, epsilon) {
        (Some(padding), Some(batch_norm_epsilon)) => Ok(Conventions {
            padding,
            batch_norm_epsilon,
        }),
        _ => Err(Undecided {
            naming,
            padding: padding.is_none(),
            batch_norm_epsilon: epsilon.is_none(),
        }),
    }
}

/// The image size for which efficientnet_pytorch and its Lite port build a model unless told otherwise
/// (`efficientnet_params` in `utils.py` of each).
fn lukemelas_size(variant: &str) -> Option<u64> {
    Some(match variant {
        "b0" | "lite0" => 224,
        "b1" | "lite1" => 240,
        "b2" | "lite2" => 260,
        "b3" | "lite4" => 300,
        "b4" => 380,
        "b5" => 456,
        "b6" => 528,
        "b7" => 600,
        "b8" => 672,
        "l2" => 800,
        "lite3" => 280,
        _ => return None,
    })
}

/// The image size for which transformers' models were published: those of efficientnet_pytorch, from B0 to B7.
fn transformers_size(variant: &str) -> Option<u64> {
    let is_published = matches!(
        variant,
        "b0" | "b1" | "b2" | "b3" | "b4" | "b5" | "b6" | "b7"
    );
    lukemelas_size(variant).filter(|_| is_published)
}

/// What PyTorch does unless told otherwise.
const PYTORCH: Known = Known {
    padding: Some(Padding::Symmetric),
    batch_norm_epsilon: Some(1e-5),
};

/// What a library always does, for any checkpoint with its names.
///
/// `variant` is the published name, such as `b5`; torchvision's epsilon and efficientnet_pytorch's padding depend on it.
#[must_use]
pub fn implied(naming: Naming, variant: Option<&str>) -> Known {
    match naming {
        // timm `models/efficientnet.py`: MobileNetV1 and V2 have no `tf_` models.
        Naming::Timm if variant.is_some_and(|name| name.starts_with("mobilenet-v")) => PYTORCH,
        // timm's `tf_` models use SAME and 1e-3, its others symmetric and 1e-5, under the same names.
        Naming::Timm => Known::default(),
        // timm and torchvision `models/resnet.py`, torchvision `models/mobilenetv2.py`.
        Naming::Resnet | Naming::MobileNetV2 => PYTORCH,
        // torchvision `models/efficientnet.py`: `norm_layer` with eps 1e-3 from B5 on and in V2, PyTorch's
        // default before.
        Naming::Torchvision | Naming::TorchvisionFeatures => Known {
            padding: Some(Padding::Symmetric),
            batch_norm_epsilon: match variant {
                Some("b0" | "b1" | "b2" | "b3" | "b4") => Some(1e-5),
                Some("b5" | "b6" | "b7" | "v2-s" | "v2-m" | "v2-l") => Some(1e-3),
                _ => None,
            },
        },
        // efficientnet_pytorch `utils.py`: `Conv2dStaticSamePadding` of the model's own size, and
        // `batch_norm_epsilon=0.001`.
        Naming::Lukemelas => Known {
            padding: variant
                .and_then(lukemelas_size)
                .map(|size| Padding::Static([size; 2])),
            batch_norm_epsilon: Some(1e-3),
        },
        // transformers `models/efficientnet`: `batch_norm_eps` is 1e-3, and `depthwise_padding` of the published models
        // has the blocks whose input is odd at their own size (`CONFIG_MAP` in `convert_efficientnet_to_pytorch.py`).
        Naming::Transformers | Naming::TransformersBase => Known {
            padding: variant
                .and_then(transformers_size)
                .map(|size| Padding::Static([size; 2])),
            batch_norm_epsilon: Some(1e-3),
        },
        // TensorFlow's `efficientnet_builder.py` and Keras's `BatchNormalization`: SAME and 1e-3. MMPretrain's
        // `Conv2dAdaptivePadding` and `eps=1e-3` (defaults of `EfficientNet` and `EfficientNetV2`, which no configuration of
        // its model zoo changes).
        Naming::Keras | Naming::TensorFlow | Naming::MmPretrain => Known {
            padding: Some(Padding::Same),
            batch_norm_epsilon: Some(1e-3),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Known = Known {
        padding: None,
        batch_norm_epsilon: None,
    };

    #[test]
    fn names_imply_what_their_library_always_does() {
        for (naming, variant, padding, epsilon) in [
            (
                Naming::Lukemelas,
                Some("b0"),
                Padding::Static([224; 2]),
                1e-3,
            ),
            (
                Naming::Lukemelas,
                Some("l2"),
                Padding::Static([800; 2]),
                1e-3,
            ),
            (
                Naming::Lukemelas,
                Some("lite3"),
                Padding::Static([280; 2]),
                1e-3,
            ),
            (
                Naming::Transformers,
                Some("b2"),
                Padding::Static([260; 2]),
                1e-3,
            ),
            (
                Naming::TransformersBase,
                Some("b7"),
                Padding::Static([600; 2]),
                1e-3,
            ),
            (Naming::Keras, Some("b0"), Padding::Same, 1e-3),
            (Naming::TensorFlow, None, Padding::Same, 1e-3),
            (Naming::MmPretrain, Some("b3"), Padding::Same, 1e-3),
            (
                Naming::TorchvisionFeatures,
                Some("b5"),
                Padding::Symmetric,
                1e-3,
            ),
            (Naming::Torchvision, Some("b0"), Padding::Symmetric, 1e-5),
            (Naming::Torchvision, Some("b4"), Padding::Symmetric, 1e-5),
            (Naming::Torchvision, Some("b5"), Padding::Symmetric, 1e-3),
            (Naming::Torchvision, Some("b7"), Padding::Symmetric, 1e-3),
            (Naming::MobileNetV2, None, Padding::Symmetric, 1e-5),
            (Naming::Resnet, None, Padding::Symmetric, 1e-5),
            (Naming::Timm, Some("mobilenet-v1"), Padding::Symmetric, 1e-5),
        ] {
            let found = resolve_conventions(NOTHING, NOTHING, naming, variant);
            assert_eq!(
                found,
                Ok(Conventions {
                    padding,
                    batch_norm_epsilon: epsilon
                }),
                "{naming} {variant:?}"
            );
        }
    }

    #[test]
    fn flags_come_before_metadata_and_metadata_before_names() {
        let asked = Known {
            padding: Some(Padding::Symmetric),
            batch_norm_epsilon: None,
        };
        let metadata = Known {
            padding: Some(Padding::Same),
            batch_norm_epsilon: Some(2e-3),
        };
        let found = resolve_conventions(asked, metadata, Naming::Lukemelas, None);
        assert_eq!(
            found,
            Ok(Conventions {
                padding: Padding::Symmetric,
                batch_norm_epsilon: 2e-3
            })
        );
    }

    #[test]
    fn timm_names_leave_both_open() {
        let error = resolve_conventions(NOTHING, NOTHING, Naming::Timm, Some("b0")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint has timm names, which do not tell its padding and batch norm epsilon"
        );
        let asked = Known {
            padding: Some(Padding::Same),
            batch_norm_epsilon: None,
        };
        let error = resolve_conventions(asked, NOTHING, Naming::Timm, None).unwrap_err();
        assert_eq!(
            error,
            Undecided {
                naming: Naming::Timm,
                padding: false,
                batch_norm_epsilon: true
            }
        );
    }

    #[test]
    fn pads_of_a_published_size_are_open_without_one() {
        for (naming, variant) in [
            (Naming::Lukemelas, None),
            (Naming::Transformers, None),
            (Naming::Transformers, Some("b8")),
            (Naming::TransformersBase, Some("lite0")),
        ] {
            let error = resolve_conventions(NOTHING, NOTHING, naming, variant).unwrap_err();
            assert_eq!((error.padding, error.batch_norm_epsilon), (true, false));
        }
    }

    #[test]
    fn torchvision_without_a_variant_leaves_the_epsilon_open() {
        for variant in [None, Some("b8"), Some("lite0")] {
            let error =
                resolve_conventions(NOTHING, NOTHING, Naming::Torchvision, variant).unwrap_err();
            assert_eq!(
                error,
                Undecided {
                    naming: Naming::Torchvision,
                    padding: false,
                    batch_norm_epsilon: true
                }
            );
        }
    }
}
