//! Keras's HDF5 files: real ones, and those that are damaged or mean harm.

#![cfg(feature = "cli")]

mod chunks;
mod files;
mod hostile;
mod writer;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Address space of the process in KiB: a bound on its memory that the system itself keeps.
const MEMORY_KIB: u64 = 256 << 10;
const TIME: Duration = Duration::from_secs(5);

/// Emits with a file's weights; the message, if it failed as it should.
fn refuse(contents: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.h5");
    let out = folder.path().join("model.onnx");
    fs::write(&file, contents).expect("a file");
    let start = Instant::now();
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {MEMORY_KIB} && exec \"$@\""),
            "sh",
        ])
        .arg(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--variant", "lite0", "--threads", "1", "--weights"])
        .args([&file, Path::new("-o"), &out])
        // glibc reserves 64 MiB of address space for each thread's own arena.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("a shell");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        start.elapsed() < TIME,
        "took {:?}: {message}",
        start.elapsed()
    );
    assert!(!out.exists(), "{message}");
    assert!(message.starts_with("error: "), "{message}");
    message
}

fn expect(contents: &[u8], expected: &str) {
    let message = refuse(contents);
    assert!(
        message.contains(expected),
        "expected `{expected}`, found: {message}"
    );
    assert!(message.len() < 1000, "a message of {} bytes", message.len());
}
