//! Temporary folders and files, which are removed when they are dropped or abandoned.

use super::ending::{LIST, Listed, Placing};
use super::parts::{NEW, PREFIX, remove};
use super::{left, place};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Once;

/// Attempts to make a folder that no other process takes for one that is left behind.
const ATTEMPTS: usize = 16;

/// A temporary folder of this program, for its owner alone, with everything in it.
///
/// It is removed when it is dropped, and by [`abandon`](super::abandon). As long as it is used it is locked, where the
/// file system has locks, so that other processes know it from one that is left behind.
#[derive(Debug)]
pub struct TemporaryFolder {
    root: PathBuf,
    new: PathBuf,
    listed: Listed,
    lock: Option<File>,
    kept: bool,
}

impl TemporaryFolder {
    /// Creates a folder in the one that the system has for temporary files, and removes those that killed processes left there.
    ///
    /// # Errors
    /// If the file system refuses, or too many files are open.
    pub fn new() -> io::Result<Self> {
        static CLEANED: Once = Once::new();
        let parent = std::env::temp_dir();
        let folder = Self::within(&parent)?;
        CLEANED.call_once(|| {
            left::tidy(&parent, folder.root(), false);
        });
        Ok(folder)
    }

    /// Creates a folder in `parent`.
    ///
    /// # Errors
    /// If the file system refuses, or too many files are open.
    pub fn within(parent: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let (listed, root) = LIST.create(|| {
                let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent);
                // An error names no folder that only this program knows.
                made.map(tempfile::TempDir::keep)
                    .map_err(|error| error.kind().into())
            })?;
            let mut folder = Self {
                new: root.join(NEW),
                root,
                listed,
                lock: None,
                kept: false,
            };
            match folder.lock() {
                Ok(true) => {
                    fs::create_dir(&folder.new)?;
                    return Ok(folder);
                }
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    /// Locks it. False, or an error that it is not there, if another process took it for one that is left behind.
    #[cfg(unix)]
    fn lock(&mut self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let file = super::lock::open(&self.root)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(_)) => return Ok(true),
        }
        let opened = file.metadata()?;
        let found = fs::symlink_metadata(&self.root);
        self.lock = Some(file);
        Ok(found.is_ok_and(|found| found.dev() == opened.dev() && found.ino() == opened.ino()))
    }

    /// Folders have no locks here.
    #[cfg(not(unix))]
    fn lock(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    /// Where files are to be created.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.new
    }

    /// Gives a file or a folder in it, `name`, its final name, unless something has it.
    ///
    /// # Errors
    /// If something has the name, or the file system refuses.
    pub fn place(&self, name: &str, target: &Path) -> io::Result<()> {
        let _placing = self.placing();
        place::place_new(&self.new.join(name), target)
    }

    /// The folder with everything in it.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Marks that what is in it gets its final names.
    pub(super) fn placing(&self) -> Placing {
        self.listed.placing()
    }

    /// Leaves it where it is, with what is in it.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Its descriptor may be the one that the removal needs; whoever locks it now removes it too.
        self.lock = None;
        if !self.kept {
            remove(&self.root);
        }
    }
}

/// A temporary file under a name that the caller chooses; dropped or abandoned, it is removed.
#[derive(Debug)]
pub struct TemporaryFile {
    path: PathBuf,
    listed: Listed,
}

impl TemporaryFile {
    /// Creates a file, in place of one that is there.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(path: &Path) -> io::Result<(Self, File)> {
        let mut file = None;
        let (listed, path) = LIST.create(|| {
            file = Some(File::create(path)?);
            Ok(path.to_owned())
        })?;
        let temporary = Self { path, listed };
        file.map(|file| (temporary, file))
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Gives it its final name, in place of a file that has it.
    ///
    /// # Errors
    /// If the file system refuses; then it is removed.
    pub fn rename(self, to: &Path) -> io::Result<()> {
        let _placing = self.listed.placing();
        fs::rename(&self.path, to)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
