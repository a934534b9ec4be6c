//! Verdicts on outputs that no runtime made.

mod batches;
mod own_checks;
mod placed;
mod sigmoids;

use super::facts::FileFacts;
use super::note::VerifyNote;
use super::plan::Case;
use super::report::{Report, RuntimeStatus, Verdict};
use super::tolerance::{Limits, Tolerance};
use super::*;
use crate::memory::Buffer;
use crate::runtime::RuntimeName;
use crate::runtime::hint::Hint;
use crate::runtime::outcome::Trouble;
use crate::runtime::outcome::{CaseOutcome, Outcome};
use crate::runtime::process::Run;
use crate::tensor::{Element, NamedTensor};
use facts::{Declared, DeclaredExtent};
use report::Check;

fn facts() -> FileFacts {
    let batch = || DeclaredExtent::Named("batch".into());
    let declared = |name: &str, shape| Declared {
        name: name.into(),
        element_type: "f32".into(),
        shape: Some(shape),
    };
    FileFacts {
        inputs: vec![declared(
            "input",
            vec![
                batch(),
                DeclaredExtent::Fixed(3),
                DeclaredExtent::Fixed(8),
                DeclaredExtent::Fixed(8),
            ],
        )],
        outputs: vec![declared("logits", vec![batch(), DeclaredExtent::Fixed(6)])],
        default_size: [8, 8],
        ..FileFacts::default()
    }
}

fn cases() -> Vec<Case> {
    plan::cases(&facts()).expect("cases")
}

/// Logits that depend on the image, with a batch in which every row is the row alone.
fn outcome() -> Outcome {
    let row = |image: u64| (0..6).map(move |class| f64::from(class * 7 % 6) + 0.1 * image as f64);
    let run = |case: &Case| {
        let data: Vec<f64> = case.images.iter().flat_map(|&image| row(image)).collect();
        let logits = NamedTensor {
            name: "logits".into(),
            shape: vec![data.len() / 6, 6],
            element: Element::F32,
            data: data.into(),
        };
        CaseOutcome {
            prepare_seconds: 0.5,
            run_seconds: 0.25,
            outputs: vec![logits],
        }
    };
    Outcome {
        version: Some("1".into()),
        load_seconds: Some(1.0),
        cases: cases().iter().map(run).collect(),
        done: true,
        ..Outcome::default()
    }
}

fn failed(trouble: Trouble) -> Outcome {
    Outcome {
        trouble: Some(trouble),
        ..Outcome::default()
    }
}

fn report(runs: &[(RuntimeName, Outcome)]) -> Report {
    let settings = VerifySettings {
        file: "a.onnx".into(),
        seed: 0,
        limits: Limits::default(),
    };
    let run = |(runtime, outcome): &(RuntimeName, Outcome)| Run {
        runtime: *runtime,
        library: None,
        passed_over: Vec::new(),
        changes: Vec::new(),
        outcome: outcome.clone(),
    };
    let runs: Vec<Run> = runs.iter().map(run).collect();
    judge(&settings, &facts(), &cases(), &runs)
}

/// The report of tract with outputs that were tampered with, beside ONNX Runtime with sound ones.
fn tampered(tamper: impl Fn(&mut Outcome)) -> Report {
    let mut outcome = outcome();
    tamper(&mut outcome);
    report(&[
        (RuntimeName::Tract, outcome),
        (RuntimeName::OrtCpu, self::outcome()),
    ])
}

fn logits_of(outcome: &mut Outcome, case: usize) -> &mut Buffer<f64> {
    &mut outcome.cases[case].outputs[0].data
}

fn failures(report: &Report) -> Vec<(Check, usize)> {
    report.runtimes[0]
        .failures
        .iter()
        .map(|failure| (failure.check, failure.case))
        .collect()
}

#[test]
fn equal_outputs_agree_and_onnx_runtime_is_the_base() {
    let report = tampered(|_| ());
    assert_eq!(
        (report.verdict, report.reference.as_deref()),
        (Verdict::Agree, Some("ort-cpu"))
    );
    let tract = &report.runtimes[0];
    assert_eq!(tract.status, RuntimeStatus::Passed);
    assert_eq!(
        (tract.max_abs, tract.smallest_factor, tract.beyond_tolerance),
        (Some(0.0), Some(0.0), Some(0))
    );
    // Three cases with one, one and three rows.
    assert_eq!(
        tract.top1.map(|agreement| (agreement.rows, agreement.of)),
        Some((5, 5))
    );
    assert_eq!(
        (tract.load_seconds, tract.run_seconds),
        (Some(1.5), Some(0.25))
    );
    assert_eq!(tract.rows_smallest_factor, Some(0.0));
    assert_eq!(report.runtimes[1].max_abs, None);
}

#[test]
fn a_difference_within_the_tolerance_agrees_and_one_beyond_does_not() {
    // The largest logit is 5.2, so that 2.6e-4 is allowed where the reference run is 0.
    for (difference, verdict) in [(2e-4, Verdict::Agree), (3e-4, Verdict::Disagree)] {
        let report = tampered(|outcome| logits_of(outcome, 0)[0] += difference);
        assert_eq!(report.verdict, verdict, "{difference}");
        assert_eq!(report.runtimes[0].max_abs_index, Some(vec![0, 0]));
        assert_eq!(
            report.runtimes[0]
                .smallest_factor
                .map(|factor| factor <= 1.0),
            Some(verdict == Verdict::Agree)
        );
    }
    let report = tampered(|outcome| logits_of(outcome, 2)[14] = 9.0);
    assert_eq!(report.runtimes[0].max_abs_index, Some(vec![2, 2]));
    assert_eq!(
        (
            report.runtimes[0].max_abs_case,
            report.runtimes[0].beyond_tolerance
        ),
        (Some(2), Some(1))
    );
    assert_eq!(
        report.runtimes[0].top1.map(|agreement| agreement.rows),
        Some(4)
    );
}

#[test]
fn the_one_runtime_that_ran_is_not_compared() {
    let report = report(&[(RuntimeName::Tract, outcome())]);
    assert_eq!(
        (report.verdict, report.reference.as_deref()),
        (Verdict::RanNotCompared, Some("tract"))
    );
}

#[test]
fn what_went_wrong_decides_the_verdict_and_the_others_still_report() {
    let unavailable = || Trouble::Unavailable {
        reason: "no library".into(),
        hints: vec![Hint::OnnxRuntime],
    };
    let crashed = || Trouble::Crashed {
        message: "signal 11".into(),
    };
    for (trouble, status, verdict) in [
        (
            unavailable(),
            RuntimeStatus::Unavailable,
            Verdict::Unavailable,
        ),
        (crashed(), RuntimeStatus::Crashed, Verdict::Disagree),
        (
            Trouble::Refused {
                message: "no".into(),
            },
            RuntimeStatus::Refused,
            Verdict::Disagree,
        ),
        (
            Trouble::TimedOut { seconds: 1.0 },
            RuntimeStatus::TimedOut,
            Verdict::Disagree,
        ),
    ] {
        let report = report(&[
            (RuntimeName::Tract, outcome()),
            (RuntimeName::OrtCpu, failed(trouble)),
        ]);
        assert_eq!(
            (report.runtimes[1].status, report.verdict),
            (status, verdict)
        );
        assert_eq!(
            (report.reference.as_deref(), report.runtimes[0].status),
            (Some("tract"), RuntimeStatus::Passed)
        );
    }
    let both = report(&[
        (RuntimeName::Tract, failed(crashed())),
        (RuntimeName::OrtCpu, failed(unavailable())),
    ]);
    assert_eq!((both.verdict, both.reference), (Verdict::Disagree, None));
    assert_eq!(report(&[]).verdict, Verdict::Unavailable);
}

#[test]
fn results_up_to_a_crash_are_still_checked_but_are_no_base() {
    let mut partial = outcome();
    partial.cases.truncate(1);
    partial.done = false;
    partial.trouble = Some(Trouble::Crashed {
        message: "signal 9".into(),
    });
    let report = report(&[
        (RuntimeName::Tract, outcome()),
        (RuntimeName::OrtCpu, partial),
    ]);
    assert_eq!(
        (report.verdict, report.reference.as_deref()),
        (Verdict::Disagree, Some("tract"))
    );
    assert_eq!(report.runtimes[1].max_abs, None);
}

#[test]
fn a_file_that_breaks_a_rule_is_a_disagreement() {
    let settings = VerifySettings {
        file: "a.onnx".into(),
        seed: 0,
        limits: Limits::default(),
    };
    let problem = report::Problem {
        code: "order",
        node: Some("conv".into()),
        message: "bad".into(),
    };
    let report = rejected(&settings, vec![problem]);
    assert_eq!(
        (report.verdict, report.runtimes.len()),
        (Verdict::Disagree, 0)
    );
}

#[test]
fn the_json_form_has_the_documented_keys() {
    let json = serde_json::to_value(tampered(|outcome| logits_of(outcome, 0)[0] = f64::NAN))
        .expect("JSON");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["verdict"], "disagree");
    let runtime = &json["runtimes"][0];
    for key in [
        "name",
        "version",
        "status",
        "max_abs",
        "max_abs_index",
        "smallest_factor",
        "load_seconds",
    ] {
        assert!(runtime.get(key).is_some(), "{key}");
    }
    assert_eq!(runtime["status"], "failed_checks");
    assert_eq!(runtime["smallest_factor"], serde_json::Value::Null);
    assert_eq!(runtime["failures"][0]["check"], "finite");
}
