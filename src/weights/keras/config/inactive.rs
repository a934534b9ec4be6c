//! Classes of Keras's layers that do nothing at inference (keras `layers/`).

/// Layers that pass their input on at inference (keras `layers/regularization`, `layers/preprocessing`); `FixedDropout` is of the
/// package `efficientnet`. `RandomCrop` is none: it crops or resizes then.
const INACTIVE: [&str; 35] = [
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "FixedDropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "StochasticDepth",
];

/// Whether layers of a class pass their input on at inference, whatever their settings.
pub(super) fn passes_on(class: &str) -> bool {
    INACTIVE.contains(&class)
}

/// Whether layers of a class change pictures in training alone. Keras 3 records their own default, `training=True`, at every
/// call (`layers/preprocessing`), and `predict` leaves pictures as they are all the same.
pub(super) fn augments(class: &str) -> bool {
    passes_on(class) && (class.starts_with("Rand") || class.ends_with("Mix") || class == "MixUp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_augmentations_are_called_as_in_training() {
        for class in ["RandomFlip", "RandAugment", "CutMix", "MixUp"] {
            assert!(passes_on(class) && augments(class), "{class}");
        }
        for class in ["Dropout", "GaussianNoise"] {
            assert!(passes_on(class) && !augments(class), "{class}");
        }
        // It crops at inference too.
        assert!(!passes_on("RandomCrop") && !augments("RandomCrop"));
    }
}
