//! The records of a file, read back.

use super::{
    HEAD_KEY, HeadRecord, LABELS_KEY, ORIGIN_KEY, Origin, PREPROCESSING_KEY, Preprocessing,
    RECIPE_KEY, Recipe,
};
use crate::files::foreign::{Foreign, said};
use crate::onnx::file::ModelFile;
use serde::de::DeserializeOwned;

/// Everything that a file written here says of itself.
#[derive(Clone, Debug)]
pub struct Records {
    /// What shapes its graph.
    pub recipe: Recipe,
    /// Where its weights are from.
    pub origin: Option<Origin>,
    /// How pictures become its input.
    pub preprocessing: Option<Preprocessing>,
    /// Names of its classes.
    pub labels: Option<Vec<String>>,
    /// What turns its logits into probabilities; none where no output is of classes.
    pub head: Option<HeadRecord>,
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It was not written here.
    #[error(
        "`{path}` has no `{RECIPE_KEY}` in its metadata: expected a file that `emit` wrote, found one by `{producer}`", path = path.shown(), producer = producer.shown())]
    NoRecipe {
        /// The file.
        path: String,
        /// The program that wrote it.
        producer: String,
    },
    /// One is not as it is written here.
    #[error("`{key}` in the metadata cannot be read: {error}", error = said(error))]
    Unreadable {
        /// Its key.
        key: &'static str,
        /// What is wrong.
        error: serde_json::Error,
    },
}

impl Records {
    /// Reads the records of a file.
    ///
    /// # Errors
    /// If it has no recipe, or a record that this version does not know.
    pub fn read(file: &ModelFile) -> Result<Self, RecordsError> {
        let recipe: Recipe = record(file.metadata(RECIPE_KEY), RECIPE_KEY)?.ok_or_else(|| {
            RecordsError::NoRecipe {
                path: file.path.to_string_lossy().into_owned(),
                producer: file.contents.producer_name.clone(),
            }
        })?;
        // Files of earlier versions have no such record.
        let head = match file.metadata(HEAD_KEY) {
            None if !recipe.has_classes() => None,
            text => {
                let head = HeadRecord::read(text, recipe.classes);
                Some(head.map_err(|error| unreadable(HEAD_KEY, error))?)
            }
        };
        Ok(Self {
            origin: record(file.metadata(ORIGIN_KEY), ORIGIN_KEY)?,
            preprocessing: record(file.metadata(PREPROCESSING_KEY), PREPROCESSING_KEY)?,
            labels: record(file.metadata(LABELS_KEY), LABELS_KEY)?,
            head,
            recipe,
        })
    }
}

/// The record whose text stands under `key`, if there is one.
///
/// # Errors
/// If it is not as it is written here.
pub fn record<T: DeserializeOwned>(
    text: Option<&str>,
    key: &'static str,
) -> Result<Option<T>, RecordsError> {
    let read = text.map(serde_json::from_str).transpose();
    read.map_err(|error| unreadable(key, error))
}

fn unreadable(key: &'static str, error: serde_json::Error) -> RecordsError {
    RecordsError::Unreadable { key, error }
}
