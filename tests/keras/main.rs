//! Keras's HDF5 files: real ones, and those that are damaged or mean harm.

#![cfg(feature = "cli")]

mod chunks;
mod config;
mod files;
mod hostile;
#[path = "../limited/mod.rs"]
mod limited;
mod whole;
mod writer;

use limited::refused_for;
use std::fs;

/// Emits with a file's weights, which must fail as it should and for that reason.
fn expect(contents: &[u8], expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.h5");
    fs::write(&file, contents).expect("a file");
    refused_for(expected, &file, "lite0", &[]);
}
