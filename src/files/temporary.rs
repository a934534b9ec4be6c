//! Temporary folders and files, which are removed when they are dropped or abandoned.

use super::ending::{LIST, Listed, Placing, remove};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Beginning of the names of temporary folders.
pub(super) const PREFIX: &str = ".efficientnet-onnx-";
/// Attempts to make a folder that no other process takes for one that is left behind.
const ATTEMPTS: usize = 16;

/// A temporary folder of this program, for its owner alone, with everything in it.
///
/// It is removed when it is dropped, and by [`abandon`](super::abandon). As long as it is used it is locked, where the
/// file system has locks, so that other processes know it from one that is left behind.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
    listed: Listed,
    lock: Option<File>,
}

impl TemporaryFolder {
    /// Creates a folder in the one that the system has for temporary files.
    ///
    /// # Errors
    /// If the file system refuses, or too many files are open.
    pub fn new() -> io::Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    /// Creates a folder in `parent`.
    ///
    /// # Errors
    /// If the file system refuses, or too many files are open.
    pub fn within(parent: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let (listed, path) = LIST.create(|| {
                let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent);
                // An error names no folder that only this program knows.
                made.map(tempfile::TempDir::keep)
                    .map_err(|error| error.kind().into())
            })?;
            let mut folder = Self {
                path,
                listed,
                lock: None,
            };
            if folder.lock()? {
                return Ok(folder);
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    /// Locks it. False if another process took it for one that is left behind, before it was locked.
    #[cfg(unix)]
    fn lock(&mut self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let file = File::open(&self.path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(_)) => return Ok(true),
        }
        let opened = file.metadata()?;
        let found = fs::symlink_metadata(&self.path);
        self.lock = Some(file);
        Ok(found.is_ok_and(|found| found.dev() == opened.dev() && found.ino() == opened.ino()))
    }

    /// Folders cannot be opened here.
    #[cfg(not(unix))]
    fn lock(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives a file or a folder in it, `name`, its final name.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn place(&self, name: &str, target: &Path) -> io::Result<()> {
        let _placing = self.placing();
        fs::rename(self.path.join(name), target)
    }

    /// Marks that what is in it gets its final names.
    pub(super) fn placing(&self) -> Placing {
        self.listed.placing()
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        remove(&self.path);
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
