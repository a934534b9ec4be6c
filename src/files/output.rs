//! Where a file goes: written in a temporary folder beside its target under its final name, and renamed
//! when it is complete. A symbolic link is followed; devices and pipes are written through.

use super::inputs::Inputs;
use super::room;
use super::temporary::TemporaryFolder;
use crate::files::foreign::{Foreign, said};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Where a path leads.
#[derive(Debug)]
pub enum OutputFile {
    /// A file that appears when it is complete.
    Staged(Staged),
    /// A device or a pipe, written through.
    Stream(fs::File),
}

/// Files in a temporary folder, waiting for [`Staged::commit`]; dropped, they are removed.
#[derive(Debug)]
pub struct Staged {
    folder: TemporaryFolder,
    target: PathBuf,
    replace: bool,
    inputs: Inputs,
}

/// Why an output cannot be opened or completed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is there already.
    #[error("`{}` exists", .0.shown())]
    Exists(PathBuf),
    /// It is a folder.
    #[error("`{}` is a folder, expected the name of a file", .0.shown())]
    Folder(PathBuf),
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
    /// It has no file name.
    #[error("`{}` is not a file name", .0.shown())]
    NotAFile(PathBuf),
    /// The file system refused.
    #[error("cannot write `{}`: {source}", path.shown(), source = said(source))]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl OutputFile {
    /// Opens `path`; an existing regular file is replaced only if `replace` says so, and never if it is one of the
    /// `inputs`.
    ///
    /// # Errors
    /// If it exists, is an input, a terminal or a folder, or cannot be written.
    pub fn open(path: &Path, replace: bool, inputs: &Inputs) -> Result<Self, OutputError> {
        let failed = |source| OutputError::Io {
            path: path.to_owned(),
            source,
        };
        refuse_input(path, inputs)?;
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(OutputError::Folder(path.to_owned()));
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = fs::OpenOptions::new()
                    .write(true)
                    .open(path)
                    .map_err(failed)?;
                if file.is_terminal() {
                    return Err(OutputError::Terminal(path.to_owned()));
                }
                return Ok(Self::Stream(file));
            }
            Ok(_) if !replace => return Err(OutputError::Exists(path.to_owned())),
            Ok(_) => {}
            Err(error) if is_absent(&error) && ends_like_a_folder(path) => {
                return Err(OutputError::AbsentFolder(path.to_owned()));
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(failed(error)),
        }
        let target = resolve(path)?;
        let parent = match target.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Err(OutputError::NotAFile(path.to_owned())),
        };
        if !parent.is_dir() {
            return Err(OutputError::NoFolder {
                path: path.to_owned(),
                folder: parent.to_owned(),
            });
        }
        let folder = TemporaryFolder::within(parent).map_err(failed)?;
        Ok(Self::Staged(Staged {
            folder,
            target,
            replace,
            inputs: inputs.clone(),
        }))
    }
}

impl Staged {
    /// Whether a file is an input.
    #[must_use]
    pub fn reads(&self, path: &Path) -> bool {
        self.inputs.same_as(path).is_some()
    }

    /// Bytes that its folder still has room for, where the system says so.
    #[must_use]
    pub fn free(&self) -> Option<u64> {
        room::free(self.folder.path())
    }

    /// Where the main file will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The complete path of the main file while it waits.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join(self.target.file_name().unwrap_or_default())
    }

    /// Name of a companion file: the target's with `suffix` appended.
    ///
    /// # Errors
    /// If such a file is there and may not be replaced or is an input, or its name is not Unicode.
    pub fn companion(&self, suffix: &str) -> Result<String, OutputError> {
        let name = self.target.file_name().unwrap_or_default();
        let name = name
            .to_str()
            .ok_or_else(|| OutputError::NotAFile(self.target.clone()))?;
        let name = format!("{name}{suffix}");
        let path = self.target.with_file_name(&name);
        refuse_input(&path, &self.inputs)?;
        if path.symlink_metadata().is_ok() && !self.replace {
            return Err(OutputError::Exists(path));
        }
        Ok(name)
    }

    /// Creates a waiting file: the main one, or a companion by its name.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(&self, companion: Option<&str>) -> Result<Box<dyn Write + Send>, OutputError> {
        let path = companion.map_or_else(|| self.path(), |name| self.folder.path().join(name));
        let file = fs::File::create_new(&path).map_err(|source| OutputError::Io {
            path: match companion {
                Some(name) => self.target.with_file_name(name),
                None => self.target.clone(),
            },
            source,
        })?;
        Ok(Box::new(file))
    }

    /// Gives the files their places, companions first.
    ///
    /// An old main file goes before its companion is replaced, so that a crash can leave no model but
    /// never a mixed pair.
    ///
    /// # Errors
    /// If the file system refuses, or the target has appeared meanwhile and may not be replaced.
    pub fn commit(self, companion: Option<&str>) -> Result<(), OutputError> {
        let failed = |source| OutputError::Io {
            path: self.target.clone(),
            source,
        };
        let _placing = self.folder.placing();
        if !self.replace && self.target.symlink_metadata().is_ok() {
            return Err(OutputError::Exists(self.target.clone()));
        }
        if let Some(name) = companion {
            match fs::remove_file(&self.target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            fs::rename(
                self.folder.path().join(name),
                self.target.with_file_name(name),
            )
            .map_err(failed)?;
        }
        fs::rename(self.path(), &self.target).map_err(failed)
    }
}

fn refuse_input(path: &Path, inputs: &Inputs) -> Result<(), OutputError> {
    match inputs.same_as(path) {
        None => Ok(()),
        Some(input) => Err(OutputError::Input {
            path: path.to_owned(),
            input: input.to_owned(),
        }),
    }
}

/// Whether nothing is there, perhaps because what should be a folder is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn ends_like_a_folder(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&last| std::path::is_separator(last.into()))
}

/// Follows symbolic links to what is, or would be, written.
fn resolve(path: &Path) -> Result<PathBuf, OutputError> {
    /// Links in a row before a loop is assumed, as Linux does.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(link) => {
                target = target
                    .parent()
                    .map_or_else(|| link.clone(), |parent| parent.join(&link))
            }
            Err(_) if target.file_name().is_none() => {
                return Err(OutputError::NotAFile(path.to_owned()));
            }
            Err(_) => return Ok(target),
        }
    }
    let source = io::Error::other("too many levels of symbolic links");
    Err(OutputError::Io {
        path: path.to_owned(),
        source,
    })
}
