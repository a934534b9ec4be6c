//! Runs a file in a runtime by name, with the library that is found for it.

use super::{SEARCH_PATH, Spec, run};
use crate::cli::exit::Failure;
use crate::cli::libraries::asked_hint;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::file::plain::{Change, PlainError, plain};
use efficientnet_onnx::runtime::cuda::HINT_PROVIDER;
use efficientnet_onnx::runtime::discover::{HINT, Library, Places};
use efficientnet_onnx::runtime::outcome::{Outcome, Trouble};
use efficientnet_onnx::runtime::{RuntimeName, not_built};
use efficientnet_onnx::tensor::NamedTensor;
use std::time::Duration;

/// What came of a runtime, with whichever library could be used.
#[derive(Debug)]
pub struct Tried {
    /// The library that was used, or asked for.
    pub library: Option<Library>,
    /// The result; [`Trouble::Unavailable`] if there is no usable library or the runtime is not built in.
    pub outcome: Outcome,
    /// Libraries that were found and passed over, and why.
    pub notes: Vec<String>,
    /// How the file that ran differs from the one that was given; nothing if it is that one.
    pub changes: Vec<Change>,
}

/// Runs a file in the runtime of `spec`, whose `library` is set from `places` where it needs one.
///
/// A library that was asked for by path must work. One that was only found and does not load is passed over with a
/// note, and the next is tried.
///
/// # Errors
/// As [`run`], and if a folder of CUDA libraries has a name that a search path cannot have.
pub fn run_found(
    spec: &Spec,
    places: &Places,
    cases: &[Vec<NamedTensor>],
    limit: Duration,
) -> Result<Tried, Failure> {
    let mut tried = Tried {
        library: None,
        outcome: Outcome::default(),
        notes: Vec::new(),
        changes: Vec::new(),
    };
    if !spec.runtime.is_built() {
        tried.outcome = unusable(not_built(spec.runtime).into());
        return Ok(tried);
    }
    if spec.runtime == RuntimeName::Tract {
        return run_plain(spec, cases, limit, tried);
    }
    if !spec.runtime.is_onnx_runtime() {
        tried.outcome = run(spec, cases.to_vec(), limit)?;
        return Ok(tried);
    }
    let cuda = spec.runtime == RuntimeName::OrtCuda;
    let hint = if cuda { HINT_PROVIDER } else { HINT };
    let libraries = if cuda {
        places.libraries_for_cuda()
    } else {
        places.libraries()
    };
    for library in libraries {
        let mut spec = Spec {
            library: Some(library.path.clone()),
            ..spec.clone()
        };
        if cuda {
            let inherited = std::env::var_os(SEARCH_PATH);
            let path = places.cuda_search_path(&library.path, inherited);
            spec.search_path = Some(path.map_err(Failure::bad_input)?);
        }
        let outcome = run(&spec, cases.to_vec(), limit)?;
        if outcome.version.is_some() {
            tried.library = Some(library);
            tried.outcome = outcome;
            return Ok(tried);
        }
        let reason = explain(outcome, &library);
        if library.asked {
            let hint = asked_hint(library.origin).unwrap_or_else(|| hint.to_owned());
            tried.outcome = unavailable(format!("{reason} (from {})", library.origin), &hint);
            tried.library = Some(library);
            return Ok(tried);
        }
        let origin = library.origin;
        tried
            .notes
            .push(format!("{reason} (found in {origin}, passed over)"));
    }
    tried.outcome = unavailable("no usable ONNX Runtime library was found".to_owned(), hint);
    Ok(tried)
}

/// Runs a file in tract, which knows no functions of a model, and takes a name of a dimension in between for another
/// extent than the number that its caller gives: a file that has these is run as a plain copy.
fn run_plain(
    spec: &Spec,
    cases: &[Vec<NamedTensor>],
    limit: Duration,
    mut tried: Tried,
) -> Result<Tried, Failure> {
    let file = ModelFile::open(&spec.model).map_err(Failure::bad_input)?;
    let plain = match plain(&file) {
        Ok(plain) => plain,
        Err(error @ PlainError::Function { .. }) => {
            tried.outcome = unusable(Trouble::Refused {
                message: format!("tract takes no functions, and {error}"),
            });
            return Ok(tried);
        }
        Err(error) => return Err(Failure::bad_input(error)),
    };
    let mut spec = spec.clone();
    if let Some(plain) = &plain {
        spec.model = plain.copy.path();
        tried.changes.clone_from(&plain.changes);
    }
    tried.outcome = run(&spec, cases.to_vec(), limit)?;
    Ok(tried)
}

/// Why a worker ended before its library was ready, in whatever way it did.
fn explain(outcome: Outcome, library: &Library) -> String {
    let path = library.path.display();
    match outcome.trouble {
        Some(Trouble::Unavailable { reason, .. }) => reason,
        Some(Trouble::Crashed { message }) => format!("loading `{path}` crashed: {message}"),
        Some(Trouble::TimedOut { seconds }) => {
            format!("loading `{path}` was not done after {seconds} s")
        }
        Some(Trouble::Refused { message } | Trouble::Lacks { message }) => message,
        None => format!("loading `{path}` gave no result"),
    }
}

fn unavailable(reason: String, hint: &str) -> Outcome {
    let hint = Some(hint.to_owned());
    unusable(Trouble::Unavailable { reason, hint })
}

fn unusable(trouble: Trouble) -> Outcome {
    Outcome {
        trouble: Some(trouble),
        ..Outcome::default()
    }
}
