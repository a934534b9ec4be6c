//! What fails in one runtime by itself.

use super::*;
use crate::tensor::Element;
use crate::verify::checks::check;
use note::WhyConstant;

#[test]
fn what_is_not_finite_fails_in_its_runtime_and_in_the_comparison() {
    for bad in [f64::NAN, f64::INFINITY] {
        let report = tampered(|outcome| logits_of(outcome, 1)[3] = bad);
        assert_eq!(
            (report.verdict, failures(&report)),
            (Verdict::Disagree, vec![(Check::Finite, 1)])
        );
        assert!(
            report.runtimes[0].failures[0]
                .message
                .ends_with("the first at [0, 3]")
        );
        assert_eq!(
            (
                report.runtimes[0].max_abs,
                report.runtimes[0].smallest_factor
            ),
            (None, None)
        );
        assert_eq!(report.runtimes[0].beyond_tolerance, Some(1));
    }
}

#[test]
fn the_same_nan_everywhere_is_no_agreement() {
    let mut bad = outcome();
    logits_of(&mut bad, 0)[0] = f64::NAN;
    let report = report(&[
        (RuntimeName::Tract, bad.clone()),
        (RuntimeName::OrtCpu, bad),
    ]);
    assert_eq!(report.verdict, Verdict::Disagree);
    assert!(
        report
            .runtimes
            .iter()
            .all(|runtime| runtime.status == RuntimeStatus::FailedChecks)
    );
}

#[test]
fn another_shape_than_declared_fails() {
    let report = tampered(|outcome| {
        outcome.cases[2].outputs[0].shape = vec![6, 3];
    });
    assert_eq!(failures(&report), [(Check::Shape, 2)]);
    assert_eq!(
        report.runtimes[0].failures[0].message,
        "shape [6, 3], expected [3, 6]"
    );
    let missing = tampered(|outcome| outcome.cases[0].outputs[0].name = "scores".into());
    assert_eq!(failures(&missing), [(Check::Shape, 0)]);
    let more = tampered(|outcome| {
        let extra = NamedTensor {
            name: "more".into(),
            ..outcome.cases[0].outputs[0].clone()
        };
        outcome.cases[0].outputs.push(extra);
    });
    assert_eq!(failures(&more), [(Check::Shape, 0)]);
}

#[test]
fn constant_logits_fail_unless_the_weights_are_constant() {
    let constant = |outcome: &mut Outcome| {
        let logits = logits_of(outcome, 0);
        *logits = vec![2.0, 2.0, 2.0, 2.0, 2.0, 2.0019].into();
    };
    assert_eq!(
        failures(&tampered(constant)),
        [(Check::Constant, 0), (Check::Rows, 2)]
    );
    let spread =
        tampered(|outcome| *logits_of(outcome, 0) = vec![2.0, 2.0, 2.0, 2.0, 2.0, 2.0021].into());
    assert_eq!(failures(&spread), [(Check::Rows, 2)]);

    let mut outcome = outcome();
    for case in &mut outcome.cases {
        case.outputs[0].data.fill(0.0);
    }
    let settings = VerifySettings {
        file: "a.onnx".into(),
        seed: 0,
        limits: Limits::default(),
    };
    let runs = [Run {
        runtime: RuntimeName::Tract,
        library: None,
        passed_over: Vec::new(),
        changes: Vec::new(),
        outcome,
    }];
    let facts = FileFacts {
        constant_weights: true,
        ..facts()
    };
    let report = judge(&settings, &facts, &cases(), &runs);
    assert_eq!(report.verdict, Verdict::RanNotCompared);
    assert_eq!(
        report.notes,
        [VerifyNote::ConstantLogits(WhyConstant::Weights)]
    );
}

#[test]
fn integers_that_f64_does_not_hold_are_a_note() {
    for (value, noted) in [(2_f64.powi(53) - 1.0, false), (-2_f64.powi(53), true)] {
        let report = tampered(|outcome| {
            for run in &mut outcome.cases {
                run.outputs[0].element = Element::I64;
                run.outputs[0].data[0] = value;
            }
        });
        let expected = VerifyNote::LargeIntegers("logits".to_owned());
        assert_eq!(
            report.notes.contains(&expected),
            noted,
            "{:?}",
            report.notes
        );
    }
}

#[test]
fn only_the_name_or_this_programs_own_file_makes_logits() {
    for (name, is_own, fails) in [
        ("logits", false, true),
        ("linear", false, false),
        ("linear", true, true),
        ("probabilities", true, false),
    ] {
        let mut outcome = outcome();
        for run in &mut outcome.cases {
            run.outputs[0].data.fill(1.0);
            name.clone_into(&mut run.outputs[0].name);
        }
        let mut facts = FileFacts { is_own, ..facts() };
        name.clone_into(&mut facts.outputs[0].name);
        let checked = check(&facts, &cases(), &outcome.cases, Tolerance::default());
        assert_eq!(!checked.failures.is_empty(), fails, "{name} {is_own}");
    }
}

#[test]
fn only_a_batch_that_comes_first_has_rows() {
    let mut outcome = outcome();
    let classes = 6;
    for run in &mut outcome.cases {
        let output = &mut run.outputs[0];
        let images = output.shape[0];
        output.shape = vec![classes, images];
        let rows = output.data.clone();
        let transposed = (0..classes * images).map(|at| rows[at % images * classes + at / images]);
        output.data = transposed.collect();
    }
    let mut facts = facts();
    facts.outputs[0].shape = None;
    let checked = check(&facts, &cases(), &outcome.cases, Tolerance::default());
    assert_eq!(
        (checked.rows_smallest_factor, checked.failures),
        (None, Vec::new())
    );
}

#[test]
fn one_class_is_a_note() {
    let mut facts = facts();
    facts.outputs[0].shape = Some(vec![
        DeclaredExtent::Named("batch".into()),
        DeclaredExtent::Fixed(1),
    ]);
    let mut outcome = outcome();
    for (case, run) in cases().iter().zip(&mut outcome.cases) {
        run.outputs[0].shape = vec![case.images.len(), 1];
        run.outputs[0].data = case.images.iter().map(|&image| image as f64).collect();
    }
    let settings = VerifySettings {
        file: "a.onnx".into(),
        seed: 0,
        limits: Limits::default(),
    };
    let runs = [Run {
        runtime: RuntimeName::Tract,
        library: None,
        passed_over: Vec::new(),
        changes: Vec::new(),
        outcome,
    }];
    let report = judge(&settings, &facts, &cases(), &runs);
    assert_eq!(report.verdict, Verdict::RanNotCompared);
    assert_eq!(report.notes.len(), 1);
}

#[test]
fn a_row_that_depends_on_its_batch_fails() {
    for row in [0, 2] {
        let report = tampered(|outcome| logits_of(outcome, 2)[row * 6 + 1] += 0.01);
        assert_eq!(failures(&report), [(Check::Rows, 2)], "row {row}");
        assert!(
            report.runtimes[0]
                .rows_smallest_factor
                .is_some_and(|factor| factor > 1.0)
        );
        assert!(
            report.runtimes[0].failures[0]
                .message
                .starts_with(&format!("row {row} "))
        );
    }
}
