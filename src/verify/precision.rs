//! A run in a lower precision, compared with the same reference run as the run without: TF32 in CUDA, or the reference with
//! every value rounded.

use super::compare::{Totals, compare};
use super::facts::FileFacts;
use super::tolerance::Tolerance;
use crate::runtime::outcome::CaseOutcome;
use serde::Serialize;

/// How far the outputs of such a run are from the reference run's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrecisionReport {
    /// Seconds of the first case; the fastest of up to six runs.
    pub run_seconds: Option<f64>,
    /// Largest |difference| from the reference run over all cases and outputs; none if it is not finite.
    pub max_abs: Option<f64>,
    /// The smallest factor on both tolerances with which it would agree with the reference run; none if there is no such.
    pub smallest_factor: Option<f64>,
    /// Elements beyond the tolerance.
    pub beyond_tolerance: usize,
}

/// Compares the cases of such a run; none if there was no such run, or not to its end.
#[must_use]
pub fn report(
    facts: &FileFacts,
    base: &[CaseOutcome],
    found: &[CaseOutcome],
    tolerance: Tolerance,
) -> Option<PrecisionReport> {
    if found.is_empty() || base.len() != found.len() {
        return None;
    }
    let mut totals = Totals::default();
    for (base, found) in base.iter().zip(found) {
        let scale = |output: &str| facts.least_scale(output);
        for compared in compare(&base.outputs, &found.outputs, tolerance, scale) {
            totals.add(&compared);
        }
    }
    Some(PrecisionReport {
        run_seconds: found.first().map(|case| case.run_seconds),
        max_abs: totals.max_abs(),
        smallest_factor: totals.smallest_factor(),
        beyond_tolerance: totals.beyond,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::NamedTensor;

    fn run(data: &[f32]) -> Vec<CaseOutcome> {
        vec![CaseOutcome {
            prepare_seconds: 0.0,
            run_seconds: 0.5,
            outputs: vec![NamedTensor::single("logits", vec![1, data.len()], data)],
        }]
    }

    #[test]
    fn differences_are_measured() {
        let base = run(&[1.0, 2.0]);
        let tolerance = Tolerance {
            rtol: 0.0,
            atol: 0.25,
        };
        let facts = FileFacts::default();
        let report = |found: &[CaseOutcome]| report(&facts, &base, found, tolerance);
        let found = report(&run(&[1.0, 3.0])).expect("a report");
        assert_eq!((found.max_abs, found.beyond_tolerance), (Some(1.0), 1));
        assert_eq!(found.smallest_factor, Some(2.0));
        assert_eq!(found.run_seconds, Some(0.5));
        assert_eq!(report(&[]), None);
        let other = report(&run(&[1.0])).expect("a report");
        assert_eq!((other.smallest_factor, other.beyond_tolerance), (None, 2));
    }

    #[test]
    fn what_is_not_a_number_has_no_largest_difference_and_no_factor() {
        let found = report(
            &FileFacts::default(),
            &run(&[1.0]),
            &run(&[f32::NAN]),
            Tolerance {
                rtol: 1.0,
                atol: 1.0,
            },
        );
        let found = found.expect("a report");
        assert_eq!(
            (found.max_abs, found.smallest_factor, found.beyond_tolerance),
            (None, None, 1)
        );
    }
}
