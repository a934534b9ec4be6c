//! Hints about files, outputs and runtimes, and of what a model records.

use super::files::{exported, keras, made, picture, weights};
use super::follow::{Case, How};
use How::{Name, Past, Run, Shows, With, Without};
use std::fs;

/// A network of one's own with another activation.
const RELU: &str = r#"
name = "relu"
resolution = 224
stem_filters = 32
head_filters = 1280
activation = "relu"
padding = "same"
bn_epsilon = 0.001
classes = 1000
in_channels = 3
stages = [
  { block = "mbconv", kernel_size = 3, num_repeat = 1, stride = 1, expand_ratio = 1, input_filters = 32, output_filters = 16, se_ratio = 0.25 },
  { block = "mbconv", kernel_size = 5, num_repeat = 2, stride = 2, expand_ratio = 6, input_filters = 16, output_filters = 24, se_ratio = 0.25 },
]
"#;

pub const OF_FILES: &[Case] = &[
    Case {
        hint: "write to a file with `-o FILE`",
        prepare: |_| {},
        line: "emit --variant lite0 --init constant --verify -o -",
        reason: "`--verify` needs a file that can be read again",
        steps: &[(
            "-o FILE",
            Run("emit --variant lite0 --init probe --verify -o m.onnx"),
        )],
    },
    Case {
        hint: "write to a file with `-o FILE`",
        prepare: |_| {},
        line: "emit --variant lite0 --external-data -o -",
        reason: "external",
        steps: &[(
            "-o FILE",
            Run("emit --variant lite0 --external-data -o m.onnx"),
        )],
    },
    Case {
        hint: "write the model to a file, or leave `--json` out",
        prepare: |_| {},
        line: "emit --variant lite0 -o - --json",
        reason: "both write to standard output",
        steps: &[("--json", Without("--json"))],
    },
    Case {
        hint: "`--force` replaces it",
        prepare: |folder| fs::write(folder.join("m.onnx"), "mine").expect("a file"),
        line: "emit --variant lite0 -o m.onnx",
        reason: "m.onnx",
        steps: &[("--force", With("--force"))],
    },
    Case {
        hint: "give a fixed `--size`",
        prepare: |_| {},
        line: "emit --size dynamic:32 -o m.onnx --blocks r1_k3_s22_e1_i32_o16+r1_k3_s22_e1_i16_o16+r1_k3_s22_e1_i16_o16+r1_k3_s22_e1_i16_o16+r1_k3_s22_e1_i16_o16",
        reason: "padding",
        steps: &[("--size", With("--size 64"))],
    },
    Case {
        hint: "only files that `emit` wrote can be exported",
        prepare: foreign,
        line: "weights export m.onnx -o w",
        reason: "in its metadata",
        steps: &[("emit", Name)],
    },
    Case {
        hint: "emit it again with `--bn keep`",
        prepare: |folder| made(folder, "m.onnx", "emit --variant lite0"),
        line: "weights export m.onnx -o w",
        reason: "folded into the convolutions",
        steps: &[(
            "--bn keep",
            Run("emit --variant lite0 --bn keep -o k.onnx; weights export k.onnx -o w"),
        )],
    },
    Case {
        hint: "add `ort-cpu` to `--runtime`",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --init probe",
            )
        },
        line: "verify m.onnx --runtime tract --ort-lib lib.so",
        reason: "`--ort-lib` is given",
        steps: &[
            ("--runtime", Past("--runtime tract,ort-cpu")),
            ("--ort-lib", Without("--ort-lib")),
        ],
    },
    Case {
        hint: "add `ort-cuda` to `--runtime`",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --init probe",
            )
        },
        line: "verify m.onnx --runtime tract --cuda-lib folder",
        reason: "`--cuda-lib` is given",
        steps: &[
            ("--runtime", Past("--runtime tract,ort-cuda")),
            ("--cuda-lib", Without("--cuda-lib")),
        ],
    },
    Case {
        hint: "emit the model again with `--outputs logits`",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --outputs pooled",
            );
            picture(folder);
        },
        line: "classify m.onnx p.jpg --runtime tract",
        reason: "m.onnx",
        steps: &[(
            "--outputs logits",
            Run(
                "emit --variant lite0 --size 32 --outputs logits -o l.onnx; classify l.onnx p.jpg --runtime tract",
            ),
        )],
    },
    Case {
        hint: "emit the model again with `--outputs logits,cam`",
        prepare: |folder| {
            made(folder, "m.onnx", "emit --variant lite0 --size 32");
            picture(folder);
        },
        line: "classify m.onnx p.jpg --cam f.png",
        reason: "expected an output `cam`, found `logits`",
        steps: &[(
            "--outputs logits,cam",
            Run(
                "emit --variant lite0 --size 32 --outputs logits,cam -o l.onnx; classify l.onnx p.jpg --cam f.png",
            ),
        )],
    },
    Case {
        hint: "emit the model again with `--outputs logits,cam`",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --outputs cam",
            );
            picture(folder);
        },
        line: "classify m.onnx p.jpg --cam f.png",
        reason: "expected an output `logits` or `probabilities`, found `cam`",
        steps: &[(
            "--outputs logits,cam",
            Run(
                "emit --variant lite0 --size 32 --outputs logits,cam -o l.onnx; classify l.onnx p.jpg --cam f.png",
            ),
        )],
    },
    Case {
        hint: "write the figure to a file, or leave `--json` out",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --outputs logits,cam",
            );
            picture(folder);
        },
        line: "classify m.onnx p.jpg --cam - --json",
        reason: "both write to standard output",
        steps: &[("--json", Without("--json"))],
    },
    Case {
        hint: "tell it with `",
        prepare: |folder| {
            exported(folder);
            picture(folder);
        },
        line: "classify m.onnx p.jpg --runtime tract",
        reason: "does not say how pictures are prepared",
        steps: &[
            ("--mean", With("--mean 0.5 --std 0.5")),
            ("--std", With("--std 0.5 --mean 0.5")),
        ],
    },
    Case {
        hint: "`verify` lists everything that is wrong with it",
        prepare: |folder| {
            broken(folder);
            picture(folder);
        },
        line: "classify m.onnx p.jpg",
        reason: "breaks a rule",
        steps: &[("verify", Shows("verify m.onnx", 1))],
    },
    Case {
        hint: "`check` lists everything that is wrong with it",
        prepare: broken,
        line: "bench m.onnx",
        reason: "breaks a rule",
        steps: &[("check", Shows("check m.onnx", 1))],
    },
    Case {
        hint: "leave `--activation` out: one class has a sigmoid",
        prepare: |_| {},
        line: "emit --variant lite0 --classes 1 --activation softmax -o m.onnx",
        reason: "of one class is 1 for every image",
        steps: &[("--activation", Without("--activation"))],
    },
    Case {
        hint: "give trained weights with `--weights PATH`",
        prepare: |folder| weights(folder, "--variant lite0", |_| true),
        line: "emit --like timm/tf_efficientnet_lite0 -o m.onnx",
        reason: "not the trained weights of",
        steps: &[
            ("--weights PATH", Past("--weights w")),
            ("--weights hf:timm/tf_efficientnet_lite0.in1k", Name),
            ("--init official", Past("--init official")),
        ],
    },
    Case {
        hint: "prints the probabilities of every picture",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --classes 2 --activation sigmoid",
            );
            picture(folder);
        },
        line: "verify m.onnx --images .",
        reason: "has a sigmoid",
        steps: &[(
            "classify --json",
            Run("classify --json m.onnx p.jpg --runtime tract"),
        )],
    },
    Case {
        hint: "take what is recorded: `",
        prepare: |folder| keras(folder, None),
        line: "emit --weights w.h5 --size 97 -o m.onnx --blocks r1_k3_s11_e1_i32_o16_se0.25+r2_k5_s22_e6_i16_o24_se0.25",
        reason: "differs from the network to be emitted",
        steps: &[("--padding static:64", With("--padding static:64"))],
    },
    Case {
        hint: "the activation is a field of architecture files",
        prepare: |folder| {
            keras(folder, Some("relu"));
            fs::write(folder.join("relu.toml"), RELU).expect("a file");
        },
        line: "emit --weights w.h5 -o m.onnx --blocks r1_k3_s11_e1_i32_o16_se0.25+r2_k5_s22_e6_i16_o24_se0.25",
        reason: "differs from the network to be emitted",
        steps: &[
            (
                "inspect --as-arch",
                Run(
                    "inspect --as-arch --blocks r1_k3_s11_e1_i32_o16_se0.25+r2_k5_s22_e6_i16_o24_se0.25",
                ),
            ),
            (
                "--arch FILE",
                Run("emit --weights w.h5 --arch relu.toml -o m.onnx"),
            ),
        ],
    },
    Case {
        hint: "emit a file for that size with `--size HxW`",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size dynamic:32 --init probe",
            )
        },
        line: "verify m.onnx --size 101",
        reason: "101",
        steps: &[(
            "--size HxW",
            Run("emit --variant lite0 --init probe --size 101x101 -o n.onnx; verify n.onnx"),
        )],
    },
    Case {
        hint: "takes the pictures that the list names, wherever they are",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 32 --classes 2",
            );
            let picture = "tests/.data/china.jpg";
            let picture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(picture);
            fs::copy(picture, folder.join("p.jpg")).expect("a file");
            fs::create_dir(folder.join("pictures")).expect("a folder");
            fs::write(folder.join("pictures/labels.csv"), "../p.jpg,0\n").expect("a file");
        },
        line: "verify m.onnx --runtime reference --images pictures",
        reason: "`pictures/../p.jpg` is outside `pictures`",
        steps: &[(
            "--labels-csv pictures/labels.csv",
            With("--labels-csv pictures/labels.csv"),
        )],
    },
    Case {
        hint: "allow more with `--memory-limit SIZE`",
        prepare: |folder| {
            made(
                folder,
                "m.onnx",
                "emit --variant lite0 --size 96 --classes 2",
            )
        },
        line: "verify m.onnx --runtime tract --memory-limit 1MiB",
        reason: "the memory limit is 1024 KiB",
        steps: &[
            ("--memory-limit SIZE", With("--memory-limit 16MiB")),
            ("--memory-limit 64GiB", With("--memory-limit 64GiB")),
        ],
    },
];

/// A file without the record that this program writes.
pub fn foreign(folder: &std::path::Path) {
    made(folder, "m.onnx", "emit --variant lite0");
    let path = folder.join("m.onnx");
    let mut bytes = fs::read(&path).expect("a file");
    let key = b"efficientnet.recipe";
    let places: Vec<usize> = (0..bytes.len() - key.len())
        .filter(|at| bytes[*at..].starts_with(key))
        .collect();
    for place in places {
        bytes[place] = b'E';
    }
    fs::write(path, bytes).expect("a file");
}

/// A file whose external data is not there.
fn broken(folder: &std::path::Path) {
    made(
        folder,
        "m.onnx",
        "emit --variant lite0 --size 32 --external-data",
    );
}
