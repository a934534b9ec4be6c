//! What came of classifying, as `--json` prints it.

use efficientnet_onnx::classify::{Classification, ClassifiedPicture, RankedClass};
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::onnx::file::plain::Change;
use efficientnet_onnx::runtime::RuntimeName;
use serde::Serialize;
use std::path::Path;

/// The whole result.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this record.
    schema: u32,
    /// The file, as it was given.
    pub file: String,
    /// The runtime.
    pub runtime: &'static str,
    /// What turned logits into probabilities: `softmax` over all classes, or a `sigmoid` of each.
    pub activation: &'static str,
    /// What of the weights is not trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untrained: Option<String>,
    /// The version of its library, once it could be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How the copy that ran differs from the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Time to read the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_seconds: Option<f64>,
    /// Time to make the graph ready for the size of its input, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare_seconds: Option<f64>,
    /// Why the runtime did not do all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Every picture, in the order in which they were given.
    pub pictures: Vec<PictureReport>,
}

/// One picture.
#[derive(Debug, Serialize)]
pub struct PictureReport {
    /// The picture, as it was given.
    pub path: String,
    /// Its most probable classes, most probable first; empty if it was not classified.
    pub top: Vec<RankedClass>,
    /// Time to read, decode, crop and resize it.
    pub picture_seconds: f64,
    /// Time of the run that it was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_seconds: Option<f64>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    /// What came of all pictures with the file `path`.
    pub fn new(
        path: &Path,
        runtime: RuntimeName,
        activation: ClassActivation,
        found: Classification,
    ) -> Self {
        let pictures = found.pictures.into_iter();
        Self {
            schema: 1,
            file: path.to_string_lossy().into_owned(),
            runtime: runtime.as_str(),
            activation: activation.name(),
            untrained: None,
            version: found.version,
            changes: found.changes,
            load_seconds: found.load_seconds,
            prepare_seconds: found.prepare_seconds,
            error: None,
            pictures: pictures.map(PictureReport::new).collect(),
        }
    }
}

impl PictureReport {
    fn new(picture: ClassifiedPicture) -> Self {
        Self {
            path: picture.path.to_string_lossy().into_owned(),
            top: picture.top,
            picture_seconds: picture.load_seconds,
            run_seconds: picture.run_seconds,
            error: picture.error.map(|error| error.to_string()),
        }
    }
}
