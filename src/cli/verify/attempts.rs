//! Which runtimes run, and what happens if one cannot be used.

use super::Request;
use crate::cli::exit::Failure;
use crate::cli::worker::{Spec, run_found};
use efficientnet_onnx::runtime::discover::{HINT, Places};
use efficientnet_onnx::runtime::outcome::Trouble;
use efficientnet_onnx::runtime::{NamedTensor, RuntimeName};
use efficientnet_onnx::verify::Attempt;
use std::path::Path;
use std::time::Duration;

/// Multiply-adds of an image up to which `reference` runs without being named.
const REFERENCE_MACS: u64 = 2_000_000_000;

/// What was tried.
pub struct Attempts {
    /// The runtimes that were to run.
    pub attempts: Vec<Attempt>,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// Runs a file of `macs` multiply-adds an image in each runtime that was asked for, else in all that are built and
/// found, but for CUDA.
///
/// # Errors
/// If the request contradicts itself, or on Ctrl-C.
pub fn make(
    file: &Path,
    macs: u64,
    request: &Request,
    inputs: &[Vec<NamedTensor>],
    limit: Duration,
    progress: bool,
) -> Result<Attempts, Failure> {
    let places = Places::from_environment(request.ort_lib.clone());
    let mut made = Attempts {
        attempts: Vec::new(),
        notes: Vec::new(),
    };
    for (runtime, named) in chosen(request, &places)? {
        if runtime == RuntimeName::Reference && !named && macs > REFERENCE_MACS {
            made.notes.push(format!(
                "`reference` did not run: {:.1} GMACs an image are more than the {} that it is given unasked; \
                 `--runtime reference` runs it",
                macs as f64 / 1e9,
                REFERENCE_MACS / 1_000_000_000
            ));
            continue;
        }
        if progress {
            eprintln!("running in {runtime}, for at most {} s", limit.as_secs());
        }
        let spec = Spec {
            runtime,
            library: None,
            model: file.to_owned(),
            threads: request.threads.map(usize::from),
            timed: true,
        };
        let tried = run_found(&spec, &places, inputs, limit)?;
        made.notes.extend(tried.notes);
        match &tried.outcome.trouble {
            Some(Trouble::Unavailable { reason, .. }) if !named => {
                made.notes.push(format!(
                    "{reason}, so `{runtime}` did not run; to have it: {HINT}"
                ));
            }
            _ => made.attempts.push(Attempt {
                runtime,
                library: tried
                    .library
                    .map(|library| library.path.display().to_string()),
                outcome: tried.outcome,
            }),
        }
    }
    Ok(made)
}

/// The runtimes to run, each once, and whether they were asked for, by name or by their library.
fn chosen(request: &Request, places: &Places) -> Result<Vec<(RuntimeName, bool)>, Failure> {
    if request.runtime.is_empty() {
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
    let mut chosen = Vec::new();
    for &runtime in &request.runtime {
        if !chosen.contains(&(runtime, true)) {
            chosen.push((runtime, true));
        }
    }
    if request.ort_lib.is_some() && !chosen.iter().any(|(runtime, _)| runtime.is_onnx_runtime()) {
        return Err(Failure::bad_input(
            "`--ort-lib` is given, but `--runtime` names neither `ort-cpu` nor `ort-cuda`",
        )
        .hint("add `ort-cpu` to `--runtime`, or leave `--ort-lib` out"));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ort_lib: Some("libonnxruntime.so".into()),
            ..Request::default()
        };
        let failure = chosen(&request, &Places::default()).expect_err("bad usage");
        assert_eq!(failure.status, crate::cli::exit::Status::BadInput);
    }
}
