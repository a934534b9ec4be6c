//! What came of classifying, as `--json` prints it.

use crate::cli::exit::{Failure, Status};
use efficientnet_onnx::classify::RankedClass;
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
    /// A result without pictures.
    pub fn new(file: &Path, runtime: RuntimeName, activation: ClassActivation) -> Self {
        Self {
            schema: 1,
            file: file.display().to_string(),
            runtime: runtime.as_str(),
            activation: activation.name(),
            untrained: None,
            version: None,
            changes: Vec::new(),
            load_seconds: None,
            prepare_seconds: None,
            error: None,
            pictures: Vec::new(),
        }
    }

    /// Prints why the runtime did not do all, keeps it, and gives the exit status.
    pub fn fail(&mut self, failure: Failure) -> Status {
        tell!("{failure}");
        self.error = Some(failure.message);
        failure.status
    }
}

impl PictureReport {
    /// A picture that was prepared, or not, in `seconds`.
    pub fn new(path: &Path, seconds: f64) -> Self {
        Self {
            path: path.display().to_string(),
            top: Vec::new(),
            picture_seconds: seconds,
            run_seconds: None,
            error: None,
        }
    }
}
