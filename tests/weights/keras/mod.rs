//! Keras's HDF5 files: real ones, and those that are damaged or mean harm.

mod chunks;
mod config;
mod files;
mod hostile;
mod whole;
mod writer;

use crate::limited::refused_for;
use std::fs;

/// Emits with a file's weights, which must fail as it should and for that reason.
fn expect(contents: &[u8], expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.h5");
    fs::write(&file, contents).expect("a file");
    refused_for(expected, &file, "lite0", &[]);
}
