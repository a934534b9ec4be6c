//! Running a file from beginning to end, told as events, and what they come to.
//!
//! The events are what a worker process sends to its parent; [`execute`] makes them, [`Outcome`] gathers
//! them. A caller that needs no separate process does both.

use super::device::Device;
use super::placement::{Placement, Source};
use super::refusal::Refusal;
pub use super::timing::{WARM_UP_RUNS, measure};
use super::{Options, RuntimeError, RuntimeName, Session, open};
use crate::tensor::NamedTensor;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often, and for how long together, the first case is run again to time it.
const TIMED_RUNS: u32 = 5;
const TIMED_SECONDS: Duration = Duration::from_secs(1);
/// What to do where nodes are not where they were to be.
const ELSEWHERE_HINT: &str = "this provider has no kernel for those nodes: emit the file in another form, or run it with `ort-cpu`";

/// Something that happened while a file was run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The runtime can be used.
    Ready {
        /// The version of its library.
        version: String,
    },
    /// Which device it uses.
    Device(Device),
    /// Where the nodes of the file are.
    Placement(Placement),
    /// The file was read.
    Loaded {
        /// How long that took.
        seconds: f64,
    },
    /// A case was computed.
    Case(CaseRun),
    /// The first case was timed, in place of being computed once.
    Timings(Timings),
    /// A case was computed again with TF32, after all cases were computed without.
    Tf32Case(CaseRun),
    /// There will be no more events, since something failed.
    Failed(Trouble),
    /// All cases were computed.
    Done,
}

/// How long runs of one case took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Work that was done once for the shapes of the inputs.
    pub prepare_seconds: f64,
    /// The first run, which finds caches cold and memory not yet there.
    pub first_seconds: f64,
    /// Every run after the warm-up, in order.
    pub run_seconds: Vec<f64>,
    /// The most memory that the process has held, where the system tells: `VmHWM` of Linux.
    pub peak_bytes: Option<u64>,
}

/// The outputs of one set of inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRun {
    /// Work that was done once for the shapes of the inputs.
    pub prepare_seconds: f64,
    /// The run itself; of a timed case the fastest of up to six.
    pub run_seconds: f64,
    /// Every output of the graph, in its order.
    pub outputs: Vec<NamedTensor>,
}

/// Why a file was not run to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The runtime cannot be used here, whatever the file is.
    Unavailable {
        /// What is missing, too old or broken.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The runtime does not take the file, or failed to run it, in its own words.
    Refused {
        /// What was being done, and the message.
        message: String,
    },
    /// The runtime lacks something that the file needs, such as an operator. This says nothing of the file.
    Lacks {
        /// What was being done, and what is lacking.
        message: String,
    },
    /// The process ended, by itself or by a signal, or wrote what no worker writes.
    Crashed {
        /// How it ended, and the last lines that it wrote to its standard error.
        message: String,
    },
    /// The time limit passed.
    TimedOut {
        /// The limit.
        seconds: f64,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashed { .. } => write!(f, "it {}", self.predicate()),
            Self::TimedOut { .. } => write!(f, "it was {}", self.predicate()),
            _ => f.write_str(&self.predicate()),
        }
    }
}

impl Trouble {
    /// What to write after the name of the runtime, such as `crashed: …`. [`Display`](fmt::Display) is a sentence of its
    /// own: `it crashed: …`.
    #[must_use]
    pub fn predicate(&self) -> String {
        match self {
            Self::Crashed { message } => format!("crashed: {message}"),
            Self::TimedOut { seconds } => format!("not done after {seconds} s"),
            Self::Unavailable { .. } | Self::Refused { .. } | Self::Lacks { .. } => self.message(),
        }
    }

    /// What is known of it, where the kind of trouble is told beside it.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unavailable {
                reason: message, ..
            }
            | Self::Refused { message }
            | Self::Lacks { message }
            | Self::Crashed { message } => message.clone(),
            Self::TimedOut { .. } => self.to_string(),
        }
    }

    /// One line for people: of a refusal the line that says why, and its node.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self::Refused { message } = self else {
            return self.to_string();
        };
        let Refusal { line, node } = Refusal::read(message);
        match node {
            // The reference's own lines name the node as they should.
            Some(node) if !line.contains(&format!("node `{node}`")) => {
                format!("in node `{node}`: {line}")
            }
            _ => line,
        }
    }
}

/// All that came of running a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The version of the runtime's library, once it could be used.
    pub version: Option<String>,
    /// The device that it used, if not the CPU.
    pub device: Option<Device>,
    /// Where the nodes of the file were, each time that the runtime told.
    pub placements: Vec<Placement>,
    /// How long reading the file took.
    pub load_seconds: Option<f64>,
    /// The cases that were computed, in the order that was asked.
    pub cases: Vec<CaseRun>,
    /// The same with TF32, where the runtime has that.
    pub tf32_cases: Vec<CaseRun>,
    /// How long runs took, where that was asked.
    pub timings: Option<Timings>,
    /// Why there is no more; none if all was computed.
    pub trouble: Option<Trouble>,
    /// Whether all was computed.
    pub done: bool,
}

impl Outcome {
    /// Adds what happened next.
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Ready { version } => self.version = Some(version),
            Event::Device(device) => self.device = Some(device),
            Event::Placement(placement) => self.placements.push(placement),
            Event::Loaded { seconds } => self.load_seconds = Some(seconds),
            Event::Case(case) => self.cases.push(case),
            Event::Timings(timings) => self.timings = Some(timings),
            Event::Tf32Case(case) => self.tf32_cases.push(case),
            Event::Failed(trouble) => self.trouble = Some(trouble),
            Event::Done => self.done = true,
        }
    }

    /// Whether no further event belongs to this.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.done || self.trouble.is_some()
    }

    /// Whether there is proof that every node was where this runtime is to run it: for CUDA, from the partitioner and
    /// from the profile of a run. On the CPU there is nothing to prove.
    #[must_use]
    pub fn is_where_it_was_to_be(&self, runtime: RuntimeName) -> bool {
        let told = |source| {
            let mut placements = self.placements.iter();
            placements.any(|placement| placement.source == source && placement.is_complete())
        };
        runtime != RuntimeName::OrtCuda || told(Source::Partitioner) && told(Source::Profile)
    }
}

impl From<RuntimeError> for Trouble {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Unavailable { reason, hint } => Self::Unavailable { reason, hint },
            RuntimeError::Elsewhere(placement) => Self::Unavailable {
                reason: placement.to_string(),
                hint: Some(ELSEWHERE_HINT.to_owned()),
            },
            RuntimeError::Lacks { .. } => Self::Lacks {
                message: error.to_string(),
            },
            RuntimeError::Refused { .. } | RuntimeError::ElementType { .. } => Self::Refused {
                message: error.to_string(),
            },
        }
    }
}

/// Runs a file with each set of inputs, in this process, and tells every event to `tell`.
///
/// With `timed` the first case is run up to five times more, within a second, and its fastest run counts; and where the
/// runtime has TF32, all cases are run again with it.
pub fn execute(
    runtime: RuntimeName,
    options: &Options,
    model: &Path,
    cases: &[Vec<NamedTensor>],
    timed: bool,
    tell: &mut dyn FnMut(Event),
) {
    let end = match attempt(runtime, options, model, cases, timed, tell) {
        Ok(()) => Event::Done,
        Err(error) => Event::Failed(error.into()),
    };
    tell(end);
}

fn attempt(
    runtime: RuntimeName,
    options: &Options,
    model: &Path,
    cases: &[Vec<NamedTensor>],
    timed: bool,
    tell: &mut dyn FnMut(Event),
) -> Result<(), RuntimeError> {
    let opened = open(runtime, options)?;
    tell(Event::Ready {
        version: opened.version(),
    });
    if let Some(device) = opened.device() {
        tell(Event::Device(device));
    }
    let start = Instant::now();
    let mut session = opened.load(model).inspect_err(|error| {
        if let RuntimeError::Elsewhere(placement) = error {
            tell(Event::Placement(placement.as_ref().clone()));
        }
    })?;
    let seconds = start.elapsed().as_secs_f64();
    tell(Event::Loaded { seconds });
    run_cases(session.as_mut(), cases, timed, tell, Event::Case)?;
    drop(session);
    if !timed {
        return Ok(());
    }
    if let Some(session) = opened.load_tf32(model) {
        run_cases(session?.as_mut(), cases, timed, tell, Event::Tf32Case)?;
    }
    Ok(())
}

fn run_cases(
    session: &mut dyn Session,
    cases: &[Vec<NamedTensor>],
    timed: bool,
    tell: &mut dyn FnMut(Event),
    event: fn(CaseRun) -> Event,
) -> Result<(), RuntimeError> {
    tell_placement(session, tell)?;
    for (index, inputs) in cases.iter().enumerate() {
        let start = Instant::now();
        session.prepare(inputs)?;
        let prepare_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let outputs = session.run(inputs)?;
        let mut fastest = start.elapsed();
        tell_placement(session, tell)?;
        let repeats = if timed && index == 0 { TIMED_RUNS } else { 0 };
        let repeating = Instant::now();
        for _ in 0..repeats {
            if repeating.elapsed() + fastest > TIMED_SECONDS {
                break;
            }
            let start = Instant::now();
            session.run(inputs)?;
            fastest = fastest.min(start.elapsed());
        }
        tell(event(CaseRun {
            prepare_seconds,
            run_seconds: fastest.as_secs_f64(),
            outputs,
        }));
    }
    Ok(())
}

/// Outputs of nodes that were elsewhere are not told.
fn tell_placement(
    session: &mut dyn Session,
    tell: &mut dyn FnMut(Event),
) -> Result<(), RuntimeError> {
    let Some(placement) = session.placement()? else {
        return Ok(());
    };
    tell(Event::Placement(placement.clone()));
    if placement.is_complete() {
        Ok(())
    } else {
        Err(RuntimeError::Elsewhere(Box::new(placement)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tract")]
    #[test]
    fn an_unreadable_file_is_refused_after_the_runtime_is_ready() {
        let runtime = RuntimeName::Tract;
        let mut outcome = Outcome::default();
        let model = Path::new("/nonexistent/model.onnx");
        execute(
            runtime,
            &Options::default(),
            model,
            &[],
            false,
            &mut |event| outcome.add(event),
        );
        assert!(outcome.version.is_some() && outcome.load_seconds.is_none());
        assert!(outcome.is_over() && !outcome.done);
        assert!(
            matches!(&outcome.trouble, Some(Trouble::Refused { message }) if message.contains("loading the file"))
        );
    }

    #[test]
    fn a_runtime_without_its_library_is_unavailable() {
        let mut outcome = Outcome::default();
        let model = Path::new("model.onnx");
        execute(
            RuntimeName::OrtCpu,
            &Options::default(),
            model,
            &[],
            false,
            &mut |event| outcome.add(event),
        );
        assert!(matches!(
            &outcome.trouble,
            Some(Trouble::Unavailable { hint: Some(_), .. })
        ));
        assert_eq!(outcome.version, None);
    }
}
