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
        hint: "fit: `emit --variant NAME -o FILE` writes one",
        prepare: |_| {},
        line: "plan --family v2 --macs 400M --params 5M",
        reason: "the baseline, φ = 0, does not fit: ",
        steps: &[(
            "emit --variant NAME -o FILE",
            Run("emit --variant lite0 -o lite0.onnx"),
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
        hint: "give a larger `--tolerance` or a smaller `--step`",
        prepare: |_| {},
        line: "plan --search alpha --step 0.5",
        reason: "no point has α·β²·γ² within 0.1 of 2, in steps of 0.5",
        steps: &[
            ("--tolerance", With("--tolerance 0.5")),
            ("--step", With("--step 0.05")),
        ],
    },
    Case {
        hint: "give a smaller `--tolerance` or a larger `--step`",
        prepare: |_| {},
        line: "plan --search --constraint 4 --tolerance 4 --step 0.01",
        reason: "more than 100000 points have α·β²·γ² within 4 of 4, in steps of 0.01",
        steps: &[
            ("--tolerance", With("--tolerance 0.001")),
            ("--step", With("--step 0.25")),
        ],
    },
    Case {
        hint: "search the other bases alone with",
        prepare: |_| {},
        line: "plan --search --alpha 1.25",
        reason: "`--alpha` is given, but `alpha` is searched",
        steps: &[
            ("--alpha", Without("--alpha")),
            ("--search beta,gamma", With("--search beta,gamma")),
        ],
    },
    Case {
        hint: "write to a file with `-o FILE`",
        prepare: |_| {},
        line: "plan --macs 400M --emit -o -",
        reason: "`--emit` writes beside what is printed, found `-o -`",
        steps: &[("-o FILE", With("-o a.onnx"))],
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
