//! Verification by the library: typed options in, typed reports and errors out, in this process or in workers.

use crate::verify_support::{folder, toy};
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::discover::Places;
use efficientnet_onnx::runtime::process::{Host, Program};
use efficientnet_onnx::stored::write_npy;
use efficientnet_onnx::tensor::NamedTensor;
use efficientnet_onnx::verify::bisect::Conclusion;
use efficientnet_onnx::verify::mutate::TrialVerdict;
use efficientnet_onnx::verify::plan::Wanted;
use efficientnet_onnx::verify::report::{RuntimeStatus, Verdict};
use efficientnet_onnx::verify::session::{CaseSource, SessionError, Update, Verifier};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Verifies by the reference alone, in this process.
fn verifier() -> Verifier {
    Verifier {
        runtimes: vec![RuntimeName::Reference],
        ..Verifier::new(Host::in_this_process(Places::default()))
    }
}

/// The same in worker processes.
fn in_workers() -> Verifier {
    let program = Program {
        path: env!("CARGO_BIN_EXE_efficientnet-onnx").into(),
        arguments: vec!["worker".into()],
    };
    Verifier {
        host: Host::in_workers(Places::default(), program),
        ..verifier()
    }
}

fn write(model: &ModelProto, folder: &Path, name: &str) -> PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir(&folder).expect("a folder");
    toy::write(model, &folder)
}

/// The toy with another weight.
fn spoiled() -> ModelProto {
    let mut model = toy::model();
    let graph = model.graph.as_mut().expect("a graph");
    graph.initializer[0] = toy::tensor("weight", &[4, 3], (0..12).map(|at| at as f32));
    model
}

#[test]
fn the_same_report_comes_of_this_process_and_of_workers() {
    let folder = folder();
    let file = write(&toy::model(), folder.path(), "a");
    let mut told = Vec::new();
    let mut tell = |update: Update<'_>| {
        if let Update::Running { runtime, limit } = update {
            told.push((runtime, limit));
        }
    };
    let limit = Duration::from_secs(50);
    let [here, workers] = [verifier(), in_workers()].map(|verifier| {
        let verifier = Verifier {
            name: Some("the toy".to_owned()),
            limit: Some(limit),
            ..verifier
        };
        verifier.verify(&file, &mut tell).expect("a report")
    });
    assert_eq!(told, [(RuntimeName::Reference, limit); 2]);
    for report in [&here, &workers] {
        assert_eq!(report.verdict, Verdict::RanNotCompared, "{report:?}");
        assert_eq!((report.file.as_str(), report.cases.len()), ("the toy", 3));
        let [runtime] = report.runtimes.as_slice() else {
            panic!("expected one runtime, found {report:?}");
        };
        assert!(runtime.is_reference && runtime.status == RuntimeStatus::Passed);
    }
    assert_eq!(here.cases, workers.cases);
    let factors = [&here, &workers].map(|report| report.runtimes[0].rows_smallest_factor);
    assert_eq!(factors[0], factors[1]);
}

#[test]
fn a_time_limit_ends_a_worker() {
    let folder = folder();
    let file = write(&toy::model(), folder.path(), "a");
    let verifier = Verifier {
        limit: Some(Duration::ZERO),
        ..in_workers()
    };
    let report = verifier.verify(&file, &mut |_| {}).expect("a report");
    assert_eq!(report.verdict, Verdict::Disagree);
    let runtime = &report.runtimes[0];
    assert_eq!(runtime.status, RuntimeStatus::TimedOut);
    // What to do about it depends on how the limit was set.
    assert_eq!(runtime.hints, []);
}

#[test]
fn stored_outputs_are_what_runs_are_compared_with() {
    let folder = folder();
    let file = write(&toy::model(), folder.path(), "a");
    let at = |name: &str| folder.path().join(name);
    let input = NamedTensor::single("input", vec![1, 3, 8, 8], &[0.5; 192]);
    write_npy(&at("input.npy"), &input).expect("a file");
    for (spoil, verdict) in [(0.0, Verdict::Agree), (0.25, Verdict::Disagree)] {
        // The mean of each channel is 0.5; the weight is 5 · place mod 7 − 3, and the bias the class.
        let logit = |class: usize| {
            let weights = (0..3).map(|channel| ((class * 3 + channel) * 5 % 7) as f32 - 3.0);
            0.5 * weights.sum::<f32>() + class as f32 + if class == 2 { spoil } else { 0.0 }
        };
        let expected = [0, 1, 2, 3].map(logit);
        let expected = NamedTensor::single("logits", vec![1, 4], &expected);
        write_npy(&at("expected.npy"), &expected).expect("a file");
        let verifier = Verifier {
            source: CaseSource::Files {
                inputs: vec![at("input.npy")],
                expected: vec![at("expected.npy")],
            },
            ..verifier()
        };
        let report = verifier.verify(&file, &mut |_| {}).expect("a report");
        assert_eq!(report.verdict, verdict, "{report:?}");
        assert_eq!(report.reference.as_deref(), Some("stored outputs"));
        assert!(!report.runtimes[0].is_reference);
        let pair = verifier.verify_pair([&file, &file], &mut |_| {});
        assert!(
            matches!(pair, Err(SessionError::StoredWithPair)),
            "{pair:?}"
        );
    }
}

#[test]
fn a_pair_is_searched_for_the_first_node_that_differs() {
    let folder = folder();
    let right = write(&toy::model(), folder.path(), "right");
    let wrong = write(&spoiled(), folder.path(), "wrong");
    let found = verifier().bisect(&right, Some(&wrong), &mut |_| {});
    let found = found.expect("a report");
    assert_eq!(found.report.verdict, Verdict::Disagree);
    let [search] = found.searches.as_slice() else {
        panic!("expected one search, found {found:?}");
    };
    let bisection = search.bisection.as_ref().expect("a result");
    assert_eq!(bisection.finding, Conclusion::Found);
    let first = bisection.first.as_ref().expect("a node");
    assert_eq!(
        (first.value.as_str(), search.error.as_ref()),
        ("logits", None)
    );
    let same = verifier()
        .bisect(&right, None, &mut |_| {})
        .expect("a report");
    assert_eq!(
        (same.report.verdict, same.searches.len()),
        (Verdict::RanNotCompared, 0)
    );
}

#[test]
fn planted_mistakes_are_caught() {
    let folder = folder();
    let file = write(&toy::model(), folder.path(), "a");
    let mut tried = 0;
    let report = verifier()
        .self_test(&file, &mut |update| {
            tried += usize::from(matches!(update, Update::Tried(_)));
        })
        .expect("a report");
    let trials = &report.result.trials;
    assert!(
        report.result.passed && trials.len() == tried && tried > 0,
        "{report:?}"
    );
    assert!(
        trials
            .iter()
            .all(|trial| trial.verdict == TrialVerdict::Caught)
    );
}

#[test]
fn what_cannot_be_verified_is_a_typed_error_or_a_report_of_the_rules() {
    let folder = folder();
    let file = write(&toy::model(), folder.path(), "a");
    let mut broken = toy::model();
    broken.graph.as_mut().expect("a graph").node.reverse();
    let broken = write(&broken, folder.path(), "broken");
    let report = verifier().verify(&broken, &mut |_| {}).expect("a report");
    assert_eq!(
        (report.verdict, report.runtimes.len()),
        (Verdict::Disagree, 0)
    );
    assert_eq!(report.problems[0].code, "order");
    let refused = verifier().self_test(&broken, &mut |_| {});
    assert!(
        matches!(refused, Err(SessionError::Rejected(_))),
        "{refused:?}"
    );

    let missing = verifier().verify(&folder.path().join("missing.onnx"), &mut |_| {});
    assert!(matches!(missing, Err(SessionError::File(_))), "{missing:?}");
    let wanted = Wanted {
        sizes: vec![[9, 9]],
        ..Wanted::default()
    };
    let other_size = Verifier {
        source: CaseSource::Noise {
            wanted,
            write_to: None,
        },
        ..verifier()
    };
    let refused = other_size.verify(&file, &mut |_| {});
    assert!(
        matches!(refused, Err(SessionError::Plan { .. })),
        "{refused:?}"
    );
}
