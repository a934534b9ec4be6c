//! A symbolic batch that does not run: what ran before is compared, and whose fault it is.

use super::*;
use lineage::{Does, FixedBatch, Lineage, RowNode};

const SITE: &str = "node `flat` (`Reshape`) fixes the batch to 1";

fn fixing() -> FileFacts {
    let site = RowNode {
        node: "flat".into(),
        op_type: "Reshape".into(),
        does: Does::FixesBatch(1),
    };
    FileFacts {
        lineage: Lineage {
            fixes_batch: vec![site],
            ..Lineage::default()
        },
        ..facts()
    }
}

/// The batch of three is refused, and with `by` other logits come of the first case.
fn refusing(by: f64) -> Outcome {
    let mut outcome = outcome();
    outcome.cases.truncate(2);
    logits_of(&mut outcome, 0)[0] += by;
    outcome.done = false;
    outcome.trouble = Some(Trouble::Refused {
        message: "no".into(),
    });
    outcome
}

pub(super) fn judged(facts: &FileFacts, outcomes: [Outcome; 2]) -> Report {
    let settings = VerifySettings {
        file: "a.onnx".into(),
        seed: 0,
        limits: Limits::default(),
    };
    let runtimes = [RuntimeName::Tract, RuntimeName::OrtCpu].into_iter();
    let runs: Vec<Run> = runtimes
        .zip(outcomes)
        .map(|(runtime, outcome)| Run {
            runtime,
            library: None,
            passed_over: Vec::new(),
            changes: Vec::new(),
            outcome,
        })
        .collect();
    judge(&settings, facts, &cases(), &runs)
}

fn told(report: &Report) -> (&FixedBatch, String) {
    let fixed = report.fixed_batch.as_ref().expect("a fixed batch");
    (fixed, fixed.to_string())
}

#[test]
fn what_ran_before_the_batch_that_every_runtime_refuses_is_compared() {
    for (by, agrees) in [(0.0, true), (1.0, false)] {
        let report = judged(&fixing(), [refusing(by), refusing(0.0)]);
        assert_eq!(report.verdict, Verdict::Disagree);
        let statuses = report.runtimes.iter().map(|runtime| runtime.status);
        assert!(
            statuses
                .into_iter()
                .all(|status| status == RuntimeStatus::Refused)
        );
        assert_eq!(report.reference.as_deref(), Some("ort-cpu"));
        assert_eq!(report.runtimes[0].max_abs, Some(by));
        let (fixed, text) = told(&report);
        assert_eq!((fixed.ran.as_slice(), fixed.refused), (&[1][..], 3));
        assert_eq!(fixed.agrees, Some(agrees));
        assert!(text.contains(SITE), "{text}");
        assert!(
            report
                .notes
                .contains(&note::VerifyNote::FixedBatch(fixed.clone()))
        );
    }
    let (fixed, text) = (judged(&facts(), [refusing(0.0), refusing(0.0)]), SITE);
    let (fixed, told) = told(&fixed);
    assert!(fixed.nodes.is_empty() && !told.contains(text));
}

#[test]
fn a_batch_that_one_runtime_runs_is_the_others_fault() {
    let report = judged(&fixing(), [refusing(0.0), outcome()]);
    assert_eq!(report.fixed_batch, None);
    assert_eq!(report.verdict, Verdict::Disagree);
    assert_eq!(report.reference.as_deref(), Some("ort-cpu"));
    assert_eq!(report.runtimes[1].status, RuntimeStatus::Passed);
}

#[test]
fn a_batch_of_another_shape_in_every_runtime_is_told_if_a_node_fixes_it() {
    let misshaped = || {
        let mut outcome = outcome();
        outcome.cases[2].outputs[0].shape = vec![1, 18];
        outcome
    };
    let report = judged(&fixing(), [misshaped(), misshaped()]);
    assert_eq!(told(&report).0.refused, 3);
    assert_eq!(
        judged(&facts(), [misshaped(), misshaped()]).fixed_batch,
        None
    );
}

#[test]
fn a_crash_tells_nothing_of_the_batch() {
    let crashed = Outcome {
        trouble: Some(Trouble::Crashed {
            message: "gone".into(),
        }),
        ..refusing(0.0)
    };
    let report = judged(&fixing(), [crashed, refusing(0.0)]);
    assert_eq!(report.fixed_batch, None);
    assert_eq!(report.runtimes[0].max_abs, None);
}

#[test]
fn levels_of_a_quantised_file_are_told_only_where_runtimes_disagree() {
    let site = RowNode {
        node: "levels".into(),
        op_type: "DynamicQuantizeLinear".into(),
        does: Does::QuantisesBatch,
    };
    let mut quantised = facts();
    quantised.lineage.mixed.insert("logits".to_owned(), site);
    let mut other = outcome();
    logits_of(&mut other, 2)[0] += 1.0;
    for (found, verdict) in [(outcome(), Verdict::Agree), (other, Verdict::Disagree)] {
        let report = judged(&quantised, [found, outcome()]);
        assert_eq!(report.verdict, verdict);
        let told = report
            .notes
            .iter()
            .any(|note| matches!(note, note::VerifyNote::Levels(_)));
        assert_eq!(told, verdict == Verdict::Disagree, "{:?}", report.notes);
        // That a row differs from the image alone is no failure of these.
        let differing = report.runtimes.iter().map(|runtime| runtime.status);
        assert!(
            !differing
                .into_iter()
                .any(|status| status == RuntimeStatus::FailedChecks)
        );
    }
}
