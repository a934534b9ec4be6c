//! Folders of files that are made once for all tests of a program. Nothing drops what a static variable has, so they are no
//! temporary folders: the next run finds them, and begins with an empty one.

use std::fs;
use std::path::{Path, PathBuf};

/// An empty folder of that name, below cargo's own for tests.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("a folder of ours");
    }
    fs::create_dir_all(&folder).expect("a folder");
    folder
}
