//! ONNX Runtime, from its official shared library, on the CPU or on CUDA. The only folder that knows the `ort` crate.
//!
//! Nothing of the crate that can make an `ort::Error` may be called before the library is loaded, since making one
//! calls into the library. On CUDA a session must be wholly there: the CPU is forbidden to it, and
//! [`Session::placement`] tells what the library itself recorded.

mod library;
mod profile;
mod record;
mod session;
mod values;

use super::cuda::{self, Cuda};
use super::device::Device;
use super::hint::Hint;
use super::placement::{Placement, Source};
use super::{OpenOptions, Runtime, RuntimeError, Session};
use crate::files::TemporaryFolder;
use ::ort::environment::Environment;
use ::ort::ep::{self, ExecutionProvider as _};
use ::ort::session::Session as OrtSession;
use ::ort::session::builder::SessionBuilder;
use session::Loaded;
use std::path::Path;

const LOADING: &str = "loading the file";

/// ONNX Runtime, loaded.
pub struct Ort {
    environment: Environment,
    version: String,
    threads: Option<usize>,
    /// Outputs that are not returned.
    leave_out: Vec<String>,
    /// What CUDA stands on; none on the CPU.
    cuda: Option<Cuda>,
}

/// How a session on CUDA is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// For results: nothing on the CPU, and the first run is profiled.
    Verdict,
    /// As above without the profile, and with the factors of products rounded to TF32.
    Tf32,
    /// To be asked where the nodes would go if the CPU were not forbidden. Never run.
    Question,
}

impl Ort {
    /// Loads the library for runs on the CPU.
    ///
    /// # Errors
    /// [`RuntimeError::Unavailable`] if no library is given, or it is missing, too old or broken.
    pub fn open(options: &OpenOptions) -> Result<Self, RuntimeError> {
        let library = given(options)?;
        Ok(Self {
            environment: library::load(library)?,
            version: library::version(library),
            threads: options.threads,
            leave_out: options.leave_out.clone(),
            cuda: None,
        })
    }

    /// Loads the library for runs on CUDA. Whether CUDA can be used shows when a file is loaded.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_cuda(options: &OpenOptions) -> Result<Self, RuntimeError> {
        let cuda = Some(cuda::look(given(options)?));
        Ok(Self {
            cuda,
            ..Self::open(options)?
        })
    }

    fn builder(&self) -> Result<SessionBuilder, RuntimeError> {
        let builder = OrtSession::builder(&self.environment)
            .map_err(|error| refused(LOADING, &error))?
            // Otherwise the file's name decides, and a file called `.ort` may hold another graph than the one that was checked.
            .with_config_entry("session.load_model_format", "ONNX")
            .map_err(|error| refused(LOADING, &error))?;
        match self.threads {
            Some(threads) => builder
                .with_intra_threads(threads)
                .map_err(|error| refused(LOADING, &error)),
            None => Ok(builder),
        }
    }

    fn load_cuda(&self, model: &Path, purpose: Purpose) -> Result<Loaded, RuntimeError> {
        // Convolution algorithms by cuDNN's rules and not by timing them: the same ones on every run.
        let provider = ep::CUDA::default()
            .with_tf32(purpose == Purpose::Tf32)
            .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic);
        let mut builder = self
            .builder()?
            .with_execution_providers([provider.build().error_on_failure()])
            .map_err(|error| RuntimeError::Unavailable {
                reason: format!("the CUDA provider cannot be used: {error}"),
                hints: Vec::new(),
            })?
            .with_config_entry(record::OPTION, "1")
            .map_err(|error| refused(LOADING, &error))?;
        if purpose != Purpose::Question {
            builder = builder
                .with_disable_cpu_fallback()
                .map_err(|error| refused(LOADING, &error))?;
        }
        let mut folder = None;
        if purpose == Purpose::Verdict {
            let made = TemporaryFolder::new().map_err(|error| RuntimeError::Refused {
                step: "making a folder for the profile",
                message: error.to_string(),
            })?;
            builder = builder
                .with_profiling(made.path().join("profile"))
                .map_err(|error| refused(LOADING, &error))?;
            folder = Some(made);
        }
        let session = builder
            .commit_from_file(model)
            .map_err(|error| refused(LOADING, &error))?;
        let source = match purpose {
            Purpose::Question => Source::PartitionerWithoutBan,
            Purpose::Verdict | Purpose::Tf32 => Source::Partitioner,
        };
        let placed = record::assigned(&session)
            .map_err(|error| refused("asking where the nodes were placed", &error))?;
        let placement = Placement::of(source, ep::CUDA::NAME, placed);
        Ok(Loaded::on_device(session, placement, folder).without(&self.leave_out))
    }
}

impl Runtime for Ort {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn device(&self) -> Option<Device> {
        self.cuda
            .as_ref()
            .map(|cuda| cuda.device.clone())
            .filter(|device| *device != Device::default())
    }

    fn load(&self, model: &Path) -> Result<Box<dyn Session>, RuntimeError> {
        let Some(cuda) = &self.cuda else {
            let session = self
                .builder()?
                .commit_from_file(model)
                .map_err(|error| refused(LOADING, &error))?;
            return Ok(Box::new(Loaded::on_cpu(session).without(&self.leave_out)));
        };
        if let Some((reason, hints)) = cuda.obstacle() {
            return Err(RuntimeError::Unavailable { reason, hints });
        }
        let refusal = match self.load_cuda(model, Purpose::Verdict) {
            Ok(session) => return Ok(Box::new(session)),
            Err(unavailable @ RuntimeError::Unavailable { .. }) => return Err(unavailable),
            Err(refusal) => refusal,
        };
        // Perhaps only because of nodes that CUDA does not take: without the ban the library says which.
        match self.load_cuda(model, Purpose::Question) {
            Ok(mut question) => match question.placement()? {
                Some(placement) if !placement.is_complete() => {
                    Err(RuntimeError::Elsewhere(Box::new(placement)))
                }
                _ => Err(refusal),
            },
            Err(_) => Err(refusal),
        }
    }

    fn load_tf32(&self, model: &Path) -> Option<Result<Box<dyn Session>, RuntimeError>> {
        self.cuda.as_ref()?;
        let session = self.load_cuda(model, Purpose::Tf32);
        Some(session.map(|session| Box::new(session) as Box<dyn Session>))
    }
}

/// What can be told of a library without a file to run: its version, and what it has and lacks for CUDA.
///
/// # Errors
/// [`RuntimeError::Unavailable`] if the library is missing, too old or broken.
pub fn probe(library: &Path) -> Result<(String, Cuda), RuntimeError> {
    library::load(library)?;
    Ok((library::version(library), cuda::look(library)))
}

fn given(options: &OpenOptions) -> Result<&Path, RuntimeError> {
    let library = options.library.as_deref();
    library
        .filter(|path| path.is_absolute())
        .ok_or_else(|| unavailable("no ONNX Runtime library was found".to_owned()))
}

fn unavailable(reason: String) -> RuntimeError {
    RuntimeError::Unavailable {
        reason,
        hints: vec![Hint::OnnxRuntime],
    }
}

fn refused<R>(step: &'static str, error: &::ort::Error<R>) -> RuntimeError {
    RuntimeError::Refused {
        step,
        message: error.to_string(),
    }
}
