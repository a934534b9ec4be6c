//! ONNX Runtime on the CPU, from its official shared library. The only file that knows the `ort` crate.
//!
//! The library is always loaded from a path that the caller chose: the crate's own search panics
//! where nothing usable is found. Nothing of the crate that can make an `ort::Error` may be called
//! before the library is loaded, since making one calls into the library.

use super::{Element, NamedTensor, Options, Runtime, RuntimeError, Session};
use ::ort::environment::Environment;
use ::ort::session::{Session as OrtSession, SessionInputValue};
use ::ort::value::{DynValue, Tensor, TensorElementType};
use ::ort::{LoadDynamicError, MINOR_VERSION};
use half::{bf16, f16};
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
            let tensor = to_value(input).map_err(|error| refused("making the input", &error))?;
            values.push((Cow::from(input.name.as_str()), tensor.into()));
        }
        let outputs = self
            .0
            .run(values)
            .map_err(|error| refused("running the file", &error))?;
        let mut named = Vec::new();
        for (name, value) in &outputs {
            named.push(from_value(name, &value)?);
        }
        Ok(named)
    }
}

/// Makes a tensor of the library's from one of ours.
macro_rules! to_tensor {
    ($input:expr, $type:ty, $convert:expr) => {{
        let data: Vec<$type> = $input.data.iter().map(|&value| $convert(value)).collect();
        Tensor::from_array(($input.shape.clone(), data)).map(Tensor::into_dyn)
    }};
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the values are of the type that they become"
)]
fn to_value(input: &NamedTensor) -> Result<DynValue, ::ort::Error> {
    match input.element {
        Element::F32 => to_tensor!(input, f32, |value: f64| value as f32),
        Element::F16 => to_tensor!(input, f16, |value: f64| f16::from_f32(value as f32)),
        Element::Bf16 => to_tensor!(input, bf16, |value: f64| bf16::from_f32(value as f32)),
        Element::F64 => to_tensor!(input, f64, |value: f64| value),
        Element::I64 => to_tensor!(input, i64, |value: f64| value as i64),
        Element::I32 => to_tensor!(input, i32, |value: f64| value as i32),
        Element::I16 => to_tensor!(input, i16, |value: f64| value as i16),
        Element::I8 => to_tensor!(input, i8, |value: f64| value as i8),
        Element::U64 => to_tensor!(input, u64, |value: f64| value as u64),
        Element::U32 => to_tensor!(input, u32, |value: f64| value as u32),
        Element::U16 => to_tensor!(input, u16, |value: f64| value as u16),
        Element::U8 => to_tensor!(input, u8, |value: f64| value as u8),
        Element::Bool => to_tensor!(input, bool, |value: f64| value != 0.0),
    }
}

fn from_value(name: &str, value: &DynValue) -> Result<NamedTensor, RuntimeError> {
    let unknown = || RuntimeError::ElementType {
        output: name.to_owned(),
        found: value.dtype().to_string(),
    };
    macro_rules! extract {
        ($element:expr, $type:ty, $convert:expr) => {{
            let (shape, data) = value
                .try_extract_tensor::<$type>()
                .map_err(|error| refused("reading an output", &error))?;
            let data: Vec<f64> = data.iter().map(|&value| $convert(value)).collect();
            ($element, shape, data)
        }};
    }
    let tensor = value.dtype().tensor_type().ok_or_else(unknown)?;
    let (element, shape, data) = match tensor {
        TensorElementType::Float32 => extract!(Element::F32, f32, f64::from),
        TensorElementType::Float16 => extract!(Element::F16, f16, f16::to_f64),
        TensorElementType::Bfloat16 => extract!(Element::Bf16, bf16, bf16::to_f64),
        TensorElementType::Float64 => extract!(Element::F64, f64, f64::from),
        TensorElementType::Int64 => extract!(Element::I64, i64, |value: i64| value as f64),
        TensorElementType::Int32 => extract!(Element::I32, i32, f64::from),
        TensorElementType::Int16 => extract!(Element::I16, i16, f64::from),
        TensorElementType::Int8 => extract!(Element::I8, i8, f64::from),
        TensorElementType::Uint64 => extract!(Element::U64, u64, |value: u64| value as f64),
        TensorElementType::Uint32 => extract!(Element::U32, u32, f64::from),
        TensorElementType::Uint16 => extract!(Element::U16, u16, f64::from),
        TensorElementType::Uint8 => extract!(Element::U8, u8, f64::from),
        TensorElementType::Bool => extract!(Element::Bool, bool, |value: bool| f64::from(
            u8::from(value)
        )),
        _ => return Err(unknown()),
    };
    // The dimensions of a value, unlike those of a declaration, are never negative.
    let shape = shape
        .iter()
        .map(|&dimension| usize::try_from(dimension).unwrap_or(0))
        .collect();
    Ok(NamedTensor {
        name: name.to_owned(),
        shape,
        element,
        data,
    })
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
