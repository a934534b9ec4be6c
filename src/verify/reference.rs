//! The reference run: what the other runs are compared with.

use crate::runtime::RuntimeName;
use crate::runtime::outcome::{CaseOutcome, Outcome, Trouble};
use crate::runtime::process::Run;

/// What the outputs of the other runs are compared with.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceRun<'a> {
    /// Its name in the report.
    pub name: &'a str,
    /// The runtime that made it; none for outputs that were given.
    pub runtime: Option<RuntimeName>,
    /// Its index among the runs that are judged; none for outputs that were given, and for a run of another file.
    pub place: Option<usize>,
    /// Outputs of each case.
    pub cases: &'a [CaseOutcome],
}

/// Chooses the reference run: the reference if it ran all cases, else ONNX Runtime on the CPU, else the first that did.
/// Where none ran all cases, one that ran the first.
#[must_use]
pub fn reference_of(runs: &[Run]) -> Option<ReferenceRun<'_>> {
    let best = |ran: fn(&Run) -> bool| {
        let of = |runtime| {
            let mut runs = runs.iter();
            runs.position(|run| ran(run) && run.runtime == runtime)
        };
        of(RuntimeName::Reference)
            .or_else(|| of(RuntimeName::OrtCpu))
            .or_else(|| runs.iter().position(ran))
    };
    let place = best(ran).or_else(|| best(ran_some))?;
    let run = runs.get(place)?;
    Some(ReferenceRun {
        name: run.runtime.as_str(),
        runtime: Some(run.runtime),
        place: Some(place),
        cases: &run.outcome.cases,
    })
}

/// Whether it ran all cases.
pub fn ran(run: &Run) -> bool {
    run.outcome.done
}

/// Whether it ran all cases, or refused one after others.
pub fn ran_some(run: &Run) -> bool {
    let Outcome { cases, trouble, .. } = &run.outcome;
    let refused = matches!(trouble, Some(Trouble::Refused { .. }));
    ran(run) || refused && !cases.is_empty()
}
