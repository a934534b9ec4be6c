//! `--labels`: the names of a file's classes.

use super::exit::Failure;
use clap::Args;
use efficientnet_onnx::labels;
use std::path::{Path, PathBuf};

/// Flags on names of classes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct LabelArgs {
    /// Class names for the file's metadata: one a line, a JSON array, or a JSON object like {"0": "name"}
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

impl LabelArgs {
    /// The file that is read.
    pub fn file(&self) -> Option<&Path> {
        self.labels.as_deref()
    }

    /// The names in it, if there is one.
    pub fn read(&self) -> Result<Option<Vec<String>>, Failure> {
        let names = self.labels.as_deref().map(labels::read_file);
        names.transpose().map_err(Failure::bad_input)
    }
}
