//! Files that are read, so that no output takes the place of one: by whatever path, link or hard link it is named.

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

    /// Adds all of another's.
    pub fn extend(&mut self, other: &Self) {
        self.paths.extend_from_slice(&other.paths);
    }

    /// The input that a path is another name of, or the same. What is no regular file cannot be lost, so it is none.
    #[must_use]
    pub fn same_as(&self, path: &Path) -> Option<&Path> {
        self.find(&Identity::of(path)?)
    }

    /// The input that an open file is, such as standard output where that is redirected.
    #[must_use]
    pub fn same_as_open(&self, file: &fs::File) -> Option<&Path> {
        self.find(&Identity::of_open(file)?)
    }

    fn find(&self, identity: &Identity) -> Option<&Path> {
        let mut paths = self.paths.iter().map(PathBuf::as_path);
        paths.find(|input| Identity::of(input).as_ref() == Some(identity))
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

    fn of_open(file: &fs::File) -> Option<Self> {
        Self::new(&file.metadata().ok()?)
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

    fn of_open(_file: &fs::File) -> Option<Self> {
        None
    }
}
