//! Keras's HDF5 files: real ones, and those that are damaged or mean harm.

mod archive;
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
    expect_of("model.h5", contents, expected);
}

/// The same of a file of that name.
fn expect_of(name: &str, contents: &[u8], expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    fs::write(&file, contents).expect("a file");
    refused_for(expected, &file, "lite0", &[]);
}
