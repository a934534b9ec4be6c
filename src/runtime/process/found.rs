//! Runs a file in a runtime by name, with the library that is found for it.

use super::ending::Ending;
use super::event::Event;
use super::perform::perform;
use super::protocol::{Job, RunJob, read_event};
use super::supervise::supervise;
use super::{Host, PassedOver, ProcessError, Run, RunOptions, SEARCH_PATH};
use crate::files::foreign::Foreign;
use crate::memory::{self, NoMemory};
use crate::onnx::file::ModelFile;
use crate::onnx::file::plain::{PlainError, plain};
use crate::runtime::discover::OrtLibrary;
use crate::runtime::hint::Hint;
use crate::runtime::outcome::{Outcome, Trouble};
use crate::runtime::{RuntimeName, not_built};
use crate::tensor::NamedTensor;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

impl Host {
    /// Runs a file in a runtime on each set of inputs, all within `limit` where it runs in a worker.
    ///
    /// A library that was asked for by path must work. One that was only found and does not load is passed over, and the
    /// next is tried. tract runs a copy of a file that has local functions, names for dimensions in between or linked external data;
    /// [`Run::changes`] lists what was changed.
    ///
    /// # Errors
    /// If the run is interrupted, there is no room for temporary files, the copy for tract cannot be made, or a folder of
    /// CUDA libraries has a name that a search path cannot have.
    pub fn run(
        &self,
        options: &RunOptions,
        cases: &[Vec<NamedTensor>],
        limit: Duration,
    ) -> Result<Run, ProcessError> {
        let mut run = Run {
            runtime: options.runtime,
            library: None,
            passed_over: Vec::new(),
            changes: Vec::new(),
            outcome: Outcome::default(),
        };
        if !options.runtime.is_built() {
            run.outcome = unusable(not_built(options.runtime).into());
            return Ok(run);
        }
        match options.runtime {
            RuntimeName::Reference => run.outcome = self.outcome(options, None, cases, limit)?,
            RuntimeName::Tract => self.run_plain(options, cases, limit, &mut run)?,
            RuntimeName::OrtCpu | RuntimeName::OrtCuda => {
                self.run_with_library(options, cases, limit, &mut run)?;
            }
        }
        Ok(run)
    }

    /// Runs a file in ONNX Runtime, with the first library that loads.
    fn run_with_library(
        &self,
        options: &RunOptions,
        cases: &[Vec<NamedTensor>],
        limit: Duration,
        run: &mut Run,
    ) -> Result<(), ProcessError> {
        let (libraries, hint) = match options.runtime {
            RuntimeName::OrtCuda => (self.places.libraries_for_cuda(), Hint::OnnxRuntimeWithCuda),
            _ => (self.places.libraries(), Hint::OnnxRuntime),
        };
        for library in libraries {
            let outcome = self.outcome(options, Some(&library), cases, limit)?;
            let too_large = matches!(outcome.trouble, Some(Trouble::NoMemory { .. }));
            if outcome.version.is_some() || too_large {
                run.library = Some(library);
                run.outcome = outcome;
                return Ok(());
            }
            let reason = explain(outcome, &library);
            if let Some(hint) = library.hint() {
                run.outcome = unavailable(format!("{reason} (from {})", library.origin), hint);
                run.library = Some(library);
                return Ok(());
            }
            run.passed_over.push(PassedOver { library, reason });
        }
        run.outcome = unavailable("no usable ONNX Runtime library was found".to_owned(), hint);
        Ok(())
    }

    /// Runs a file in tract, which knows no functions of a model, takes a name of a dimension in between for another
    /// extent than the number that its caller gives, and takes no external data that a link leads to from another folder:
    /// a file that has these is run as a plain copy.
    fn run_plain(
        &self,
        options: &RunOptions,
        cases: &[Vec<NamedTensor>],
        limit: Duration,
        run: &mut Run,
    ) -> Result<(), ProcessError> {
        let file = ModelFile::open(&options.file).map_err(PlainError::from)?;
        let plain = match plain(&file) {
            Ok(plain) => plain,
            Err(error @ PlainError::Function { .. }) => {
                run.outcome = unusable(Trouble::Refused {
                    message: format!("tract takes no functions, and {error}"),
                });
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let mut options = options.clone();
        if let Some(plain) = &plain {
            options.file = plain.copy.path();
            run.changes.clone_from(&plain.changes);
        }
        run.outcome = self.outcome(&options, None, cases, limit)?;
        Ok(())
    }

    /// Runs a file with one library.
    fn outcome(
        &self,
        options: &RunOptions,
        library: Option<&OrtLibrary>,
        cases: &[Vec<NamedTensor>],
        limit: Duration,
    ) -> Result<Outcome, ProcessError> {
        let job = RunJob {
            options: options.clone(),
            library: library.map(|library| library.path.clone()),
            cases: copied(cases)?,
            memory_limit: self.program.is_some().then(memory::left),
        };
        let Some(program) = &self.program else {
            let mut outcome = Outcome::default();
            perform(&job, &mut |event| outcome.add(event));
            return Ok(outcome);
        };
        let mut command = program.command();
        if let (RuntimeName::OrtCuda, Some(library)) = (options.runtime, library) {
            command.env(SEARCH_PATH, self.search_path(library)?);
        }
        run_in(command, job, limit, &self.interrupted)
    }
}

/// A copy of the cases, which goes with the job.
fn copied(cases: &[Vec<NamedTensor>]) -> Result<Vec<Vec<NamedTensor>>, NoMemory> {
    let one = |case: &Vec<NamedTensor>| case.iter().map(NamedTensor::copy).collect();
    cases.iter().map(one).collect()
}

/// Runs a file in a worker.
///
/// # Errors
/// As [`supervise`].
pub fn run_in(
    command: Command,
    job: RunJob,
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<Outcome, ProcessError> {
    let mut outcome = Outcome::default();
    let mut take = |event| {
        outcome.add(event);
        outcome.is_over()
    };
    let job = Job::Run(job);
    let ending = supervise(command, job, read_event, limit, interrupted, &mut take)?;
    if let Some(ending) = ending {
        outcome.add(Event::Failed(match ending {
            Ending::TimedOut { limit } => Trouble::TimedOut {
                seconds: limit.as_secs_f64(),
            },
            ending @ Ending::NoMemory { .. } => Trouble::NoMemory {
                message: ending.to_string(),
            },
            ending => Trouble::Crashed {
                message: ending.to_string(),
            },
        }));
    }
    Ok(outcome)
}

/// Why a worker ended before its library was ready, in whatever way it did.
fn explain(outcome: Outcome, library: &OrtLibrary) -> String {
    let path = library.path.shown();
    match outcome.trouble {
        Some(trouble @ Trouble::Crashed { .. }) => {
            format!("loading `{path}` {}", trouble.predicate())
        }
        Some(trouble @ Trouble::TimedOut { .. }) => {
            format!("loading `{path}` was {}", trouble.predicate())
        }
        Some(trouble) => trouble.predicate(),
        None => format!("loading `{path}` gave no result"),
    }
}

fn unavailable(reason: String, hint: Hint) -> Outcome {
    let hints = vec![hint];
    unusable(Trouble::Unavailable { reason, hints })
}

fn unusable(trouble: Trouble) -> Outcome {
    Outcome {
        trouble: Some(trouble),
        ..Outcome::default()
    }
}
