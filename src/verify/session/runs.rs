//! Which runtimes run, and what happens if one cannot be used.

use super::{SessionError, Tell, Update, Verifier};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{Outcome, Trouble};
use crate::runtime::process::{Mode, Run, RunOptions};
use crate::runtime::rounding::Rounding;
use crate::tensor::{Element, NamedTensor};
use crate::verify::facts::FileFacts;
use crate::verify::note::VerifyNote;
use std::path::Path;
use std::time::Duration;

/// Multiply-adds of an image up to which `reference` runs without being named.
const REFERENCE_MACS: u64 = 2_000_000_000;

/// A file, and what it is run with.
#[derive(Clone, Copy, Debug)]
pub struct ToRun<'a> {
    /// The file.
    pub file: &'a Path,
    /// What is known of it, its multiply-adds among that.
    pub facts: &'a FileFacts,
    /// Inputs of each case.
    pub inputs: &'a [Vec<NamedTensor>],
    /// Outputs that are not wanted, by name.
    pub leave_out: &'a [String],
    /// Time limit of each run in a worker process.
    pub limit: Duration,
}

/// The runs of a file in several runtimes.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// The runs, in the order of the runtimes.
    pub runs: Vec<Run>,
    /// What was passed over.
    pub notes: Vec<VerifyNote>,
}

impl Verifier {
    /// Runs a file in each of the verifier's runtimes, by default in all that are built and found, but for CUDA.
    ///
    /// # Errors
    /// If nothing can be run, or the runs are interrupted.
    pub fn run_all(&self, to_run: &ToRun<'_>, tell: &mut Tell<'_>) -> Result<Runs, SessionError> {
        let mut made = Runs::default();
        for candidate in self.chosen() {
            let run = self.run_one(to_run, candidate, &mut made.notes, tell)?;
            made.runs.extend(run);
        }
        Ok(made)
    }

    /// Runs a file in the one runtime that makes the best reference run: the reference, else ONNX Runtime on the CPU, else
    /// the first; the next where one cannot run it.
    pub(super) fn run_reference(
        &self,
        to_run: &ToRun<'_>,
        tell: &mut Tell<'_>,
    ) -> Result<Runs, SessionError> {
        let mut made = Runs::default();
        for candidate in self.reference_first() {
            if let Some(run) = self.run_one(to_run, candidate, &mut made.notes, tell)? {
                let done = run.outcome.done;
                made.runs = vec![run];
                if done {
                    break;
                }
            }
        }
        Ok(made)
    }

    /// The runtimes to run as [`chosen`](Self::chosen) gives them, those that make better reference runs first.
    pub(super) fn reference_first(&self) -> Vec<(RuntimeName, bool)> {
        let mut candidates = self.chosen();
        candidates.sort_by_key(|(runtime, _)| match runtime {
            RuntimeName::Reference => 0,
            RuntimeName::OrtCpu => 1,
            RuntimeName::Tract | RuntimeName::OrtCuda => 2,
        });
        candidates
    }

    /// Runs a file in the reference with every value rounded to its type.
    pub(super) fn run_rounded(
        &self,
        to_run: &ToRun<'_>,
        tell: &mut Tell<'_>,
    ) -> Result<Outcome, SessionError> {
        tell(Update::Rounding);
        let options = RunOptions {
            roundings: vec![Rounding::OwnTypes],
            ..self.options(RuntimeName::Reference, to_run.file, to_run.leave_out)
        };
        let run = self.host.run(&options, to_run.inputs, to_run.limit)?;
        Ok(run.outcome)
    }

    /// Runs a file once with one set of inputs.
    pub(super) fn outcome(
        &self,
        runtime: RuntimeName,
        file: &Path,
        inputs: &[NamedTensor],
        leave_out: &[String],
        limit: Duration,
    ) -> Result<Outcome, SessionError> {
        let options = self.options(runtime, file, leave_out);
        let inputs = inputs.iter().map(NamedTensor::copy);
        let case = inputs.collect::<Result<_, _>>()?;
        Ok(self.host.run(&options, &[case], limit)?.outcome)
    }

    pub(super) fn options(
        &self,
        runtime: RuntimeName,
        file: &Path,
        leave_out: &[String],
    ) -> RunOptions {
        RunOptions {
            threads: self.threads,
            leave_out: leave_out.to_vec(),
            ..RunOptions::new(runtime, file)
        }
    }

    /// Runs a file in one runtime; none, with a note, where it was not `named` and cannot be used here.
    fn run_one(
        &self,
        to_run: &ToRun<'_>,
        (runtime, named): (RuntimeName, bool),
        notes: &mut Vec<VerifyNote>,
        tell: &mut Tell<'_>,
    ) -> Result<Option<Run>, SessionError> {
        let facts = to_run.facts;
        if let Some(note) = too_slow(runtime, named, facts) {
            notes.push(note);
            return Ok(None);
        }
        let limit = to_run.limit;
        tell(Update::Running { runtime, limit });
        let options = RunOptions {
            mode: Mode::Verify,
            ..self.options(runtime, to_run.file, to_run.leave_out)
        };
        let run = self.host.run(&options, to_run.inputs, limit)?;
        notes.extend(run.passed_over.iter().cloned().map(VerifyNote::PassedOver));
        let trouble = run.outcome.trouble.as_ref().filter(|_| !named);
        match trouble.and_then(|trouble| excuse(runtime, trouble, facts)) {
            Some(note) => {
                notes.push(note);
                Ok(None)
            }
            None => {
                if runtime == RuntimeName::OrtCpu
                    && facts.precision == Element::F16
                    && !facts.is_skeleton
                    && run.outcome.done
                {
                    notes.push(VerifyNote::SingleInside);
                }
                Ok(Some(run))
            }
        }
    }

    /// The runtimes to run, each once, and whether they were asked for, by name or by their library.
    fn chosen(&self) -> Vec<(RuntimeName, bool)> {
        if self.runtimes.is_empty() {
            // A build without any still says what it lacks.
            let none = [RuntimeName::Tract, RuntimeName::OrtCpu]
                .into_iter()
                .all(|runtime| !runtime.is_built());
            let asked = |runtime| {
                runtime == RuntimeName::OrtCpu && (none || self.host.places.asked())
                    || runtime == RuntimeName::Tract && none
            };
            let to_run = |runtime: &RuntimeName| {
                *runtime != RuntimeName::OrtCuda && (runtime.is_built() || asked(*runtime))
            };
            let chosen = RuntimeName::ALL.into_iter().filter(to_run);
            return chosen.map(|runtime| (runtime, asked(runtime))).collect();
        }
        let mut chosen = Vec::new();
        for &runtime in &self.runtimes {
            if !chosen.contains(&(runtime, true)) {
                chosen.push((runtime, true));
            }
        }
        chosen
    }
}

/// Why a runtime that nobody asked for does not run.
pub(super) fn too_slow(runtime: RuntimeName, named: bool, facts: &FileFacts) -> Option<VerifyNote> {
    let unasked = runtime == RuntimeName::Reference && !named;
    (unasked && facts.macs > REFERENCE_MACS).then_some(VerifyNote::ReferenceTooSlow {
        macs: facts.macs,
        at_least: !facts.uncounted.is_empty(),
        most: REFERENCE_MACS,
    })
}

/// What tract 0.23 and ONNX Runtime 1.32 say of a file of bf16, of which they have no convolution on the CPU.
const LACKS_BF16: [&str; 2] = ["Bfloat16", "Could not find an implementation for"];

/// Why a run that nobody asked for does not count.
pub(super) fn excuse(
    runtime: RuntimeName,
    trouble: &Trouble,
    facts: &FileFacts,
) -> Option<VerifyNote> {
    match (runtime, trouble) {
        (_, Trouble::Unavailable { reason, .. }) => Some(VerifyNote::NotAvailable {
            runtime,
            reason: reason.clone(),
        }),
        // That a runtime lacks bf16 says nothing of the file.
        (RuntimeName::Tract | RuntimeName::OrtCpu, Trouble::Refused { message })
            if facts.precision == Element::Bf16
                && LACKS_BF16.iter().any(|lack| message.contains(lack)) =>
        {
            Some(VerifyNote::LacksBf16 {
                runtime,
                message: message.clone(),
            })
        }
        // That this program's own interpreter lacks an operator says nothing of the file.
        (RuntimeName::Reference, Trouble::Lacks { message }) => {
            Some(VerifyNote::ReferenceLacks(message.clone()))
        }
        // How long it takes was not known, so that its end proves nothing of the file.
        (RuntimeName::Reference, Trouble::TimedOut { seconds }) => {
            let first = facts.uncounted.first()?;
            Some(VerifyNote::ReferenceTimedOut {
                seconds: *seconds,
                nodes: facts.uncounted.len(),
                first: first.clone(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::discover::Places;
    use crate::runtime::process::Host;

    fn verifier(places: Places, runtimes: &[RuntimeName]) -> Verifier {
        Verifier {
            runtimes: runtimes.to_vec(),
            ..Verifier::new(Host::in_this_process(places))
        }
    }

    #[test]
    fn a_runtime_that_is_named_twice_runs_once() {
        let named = [RuntimeName::OrtCpu, RuntimeName::Tract, RuntimeName::OrtCpu];
        assert_eq!(
            verifier(Places::default(), &named).chosen(),
            [(RuntimeName::OrtCpu, true), (RuntimeName::Tract, true)]
        );
    }

    #[test]
    fn a_library_that_is_asked_for_asks_for_its_runtime() {
        let places = Places {
            variable: Some("/somewhere/libonnxruntime.so".into()),
            ..Places::default()
        };
        let asked = verifier(places, &[]).chosen();
        assert!(asked.contains(&(RuntimeName::OrtCpu, true)));
        let found = verifier(Places::default(), &[]).chosen();
        assert!(!found.contains(&(RuntimeName::OrtCpu, true)));
    }
}
