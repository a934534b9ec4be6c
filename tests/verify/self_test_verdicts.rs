//! What a self-test comes to, with runtimes that see all, some or nothing.

use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::outcome::CaseOutcome;
use efficientnet_onnx::runtime::outcome::{Outcome, Trouble};
use efficientnet_onnx::tensor::{Element, NamedTensor};
use efficientnet_onnx::verify::facts::FileFacts;
use efficientnet_onnx::verify::mutate::{
    Kind, Original, SelfTest, SelfTestSettings, TrialVerdict, self_test,
};
use efficientnet_onnx::verify::tolerance::Limits;
use prost::Message;
use std::path::Path;

/// Gives `right` for the file without a mistake, and for others what the runtime sees.
struct Made {
    original: Vec<u8>,
    on_the_original: f64,
    base_sees: f64,
    other: Result<f64, String>,
}

impl Made {
    fn run(&mut self, runtime: RuntimeName, file: &Path) -> Outcome {
        let is_original = std::fs::read(file).expect("a file") == self.original;
        let value = match (is_original, runtime) {
            (true, RuntimeName::Reference) => 1.0,
            (true, _) => self.on_the_original,
            (false, RuntimeName::Reference) => self.base_sees,
            (false, _) => match &self.other {
                Ok(value) => *value,
                Err(message) => {
                    let trouble = Some(Trouble::Refused {
                        message: message.clone(),
                    });
                    return Outcome {
                        trouble,
                        ..Outcome::default()
                    };
                }
            },
        };
        let output = NamedTensor {
            name: "y".to_owned(),
            shape: vec![1],
            element: Element::F32,
            data: vec![value].into(),
        };
        let case = CaseOutcome {
            prepare_seconds: 0.0,
            run_seconds: 0.0,
            outputs: vec![output],
        };
        Outcome {
            cases: vec![case],
            done: true,
            ..Outcome::default()
        }
    }
}

fn test_with(on_the_original: f64, base_sees: f64, other: Result<f64, &str>) -> SelfTest {
    let tensor = |name: &str, dims: &[i64]| TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(1),
        float_data: (0..dims.iter().product())
            .map(|index: i64| index as f32)
            .collect(),
        ..TensorProto::default()
    };
    let graph = GraphProto {
        node: vec![NodeProto {
            name: Some("linear".to_owned()),
            op_type: Some("Gemm".to_owned()),
            input: ["x", "w", "b"].map(str::to_owned).to_vec(),
            output: vec!["y".to_owned()],
            ..NodeProto::default()
        }],
        initializer: vec![tensor("w", &[2, 3]), tensor("b", &[3])],
        ..GraphProto::default()
    };
    let original = ModelProto {
        graph: Some(graph),
        ..ModelProto::default()
    }
    .encode_to_vec();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("toy.onnx");
    std::fs::write(&path, &original).expect("a file");
    let file = ModelFile::open(&path).expect("a model");
    let settings = SelfTestSettings {
        reference: RuntimeName::Reference,
        runtimes: vec![RuntimeName::OrtCpu],
        limits: Limits::default(),
        seed: 0,
    };
    let mut runner = Made {
        original,
        on_the_original,
        base_sees,
        other: other.map_err(str::to_owned),
    };
    let whole = Original::read(&file).expect("the whole model");
    let mut run = |runtime, file: &Path| Ok::<_, ()>(runner.run(runtime, file));
    self_test(
        &whole,
        &FileFacts::default(),
        &settings,
        &mut run,
        &mut |_| {},
    )
    .expect("a result")
}

fn test(base_sees: f64, other: Result<f64, &str>) -> SelfTest {
    test_with(1.0, base_sees, other)
}

#[test]
fn nothing_is_tried_where_the_control_disagrees() {
    let result = test_with(1.1, 2.0, Ok(2.0));
    assert!(!result.passed && result.trials.is_empty());
    assert_eq!(result.control[0].agrees, Some(false));
}

#[test]
fn what_every_runtime_sees_is_caught() {
    let result = test(2.0, Ok(2.0));
    assert!(result.passed);
    let kinds: Vec<_> = result
        .trials
        .iter()
        .map(|trial| (trial.kind, trial.site.as_str(), trial.verdict))
        .collect();
    let caught = |kind| (kind, "linear", TrialVerdict::Caught);
    assert_eq!(
        kinds,
        [
            "bias-dropped",
            "bias-rotated",
            "classes-rotated",
            "linear-layout"
        ]
        .map(caught)
    );
    assert_eq!(
        result.trials.len() + result.not_applicable.len(),
        Kind::ALL.len()
    );
    assert!(result.trials[0].runtimes[0].smallest_factor > Some(1000.0));
}

#[test]
fn what_is_within_the_tolerance_is_missed_or_not_visible() {
    // 1e-4 of the largest is within what is allowed, 1.5e-4; NaN never is.
    for (base_sees, other, verdict) in [
        (2.0, Ok(1.0001), TrialVerdict::Missed),
        (1.0001, Ok(1.0001), TrialVerdict::NotVisible),
        (2.0, Ok(1.0002), TrialVerdict::Caught),
        (2.0, Ok(f64::NAN), TrialVerdict::Caught),
        // A file that a runtime does not take proves nothing about comparing.
        (2.0, Err("no such operator"), TrialVerdict::Missed),
    ] {
        let result = test(base_sees, other);
        assert_eq!(result.passed, verdict == TrialVerdict::Caught, "{other:?}");
        assert!(
            result.trials.iter().all(|trial| trial.verdict == verdict),
            "{other:?}: {:?}",
            result.trials
        );
        assert_eq!(
            result.trials[0].reference.is_some(),
            verdict != TrialVerdict::Caught
        );
        assert_eq!(result.trials[0].runtimes[0].message.as_deref(), other.err());
    }
}
