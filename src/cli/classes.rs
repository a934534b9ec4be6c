//! `--labels` and `--thresholds`: the names of a file's classes, and how probable each has to be.

use super::exit::Failure;
use clap::Args;
use efficientnet_onnx::convert::ConvertError;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::labels;
use efficientnet_onnx::metadata::Thresholds;
use std::path::{Path, PathBuf};

/// Flags on classes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct ClassArgs {
    /// Class names for the file's metadata: one a line, a JSON array, or a JSON object like {"0": "name"}
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Probability from which on `classify` names a class of a sigmoid: one number above 0 and below 1 for all classes, or a
    /// text file with one number a line for each class [default: the checkpoint's]
    #[arg(long, value_name = "P|FILE")]
    thresholds: Option<PathBuf>,
}

impl ClassArgs {
    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let thresholds = self.thresholds.as_deref();
        let thresholds = thresholds.filter(|given| number(given).is_none());
        self.labels.as_deref().into_iter().chain(thresholds)
    }

    /// The names in it, if there is one.
    pub fn labels(&self) -> Result<Option<Vec<String>>, Failure> {
        let names = self.labels.as_deref().map(labels::read_file);
        names.transpose().map_err(Failure::bad_input)
    }

    /// The thresholds that are given or that the file has, if there are any.
    pub fn thresholds(&self) -> Result<Option<Thresholds>, Failure> {
        let read = |given: &Path| match number(given) {
            Some(number) => Thresholds::new(vec![number]).map_err(|_| {
                Failure::bad_input(format!(
                    "`--thresholds {}`: expected a number above 0 and below 1, or a file",
                    given.shown()
                ))
            }),
            None => Thresholds::read_file(given).map_err(Failure::bad_input),
        };
        self.thresholds.as_deref().map(read).transpose()
    }

    /// The error of more or fewer of them than classes.
    pub fn failure(&self, error: &ConvertError) -> Failure {
        let given = match error {
            ConvertError::LabelCount { .. } => &self.labels,
            _ => &self.thresholds,
        };
        let given = given.as_deref().unwrap_or(Path::new("")).shown();
        Failure::bad_input(format!("`{given}`: {error}"))
    }
}

/// A threshold that `--thresholds` gives as a number instead of a file.
fn number(given: &Path) -> Option<f64> {
    given.to_str()?.parse().ok()
}
