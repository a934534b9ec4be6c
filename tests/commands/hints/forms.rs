//! Hints about the form of a graph.

use super::follow::Case;
use super::follow::How::{With, Without};

pub const OF_FORMS: &[Case] = &[
    Case {
        hint: "leave `--opset` out, or give",
        prepare: |_| {},
        line: "emit --variant lite0 --size 32 --dtype bf16 --opset 21 -o m.onnx",
        reason: "graphs of bf16 need opset 22 or later, found 21",
        steps: &[("--opset", Without("--opset"))],
    },
    Case {
        hint: "add `--dtype f16` or `--dtype bf16`",
        prepare: |_| {},
        line: "emit --variant lite0 --size 32 --islands none -o m.onnx",
        reason: "`--islands` is for files of f16 and bf16, found f32",
        steps: &[
            ("--dtype f16", With("--dtype f16")),
            ("--dtype bf16", With("--dtype bf16")),
        ],
    },
    Case {
        hint: "add `--dtype f16` or `--dtype bf16`",
        prepare: |_| {},
        line: "emit --variant lite0 --size 32 --keep-io -o m.onnx",
        reason: "`--keep-io` is for files of f16 and bf16, found f32",
        steps: &[
            ("--dtype f16", With("--dtype f16")),
            ("--dtype bf16", With("--dtype bf16")),
        ],
    },
];
