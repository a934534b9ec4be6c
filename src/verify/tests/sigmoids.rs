//! Outputs that a sigmoid makes are compared on the scale of their range.

use super::*;
use std::collections::BTreeSet;

/// Two runtimes whose probabilities are all near 1e-6, the second `by` more in the first and the batched case.
fn judged(is_sigmoid: bool, by: f64) -> Report {
    let name = || "logits".to_owned();
    let facts = FileFacts {
        sigmoids: is_sigmoid.then(name).into_iter().collect::<BTreeSet<_>>(),
        ..facts()
    };
    let small = |by: f64| {
        let mut outcome = outcome();
        for case in 0..outcome.cases.len() {
            for value in logits_of(&mut outcome, case) {
                *value *= 1e-6;
            }
        }
        logits_of(&mut outcome, 0)[0] += by;
        outcome
    };
    batches::judged(&facts, [small(0.0), small(by)])
}

#[test]
fn small_probabilities_may_differ_by_what_a_kernel_rounds() {
    assert_eq!(judged(true, 1e-7).verdict, Verdict::Agree);
    assert_eq!(judged(false, 1e-7).verdict, Verdict::Disagree);
}

#[test]
fn small_probabilities_that_grow_visible_differ() {
    let report = judged(true, 1e-3);
    assert_eq!(report.verdict, Verdict::Disagree);
    // In a row against the image alone, and against the other runtime: 1e-3 of 5e-5.
    for runtime in &report.runtimes {
        let factors = [runtime.rows_smallest_factor, runtime.smallest_factor];
        let largest = factors.into_iter().flatten().fold(0.0, f64::max);
        assert!(
            runtime.name != "ort-cpu" || (19.9..20.1).contains(&largest),
            "{report:#?}"
        );
    }
}
