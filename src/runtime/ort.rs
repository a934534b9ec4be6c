//! ONNX Runtime on the CPU, from its official shared library. The only file that knows the `ort` crate.
//!
//! The library is always loaded from a path that the caller chose: the crate's own search panics
//! where nothing usable is found. Nothing of the crate that can make an `ort::Error` may be called
//! before the library is loaded, since making one calls into the library.

use super::{NamedTensor, Options, Runtime, RuntimeError, Session};
use ::ort::environment::Environment;
use ::ort::session::{Session as OrtSession, SessionInputValue};
use ::ort::value::TensorRef;
use ::ort::{LoadDynamicError, MINOR_VERSION};
use std::borrow::Cow;
use std::path::Path;

/// ONNX Runtime, loaded.
pub struct Ort {
    environment: Environment,
    version: String,
    threads: Option<usize>,
}

struct Loaded(OrtSession);

impl Ort {
    /// Loads the library and makes the process's one environment.
    ///
    /// # Errors
    /// [`RuntimeError::Unavailable`] if no library is given, or it is missing, too old or broken.
    pub fn open(options: &Options) -> Result<Self, RuntimeError> {
        let Some(library) = options.library.as_deref().filter(|path| path.is_absolute()) else {
            return Err(unavailable("no ONNX Runtime library was found".to_owned()));
        };
        let builder =
            ::ort::init_from(library).map_err(|error| unavailable(explain(&error, library)))?;
        let environment = builder
            .with_name("efficientnet-onnx")
            .with_telemetry(false)
            .build()
            .map_err(|error| {
                unavailable(format!(
                    "`{}` cannot be initialised: {error}",
                    library.display()
                ))
            })?;
        Ok(Self {
            environment,
            version: version(library),
            threads: options.threads,
        })
    }
}

impl Runtime for Ort {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError> {
        let step = "loading the file";
        let mut builder =
            OrtSession::builder(&self.environment).map_err(|error| refused(step, &error))?;
        if let Some(threads) = self.threads {
            builder = builder
                .with_intra_threads(threads)
                .map_err(|error| refused(step, &error))?;
        }
        let session = builder
            .commit_from_file(model)
            .map_err(|error| refused(step, &error))?;
        Ok(Box::new(Loaded(session)))
    }
}

impl Session for Loaded {
    fn prepare(&mut self, _inputs: &[NamedTensor]) -> Result<(), RuntimeError> {
        Ok(())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError> {
        let mut values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::new();
        for input in inputs {
            let tensor = TensorRef::from_array_view((input.shape.clone(), input.data.as_slice()))
                .map_err(|error| refused("making the input", &error))?;
            values.push((Cow::from(input.name.as_str()), tensor.into()));
        }
        let outputs = self
            .0
            .run(values)
            .map_err(|error| refused("running the file", &error))?;
        let mut named = Vec::new();
        for (name, value) in &outputs {
            let Ok((shape, data)) = value.try_extract_tensor::<f32>() else {
                return Err(RuntimeError::ElementType {
                    output: name.to_owned(),
                    found: value.dtype().to_string(),
                });
            };
            // The dimensions of a value, unlike those of a declaration, are never negative.
            let shape = shape
                .iter()
                .map(|&dimension| usize::try_from(dimension).unwrap_or(0))
                .collect();
            named.push(NamedTensor {
                name: name.to_owned(),
                shape,
                data: data.to_vec(),
            });
        }
        Ok(named)
    }
}

/// The version in the library's real file name, as in `libonnxruntime.so.1.32.0`; else the commit it was built
/// from. The crate does not pass on what the library calls itself.
fn version(library: &Path) -> String {
    let file = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let numbers: Vec<&str> = name
        .split('.')
        .filter(|part| part.parse::<u32>().is_ok())
        .collect();
    if numbers.len() >= 2 {
        return numbers.join(".");
    }
    let mut words =
        ::ort::info().split(|character: char| character == ',' || character.is_whitespace());
    let commit = words.find_map(|word| word.strip_prefix("git-commit-id="));
    commit.map_or_else(|| "unknown".to_owned(), |commit| format!("commit {commit}"))
}

fn explain(error: &LoadDynamicError, library: &Path) -> String {
    let library = library.display();
    match error {
        LoadDynamicError::Dlopen { error, .. } => {
            let reason = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            format!("`{library}` cannot be loaded: {reason}")
        }
        LoadDynamicError::MissingApi { .. } => {
            format!("`{library}` is not ONNX Runtime: it has no `OrtGetApiBase`")
        }
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!(
                "`{library}` is ONNX Runtime {version_str}, expected 1.{MINOR_VERSION} or newer"
            )
        }
        LoadDynamicError::InvalidVersionString => format!("`{library}` does not tell its version"),
    }
}

fn unavailable(reason: String) -> RuntimeError {
    RuntimeError::Unavailable {
        reason,
        hint: Some(super::discover::HINT.to_owned()),
    }
}

fn refused<R>(step: &'static str, error: &::ort::Error<R>) -> RuntimeError {
    RuntimeError::Refused {
        step,
        message: error.to_string(),
    }
}
