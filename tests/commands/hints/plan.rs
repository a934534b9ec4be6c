//! Hints about plans, models and files of other programs.

use super::follow::Case;
use super::follow::How::{Run, With, Without};
use super::more::foreign;

pub const OF_PLANS: &[Case] = &[
    Case {
        hint: "scale below the baseline with `emit --width W --depth D --size S`",
        prepare: |_| {},
        line: "plan --macs 1M",
        reason: "the baseline, φ = 0, does not fit: 385.8 M MACs of 1.000 M",
        steps: &[(
            "emit --width W --depth D --size S",
            Run("emit --width 0.1 --depth 0.1 --size 32 -o small.onnx"),
        )],
    },
    Case {
        hint: "give `--macs`, `--params`, `--memory` or `--file-size`; `emit --phi X --formula` writes a point",
        prepare: |_| {},
        line: "plan --family lite --emit -o a.onnx --force",
        reason: "`--emit` needs a budget, whose answer it writes",
        steps: &[
            ("--macs", With("--macs 390M")),
            ("--params", With("--params 4.7M")),
            ("--memory", With("--memory 12MB")),
            ("--file-size", With("--file-size 19MB")),
            (
                "emit --phi X --formula",
                Run("emit --phi 0.1 --formula -o p.onnx"),
            ),
        ],
    },
    Case {
        hint: "`inspect --variant NAME --as-arch` prints a network without a file",
        prepare: foreign,
        line: "inspect m.onnx --as-arch",
        reason: "in its metadata",
        steps: &[(
            "inspect --variant NAME --as-arch",
            Run("inspect --variant b0 --as-arch"),
        )],
    },
    Case {
        hint: "leave out `--svg` to see what another program's file costs",
        prepare: foreign,
        line: "inspect m.onnx --svg s.svg",
        reason: "in its metadata",
        steps: &[("--svg", Without("--svg"))],
    },
    Case {
        hint: "`--like LIB/MODEL` names one of them",
        prepare: |_| {},
        line: "inspect --like list --svg s.svg",
        reason: "a list of models has no stages to draw",
        steps: &[("--like LIB/MODEL", With("--like timm/efficientnet_lite0"))],
    },
];
