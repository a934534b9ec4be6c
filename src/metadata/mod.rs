//! What a file says about itself: versioned JSON values under `efficientnet.*` metadata keys.
//!
//! The same keys and values stand in an ONNX file's `metadata_props` and in a safetensors file's
//! `__metadata__`.

pub mod claims;
mod head;
mod origin;
mod preprocessing;
mod recipe;
mod records;
mod thresholds;

pub use head::HeadRecord;
pub use origin::{Fitted, Fresh, Origin, Untrained};
pub use preprocessing::{Framing, Interpolation, Normal, Orientation, Preprocessing, Sampling};
pub use recipe::{Formula, IslandsRecord, MetadataError, Recipe};
pub use records::{Records, RecordsError, record};
pub use thresholds::{Thresholds, ThresholdsError, ThresholdsFileError};

/// The initializer that has the classifier's weight as the kernel of class activation maps.
pub use crate::network::CAM_WEIGHT;
/// Key of the checksums of initializers, which the writer adds.
pub use crate::onnx::checksums::KEY as CHECKSUMS_KEY;

use serde::Serialize;

/// Key of [`Recipe`].
pub const RECIPE_KEY: &str = "efficientnet.recipe";
/// Key of [`Origin`].
pub const ORIGIN_KEY: &str = "efficientnet.origin";
/// Key of [`Preprocessing`].
pub const PREPROCESSING_KEY: &str = "efficientnet.preprocessing";
/// Key of [`HeadRecord`].
pub const HEAD_KEY: &str = "efficientnet.head";
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
    /// What the logits mean; none where no output is of classes.
    pub head: Option<HeadRecord>,
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
        if let Some(head) = &self.head {
            entries.push((HEAD_KEY.to_owned(), json(head)));
        }
        entries
    }
}

fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("records hold only strings, numbers and lists")
}
