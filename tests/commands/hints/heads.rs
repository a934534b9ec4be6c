//! Hints about heads of other layers than one linear one.

use super::files::{made, plain};
use super::follow::{Case, How};
use How::{Name, With, Without};
use std::fs;
use std::path::Path;

pub const OF_HEADS: &[Case] = &[
    Case {
        hint: "give the layers in their order, such as",
        prepare: |folder| {
            let hidden = [
                ("classifier.0.weight", &[8, 1280][..]),
                ("classifier.0.bias", &[8]),
            ];
            let last = [
                ("classifier.2.weight", &[3, 8][..]),
                ("classifier.2.bias", &[3]),
            ];
            with(folder, &[hidden, last].concat());
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "linear, 1280 to 8: `classifier.0.bias` [8], `classifier.0.weight` [8, 1280]",
        steps: &[
            (
                "--head \"linear,linear\"",
                With("--head linear,relu,linear"),
            ),
            ("--outputs pooled", With("--outputs pooled")),
            ("--reset-classifier N", With("--reset-classifier 3")),
        ],
    },
    Case {
        hint: "the exponent is of a generalised mean",
        prepare: |folder| {
            let linear = [
                ("classifier.weight", &[3, 1280][..]),
                ("classifier.bias", &[3]),
            ];
            with(folder, &[&linear[..], &[("global_pool.p", &[1])]].concat());
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "exponent of a generalised mean: `global_pool.p` [1]",
        steps: &[("--head \"gem,linear\"", With("--head gem,linear"))],
    },
    Case {
        hint: "the mean and the maximum are joined, as timm does",
        prepare: |folder| {
            with(
                folder,
                &[("classifier.weight", &[3, 2560]), ("classifier.bias", &[3])],
            );
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "expected one linear layer after the mean of the network's 1280 features: found",
        steps: &[
            (
                "--head \"catavgmax,linear\"",
                With("--head catavgmax,linear"),
            ),
            (
                "--head \"catmaxavg,linear\"",
                With("--head catmaxavg,linear"),
            ),
            ("--outputs pooled", With("--outputs pooled")),
            ("--reset-classifier N", With("--reset-classifier 3")),
        ],
    },
    Case {
        hint: "no head here has it: export the whole model",
        prepare: |folder| {
            let linear = [
                ("classifier.weight", &[3, 1280][..]),
                ("classifier.bias", &[3]),
            ];
            with(folder, &[&linear[..], &[("scale", &[1])]].concat());
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --head linear -o m.onnx",
        reason: "`scale` [1] is of no layer of a head",
        steps: &[("torch.onnx.export", Name)],
    },
    Case {
        hint: "in the order of these tensors, with the activations between them",
        prepare: plain,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --head bn,linear -o m.onnx",
        reason: "layer 1 is `bn` of 1280 features, but `classifier` is linear, 1280 to 3",
        steps: &[("--head", With("--head linear"))],
    },
    Case {
        hint: "leave `--head` out to take the checkpoint's",
        prepare: |folder| {
            made(
                folder,
                "w.onnx",
                "emit --variant lite0 --classes 3 --bn keep --head max,linear",
            );
        },
        line: "emit --weights w.onnx --head avgmax,linear -o m.onnx",
        reason: "the head `avgmax` is asked for, and the checkpoint records `max`",
        steps: &[("--head", Without("--head"))],
    },
    Case {
        hint: "give `--head` a pool alone, such as",
        prepare: plain,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --head bn,linear --reset-classifier 3 -o m.onnx",
        reason: "the layers of the head `bn,linear` are replaced or left out",
        steps: &[
            ("--head", Without("--head")),
            ("--head max", With("--head max")),
        ],
    },
    Case {
        hint: "leave the number out of the last `linear` of `--head`, or give",
        prepare: |_| {},
        line: "emit --variant lite0 --head linear:5 --classes 3 -o m.onnx",
        reason: "the last layer of the head `linear` has 5 features, expected the number of classes, 3",
        steps: &[
            ("--head", With("--head linear")),
            ("--classes 5", With("--classes 5")),
        ],
    },
    Case {
        hint: "`--outputs embedding` emits what the head gives; a head that ends in `linear` has classes",
        prepare: |_| {},
        line: "emit --variant lite0 --head bn,normalize --outputs logits -o m.onnx",
        reason: "output `logits` is of classes, and the head `bn,normalize` has none",
        steps: &[("--outputs embedding", With("--outputs embedding"))],
    },
    Case {
        hint: "`--outputs pooled` needs no layer of the head",
        prepare: |_| {},
        line: "emit --variant lite0 --head linear:8,bn -o m.onnx",
        reason: "the head `linear:8,bn` ends in neither a linear layer nor `normalize`",
        steps: &[("--outputs pooled", With("--outputs pooled"))],
    },
    Case {
        hint: "leave `cam` out of `--outputs`",
        prepare: |_| {},
        line: "emit --variant lite0 --head max,linear --outputs logits,cam -o m.onnx",
        reason: "output `cam` needs a head of average pooling and one linear layer, found the head `max,linear`",
        steps: &[("--outputs", With("--outputs logits"))],
    },
];

/// A checkpoint of a Lite0 whose classifier is these tensors, all of ones.
fn with(folder: &Path, head: &[(&str, &[usize])]) {
    plain(folder);
    let path = folder.join("w");
    let bytes = fs::read(&path).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a checkpoint");
    let ones = 1f32.to_le_bytes().repeat(8 * 1280);
    let own = file.tensors().into_iter();
    let own = own.filter(|(name, _)| !name.starts_with("classifier."));
    let added = head.iter().map(|(name, shape)| {
        let bytes = &ones[..4 * shape.iter().product::<usize>()];
        let element = safetensors::Dtype::F32;
        let view = safetensors::tensor::TensorView::new(element, shape.to_vec(), bytes);
        ((*name).to_owned(), view.expect("a tensor"))
    });
    let tensors: Vec<_> = own.chain(added).collect();
    fs::write(path, safetensors::serialize(tensors, None).expect("a file")).expect("a file");
}
