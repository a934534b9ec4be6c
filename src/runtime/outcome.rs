//! What came of running a file in a runtime: outputs, times, or why there are none.

use super::device::Device;
use super::hint::Hint;
use super::placement::{Placement, Source};
use super::refusal::RefusalText;
use super::{RuntimeError, RuntimeName};
use crate::files::foreign::Foreign;
use crate::tensor::NamedTensor;
use serde::{Deserialize, Serialize};
use std::fmt;

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
pub struct CaseOutcome {
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
        hints: Vec<Hint>,
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
    /// Its inputs, what it computes or its outputs are more than the memory limit allows.
    NoMemory {
        /// What they need, and the limit.
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
            Self::Crashed { .. } => write!(f, "it {}", self.predicate().trim().shown()),
            Self::TimedOut { .. } => write!(f, "it was {}", self.predicate()),
            _ => write!(f, "{}", self.predicate().trim().shown()),
        }
    }
}

impl Trouble {
    /// What to write after the name of the runtime, such as `crashed: …`. [`Display`](fmt::Display) is a sentence of its
    /// own, as [`Foreign::shown`] has it: `it crashed: …`. This has the runtime's words as they are.
    #[must_use]
    pub fn predicate(&self) -> String {
        match self {
            Self::Crashed { message } => format!("crashed: {message}"),
            Self::TimedOut { seconds } => format!("not done after {seconds} s"),
            Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::Lacks { .. }
            | Self::NoMemory { .. } => self.message(),
        }
    }

    /// What is known of it, where the kind of trouble is told beside it; in the runtime's own words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unavailable {
                reason: message, ..
            }
            | Self::Refused { message }
            | Self::Lacks { message }
            | Self::NoMemory { message }
            | Self::Crashed { message } => message.clone(),
            Self::TimedOut { .. } => self.to_string(),
        }
    }

    /// One line: of a refusal, and of too little memory, the line that says why, and its node, in the runtime's words as
    /// they are.
    #[must_use]
    pub fn summary(&self) -> String {
        let (Self::Refused { message } | Self::NoMemory { message }) = self else {
            return self.to_string();
        };
        let RefusalText { line, node } = RefusalText::read(message);
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
    pub cases: Vec<CaseOutcome>,
    /// The same with TF32, where the runtime has that.
    pub tf32_cases: Vec<CaseOutcome>,
    /// How long runs took, where that was asked.
    pub timings: Option<Timings>,
    /// Why there is no more; none if all was computed.
    pub trouble: Option<Trouble>,
    /// Whether all was computed.
    pub done: bool,
}

impl Outcome {
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
            RuntimeError::Unavailable { reason, hints } => Self::Unavailable { reason, hints },
            RuntimeError::Elsewhere(placement) => Self::Unavailable {
                reason: placement.to_string(),
                hints: vec![Hint::AnotherForm],
            },
            RuntimeError::Lacks { step, message } => Self::Lacks {
                message: format!("{step}: {message}"),
            },
            RuntimeError::NoMemory { .. } => Self::NoMemory {
                message: error.to_string(),
            },
            RuntimeError::Refused { step, message } => Self::Refused {
                message: format!("{step}: {message}"),
            },
            RuntimeError::ElementType { .. } => Self::Refused {
                message: error.to_string(),
            },
        }
    }
}
