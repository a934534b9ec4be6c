//! What a Keras model records of itself beyond its network: how it prepares pictures, and their size.

use super::error::ConvertError;
use super::note::ConvertNote;
use crate::files::foreign::Foreign;
use crate::files::{has_file, open_input};
use crate::like::keras_normal;
use crate::metadata::Normal;
use crate::weights::checkpoint::Checkpoint;
use crate::weights::keras::Normalization;
use crate::weights::keras::config::{LARGEST, ModelConfig};
use crate::weights::names::Naming;
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// The model's description in an unpacked `.keras` archive (keras `saving/saving_lib.py`).
const CONFIG: &str = "config.json";

/// What the pixels of pictures become before the first convolution.
#[derive(Clone, Copy, Debug)]
pub struct Pixels {
    /// As one mean and deviation; none if that is not known.
    pub normal: Option<Normal>,
    /// Whether a whole model's record says so; else it follows from the weights of its `Normalization`.
    pub is_recorded: bool,
}

/// Gives the weights of an unpacked `.keras` archive the description that lies beside them.
pub fn describe(checkpoint: &mut Checkpoint, path: &Path) -> Result<(), ConvertError> {
    let beside = path.with_file_name(CONFIG);
    let is_keras = checkpoint.naming() == Some(Naming::Keras);
    if !is_keras || checkpoint.model_config().is_some() || !has_file(&beside) {
        return Ok(());
    }
    let shown = beside.shown();
    let mut text = String::new();
    let read = open_input(&beside)
        .and_then(|file| file.take(LARGEST as u64 + 1).read_to_string(&mut text));
    read.map_err(|error| ConvertError::Description(format!("`{shown}` cannot be read: {error}")))?;
    // Files of that name are common; Keras's says of which class the model is.
    let found: Option<Value> = serde_json::from_str(&text).ok();
    if found.is_some_and(|found| found["class_name"].is_string() && found["config"].is_object()) {
        let place = format!("`{shown}`");
        let config = ModelConfig::parse(&text, &place).map_err(ConvertError::Description)?;
        checkpoint.describe(config);
    }
    Ok(())
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
