//! Hints about the form of a graph.

use super::files::too_large;
use super::follow::Case;
use super::follow::How::{With, Without};

pub const OF_FORMS: &[Case] = &[
    Case {
        hint: "`--dtype bf16` has the range of f32; `--allow-nan` writes these numbers as infinities",
        prepare: too_large,
        line: "emit --weights w --like timm/tf_efficientnet_lite0 --dtype f16 -o m.onnx",
        reason: "numbers are beyond f16, the largest by magnitude ",
        steps: &[
            ("--dtype bf16", With("--dtype bf16")),
            ("--allow-nan", With("--allow-nan")),
        ],
    },
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
    Case {
        hint: "leave `--images` out, or ask for",
        prepare: |folder| {
            let pictures = folder.join("pictures");
            std::fs::create_dir(&pictures).expect("a folder");
            let picture = image::GrayImage::from_pixel(40, 30, image::Luma([90]));
            picture.save(pictures.join("grey.png")).expect("a picture");
        },
        line: "emit --width 0.2 --depth 0.3 --size 32 --dtype f16 --islands none --images pictures -o m.onnx",
        reason: "`--images` places islands, found `--islands none`",
        steps: &[
            ("--images", Without("--images")),
            ("--islands auto", With("--islands auto")),
        ],
    },
];
