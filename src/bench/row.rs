//! What came of one combination of runtime, threads and batch.

use super::Spread;
use crate::onnx::file::plain::Change;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;

/// One runtime with so many threads and images at once.
#[derive(Clone, Debug)]
pub struct BenchRow {
    /// The runtime.
    pub runtime: RuntimeName,
    /// The version of its library, if it could be used.
    pub version: Option<String>,
    /// Threads within one operation.
    pub threads: u16,
    /// Images at once.
    pub batch: u64,
    /// Reading the file and preparing for the shapes of the inputs, of the last process.
    pub load_seconds: Option<f64>,
    /// The first run of the last process.
    pub first_seconds: Option<f64>,
    /// Runs that count, over all processes.
    pub runs: usize,
    /// Seconds of one run, whatever the batch; none if there is trouble.
    pub seconds: Option<Spread>,
    /// The most memory that a process has held.
    pub peak_bytes: Option<u64>,
    /// Time of the other file over that of the file.
    pub ratio: Option<Ratio>,
    /// How the copy that ran differs from the file; nothing if the file itself ran.
    pub changes: Vec<Change>,
    /// Why the file was not timed.
    pub failure: Option<BenchFailure>,
}

impl BenchRow {
    pub(super) fn new(runtime: RuntimeName, threads: u16, batch: u64) -> Self {
        Self {
            runtime,
            version: None,
            threads,
            batch,
            load_seconds: None,
            first_seconds: None,
            runs: 0,
            seconds: None,
            peak_bytes: None,
            ratio: None,
            changes: Vec::new(),
            failure: None,
        }
    }

    /// Whether the file was not timed because the runtime cannot be used here.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|BenchFailure { of_other, trouble }| {
            !of_other && matches!(trouble, Trouble::Unavailable { .. })
        })
    }
}

/// The ratio of two files' times, over pairs of processes that ran one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Pairs of processes.
    pub pairs: usize,
    /// The ratio of the medians of a pair.
    pub spread: Spread,
}

/// Why a row has no time.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchFailure {
    /// Whether it was the other file that failed.
    pub of_other: bool,
    /// What happened.
    pub trouble: Trouble,
}
