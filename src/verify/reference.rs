//! What outputs are compared with: given ones, or those of one of the runtimes.

use super::Attempt;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{CaseRun, Outcome, Trouble};

/// What outputs are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// Its name in the report.
    pub name: &'a str,
    /// The runtime that made it; none for outputs that were given.
    pub runtime: Option<RuntimeName>,
    /// Outputs of each case.
    pub cases: &'a [CaseRun],
}

/// The runtime that the others are compared with: the reference if it ran, else ONNX Runtime on the CPU, else the
/// first that did.
#[must_use]
pub fn base_of(attempts: &[Attempt]) -> Option<Base<'_>> {
    base(attempts).map(|attempt| Base {
        name: attempt.runtime.as_str(),
        runtime: Some(attempt.runtime),
        cases: &attempt.outcome.cases,
    })
}

/// Whether it ran all cases.
pub fn ran(attempt: &Attempt) -> bool {
    attempt.outcome.done
}

/// Whether it ran all cases, or refused one after others.
pub fn ran_some(attempt: &Attempt) -> bool {
    let Outcome { cases, trouble, .. } = &attempt.outcome;
    let refused = matches!(trouble, Some(Trouble::Refused { .. }));
    ran(attempt) || refused && !cases.is_empty()
}

/// The reference if it ran, else ONNX Runtime on the CPU if that did, else the first that did. Where none ran all
/// cases, one that ran the first.
fn base(attempts: &[Attempt]) -> Option<&Attempt> {
    let best = |ran: fn(&Attempt) -> bool| {
        let of = |runtime| {
            attempts
                .iter()
                .find(|attempt| ran(attempt) && attempt.runtime == runtime)
        };
        of(RuntimeName::Reference)
            .or_else(|| of(RuntimeName::OrtCpu))
            .or_else(|| attempts.iter().find(|attempt| ran(attempt)))
    };
    best(ran).or_else(|| best(ran_some))
}
