//! Why an output cannot be opened or completed.

use crate::files::foreign::{Foreign, said};
use std::io;
use std::path::PathBuf;

/// Why an output cannot be opened or completed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is there already.
    #[error("`{}` exists", .0.shown())]
    Exists(PathBuf),
    /// It is a folder.
    #[error("`{}` is a folder, expected the name of a file", .0.shown())]
    Folder(PathBuf),
    /// It is a link into another folder, and its data would lie there.
    #[error(
        "the output is a link to `{}`: under the link's name a model does not find the data beside the target",
        .0.shown()
    )]
    LinkedPair(PathBuf),
    /// It ends like a folder, and there is none.
    #[error("`{}` names a folder that is not there, expected the name of a file", .0.shown())]
    AbsentFolder(PathBuf),
    /// It is read, under this or another name.
    #[error("`{}` would replace `{}`, which is read", path.shown(), input.shown())]
    Input {
        /// What was to be written.
        path: PathBuf,
        /// What is read.
        input: PathBuf,
    },
    /// Two outputs would have one name.
    #[error("`{}` and `{}` are the same place, expected one for each output", one.shown(), other.shown())]
    Same {
        /// The one.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A terminal cannot show bytes.
    #[error("`{}` is a terminal, expected a file or a pipe", .0.shown())]
    Terminal(PathBuf),
    /// Its folder is not there.
    #[error("`{}` cannot be written: there is no folder `{}`", path.shown(), folder.shown())]
    NoFolder {
        /// What was to be written.
        path: PathBuf,
        /// Where.
        folder: PathBuf,
    },
    /// It is a device, a pipe or a socket, and has to be replaced as a whole.
    #[error("`{}` is a device, a pipe or a socket, expected a regular file", .0.shown())]
    Special(PathBuf),
    /// It has no file name.
    #[error("`{}` is not a file name", .0.shown())]
    NotAFile(PathBuf),
    /// A commit failed, and what it had moved aside cannot be put back.
    #[error("`{}` was moved aside and cannot be put back ({source}); `{}` keeps it", path.shown(), folder.shown(), source = said(source))]
    NotRestored {
        /// What was to be replaced.
        path: PathBuf,
        /// Where it is.
        folder: PathBuf,
        /// Why it cannot be put back.
        source: io::Error,
    },
    /// The file system refused.
    #[error("cannot write `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
