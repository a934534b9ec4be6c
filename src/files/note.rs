//! What is told of an output beside that it was written.

use crate::files::foreign::{Foreign, list};
use std::fmt;
use std::path::PathBuf;

/// What happened beside the writing of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputNote {
    /// The folder cannot be locked, or another program holds its lock.
    NotLocked {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file that a process moved aside and did not replace has its name again.
    PutBack(PathBuf),
    /// A process moved files aside and was killed; they are kept, since their names are taken.
    Kept {
        /// The folder that has them.
        folder: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// External data that the replaced model names stays, since nothing shows that it was written for that model.
    DataStays(PathBuf),
}

impl fmt::Display for OutputNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLocked { folder, reason } => write!(
                f,
                "`{}` cannot be locked ({reason}): another process that writes the same model and data at the same time may mix them",
                folder.shown()
            ),
            Self::PutBack(path) => write!(
                f,
                "`{}` has its name again: a process moved it aside and was killed before it replaced it",
                path.shown()
            ),
            Self::Kept { folder, names } => {
                let names = list(names.iter().map(|name| format!("`{}`", name.shown())));
                write!(
                    f,
                    "`{}` keeps {} of a process that was killed; move them or remove the folder",
                    folder.shown(),
                    names
                )
            }
            Self::DataStays(path) => write!(
                f,
                "`{}` stays: the replaced model names it, and nothing shows that it was written for that model",
                path.shown()
            ),
        }
    }
}
