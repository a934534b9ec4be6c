//! Files that are read, so that no output takes the place of one: by whatever path, link or hard link it is named.

use super::output::OutputError;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// What a command reads.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    paths: Vec<PathBuf>,
}

impl Inputs {
    /// No input.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a file; of a folder, the files in it and in its folders.
    pub fn add(&mut self, path: &Path) {
        if path.is_dir() {
            let mut folders = vec![path.to_owned()];
            let mut left = MOST_ENTRIES;
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                    let Some(rest) = left.checked_sub(1) else {
                        return;
                    };
                    left = rest;
                    // Links to folders are not followed, so that there is no loop.
                    match entry.file_type() {
                        Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                        _ => self.paths.push(entry.path()),
                    }
                }
            }
        } else {
            self.paths.push(path.to_owned());
        }
    }

    /// Refuses an output that is one of these files. What is no regular file cannot be lost.
    ///
    /// # Errors
    /// If it is one.
    pub fn refuse(&self, output: &Path) -> Result<(), OutputError> {
        self.refuse_identity(Identity::of(output), output)
    }

    /// Refuses standard output where that is one of these files.
    pub(super) fn refuse_stdout(&self, shown: &Path) -> Result<(), OutputError> {
        self.refuse_identity(Identity::of_stdout(), shown)
    }

    fn refuse_identity(
        &self,
        identity: Option<Identity>,
        output: &Path,
    ) -> Result<(), OutputError> {
        let Some(identity) = identity else {
            return Ok(());
        };
        let is_output = |input: &&PathBuf| Identity::of(input).as_ref() == Some(&identity);
        match self.paths.iter().find(is_output) {
            Some(input) => Err(OutputError::Input {
                path: output.to_owned(),
                input: input.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl<P: AsRef<Path>> FromIterator<P> for Inputs {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut inputs = Self::none();
        paths.into_iter().for_each(|path| inputs.add(path.as_ref()));
        inputs
    }
}

/// What is the same for every name of a regular file.
#[cfg(unix)]
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    fn of(path: &Path) -> Option<Self> {
        Self::new(&fs::metadata(path).ok()?)
    }

    fn of_stdout() -> Option<Self> {
        use std::os::fd::AsFd;
        let stdout = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
        Self::new(&fs::File::from(stdout).metadata().ok()?)
    }

    fn new(metadata: &fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// What is the same for every path of a regular file, if not for every hard link.
#[cfg(not(unix))]
#[derive(PartialEq, Eq)]
struct Identity(PathBuf);

#[cfg(not(unix))]
impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        path.is_file().then_some(Self(path))
    }

    fn of_stdout() -> Option<Self> {
        None
    }
}
