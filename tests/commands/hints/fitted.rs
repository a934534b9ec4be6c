//! Hints about classifiers that were fitted elsewhere.

use super::files::{made, plain, weights};
use super::follow::{Case, How};
use How::{Run, With, Without};
use efficientnet_onnx::metadata::HEAD_KEY;
use serde_json::Value;
use std::fs;
use std::path::Path;

pub const OF_CLASSIFIERS: &[Case] = &[
    Case {
        hint: "the checkpoint has no classifier: draw one with",
        prepare: |folder| {
            weights(folder, "--variant lite0", |name| {
                !name.starts_with("classifier")
            });
            head(folder, 1280);
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "classifier.weight",
        steps: &[
            ("--reset-classifier N", With("--reset-classifier 4")),
            ("--classifier FILE", With("--classifier head.safetensors")),
            ("--outputs pooled", With("--outputs pooled")),
        ],
    },
    Case {
        hint: "leave `--classes` out: the classifier tells",
        prepare: |folder| {
            plain(folder);
            head(folder, 1280);
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --classifier head.safetensors --classes 4 -o m.onnx",
        reason: "`--classes 4` does not match `head.safetensors`, which has 2",
        steps: &[("--classes", Without("--classes"))],
    },
    Case {
        hint: "fit it on features of this network",
        prepare: |folder| {
            plain(folder);
            head(folder, 640);
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --classifier head.safetensors -o m.onnx",
        reason: "expected `weight` [classes, 1280] and `bias` [classes], found `weight` [2, 640], `bias` [2]",
        steps: &[(
            "--outputs pooled",
            Run("emit --weights w --like timm/tf_efficientnet_lite0 --outputs pooled -o m.onnx"),
        )],
    },
    Case {
        hint: "leave it out, or ask for `logits` or `probabilities`",
        prepare: plain,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --thresholds 0.5 --outputs pooled -o m.onnx",
        reason: "`--thresholds` is for outputs of classes, and `--outputs` has none",
        steps: &[],
    },
    Case {
        hint: "leave `--thresholds` out, or give `--activation sigmoid`",
        prepare: plain,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --thresholds 0.5 -o m.onnx",
        reason: "`--thresholds` is for a sigmoid, by which each class has its own probability, found a softmax",
        steps: &[
            ("--thresholds", Without("--thresholds")),
            ("--activation sigmoid", With("--activation sigmoid")),
        ],
    },
    Case {
        hint: "give the thresholds with `--thresholds P` or `--thresholds FILE`",
        prepare: |folder| {
            made(
                folder,
                "w",
                "weights export --variant lite0 --classes 3 --init probe",
            );
            recorded(
                folder,
                r#"{"version":2,"activation":"sigmoid","thresholds":[0.5,0.5]}"#,
            );
            fs::write(folder.join("t.txt"), "0.4\n0.5\n0.6\n").expect("a file");
        },
        line: "emit --weights w -o m.onnx",
        reason: "thresholds do not fit: expected 1 threshold, or 3, one for each class, found 2",
        steps: &[
            ("--thresholds P", With("--thresholds 0.5")),
            ("--thresholds FILE", With("--thresholds t.txt")),
        ],
    },
];

/// Puts a record of the head into the checkpoint `w`.
fn recorded(folder: &Path, record: &str) {
    let path = folder.join("w");
    let bytes = fs::read(&path).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(length).expect("a header");
    let mut header: Value = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    header["__metadata__"][HEAD_KEY] = record.into();
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    let changed = [&length[..], header.as_bytes(), &bytes[end..]].concat();
    fs::write(path, changed).expect("a file");
}

/// A classifier of two classes.
fn head(folder: &Path, features: usize) {
    let zeros = vec![0; 2 * features * size_of::<f32>()];
    let view = |shape: &[usize], bytes| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes)
            .expect("a tensor")
    };
    let tensors = [
        ("bias", view(&[2], &zeros[..2 * size_of::<f32>()])),
        ("weight", view(&[2, features], &zeros)),
    ];
    let file = safetensors::serialize(tensors, None).expect("a file");
    fs::write(folder.join("head.safetensors"), file).expect("a file");
}
