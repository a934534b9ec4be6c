//! What `doctor` found. Its JSON form is an interface, with [`SCHEMA`] as its version; the README documents it.

use crate::cli::libraries;
use efficientnet_onnx::doctor::{
    Installation, Lack as Missing, LibraryState, Processor, RuntimeState,
};
use efficientnet_onnx::runtime::cuda::{Cuda, CudaPart};
use efficientnet_onnx::runtime::discover::Places;
use efficientnet_onnx::runtime::hint::Hint;
use efficientnet_onnx::runtime::process::{Ending, LookError};
use efficientnet_onnx::runtime::{RuntimeError, RuntimeName};
use serde::ser::Error;
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};

/// Version of the JSON form.
const SCHEMA: u32 = 1;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub version: &'static str,
    /// What the runtimes compute on.
    pub processor: Processor,
    /// Each runtime, in the order of `verify`.
    pub runtimes: Vec<Runtime>,
    /// Each library of ONNX Runtime, in the order in which `verify` tries them.
    pub libraries: Vec<Library>,
    /// Where libraries were looked for.
    pub searched: Vec<Place>,
}

/// Whether a runtime can be used.
#[derive(Debug, Serialize)]
pub struct Runtime {
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether this program was built with it.
    pub built: bool,
    /// Whether it can run a file now.
    pub usable: bool,
    /// The version of its library.
    pub version: Option<String>,
    /// Path of its library, where it has one.
    pub library: Option<String>,
    /// What is missing.
    pub missing: Vec<Lack>,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// Which part of CUDA, where it is one.
    pub part: Option<CudaPart>,
    /// What, and how that was noticed.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A library of ONNX Runtime.
#[derive(Debug, Serialize)]
pub struct Library {
    /// Its absolute path.
    pub path: String,
    /// How it was found.
    pub origin: &'static str,
    /// Its version, if it could be loaded.
    pub version: Option<String>,
    /// Why it cannot be used.
    pub error: Option<String>,
    /// The execution providers that it has, by its own files; none if it could not be loaded.
    pub providers: Vec<String>,
    /// What it has and lacks for CUDA; none if it could not be loaded.
    #[serde(serialize_with = "with_hints")]
    pub cuda: Option<Cuda>,
}

/// A place in which libraries were looked for.
#[derive(Debug, Serialize)]
pub struct Place {
    /// The flag, the variable or the program that names it.
    pub name: &'static str,
    /// What it names; none if it is not set.
    pub value: Option<String>,
}

impl Report {
    /// Puts what was found into words.
    pub fn of(found: &Installation, places: &Places) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            processor: found.processor.clone(),
            runtimes: found.runtimes.iter().map(Runtime::of).collect(),
            libraries: found.libraries.iter().map(Library::of).collect(),
            searched: searched(places),
        }
    }
}

impl Runtime {
    fn of(state: &RuntimeState) -> Self {
        let missing = state.missing.iter();
        Self {
            name: state.name.as_str(),
            built: state.name.is_built(),
            usable: state.is_usable(),
            version: state.version.clone(),
            library: state.library.as_deref().map(shown),
            missing: missing
                .map(|missing| Lack::of(missing, state.name))
                .collect(),
        }
    }
}

impl Lack {
    fn of(missing: &Missing, runtime: RuntimeName) -> Self {
        let install = || match runtime {
            RuntimeName::OrtCuda => Hint::OnnxRuntimeWithCuda,
            _ => Hint::OnnxRuntime,
        };
        let (part, hints) = match missing {
            Missing::Runtime(RuntimeError::Unavailable { hints, .. }) => (None, hints.clone()),
            Missing::Runtime(_) => (None, Vec::new()),
            Missing::NoLibrary | Missing::NoUsableLibrary => (None, vec![install()]),
            Missing::AskedLibrary(library) => (None, vec![library.hint().unwrap_or_else(install)]),
            Missing::Cuda(cuda) => (Some(cuda.part), vec![cuda.hint.clone()]),
        };
        Self {
            part,
            reason: missing.to_string(),
            hint: libraries::hints(&hints),
        }
    }
}

impl Library {
    fn of(state: &LibraryState) -> Self {
        let contents = state.contents.as_ref();
        Self {
            path: shown(&state.library.path),
            origin: state.library.origin,
            version: contents.ok().map(|contents| contents.version.clone()),
            error: contents.err().map(error),
            providers: state.providers.clone(),
            cuda: contents.ok().map(|contents| contents.cuda.clone()),
        }
    }
}

/// The hints of what is missing in words.
#[expect(clippy::ref_option, reason = "`serialize_with` gives the field")]
fn with_hints<S: Serializer>(cuda: &Option<Cuda>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut json = serde_json::to_value(cuda).map_err(S::Error::custom)?;
    for (index, missing) in cuda.iter().flat_map(|cuda| &cuda.missing).enumerate() {
        json["missing"][index]["hint"] = libraries::hint(&missing.hint).into();
    }
    json.serialize(serializer)
}

/// Why a library cannot be used.
fn error(error: &LookError) -> String {
    let ending = match error {
        LookError::Unusable(reason) => return reason.clone(),
        LookError::Ended(ending) => ending,
    };
    let crashed = |how: &str, last_words: &str| {
        let said = match last_words.replace('\n', " / ") {
            words if words.is_empty() => words,
            words => format!("; it said: {words}"),
        };
        format!("loading it crashed ({how}){said}")
    };
    match ending {
        Ending::NotStarted { reason } => format!("the process cannot be started: {reason}"),
        Ending::TimedOut { limit } => {
            format!("loading it was not done after {} s", limit.as_secs())
        }
        Ending::NoMemory { message } => message.clone(),
        Ending::Nonsense { fault, last_words } => crashed(fault, last_words),
        Ending::Ended { status, last_words } => {
            let status = status.map_or_else(|| "without a status".to_owned(), |it| it.to_string());
            crashed(&status, last_words)
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn searched(places: &Places) -> Vec<Place> {
    let value = |path: &Option<PathBuf>| path.as_deref().map(shown);
    let named = [
        (
            "--ort-lib",
            value(&places.named.as_ref().map(|named| named.path.clone())),
        ),
        ("ORT_DYLIB_PATH", value(&places.variable)),
        ("VIRTUAL_ENV", value(&places.virtual_env)),
        ("python3", value(&places.python)),
    ];
    let cuda = places.cuda.iter();
    let cuda = cuda.map(|folder| ("--cuda-lib", Some(shown(folder))));
    let all = named.into_iter().chain(cuda);
    all.map(|(name, value)| Place { name, value }).collect()
}
