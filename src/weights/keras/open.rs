//! Opening a Keras model in each of the forms that Keras saves one in, with the description that belongs to it.

use super::archive::{Archive, CONFIG};
use super::config::{LARGEST, ModelConfig};
use super::hdf5::{Hdf5, Window};
use super::shards::Shards;
use super::{Keras, error_of, malformed};
use crate::files::foreign::Foreign;
use crate::files::{has_file, open_input};
use crate::weights::SourceError;
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// The attribute of the root that describes a whole model (keras `legacy_h5_format.py`).
const MODEL_CONFIG: &str = "model_config";

impl Keras {
    /// Opens an HDF5 file and reads what it lists, but no tensor; with the `config.json` beside it, where it does not describe its
    /// model itself and that one is Keras's.
    ///
    /// # Errors
    /// If it cannot be read, is not one that Keras wrote, or does not name its layers.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let window = open_input(path).and_then(Window::whole);
        let opened = window.and_then(|window| Hdf5::open(window, MODEL_CONFIG));
        let mut part = opened.map_err(|error| error_of(path, error))?;
        let config = match part.description.take() {
            Some(text) => Some(parsed(path, &text, "`model_config`")?),
            None => beside(path)?,
        };
        Self::new(vec![path.to_path_buf()], vec![part], config)
    }

    /// Opens a `.keras` archive.
    ///
    /// # Errors
    /// As [`Keras::open`].
    pub(in crate::weights) fn in_archive(
        path: &Path,
        mut archive: Archive,
    ) -> Result<Self, SourceError> {
        let io = |error| error_of(path, error);
        let text = archive.config().map_err(io)?;
        let config = text.map(|text| parsed(path, &text, "`config.json`"));
        let weights = archive.weights(path).map_err(io)?;
        let part = Hdf5::open(weights, MODEL_CONFIG).map_err(io)?;
        Self::new(vec![path.to_path_buf()], vec![part], config.transpose()?)
    }

    /// Opens weights in several files.
    ///
    /// # Errors
    /// As [`Keras::open`].
    pub(in crate::weights) fn in_shards(shards: Shards) -> Result<Self, SourceError> {
        let Shards { list, files } = shards;
        let mut parts = Vec::new();
        for path in &files {
            let window = open_input(path).and_then(Window::whole);
            let part = window.and_then(|window| Hdf5::open(window, MODEL_CONFIG));
            parts.push(part.map_err(|error| error_of(path, error))?);
        }
        let config = beside(&list)?;
        Self::new([vec![list], files].concat(), parts, config)
    }
}

/// The description in an unpacked `.keras` archive, if the weights are in one.
fn beside(weights: &Path) -> Result<Option<ModelConfig>, SourceError> {
    let path = weights.with_file_name(CONFIG);
    if !has_file(&path) {
        return Ok(None);
    }
    let mut text = String::new();
    let read =
        open_input(&path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_string(&mut text));
    read.map_err(|error| error_of(&path, error))?;
    // Files of that name are common; Keras's says of which class the model is.
    let found: Option<Value> = serde_json::from_str(&text).ok();
    if found.is_none_or(|found| !found["class_name"].is_string() || !found["config"].is_object()) {
        return Ok(None);
    }
    parsed(weights, &text, &format!("`{}`", path.shown())).map(Some)
}

/// Reads a description; `place` is where it is from.
fn parsed(path: &Path, text: &str, place: &str) -> Result<ModelConfig, SourceError> {
    ModelConfig::parse(text, place).map_err(|reason| malformed(path, &reason))
}
