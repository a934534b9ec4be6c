//! `--labels` and `--reset-classifier`: the classes that a file tells apart, and their names.

use super::exit::Failure;
use clap::Args;
use efficientnet_onnx::labels::{self, Labels};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Flags on names of classes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct LabelArgs {
    /// Class names for the file's metadata: one a line, a JSON array, or a JSON object like {"0": "name"}
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

/// Names of all 21,843 classes of ImageNet-21k take 0.4 MB; parsed, a hostile list takes up to 30 times its size.
const LARGEST_LIST: u64 = 4 << 20;

impl LabelArgs {
    /// The file that is read.
    pub fn file(&self) -> Option<&Path> {
        self.labels.as_deref()
    }

    /// The names for `efficientnet.labels`, as JSON: the flag's, else those that the checkpoint carries.
    pub fn read(&self, carried: Option<&str>, classes: u64) -> Result<Option<String>, Failure> {
        let classes = usize::try_from(classes).unwrap_or(usize::MAX);
        let Some(path) = &self.labels else {
            let Some(carried) = carried else {
                return Ok(None);
            };
            Labels::of(Some(carried), classes).map_err(|error| {
                Failure::bad_input(format!(
                    "the checkpoint's own class names do not fit: {error}"
                ))
                .hint("give the names with `--labels FILE`")
            })?;
            return Ok(Some(carried.to_owned()));
        };
        let bytes = bytes(path).map_err(|error| {
            Failure::bad_input(format!("cannot read `{}`: {error}", path.display()))
        })?;
        let bad = |problem: String| Failure::bad_input(format!("`{}`: {problem}", path.display()));
        let names = labels::read(&bytes).map_err(|error| bad(error.to_string()))?;
        if names.len() != classes {
            return Err(bad(format!(
                "expected {classes} names, one for each class, found {}",
                names.len()
            )));
        }
        Ok(Some(serde_json::Value::from(names).to_string()))
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(LARGEST_LIST + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > LARGEST_LIST {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
    }
    Ok(bytes)
}
