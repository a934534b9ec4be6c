//! Hints about classifiers that were fitted elsewhere.

use super::files::{plain, weights};
use super::follow::{Case, How};
use How::{Run, With, Without};
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
];

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
