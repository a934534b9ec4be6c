//! What a file says about itself: versioned JSON values under `efficientnet.*` metadata keys.
//!
//! The same keys and values stand in an ONNX file's `metadata_props` and in a safetensors file's
//! `__metadata__`.

mod preprocessing;
mod recipe;

pub use preprocessing::{Framing, Interpolation, Normal, Preprocessing, Sampling};
pub use recipe::{Formula, MetadataError, Recipe};

/// Key of the checksums of initializers, which the writer adds.
pub use crate::onnx::checksums::KEY as CHECKSUMS_KEY;

use serde::{Deserialize, Serialize};

/// Key of [`Recipe`].
pub const RECIPE_KEY: &str = "efficientnet.recipe";
/// Key of [`Origin`].
pub const ORIGIN_KEY: &str = "efficientnet.origin";
/// Key of [`Preprocessing`].
pub const PREPROCESSING_KEY: &str = "efficientnet.preprocessing";
/// Key of the class names, a JSON array of strings.
pub const LABELS_KEY: &str = "efficientnet.labels";

/// Version of every record here.
const VERSION: u32 = 1;

/// All that a file says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// What shapes the graph.
    pub recipe: Recipe,
    /// Where the weights are from.
    pub origin: Origin,
    /// How pictures become input, if that is known.
    pub preprocessing: Option<Preprocessing>,
    /// Class names as a JSON array, where they were given or carried.
    pub labels: Option<String>,
}

/// Where the weights are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// Drawn by a rule.
    Seed {
        /// Version of this record.
        version: u32,
        /// As in `--init`.
        rule: String,
        /// As in `--seed`.
        seed: u64,
    },
    /// Read from a file.
    Checkpoint {
        /// Version of this record.
        version: u32,
        /// File name, without folders.
        name: String,
        /// Of the whole file, hexadecimal.
        sha256: String,
        /// Whose tensor names it has.
        naming: String,
        /// Licence of the weights, if the file tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        licence: Option<String>,
        /// Where they were had, if the file tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// How its classifier was drawn, where the checkpoint's was replaced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        classifier: Option<Fresh>,
    },
}

/// Parameters that were drawn although the others are from a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// As in `--init`.
    pub rule: String,
    /// As in `--seed`.
    pub seed: u64,
}

impl Metadata {
    /// Keys and values, in the order in which files have them.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let mut entries = vec![
            (RECIPE_KEY.to_owned(), json(&self.recipe)),
            (ORIGIN_KEY.to_owned(), json(&self.origin)),
        ];
        if let Some(preprocessing) = &self.preprocessing {
            entries.push((PREPROCESSING_KEY.to_owned(), json(preprocessing)));
        }
        if let Some(labels) = &self.labels {
            entries.push((LABELS_KEY.to_owned(), labels.clone()));
        }
        entries
    }
}

fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("records hold only strings, numbers and lists")
}

impl Origin {
    /// Weights drawn by a rule.
    #[must_use]
    pub fn seed(rule: &str, seed: u64) -> Self {
        Self::Seed {
            version: VERSION,
            rule: rule.to_owned(),
            seed,
        }
    }

    /// Weights read from a checkpoint.
    #[must_use]
    pub fn checkpoint(
        name: String,
        sha256: String,
        naming: String,
        licence: Option<String>,
        source: Option<String>,
        classifier: Option<Fresh>,
    ) -> Self {
        Self::Checkpoint {
            version: VERSION,
            name,
            sha256,
            naming,
            licence,
            source,
            classifier,
        }
    }
}
