//! Times a file in each runtime: with how many threads and images how long it takes, and how much memory.
//!
//! [`bench()`] runs a file on seeded noise, in five worker processes for each [`BenchRow`]; without a program for workers, five
//! times in this process. With a second file both run by turns, and the ratio of their times is given too.
//!
//! A tiny Lite0 with random weights, timed in this process:
//!
//! ```
//! use efficientnet_onnx::architecture::Variant;
//! use efficientnet_onnx::bench::{BenchOptions, Chosen, bench};
//! use efficientnet_onnx::emit::{self, Destination, Emitted};
//! use efficientnet_onnx::request::{Blueprint, Extent, Request};
//! use efficientnet_onnx::runtime::{RuntimeName, discover::Places, process::Host};
//! use efficientnet_onnx::weights::{Expected, init::{Rule, SeededWeights}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let variant = Variant::by_name("lite0").ok_or("lite0 is published")?;
//! # let mut request = Request::new(Blueprint::published(variant));
//! # request.size = [Extent::Fixed(32); 2];
//! # let parameters = request.parameters()?;
//! # let expected = Expected::as_named(&parameters);
//! # let weights = SeededWeights::new(parameters, Rule::Probe, 0);
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("lite0.onnx");
//! # let tensors = emit::Tensors { source: &weights, expected: &expected };
//! # let destination = Destination::new_file(file.clone());
//! # if let Emitted::Staged(model) = emit::emit(&request, &tensors, destination, &(), || Ok(Vec::new()))? {
//! #     model.commit()?;
//! # }
//! let host = Host::in_this_process(Places::from_environment(None));
//! let reference = Chosen { name: RuntimeName::Reference, asked: true };
//! let options = BenchOptions { runtimes: vec![reference], runs: 1, ..BenchOptions::default() };
//! let rows = bench(&host, &file, None, &options, &mut |_| ())?;
//! assert!(rows[0].seconds.ok_or("it ran")?.median > 0.0);
//! # Ok(())
//! # }
//! ```

mod latency;
mod options;
mod row;
mod spread;

use crate::files::foreign::Foreign;
use crate::metadata::Untrained;
use crate::metadata::claims::FalseClaim;
use crate::onnx::check::{Broken, refuse_broken};
use crate::onnx::file::{FileError, ModelFile};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{Timings, Trouble};
use crate::runtime::process::{Host, Mode, ProcessError, Run, RunOptions};
use crate::tensor::NamedTensor;
use crate::verify::facts::{FileFacts, OmittedOutput};
use crate::verify::plan::{PlanError, Wanted, cases_of};
use crate::verify::{noise, read};
pub use latency::{LatencyError, LatencyGoal, largest_within};
pub use options::{BenchOptions, Chosen};
pub use row::{BenchFailure, BenchRow, Ratio};
pub use spread::Spread;
use std::path::{Path, PathBuf};
use std::slice;

/// Processes for each row, one after the other; with two files by turns.
const PROCESSES: usize = 5;

/// What a caller should know of a bench.
#[derive(Clone, Debug)]
pub enum BenchNote {
    /// A file has random weights.
    Untrained {
        /// The file.
        file: PathBuf,
        /// Which of its weights are random.
        untrained: Untrained,
    },
    /// A file says something about itself that its graph does not bear out.
    Contradicted {
        /// The file.
        file: PathBuf,
        /// What it says.
        found: FalseClaim,
    },
    /// An output of the file is not asked for.
    LeftOut(OmittedOutput),
    /// A runtime that was not asked for cannot be used here.
    NotTimed {
        /// The runtime.
        runtime: RuntimeName,
        /// Why not.
        trouble: Trouble,
    },
}

/// Why a file is not timed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It breaks a rule of ONNX.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It cannot be tried with the batches and the size that are asked for.
    #[error("`{}`: {source}", file.shown())]
    Inputs {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: PlanError,
    },
    /// There was no run.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Times a file, and with `against` another by turns, and gives a row for each combination; tells every note to `note` as soon as it is known.
///
/// A runtime that fails has a row that says why, and the next is timed.
///
/// # Errors
/// If a file cannot be read, breaks a rule of ONNX or cannot be tried with these options; if a run is interrupted.
pub fn bench(
    host: &Host,
    file: &Path,
    against: Option<&Path>,
    options: &BenchOptions,
    note: &mut dyn FnMut(BenchNote),
) -> Result<Vec<BenchRow>, BenchError> {
    let model = ModelFile::open(file)?;
    let other = against.map(ModelFile::open).transpose()?;
    let file = Timed::new(&model, note)?;
    let other = other.map(|model| Timed::new(&model, note)).transpose()?;
    for left_out in &file.facts.left_out {
        note(BenchNote::LeftOut(left_out.clone()));
    }
    let mut rows = Vec::new();
    for &chosen in &options.runtimes {
        for wanted in options.wanted() {
            let (batch, case) = file.case(&wanted)?;
            let of_other = other
                .as_ref()
                .map(|other| other.case(&wanted))
                .transpose()?;
            let cases = (&case, of_other.as_ref().map(|(_, case)| case));
            for &threads in options.threads(chosen.name) {
                let mut row = BenchRow::new(chosen.name, threads, batch);
                row.time(host, options, cases)?;
                if row.is_unavailable() && !chosen.asked {
                    if let Some(BenchFailure { trouble, .. }) = row.failure {
                        let runtime = chosen.name;
                        note(BenchNote::NotTimed { runtime, trouble });
                    }
                    break;
                }
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// A file that breaks no rule, and what it declares.
struct Timed {
    path: PathBuf,
    facts: FileFacts,
}

/// A file with the case that it is timed on.
struct TimedCase {
    path: PathBuf,
    inputs: Vec<NamedTensor>,
    /// Outputs that are not wanted.
    leave_out: Vec<String>,
}

impl Timed {
    fn new(model: &ModelFile, note: &mut dyn FnMut(BenchNote)) -> Result<Self, BenchError> {
        let path = model.path.clone();
        refuse_broken(model)?;
        let untrained = read::untrained(model);
        if !untrained.is_nothing() {
            let file = path.clone();
            note(BenchNote::Untrained { file, untrained });
        }
        let facts = read::facts(model).with_all_readable();
        for found in facts.contradictions.iter().cloned() {
            let file = path.clone();
            note(BenchNote::Contradicted { file, found });
        }
        Ok(Self { path, facts })
    }

    /// Images at once, and seeded noise for the first size of the file.
    fn case(&self, wanted: &Wanted) -> Result<(u64, TimedCase), BenchError> {
        let error = |source| BenchError::Inputs {
            file: self.path.clone(),
            source,
        };
        let cases = cases_of(&self.facts, wanted).map_err(error)?;
        let case = TimedCase {
            path: self.path.clone(),
            inputs: noise::inputs(&self.facts, &cases[0], 0).map_err(error)?,
            leave_out: self.facts.leave_out(),
        };
        Ok((cases[0].batch, case))
    }
}

impl BenchRow {
    /// Times one combination, until something fails.
    fn time(
        &mut self,
        host: &Host,
        options: &BenchOptions,
        (file, other): (&TimedCase, Option<&TimedCase>),
    ) -> Result<(), BenchError> {
        let (mut all, mut ratios) = (Vec::new(), Vec::new());
        for _ in 0..PROCESSES {
            let run = self.run(host, options, file)?;
            self.version = run.outcome.version;
            self.changes = run.changes;
            let timings = match (run.outcome.timings, run.outcome.trouble) {
                (Some(timings), None) => timings,
                (_, trouble) => {
                    self.fail(false, trouble);
                    return Ok(());
                }
            };
            let load = run.outcome.load_seconds;
            self.load_seconds = load.map(|load| load + timings.prepare_seconds);
            self.first_seconds = Some(timings.first_seconds);
            self.peak_bytes = self.peak_bytes.max(timings.peak_bytes);
            if let Some(other) = other {
                let run = self.run(host, options, other)?;
                let theirs = match (run.outcome.timings, run.outcome.trouble) {
                    (Some(timings), None) => timings,
                    (_, trouble) => {
                        self.fail(true, trouble);
                        return Ok(());
                    }
                };
                let median = |timings: &Timings| Spread::of(&timings.run_seconds).median;
                ratios.push(median(&theirs) / median(&timings));
            }
            all.extend(timings.run_seconds);
        }
        self.runs = all.len();
        self.seconds = Some(Spread::of(&all));
        self.ratio = (!ratios.is_empty()).then(|| Ratio {
            pairs: ratios.len(),
            spread: Spread::of(&ratios),
        });
        Ok(())
    }

    fn run(
        &self,
        host: &Host,
        options: &BenchOptions,
        case: &TimedCase,
    ) -> Result<Run, ProcessError> {
        let run_options = RunOptions {
            threads: Some(self.threads.into()),
            mode: Mode::Time {
                runs: options.runs.into(),
            },
            leave_out: case.leave_out.clone(),
            ..RunOptions::new(self.runtime, &case.path)
        };
        host.run(&run_options, slice::from_ref(&case.inputs), options.limit)
    }

    fn fail(&mut self, of_other: bool, trouble: Option<Trouble>) {
        self.failure = trouble.map(|trouble| BenchFailure { of_other, trouble });
    }
}
