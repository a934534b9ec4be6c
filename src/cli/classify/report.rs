//! What came of classifying, as `--json` prints it.

use crate::cli::exit::Failure;
use crate::cli::print;
use efficientnet_onnx::classify::{ClassMap, Classification, ClassifiedPicture, RankedClass};
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::onnx::file::plain::Change;
use efficientnet_onnx::runtime::RuntimeName;
use serde::Serialize;
use std::path::Path;

/// Version of these records.
const SCHEMA: u32 = 1;

/// What came of all files: of one, its report alone.
#[derive(Debug, Serialize)]
pub struct Reports {
    /// Version of this record.
    schema: u32,
    /// The figure of class activation maps, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    figure: Option<String>,
    /// One for each file, in the order in which they were given.
    files: Vec<Report>,
}

/// What came of one file.
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
    /// From which probability on a picture is of a class: one number for all classes, or one for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f64>>,
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
    /// The figure of class activation maps, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
    /// Every picture, in the order in which they were given.
    pub pictures: Vec<PictureReport>,
}

/// One picture.
#[derive(Debug, Serialize)]
pub struct PictureReport {
    /// The picture, as it was given.
    pub path: String,
    /// Its most probable classes, most probable first; empty if it was not classified, or no class reaches its threshold.
    pub top: Vec<RankedClass>,
    /// The activation map of a class, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cam: Option<MapReport>,
    /// Whether its EXIF record turned or mirrored it.
    pub turned: bool,
    /// Time to read, decode, crop and resize it.
    pub picture_seconds: f64,
    /// Time of the run that it was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_seconds: Option<f64>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An activation map.
#[derive(Debug, Serialize)]
pub struct MapReport {
    /// The class, and how probable it is.
    #[serde(flatten)]
    pub class: RankedClass,
    /// Rows and columns of the map.
    pub map: [usize; 2],
    /// Its smallest and its largest number.
    pub range: [f64; 2],
    /// Height and width of the picture as the network saw it.
    pub size: [u32; 2],
    /// Column and row of the middle of the map's largest place, in pixels of that picture.
    pub peak: [u32; 2],
}

impl Reports {
    /// Of all files, with the figure that was written of them.
    pub fn new(files: Vec<Report>, figure: Option<&Path>) -> Self {
        Self {
            schema: SCHEMA,
            figure: figure.map(|path| path.to_string_lossy().into_owned()),
            files,
        }
    }

    /// As JSON.
    pub fn json(mut self) -> Result<String, Failure> {
        match self.files.as_mut_slice() {
            [one] => {
                one.figure = self.figure;
                print::json(one)
            }
            _ => print::json(&self),
        }
    }
}

impl From<&ClassMap> for MapReport {
    fn from(map: &ClassMap) -> Self {
        Self {
            class: map.class.clone(),
            map: map.map.size(),
            range: map.map.range(),
            size: map.picture.size(),
            peak: map.peak(),
        }
    }
}

impl Report {
    /// What came of all pictures with the file `path`.
    pub fn new(
        path: &Path,
        runtime: RuntimeName,
        activation: ClassActivation,
        found: &Classification,
    ) -> Self {
        let pictures = found.pictures.iter();
        Self {
            schema: SCHEMA,
            file: path.to_string_lossy().into_owned(),
            runtime: runtime.as_str(),
            activation: activation.name(),
            thresholds: None,
            untrained: None,
            version: found.version.clone(),
            changes: found.changes.clone(),
            load_seconds: found.load_seconds,
            prepare_seconds: found.prepare_seconds,
            error: None,
            figure: None,
            pictures: pictures.map(PictureReport::new).collect(),
        }
    }
}

impl PictureReport {
    fn new(picture: &ClassifiedPicture) -> Self {
        Self {
            path: picture.path.to_string_lossy().into_owned(),
            top: picture.top.clone(),
            cam: picture.map.as_ref().map(MapReport::from),
            turned: picture.turned,
            picture_seconds: picture.load_seconds,
            run_seconds: picture.run_seconds,
            error: picture.error.as_ref().map(ToString::to_string),
        }
    }
}
