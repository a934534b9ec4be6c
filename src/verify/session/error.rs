//! Why files are not verified.

use crate::files::foreign::{Foreign, said};
use crate::memory::NoMemory;
use crate::metadata::PREPROCESSING_KEY;
use crate::onnx::file::{CopyError, FileError};
#[cfg(feature = "picture")]
use crate::picture::PictureError;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;
use crate::runtime::process::ProcessError;
use crate::stored::StoredError;
use crate::tensor::SourceError;
use crate::verify::facts::OmittedOutput;
use crate::verify::given::GivenError;
use crate::verify::mutate::MutateError;
use crate::verify::pair::PairError;
use crate::verify::plan::PlanError;
use crate::verify::report::Report;
use std::path::PathBuf;

/// Why files are not verified.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A file cannot be read or decoded.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file breaks rules, so that there is nothing to test: the report that lists them.
    #[error("`{}` breaks a rule, so it is not run", .0.file)]
    Rejected(Box<Report>),
    /// No inputs can be made for a file.
    #[error("`{file}`: {source}", file = file.shown())]
    Plan {
        /// The file, as it is called.
        file: String,
        /// Why not.
        source: PlanError,
    },
    /// Tensors that are given do not fit the file.
    #[error("`{}`: {source}", path.shown())]
    Given {
        /// Where they are from.
        path: PathBuf,
        /// Why not.
        source: GivenError,
    },
    /// A file of tensors cannot be read or written.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// A picture is given to a file that does not say how pictures are prepared.
    #[error(
        "`{}` does not say how pictures are prepared: it has no metadata `{PREPROCESSING_KEY}`",
        .0.shown()
    )]
    NoPreprocessing(PathBuf),
    /// What the file says about pictures cannot be read.
    #[error("metadata `{PREPROCESSING_KEY}` cannot be read: {error}", error = said(.0))]
    Preprocessing(serde_json::Error),
    /// A picture cannot be read or prepared.
    #[cfg(feature = "picture")]
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A folder that should have pictures has none, and neither have the folders in it.
    #[error("`{}` has no JPEG or PNG pictures, and neither have the folders in it", .0.shown())]
    NoPictures(PathBuf),
    /// A folder of pictures cannot be read.
    #[error("cannot read `{}`: {source}", folder.shown(), source = said(source))]
    PictureFolder {
        /// The folder.
        folder: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A picture is given to a program that was built without decoders.
    #[error("`{}` is a picture, and this program was built without feature `picture`", .0.shown())]
    NotBuilt(PathBuf),
    /// Test data would lack an output, and is found by the outputs' numbers.
    #[error("`{}` is not written: {output}, so its test data would be incomplete", folder.shown())]
    Incomplete {
        /// The folder that was to be written.
        folder: PathBuf,
        /// The output that is not compared.
        output: Box<OmittedOutput>,
    },
    /// Two files cannot be compared.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// Stored outputs are given, or test data is to be written, where two files are compared with each other.
    #[error("two files are compared with each other, so stored outputs and test data do not apply")]
    StoredWithPair,
    /// The constant tensors of two files cannot be read.
    #[error(transparent)]
    Tensors(#[from] SourceError),
    /// A copy with values marked as outputs cannot be made.
    #[error(transparent)]
    Mark(#[from] CopyError),
    /// A copy with a planted mistake cannot be made.
    #[error(transparent)]
    Mutate(#[from] MutateError),
    /// Nothing can be tested, since no runtime runs the file.
    #[error("no runtime runs `{file}`, so nothing can be tested: {}", list(.troubles), file = file.shown())]
    NothingRuns {
        /// The file, as it is called.
        file: String,
        /// What every runtime did instead.
        troubles: Vec<(RuntimeName, Trouble)>,
    },
    /// The reference run of a copy without a mistake failed.
    #[error("{runtime}: {trouble}")]
    Reference {
        /// Its runtime.
        runtime: RuntimeName,
        /// What happened.
        trouble: Trouble,
    },
    /// A copy of inputs does not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// Nothing can be run, or the runs are interrupted.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

fn list(troubles: &[(RuntimeName, Trouble)]) -> String {
    let troubles = troubles.iter();
    let each = troubles.map(|(runtime, trouble)| format!("{runtime}: {trouble}"));
    each.collect::<Vec<_>>().join("; ")
}
