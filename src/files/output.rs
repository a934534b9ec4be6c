//! Where a file goes: written in a temporary folder beside its target under its final name, and renamed
//! when it is complete. A symbolic link is followed; devices and pipes are written through.

use super::commit::{Commit, Superseded, refuse_irregular};
use super::error::OutputError;
use super::inputs::Inputs;
use super::lock::FolderLock;
use super::note::OutputNote;
use super::temporary::TemporaryFolder;
use super::{left, room};
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process's commit, which takes a few renames, is waited for where one can go on without a lock.
const SHORT: Duration = Duration::from_secs(1);
/// And where files of two processes could be mixed.
const LONG: Duration = Duration::from_secs(10);

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
    /// Whether the path that was given is a link into another folder.
    is_linked: bool,
    inputs: Inputs,
    notes: Vec<OutputNote>,
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
        let parent = parent(&target);
        if !parent.is_dir() {
            return Err(OutputError::NoFolder {
                path: path.to_owned(),
                folder: parent.to_owned(),
            });
        }
        let folder = TemporaryFolder::within(parent).map_err(failed)?;
        let notes = {
            let lock = FolderLock::acquire(parent, SHORT);
            left::tidy(parent, folder.root(), lock.is_held())
        };
        // What a killed process had moved aside may be there again.
        if !replace && target.symlink_metadata().is_ok() {
            return Err(OutputError::Exists(path.to_owned()));
        }
        Ok(Self::Staged(Staged {
            folder,
            is_linked: folder_of(path) != folder_of(&target),
            target,
            replace,
            inputs: inputs.clone(),
            notes,
        }))
    }
}

impl Staged {
    /// What happened when it was opened.
    #[must_use]
    pub fn notes(&self) -> &[OutputNote] {
        &self.notes
    }

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
        refuse_irregular(&path)?;
        if self.is_linked {
            return Err(OutputError::LinkedPair(self.target.clone()));
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

    /// Gives the files their places: all, or none of them. What was there is there again if a step fails.
    ///
    /// The folder is locked for that time, so that several processes that write the same files give whole pairs. `superseded`
    /// goes with a main file that is replaced, if it is as it was. Tells what happened beside that.
    ///
    /// # Errors
    /// If the file system refuses, or a target has appeared meanwhile and may not be replaced.
    pub fn commit(
        mut self,
        companion: Option<&str>,
        superseded: Option<Superseded>,
    ) -> Result<Vec<OutputNote>, OutputError> {
        let parent = parent(&self.target).to_owned();
        let patience = companion.map_or(SHORT, |_| LONG);
        let lock = FolderLock::acquire(&parent, patience);
        let mut notes = Vec::new();
        if lock.is_held() {
            notes = left::tidy(&parent, self.folder.root(), true);
            notes.retain(|note| !self.notes.contains(note));
        }
        // One rename is whole without a lock, but then the old data may be another process's by now.
        let superseded = superseded.filter(|_| lock.is_held());
        if let (FolderLock::Refused(note), Some(_)) = (&lock, companion) {
            notes.push(note.clone());
        }
        let _placing = self.folder.placing();
        let commit = Commit {
            folder: &mut self.folder,
            target: &self.target,
            replace: self.replace,
        };
        match companion {
            Some(name) => commit.pair(name)?,
            None => commit.one(superseded)?,
        }
        Ok(notes)
    }
}

/// Refuses two outputs that would have one name, whatever links lead to it.
///
/// # Errors
/// If they would, or a link leads nowhere.
pub fn refuse_same(one: &Path, other: &Path) -> Result<(), OutputError> {
    let place = |path: &Path| -> Result<_, OutputError> {
        let target = resolve(path)?;
        let folder = fs::canonicalize(parent(&target)).ok();
        Ok((folder, target.file_name().map(OsString::from)))
    };
    if place(one)? != place(other)? {
        return Ok(());
    }
    Err(OutputError::Same {
        one: one.to_owned(),
        other: other.to_owned(),
    })
}

/// The folder of a file.
fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
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

/// The folder of a file, links followed.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).canonicalize().ok()
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
