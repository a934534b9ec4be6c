//! Which runtimes run, and what happens if one cannot be used.

use super::Request;
use crate::cli::exit::Failure;
use crate::cli::worker::host;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::discover::Places;
use efficientnet_onnx::runtime::outcome::{Outcome, Trouble};
use efficientnet_onnx::runtime::process::{Host, Mode, RunOptions};
use efficientnet_onnx::tensor::NamedTensor;
use efficientnet_onnx::verify::Run;
use efficientnet_onnx::verify::note::Note;
use efficientnet_onnx::verify::subject::Subject;
use std::path::Path;
use std::time::Duration;

/// Multiply-adds of an image up to which `reference` runs without being named.
const REFERENCE_MACS: u64 = 2_000_000_000;

/// What was tried.
pub struct Attempts {
    /// The runtimes that were to run.
    pub runs: Vec<Run>,
    /// What was passed over.
    pub notes: Vec<Note>,
}

/// A file that is to run, and how.
pub struct Wanted<'a> {
    /// The file.
    pub file: &'a Path,
    /// What is known of it, its multiply-adds among that.
    pub subject: &'a Subject,
    /// Inputs of each case.
    pub inputs: &'a [Vec<NamedTensor>],
    /// Outputs that are not wanted.
    pub leave_out: &'a [String],
    /// Time limit of each runtime.
    pub limit: Duration,
    /// Whether to say on standard error what runs.
    pub progress: bool,
}

/// Runs a file in each runtime that was asked for, else in all that are built and found, but for CUDA.
///
/// # Errors
/// If the request contradicts itself, or on Ctrl-C.
pub fn make(run: &Wanted<'_>, request: &Request) -> Result<Attempts, Failure> {
    let host = host(request.libraries.places());
    let mut made = Attempts {
        runs: Vec::new(),
        notes: Vec::new(),
    };
    for (runtime, named) in chosen(request, &host.places)? {
        made.runs.extend(attempt(
            run,
            request,
            &host,
            (runtime, named),
            &mut made.notes,
        )?);
    }
    Ok(made)
}

/// Runs a file in the one runtime that makes the best base: the reference, else ONNX Runtime on the CPU, else the
/// first; the next where one cannot run it.
///
/// # Errors
/// If the request contradicts itself, or on Ctrl-C.
pub fn make_base(run: &Wanted<'_>, request: &Request) -> Result<Attempts, Failure> {
    let host = host(request.libraries.places());
    let mut candidates = chosen(request, &host.places)?;
    candidates.sort_by_key(|(runtime, _)| match runtime {
        RuntimeName::Reference => 0,
        RuntimeName::OrtCpu => 1,
        RuntimeName::Tract | RuntimeName::OrtCuda => 2,
    });
    let mut made = Attempts {
        runs: Vec::new(),
        notes: Vec::new(),
    };
    for candidate in candidates {
        let tried = attempt(run, request, &host, candidate, &mut made.notes)?;
        if let Some(tried) = tried {
            let done = tried.outcome.done;
            made.runs = vec![tried];
            if done {
                break;
            }
        }
    }
    Ok(made)
}

/// Runs a file in one runtime; none, with a note, where it was not `named` and cannot be used here.
fn attempt(
    run: &Wanted<'_>,
    request: &Request,
    host: &Host,
    (runtime, named): (RuntimeName, bool),
    notes: &mut Vec<Note>,
) -> Result<Option<Run>, Failure> {
    let (macs, uncounted) = (run.subject.macs, run.subject.uncounted.as_slice());
    let unasked = runtime == RuntimeName::Reference && !named;
    if unasked && macs > REFERENCE_MACS {
        notes.push(Note::ReferenceTooSlow {
            macs,
            at_least: !uncounted.is_empty(),
            most: REFERENCE_MACS,
        });
        return Ok(None);
    }
    if run.progress {
        tell!(
            "running in {runtime}, for at most {} s",
            run.limit.as_secs()
        );
    }
    let options = RunOptions {
        mode: Mode::Verify,
        ..options(run, request, runtime)
    };
    let tried = host.run(&options, run.inputs, run.limit)?;
    notes.extend(
        tried
            .passed_over
            .iter()
            .map(|one| Note::PassedOver(one.to_string())),
    );
    if let (Some(Trouble::Unavailable { reason, .. }), false) = (&tried.outcome.trouble, named) {
        let reason = reason.clone();
        notes.push(Note::NotAvailable { runtime, reason });
        return Ok(None);
    }
    // That this program's own interpreter lacks an operator says nothing of the file.
    if let (RuntimeName::Reference, Some(Trouble::Lacks { message }), false) =
        (runtime, &tried.outcome.trouble, named)
    {
        notes.push(Note::ReferenceLacks(message.clone()));
        return Ok(None);
    }
    // How long it takes was not known, so that its end proves nothing of the file.
    if let (Some(Trouble::TimedOut { seconds }), true, [first, ..]) =
        (&tried.outcome.trouble, unasked, uncounted)
    {
        notes.push(Note::ReferenceTimedOut {
            seconds: *seconds,
            nodes: uncounted.len(),
            first: first.clone(),
        });
        return Ok(None);
    }
    Ok(Some(Run {
        runtime,
        library: tried
            .library
            .map(|library| library.path.display().to_string()),
        changes: tried.changes,
        outcome: tried.outcome,
    }))
}

/// Runs a file in the reference with every value rounded to its type.
///
/// # Errors
/// On Ctrl-C.
pub fn make_rounded(run: &Wanted<'_>, request: &Request) -> Result<Outcome, Failure> {
    if run.progress {
        tell!("running in reference with every value rounded");
    }
    let options = RunOptions {
        rounded: true,
        ..options(run, request, RuntimeName::Reference)
    };
    let host = host(request.libraries.places());
    Ok(host.run(&options, run.inputs, run.limit)?.outcome)
}

fn options(run: &Wanted<'_>, request: &Request, runtime: RuntimeName) -> RunOptions {
    RunOptions {
        threads: request.threads.map(usize::from),
        leave_out: run.leave_out.to_vec(),
        ..RunOptions::new(runtime, run.file)
    }
}

/// The runtimes to run, each once, and whether they were asked for, by name or by their library.
fn chosen(request: &Request, places: &Places) -> Result<Vec<(RuntimeName, bool)>, Failure> {
    if request.runtime.is_empty() && request.libraries.cuda_lib.is_empty() {
        // A build without any still says what it lacks.
        let none = [RuntimeName::Tract, RuntimeName::OrtCpu]
            .into_iter()
            .all(|runtime| !runtime.is_built());
        let asked = |runtime| {
            runtime == RuntimeName::OrtCpu && (none || places.asked())
                || runtime == RuntimeName::Tract && none
        };
        let to_run = |runtime: &RuntimeName| {
            *runtime != RuntimeName::OrtCuda && (runtime.is_built() || asked(*runtime))
        };
        let chosen = RuntimeName::ALL.into_iter().filter(to_run);
        return Ok(chosen.map(|runtime| (runtime, asked(runtime))).collect());
    }
    request.libraries.check(&request.runtime)?;
    let mut chosen = Vec::new();
    for &runtime in &request.runtime {
        if !chosen.contains(&(runtime, true)) {
            chosen.push((runtime, true));
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::libraries::Libraries;

    #[test]
    fn a_runtime_that_is_named_twice_runs_once() {
        let request = Request {
            runtime: vec![RuntimeName::OrtCpu, RuntimeName::Tract, RuntimeName::OrtCpu],
            ..Request::default()
        };
        let chosen = chosen(&request, &Places::default()).expect("chosen");
        assert_eq!(
            chosen,
            [(RuntimeName::OrtCpu, true), (RuntimeName::Tract, true)]
        );
    }

    #[test]
    fn a_library_that_is_asked_for_asks_for_its_runtime() {
        let places = Places {
            variable: Some("/somewhere/libonnxruntime.so".into()),
            ..Places::default()
        };
        let asked = chosen(&Request::default(), &places).expect("chosen");
        assert!(asked.contains(&(RuntimeName::OrtCpu, true)));
        let found = chosen(&Request::default(), &Places::default()).expect("chosen");
        assert!(!found.contains(&(RuntimeName::OrtCpu, true)));
    }

    #[test]
    fn a_library_for_a_runtime_that_is_not_to_run_is_bad_usage() {
        let request = Request {
            runtime: vec![RuntimeName::Tract],
            libraries: Libraries {
                ort_lib: Some("libonnxruntime.so".into()),
                ..Libraries::default()
            },
            ..Request::default()
        };
        let failure = chosen(&request, &Places::default()).expect_err("bad usage");
        assert_eq!(failure.status, crate::cli::exit::Status::BadInput);
    }
}
