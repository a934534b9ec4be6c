//! What is timed, and how.

use crate::runtime::RuntimeName;
use crate::verify::plan::Wanted;
use std::time::Duration;

/// What is timed, and how.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// The runtimes. One that is not [`Chosen::asked`] for and cannot be used is left out with a note.
    pub runtimes: Vec<Chosen>,
    /// Threads of ONNX Runtime, one row each; the others use one.
    pub threads: Vec<u16>,
    /// Images at once, one row each, where the file's batch is symbolic; none for what the file says, or one.
    pub batches: Vec<u64>,
    /// Height and width of an image, where the file's are symbolic; none for the file's own.
    pub size: Option<[u64; 2]>,
    /// Runs that count, in each process.
    pub runs: u16,
    /// Time limit of each process.
    pub limit: Duration,
}

impl Default for BenchOptions {
    /// tract and ONNX Runtime on the CPU as far as they are built, one thread, ten runs, five minutes.
    fn default() -> Self {
        let by_default = [RuntimeName::Tract, RuntimeName::OrtCpu];
        let built = by_default.into_iter().filter(|name| name.is_built());
        Self {
            runtimes: built.map(|name| Chosen { name, asked: false }).collect(),
            threads: vec![1],
            batches: Vec::new(),
            size: None,
            runs: 10,
            limit: Duration::from_mins(5),
        }
    }
}

/// A runtime to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The runtime.
    pub name: RuntimeName,
    /// Whether it was asked for, so that it must work.
    pub asked: bool,
}

impl BenchOptions {
    /// The inputs of each row.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        let of = |batches| Wanted {
            batches,
            sizes: self.size.into_iter().collect(),
            ..Wanted::default()
        };
        match self.batches.as_slice() {
            // What the file says.
            [] => vec![of(Vec::new())],
            asked => asked.iter().map(|&batch| of(vec![batch])).collect(),
        }
    }

    pub(super) fn threads(&self, runtime: RuntimeName) -> &[u16] {
        if runtime.is_onnx_runtime() {
            &self.threads
        } else {
            &[1]
        }
    }
}
