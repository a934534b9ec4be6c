//! Hints about checkpoints and networks, each with a line that is refused with it, and how its lines are followed.

use super::files::{made, not_a_number, plain, published, teacher, two, weights};
use super::follow::{Case, How};
use How::{Past, Run, With, Without};
use std::fs;

/// Hints that no test of this program can follow, and why.
pub const ELSEWHERE: [(&str, &str); 11] = [
    (
        "or give a folder with `--weights DIR`",
        "tests/snapshot.rs follows it",
    ),
    (
        "`--outputs probabilities` emits the result",
        "tests/weights/modules follows it, and compares numbers",
    ),
    (
        "leave `--test-data` out, or remove the output from the file",
        "it is for files of other tools, with outputs of text",
    ),
    (
        "`--allow-large` writes it all the same",
        "it writes more than 8 GB",
    ),
    (
        "build it with `--features {feature}`",
        "it needs another build",
    ),
    ("`pip install 'onnxruntime>=1.24'`", "it installs a package"),
    (
        "`pip install 'onnxruntime-gpu[cuda,cudnn]'` into",
        "it needs a GPU",
    ),
    (
        "`pip install 'onnxruntime-gpu[cuda,cudnn]'` (in place",
        "it needs a GPU",
    ),
    ("name another with `--ort-lib`", "it needs another library"),
    (
        "give it more time with `--timeout SECONDS`",
        "only a slow machine is refused",
    ),
    (
        "allow more with `--timeout`",
        "only a slow machine is refused",
    ),
];

pub const OF_CHECKPOINTS: &[Case] = &[
    Case {
        hint: "reads that one alone",
        prepare: two,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "tensors, names of timm, lite0",
        steps: &[("--prefix one", With("--prefix one"))],
    },
    Case {
        hint: "reads it all the same",
        prepare: teacher,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "the only network is below `teacher`, which is left out by its name (teacher)",
        steps: &[("--prefix teacher", With("--prefix teacher"))],
    },
    Case {
        hint: "for weights of timm's `tf_efficientnet_*`",
        prepare: plain,
        line: "emit --weights w -o m.onnx",
        reason: "which do not tell its padding and batch norm epsilon",
        steps: &[
            (
                "--like timm/efficientnet_lite0",
                With("--like timm/efficientnet_lite0"),
            ),
            (
                "--like timm/tf_efficientnet_lite0",
                With("--like timm/tf_efficientnet_lite0"),
            ),
            (
                "--padding same --bn-epsilon 1e-3",
                With("--padding same --bn-epsilon 1e-3"),
            ),
            (
                "--padding symmetric --bn-epsilon 1e-5",
                With("--padding symmetric --bn-epsilon 1e-5"),
            ),
        ],
    },
    Case {
        hint: "for B0 to B4 and `--bn-epsilon 1e-3` for B5 to B7",
        prepare: |folder| weights(folder, "--variant b0 --names torchvision", |_| true),
        line: "emit --weights w --width 1 --depth 1 -o m.onnx",
        reason: "which do not tell its batch norm epsilon",
        steps: &[
            ("--bn-epsilon 1e-5", With("--bn-epsilon 1e-5")),
            ("--bn-epsilon 1e-3", With("--bn-epsilon 1e-3")),
        ],
    },
    Case {
        hint: "with the image size S that the model was built for",
        prepare: |folder| weights(folder, "--variant b0 --names lukemelas", |_| true),
        line: "emit --weights w --width 1 --depth 1 -o m.onnx",
        reason: "which do not tell its padding",
        steps: &[
            ("--padding static:S", With("--padding static:224")),
            ("--padding same", With("--padding same")),
        ],
    },
    Case {
        hint: "at which the blocks in `depthwise_padding` of its",
        prepare: |folder| weights(folder, "--variant b0 --names transformers", |_| true),
        line: "emit --weights w --width 1 --depth 1 -o m.onnx",
        reason: "which do not tell its padding",
        steps: &[("--padding static:S", With("--padding static:224"))],
    },
    Case {
        hint: ", and one of these models: use ",
        prepare: |folder| weights(folder, "--variant b0", |_| true),
        line: "emit --weights w --like timm/efficientnet_b1 -o m.onnx",
        reason: "blocks.0.1.bn1.bias",
        steps: &[
            (
                "--like timm/efficientnet_b0",
                With("--like timm/efficientnet_b0"),
            ),
            (
                "--like timm/tf_efficientnet_b0",
                With("--like timm/tf_efficientnet_b0"),
            ),
        ],
    },
    Case {
        hint: ": use `--variant ",
        prepare: |folder| weights(folder, "--variant b0 --names keras", |_| true),
        line: "emit --weights w --phi 1 -o m.onnx",
        reason: "block1b_bn/beta",
        steps: &[("--variant b0", With("--variant b0"))],
    },
    Case {
        hint: "lists the tensors that differ",
        prepare: |folder| weights(folder, "--width 1.5 --depth 1", |_| true),
        line: "emit --weights w -o m.onnx",
        reason: "no published model has the checkpoint's names and shapes",
        steps: &[
            ("--variant b0", Past("--variant b0")),
            (
                "--padding P",
                Past("--variant b0 --padding same --bn-epsilon 1e-3"),
            ),
            (
                "--bn-epsilon E",
                Past("--variant b0 --padding same --bn-epsilon 1e-3"),
            ),
            (
                "--arch FILE",
                Run(
                    "inspect --width 1.5 --depth 1 --as-arch > a.toml; emit --weights w --arch a.toml -o m.onnx",
                ),
            ),
        ],
    },
    Case {
        hint: "the checkpoint ends before the classifier's features",
        prepare: |folder| {
            weights(folder, "--variant lite0", |name| {
                !["classifier", "conv_head", "bn2", "blocks.5", "blocks.6"]
                    .iter()
                    .any(|left_out| name.starts_with(left_out))
            })
        },
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "blocks.5.0.conv_pw.weight",
        steps: &[("--outputs features_4", With("--outputs features_4"))],
    },
    Case {
        hint: "draws a fresh one",
        prepare: plain,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --classes 5 -o m.onnx",
        reason: "`--classes 5` does not match the checkpoint, which has 3",
        steps: &[
            ("--classes", Without("--classes")),
            (
                "--reset-classifier 5",
                Run(
                    "emit --weights w --like timm/tf_efficientnet_lite0 --reset-classifier 5 -o m.onnx",
                ),
            ),
        ],
    },
    Case {
        hint: "out to take the checkpoint's",
        prepare: |folder| weights(folder, "--variant lite0 --in-channels 1", |_| true),
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --in-channels 4 -o m.onnx",
        reason: "`--in-channels 4` does not match the checkpoint, which has 1",
        steps: &[("--in-channels", Without("--in-channels"))],
    },
    Case {
        hint: "out, and normalise pictures before the graph",
        prepare: |_| {},
        line: "emit --variant lite0 --init constant --in-channels 1 --normalize -o m.onnx",
        reason: "`--normalize`: expected a network that it is known how pictures are normalised for",
        steps: &[(
            "--normalize",
            Run("emit --variant lite0 --init constant --in-channels 1 -o m.onnx"),
        )],
    },
    Case {
        hint: "out, and normalise pictures before the graph",
        prepare: |_| {},
        line: "emit --variant lite0 --init constant --in-channels 4 --input-format uint8-nhwc -o m.onnx",
        reason: "found one of 4 input channels",
        steps: &[("--input-format uint8-nhwc", Without("--input-format"))],
    },
    Case {
        hint: "leave `--like` out to take the checkpoint's",
        prepare: |folder| made(folder, "w", "weights export --variant lite0 --classes 3"),
        line: "emit --weights w --like timm/tf_efficientnet_lite1 -o m.onnx",
        reason: "the checkpoint's own metadata say that it is lite0",
        steps: &[("--like", Without("--like"))],
    },
    Case {
        hint: "leave `--like` out to take the checkpoint's",
        prepare: |folder| made(folder, "w", "weights export --variant lite0 --classes 3"),
        line: "emit --weights w --like timm/efficientnet_lite0 -o m.onnx",
        reason: "the checkpoint's own metadata say padding same",
        steps: &[("--like", Without("--like"))],
    },
    Case {
        hint: "draw a fresh classifier with `--reset-classifier N`",
        prepare: plain,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --seed 1 -o m.onnx",
        reason: "`--seed` draws nothing beside `--weights`",
        steps: &[("--reset-classifier N", With("--reset-classifier 4"))],
    },
    Case {
        hint: "`--allow-nan` goes on with this one",
        prepare: not_a_number,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "NaN",
        steps: &[("--allow-nan", With("--allow-nan"))],
    },
    Case {
        hint: "name the weights file itself, and the network with `--like LIB/MODEL`",
        prepare: |folder| published(folder, "{"),
        line: "emit --weights model -o m.onnx",
        reason: "is not JSON",
        steps: &[
            (
                "--like LIB/MODEL",
                Run(
                    "emit --weights model/model.safetensors --like timm/tf_efficientnet_lite0 -o m.onnx",
                ),
            ),
            ("inspect --like list", Run("inspect --like list")),
        ],
    },
    Case {
        hint: "`inspect --like list` has all names",
        prepare: |folder| published(folder, r#"{"architecture": "resnetblur50"}"#),
        line: "emit --weights model -o m.onnx",
        reason: "`timm/resnetblur50`",
        steps: &[("inspect --like list", Run("inspect --like list"))],
    },
    Case {
        hint: "`inspect --like list` has all names",
        prepare: |_| {},
        line: "inspect --like timm/efficientnet",
        reason: "timm/efficientnet",
        steps: &[("inspect --like list", Run("inspect --like list"))],
    },
    Case {
        hint: "`inspect --like list` prints the names",
        prepare: |_| {},
        line: "emit --like list -o m.onnx",
        reason: "`list` is no model",
        steps: &[("inspect --like list", Run("inspect --like list"))],
    },
    Case {
        hint: "use one of `--phi X`, `--variant NAME`",
        prepare: |_| {},
        line: "emit -o m.onnx",
        reason: "no network is chosen",
        steps: &[
            ("--phi X", With("--phi 0")),
            ("--variant NAME", With("--variant lite0")),
            (
                "--like LIB/MODEL",
                With("--like timm/tf_efficientnet_lite0"),
            ),
            ("--width W --depth D", With("--width 0.5 --depth 0.5")),
            (
                "--arch FILE",
                Run("inspect --variant lite0 --as-arch > a.toml; emit --arch a.toml -o m.onnx"),
            ),
            (
                "--blocks STRINGS",
                With("--blocks r1_k3_s11_e1_i32_o16_se0.25+r1_k3_s22_e6_i16_o24_se0.25"),
            ),
        ],
    },
    Case {
        hint: "prints such a file",
        prepare: |folder| fs::write(folder.join("a.toml"), "width = 3").expect("a file"),
        line: "emit --arch a.toml -o m.onnx",
        reason: "`a.toml`, ",
        steps: &[(
            "inspect --variant b0 --as-arch",
            Run("inspect --variant b0 --as-arch > a.toml; emit --arch a.toml -o m.onnx"),
        )],
    },
    Case {
        hint: "give the names with `--labels FILE`",
        prepare: |folder| {
            let config = r#"{"architecture": "tf_efficientnet_lite0", "num_classes": 3, "label_names": ["a", "b"]}"#;
            published(folder, config);
            fs::write(folder.join("names.txt"), "a\nb\nc\n").expect("a file");
        },
        line: "emit --weights model -o m.onnx",
        reason: "own class names do not fit",
        steps: &[("--labels FILE", With("--labels names.txt"))],
    },
];
