//! What a Keras model records of itself beyond its network: how it prepares pictures, and their size.

use super::error::ConvertError;
use super::note::ConvertNote;
use crate::like::keras_normal;
use crate::metadata::Normal;
use crate::weights::checkpoint::Checkpoint;
use crate::weights::keras::Normalization;
use crate::weights::names::Naming;

/// What the pixels of pictures become before the first convolution.
#[derive(Clone, Copy, Debug)]
pub struct Pixels {
    /// As one mean and deviation; none if that is not known.
    pub normal: Option<Normal>,
    /// Whether a whole model's record says so; else it follows from the weights of its `Normalization`.
    pub is_recorded: bool,
}

/// What a Keras model itself makes of pixels.
pub fn pixels(checkpoint: &Checkpoint, naming: Naming) -> Result<Pixels, ConvertError> {
    let weights = checkpoint.normalization();
    let Some(config) = checkpoint.model_config() else {
        let normal = weights.map(|Normalization { mean, variance }| keras_normal(mean, variance));
        return Ok(Pixels {
            normal,
            is_recorded: false,
        });
    };
    // No record of pictures is written for another number of channels.
    let is_colour = checkpoint.in_channels(naming) == Some(3);
    let normal = if is_colour {
        config.normal(weights)
    } else {
        Ok(None)
    };
    let place = &config.evidence.place;
    Ok(Pixels {
        normal: normal.map_err(|reason| ConvertError::Description(format!("{place}: {reason}")))?,
        is_recorded: is_colour,
    })
}

/// What a reader should hear of it.
pub fn note(pixels: &Pixels, checkpoint: &Checkpoint) -> Option<ConvertNote> {
    let unusual = pixels.normal.filter(|normal| *normal != Normal::IMAGENET);
    let Some(config) = checkpoint.model_config() else {
        return unusual.map(ConvertNote::PreparedAsWeights);
    };
    let place = config.evidence.place.clone();
    match (unusual, pixels.normal) {
        (Some(normal), _) => Some(ConvertNote::PreparedAsModel { place, normal }),
        (None, None) if pixels.is_recorded => Some(ConvertNote::NoPreparation { place }),
        (None, None) if config.prepares() => Some(ConvertNote::OtherChannels { place }),
        _ => None,
    }
}
