//! Runs one file in one runtime with one set of inputs, over and over: what bisection and self-test are made of.

use super::Request;
use crate::cli::exit::Failure;
use crate::cli::worker::host;
use efficientnet_onnx::onnx::file::{ModelCopy, ModelFile, mark};
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::outcome::Outcome;
use efficientnet_onnx::runtime::process::{Host, RunOptions};
use efficientnet_onnx::tensor::NamedTensor;
use efficientnet_onnx::verify::bisect::{MARKED_BYTES, Side};
use efficientnet_onnx::verify::pair::Pair;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Runs files in worker processes.
pub struct Workers<'a> {
    request: &'a Request,
    host: Host,
    limit: Duration,
}

impl<'a> Workers<'a> {
    /// With the libraries of the request and a time limit for each run.
    pub fn new(request: &'a Request, limit: Duration) -> Self {
        Self {
            request,
            host: host(request.libraries.places()),
            limit,
        }
    }

    fn run(
        &self,
        runtime: RuntimeName,
        file: &Path,
        inputs: &[NamedTensor],
        leave_out: &[String],
    ) -> Result<Outcome, Failure> {
        let options = RunOptions {
            threads: self.request.threads.map(usize::from),
            leave_out: leave_out.to_vec(),
            ..RunOptions::new(runtime, file)
        };
        let run = self.host.run(&options, &[inputs.to_vec()], self.limit)?;
        Ok(run.outcome)
    }
}

/// Copies with mistakes, all with the same inputs.
pub struct Copies<'a> {
    /// What runs them.
    pub workers: Workers<'a>,
    /// The inputs.
    pub inputs: &'a [NamedTensor],
    /// Outputs that are not wanted.
    pub leave_out: Vec<String>,
}

impl Copies<'_> {
    /// Runs a copy.
    pub fn run(&mut self, runtime: RuntimeName, file: &Path) -> Result<Outcome, Failure> {
        self.workers
            .run(runtime, file, self.inputs, &self.leave_out)
    }
}

/// A file in a runtime.
pub struct Bench<'a> {
    /// The file.
    pub file: &'a ModelFile,
    /// The runtime.
    pub runtime: RuntimeName,
    /// The inputs, under the names of this file.
    pub inputs: Vec<NamedTensor>,
    /// Outputs of this file that are not wanted.
    pub leave_out: Vec<String>,
}

/// Two files, or one twice, each in a runtime.
pub struct Benches<'a> {
    /// What runs them.
    pub workers: &'a Workers<'a>,
    /// The base, and what may be wrong.
    pub sides: [Bench<'a>; 2],
    /// What belongs to what, where the files are two.
    pub pair: Option<&'a Pair>,
    /// What the base has computed already, in searches for other runtimes too.
    pub known: &'a mut BaseRuns,
    /// The case of the inputs, an index.
    pub case: usize,
}

/// Runs of a base, by their case and the values that were marked; the base is the same for every runtime that is held
/// against it.
#[derive(Default)]
pub struct BaseRuns {
    runs: BTreeMap<(usize, Vec<String>), Outcome>,
    bytes: u64,
}

impl BaseRuns {
    /// Keeps a run if there is room for it.
    fn keep(&mut self, key: (usize, Vec<String>), outcome: &Outcome) {
        let outputs = outcome.cases.iter().flat_map(|case| &case.outputs);
        let elements: usize = outputs.map(|output| output.data.len()).sum();
        let bytes = self.bytes.saturating_add(elements as u64 * 8);
        if outcome.done && bytes <= MARKED_BYTES {
            self.bytes = bytes;
            self.runs.insert(key, outcome.clone());
        }
    }
}

impl Benches<'_> {
    /// Runs a side with values marked.
    pub fn run(&mut self, side: Side, marked: &[&str]) -> Result<Outcome, Failure> {
        let bench = &self.sides[side as usize];
        let key = (
            self.case,
            marked.iter().map(|&name| name.to_owned()).collect(),
        );
        if let (Side::Base, Some(known)) = (side, self.known.runs.get(&key)) {
            return Ok(known.clone());
        }
        let copy = match marked {
            [] => None,
            marked => Some(mark(bench.file, marked).map_err(Failure::bad_input)?),
        };
        let path = copy
            .as_ref()
            .map_or_else(|| bench.file.path.clone(), ModelCopy::path);
        let mut outcome =
            self.workers
                .run(bench.runtime, &path, &bench.inputs, &bench.leave_out)?;
        if side == Side::Base {
            self.known.keep(key, &outcome);
        }
        if let (Side::Other, Some(pair)) = (side, self.pair) {
            for output in outcome.cases.iter_mut().flat_map(|case| &mut case.outputs) {
                output.name = pair.name_in_first(&output.name);
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientnet_onnx::runtime::outcome::CaseRun;

    fn ran(elements: usize) -> Outcome {
        let output = NamedTensor::single("y", vec![elements], &vec![1.0; elements]);
        Outcome {
            cases: vec![CaseRun {
                prepare_seconds: 0.0,
                run_seconds: 0.0,
                outputs: vec![output],
            }],
            done: true,
            ..Outcome::default()
        }
    }

    /// The file breaks every rule, so that a run of it would not be done.
    #[test]
    fn what_the_base_has_computed_is_not_computed_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.onnx");
        std::fs::write(&path, [0x3a, 0]).expect("a file with an empty graph");
        let file = ModelFile::open(&path).expect("a model");
        let request = Request::default();
        let workers = Workers::new(&request, Duration::from_mins(1));
        let bench = || Bench {
            file: &file,
            runtime: RuntimeName::Reference,
            inputs: Vec::new(),
            leave_out: Vec::new(),
        };
        let mut known = BaseRuns::default();
        known.keep((1, vec!["a".to_owned()]), &ran(3));
        let mut benches = Benches {
            workers: &workers,
            sides: [bench(), bench()],
            pair: None,
            known: &mut known,
            case: 1,
        };
        let found = benches.run(Side::Base, &["a"]).expect("known");
        assert_eq!(found, ran(3));
        // What did not run to its end is not kept, nor what there is no room for.
        let failed = Outcome {
            done: false,
            ..ran(1)
        };
        known.keep((2, Vec::new()), &failed);
        known.bytes = MARKED_BYTES;
        known.keep((3, Vec::new()), &ran(1));
        assert_eq!(known.runs.len(), 1);
    }
}
