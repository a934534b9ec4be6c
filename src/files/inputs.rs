//! Files that are read, so that no output takes the place of one: by whatever path, link or hard link it is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries of a folder that are listed, those of the folders in it included.
const MOST_ENTRIES: usize = 100_000;

/// What a command reads.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    paths: Vec<PathBuf>,
    /// Folders without links in their paths; every file below one is an input, listed or not.
    folders: BTreeSet<PathBuf>,
}

impl Inputs {
    /// No input.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a file; of a folder, the files in it and in its folders, whether they lie there or links lead to them.
    pub fn add(&mut self, path: &Path) {
        if !path.is_dir() {
            self.paths.push(path.to_owned());
            return;
        }
        let mut left = MOST_ENTRIES;
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            // Links may lead in a circle.
            let is_new = fs::canonicalize(&folder).is_ok_and(|folder| self.folders.insert(folder));
            if !is_new {
                continue;
            }
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Some(rest) = left.checked_sub(1) else {
                    return;
                };
                left = rest;
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    self.paths.push(path);
                }
            }
        }
    }

    /// Adds all of another's.
    pub fn extend(&mut self, other: &Self) {
        self.paths.extend_from_slice(&other.paths);
        self.folders.extend(other.folders.iter().cloned());
    }

    /// The input that a path is another name of, or the same. What is no regular file cannot be lost, so it is none.
    #[must_use]
    pub fn same_as(&self, path: &Path) -> Option<&Path> {
        let identity = Identity::of(path)?;
        self.find(&identity).or_else(|| self.folder_of(path))
    }

    /// The folder of inputs that a path lies in.
    fn folder_of(&self, path: &Path) -> Option<&Path> {
        let path = fs::canonicalize(path).ok()?;
        let mut folders = self.folders.iter().map(PathBuf::as_path);
        folders.find(|folder| path.starts_with(folder))
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
