//! What a worker tells while it runs a file, and how that adds up to an outcome.

use crate::runtime::device::Device;
use crate::runtime::outcome::{CaseOutcome, Outcome, Timings, Trouble};
use crate::runtime::placement::Placement;

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
    Case(CaseOutcome),
    /// The first case was timed, in place of being computed once.
    Timings(Timings),
    /// A case was computed again with TF32, after all cases were computed without.
    Tf32Case(CaseOutcome),
    /// There will be no more events, since something failed.
    Failed(Trouble),
    /// All cases were computed.
    Done,
}

impl Outcome {
    /// Adds what happened next.
    pub(super) fn add(&mut self, event: Event) {
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
    pub(super) fn is_over(&self) -> bool {
        self.done || self.trouble.is_some()
    }
}
