//! The binary on input that means harm, within the limits that are promised for it: 256 MiB and 5 s.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Address space of the process in KiB: a bound on its memory that the system itself keeps.
const MEMORY_KIB: u64 = 256 << 10;
const TIME: Duration = Duration::from_secs(5);
/// No message is longer, whatever a file says.
const LONGEST_MESSAGE: usize = 1000;

/// Emits `variant` with a checkpoint, and further flags; the message, if it failed as it should: with status 2, within
/// the limits, and leaving nothing behind.
pub fn refusal(weights: &Path, variant: &str, flags: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let start = Instant::now();
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {MEMORY_KIB} && exec \"$@\""),
            "sh",
        ])
        .arg(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--variant", variant, "--threads", "1"])
        .args(flags)
        .arg("--weights")
        .arg(weights)
        .arg("-o")
        .arg(folder.path().join("model.onnx"))
        // glibc reserves 64 MiB of address space for each thread's own arena.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("a shell");
    let took = start.elapsed();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(took < TIME, "took {took:?}: {message}");
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "{message}");
    assert!(message.starts_with("error: "), "{message}");
    message
}

/// The same; the message is short, and says `expected`.
pub fn refused_for(expected: &str, weights: &Path, variant: &str, flags: &[&str]) {
    let message = refusal(weights, variant, flags);
    assert!(
        message.contains(expected),
        "expected `{expected}`, found: {message}"
    );
    assert!(
        message.len() < LONGEST_MESSAGE,
        "a message of {} bytes",
        message.len()
    );
}
