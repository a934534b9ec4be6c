//! Opens a file for those that run it, and refuses one that breaks a rule: no runtime is to see it.

use super::{Finding, Level, check};
use crate::files::foreign::Foreign;
use crate::onnx::file::{FileError, ModelFile};
use std::path::{Path, PathBuf};

/// A file that breaks no rule.
#[derive(Debug)]
pub struct Sound {
    /// The file.
    pub file: ModelFile,
    /// What is worth knowing of it.
    pub warnings: Vec<Finding>,
}

/// A file that breaks rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` breaks a rule, so it is not run: {}",
    path.shown(),
    errors.first().map_or_else(String::new, Finding::to_string)
)]
pub struct Broken {
    /// The file.
    pub path: PathBuf,
    /// The rules that it breaks, at least one.
    pub errors: Vec<Finding>,
}

/// Why a file is not run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read or decoded.
    #[error(transparent)]
    File(#[from] FileError),
    /// It breaks a rule.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Opens a file and checks it.
///
/// # Errors
/// If it cannot be read or decoded, or breaks a rule.
pub fn open(path: &Path) -> Result<Sound, OpenError> {
    let file = ModelFile::open(path)?;
    let warnings = refuse_broken(&file)?;
    Ok(Sound { file, warnings })
}

/// Checks a file that is open; its warnings.
///
/// # Errors
/// If it breaks a rule.
pub fn refuse_broken(file: &ModelFile) -> Result<Vec<Finding>, Broken> {
    let (errors, warnings): (Vec<Finding>, Vec<Finding>) = check(file)
        .into_iter()
        .partition(|finding| finding.level == Level::Error);
    if errors.is_empty() {
        return Ok(warnings);
    }
    let path = file.path.clone();
    Err(Broken { path, errors })
}
