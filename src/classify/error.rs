//! Why a file cannot classify pictures, and why outputs are not probabilities.

use crate::files::foreign::{self, Foreign, said};
use crate::labels::LabelsError;
use crate::metadata::claims::FalseClaim;
use crate::metadata::{HEAD_KEY, LABELS_KEY, PREPROCESSING_KEY};
use crate::onnx::check::Broken;
use crate::onnx::file::FileError;
use crate::picture::PreprocessingError;
use crate::tensor::Element;
use crate::verify::facts::SizeStepError;
use std::path::PathBuf;

/// Largest batch of pictures that a file may have.
pub const MOST_AT_ONCE: u64 = 1024;

/// Why a file is not opened as a classifier.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// It cannot be read, or is not an ONNX model.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its metadata does not say how pictures are prepared.
    #[error("`{}` does not say how pictures are prepared: it has no metadata `{PREPROCESSING_KEY}`", path.shown())]
    NoPreprocessing {
        /// The file.
        path: PathBuf,
        /// What the file tells of the reason.
        reason: NoPreprocessing,
        /// What has to be told of it; nothing where that does not help.
        missing: Vec<ToldPart>,
    },
    /// Its preprocessing cannot be followed.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// It breaks a rule of ONNX, so no runtime may see it.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Its input, outputs or metadata are not those of a classifier of pictures.
    #[error("`{}`: {reason}", path.shown())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: Unfit,
    },
}

/// Something that is told of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldPart {
    /// The mean of each colour.
    Mean,
    /// The standard deviation of each colour.
    Std,
    /// Height and width of the input.
    Size,
    /// What turns the output into probabilities.
    Activation,
}

/// Why a file does not say how pictures are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPreprocessing {
    /// Its network takes so many channels, and only pictures of 3 can be prepared.
    Channels(u64),
    /// Its network is a custom architecture, and none was given when it was written.
    Custom,
    /// It is from another program, or from a version that did not record it.
    NotRecorded,
}

/// What of a file is not as a classifier of pictures has it.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The metadata that says how pictures are prepared cannot be read.
    #[error("metadata `{PREPROCESSING_KEY}` cannot be read: {error}", error = said(.0))]
    PreprocessingRecord(serde_json::Error),
    /// Pictures would be prepared at a size at which the file's pads are wrong.
    #[error(transparent)]
    Size(SizeStepError),
    /// The number of inputs is not 1.
    #[error("expected one input, found {0}")]
    Inputs(usize),
    /// The input does not take pictures as they are prepared.
    #[error("expected input `{name}` to be {element} [batch, {}, {}, {}], found {found}", expected[0], expected[1], expected[2], name = name.shown(), found = found.shown())]
    Input {
        /// Its name.
        name: String,
        /// Element type of prepared pictures.
        element: Element,
        /// Extents of a prepared picture.
        expected: [usize; 3],
        /// Its element type and shape.
        found: String,
    },
    /// The input does not take pictures of three colours.
    #[error("expected input `{name}` to be [batch, 3, height, width] or [batch, height, width, 3], of numbers, found {found}", name = name.shown(), found = found.shown())]
    NoPictures {
        /// Its name.
        name: String,
        /// Its element type and shape.
        found: String,
    },
    /// A mean or standard deviation is told of an input of bytes.
    #[error("its input takes bytes from 0 to 255, which have no mean and no standard deviation")]
    NormalOfBytes,
    /// The fixed batch is 0 or too large.
    #[error("expected a batch from 1 to {MOST_AT_ONCE}, found {0}")]
    Batch(u64),
    /// No output is called `logits` or `probabilities`.
    #[error("expected an output `logits` or `probabilities`, found `{}`", found.join("`, `").shown())]
    NoOutput {
        /// Names of the outputs.
        found: Vec<String>,
    },
    /// The output does not have one number for each class, or an unknown number of classes.
    #[error("expected output `{name}` to be [batch, classes], found {found}", name = name.shown(), found = found.shown())]
    Output {
        /// Its name.
        name: String,
        /// Its shape.
        found: String,
    },
    /// The metadata that says how logits become probabilities cannot be read.
    #[error("metadata `{HEAD_KEY}` cannot be read: {error}", error = said(.0))]
    HeadRecord(serde_json::Error),
    /// What it says of its pictures or of its probabilities is not what its graph computes.
    #[error(transparent)]
    Claim(FalseClaim),
    /// The output is a softmax of one class, as earlier versions wrote it.
    #[error(
        "its `{}` are a softmax of one class, which is 1 for every picture: emit it again from its checkpoint",
        .0.shown()
    )]
    SoftmaxOfOneClass(String),
    /// The names of its classes cannot be used.
    #[error("metadata `{LABELS_KEY}`: {0}")]
    Labels(LabelsError),
}

/// Why outputs of a runtime are not probabilities of classes.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OutputsError {
    /// The output is not among them.
    #[error("output `{output}`: the runtime gave no such output", output = output.shown())]
    Missing {
        /// Its name.
        output: String,
    },
    /// Its shape is not `[batch, classes]`.
    #[error("output `{output}`: expected shape {expected}, found {found}", output = output.shown(), expected = foreign::shape(expected), found = foreign::shape(found))]
    Shape {
        /// Its name.
        output: String,
        /// The batch, and the number of classes.
        expected: [usize; 2],
        /// The shape that came.
        found: Vec<usize>,
    },
    /// Class activation maps of another shape than `[batch, classes, height, width]`, or without a place.
    #[error("output `{output}`: expected shape [{}, {}, height, width], found {found}", expected[0], expected[1], output = output.shown(), found = foreign::shape(found))]
    Maps {
        /// The output's name.
        output: String,
        /// The batch, and the number of classes.
        expected: [usize; 2],
        /// The shape that came.
        found: Vec<usize>,
    },
    /// It has an infinite value or NaN.
    #[error("output `{output}`: expected finite numbers, found {value}", output = output.shown())]
    NotFinite {
        /// Its name.
        output: String,
        /// The first such value.
        value: f64,
    },
}
