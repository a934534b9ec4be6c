//! A session: runs, and what it tells of where it ran.

use super::values::{from_value, to_value};
use super::{profile, refused};
use crate::files::{TemporaryFolder, read_input};
use crate::runtime::cuda::without_cudnn;
use crate::runtime::placement::{Placement, Source};
use crate::runtime::{RuntimeError, Session};
use crate::tensor::NamedTensor;
use ::ort::session::{OutputSelector, RunOptions, Session as OrtSession, SessionInputValue};
use std::borrow::Cow;
use std::path::Path;

/// The largest profile that is read, in bytes: one run of the largest network has 2 MB.
const LARGEST_PROFILE: u64 = 256 << 20;

/// A loaded file.
pub struct Loaded {
    session: OrtSession,
    /// Outputs that are not returned.
    leave_out: Vec<String>,
    /// What is known of the placement and was not told yet.
    untold: Option<Placement>,
    /// Where the profile of the first run goes; none once it was read, or if there is none.
    profile: Option<Profile>,
}

struct Profile {
    folder: TemporaryFolder,
    provider: String,
}

impl Loaded {
    /// A session on the CPU, of which there is nothing to tell.
    pub fn on_cpu(session: OrtSession) -> Self {
        Self {
            session,
            leave_out: Vec::new(),
            untold: None,
            profile: None,
        }
    }

    /// A session that was placed as `placement` says, and writes the profile of its runs into `folder`.
    pub fn on_device(
        session: OrtSession,
        placement: Placement,
        folder: Option<TemporaryFolder>,
    ) -> Self {
        let provider = placement.provider.clone();
        Self {
            session,
            leave_out: Vec::new(),
            untold: Some(placement),
            profile: folder.map(|folder| Profile { folder, provider }),
        }
    }

    /// Asks for all outputs but these.
    pub fn without(self, leave_out: &[String]) -> Self {
        Self {
            leave_out: leave_out.to_vec(),
            ..self
        }
    }

    /// Ends the profile, so that later runs are not slowed by it, and reads it.
    fn read_profile(&mut self) -> Result<(), RuntimeError> {
        const STEP: &str = "reading the profile of the run";
        let Some(Profile { folder, provider }) = self.profile.take() else {
            return Ok(());
        };
        let path = self
            .session
            .end_profiling()
            .map_err(|error| refused(STEP, &error))?;
        let unreadable = |message: String| RuntimeError::Refused {
            step: STEP,
            message,
        };
        let text = read_input(Path::new(&path), LARGEST_PROFILE);
        let text = text.map_err(|error| unreadable(error.to_string()))?;
        let placed = profile::executed(&text).map_err(|error| unreadable(error.to_string()))?;
        self.untold = Some(Placement::of(Source::Profile, &provider, placed));
        drop(folder);
        Ok(())
    }
}

impl Session for Loaded {
    fn prepare(&mut self, _inputs: &[NamedTensor]) -> Result<(), RuntimeError> {
        Ok(())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError> {
        // An output that is an input shares its memory, so that the tensors must outlive the outputs.
        let mut tensors = Vec::new();
        for input in inputs {
            tensors.push(to_value(input).map_err(|error| refused("making the input", &error))?);
        }
        let pairs = inputs.iter().zip(&tensors);
        let values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = pairs
            .map(|(input, tensor)| (Cow::from(input.name.as_str()), tensor.into()))
            .collect();
        let mut named = Vec::new();
        {
            let mut selected = OutputSelector::default();
            for name in &self.leave_out {
                selected = selected.without(name);
            }
            let options = RunOptions::new()
                .map_err(|error| refused("selecting the outputs", &error))?
                .with_outputs(selected);
            let outputs = self
                .session
                .run_with_options(values, &options)
                .map_err(|error| explain(&error))?;
            for (name, value) in &outputs {
                named.push(from_value(name, &value)?);
            }
        }
        self.read_profile()?;
        Ok(named)
    }

    fn placement(&mut self) -> Result<Option<Placement>, RuntimeError> {
        Ok(self.untold.take())
    }
}

/// The provider opens cuDNN when a file first needs it, so that its lack shows only in a run. Its words since 1.28:
/// "cuDNN is unavailable or disabled for CUDA Execution Provider: dlopen failed for libcudnn.so".
fn explain(error: &::ort::Error) -> RuntimeError {
    let message = error.to_string();
    if message.contains("cuDNN is unavailable") {
        let reason = message.split("NOT_IMPLEMENTED : ").last();
        let missing = without_cudnn(reason.unwrap_or_default().trim());
        return RuntimeError::Unavailable {
            reason: missing.reason,
            hints: vec![missing.hint],
        };
    }
    refused("running the file", error)
}
