//! `emit` at the command line: what it refuses and how, what it says, and what it writes where.

use crate::folder::listing;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn emit(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .arg("emit")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_requests_are_refused_before_anything_is_written() {
    let cases: [(&[&str], &str); 22] = [
        (
            &["--phi", "-1"],
            "`phi` must be a finite number of at least 0, found -1",
        ),
        (
            &["--phi", "nan"],
            "`phi` must be a finite number of at least 0, found NaN",
        ),
        (
            &["--phi", "inf"],
            "`phi` must be a finite number of at least 0, found inf",
        ),
        (&["--phi", "1000"], "`phi` 1000 gives width 2.470e41"),
        (&["--phi", "40", "--size", "64"], "the network would have"),
        (
            &["--width", "2000", "--depth", "1"],
            "the weights would take at least",
        ),
        (&["--phi", "two"], "invalid value 'two' for '--phi <X>'"),
        (&["--variant", "b9"], "possible values: b0, b1"),
        (&["--phi", "2", "--variant", "b1"], "cannot be used with"),
        (
            &["--variant", "b1", "--family", "lite"],
            "cannot be used with",
        ),
        (&["--width", "1"], "--depth"),
        (
            &["--width", "0", "--depth", "1"],
            "`width` must be a number above 0 and at most 10000, found 0",
        ),
        (&["--formula", "--variant", "b2"], "cannot be used with"),
        (&[], "no network is chosen"),
        (
            &["--phi", "0", "--size", "0"],
            "expected a number of pixels from 1",
        ),
        (
            &["--phi", "0", "--size", "dynamic:16"],
            "`dynamic:32` or `dynamic`",
        ),
        (&["--phi", "0", "--classes", "0"], "0 is not in 1.."),
        (
            &["--phi", "0", "--bn-epsilon", "0"],
            "expected a number above 0",
        ),
        (
            &["--phi", "0", "--opset", "12"],
            "expected a number from 13 to 28, found `12`",
        ),
        (
            &["--phi", "0", "--opset", "29"],
            "expected a number from 13 to 28, found `29`",
        ),
        (
            &["--phi", "0", "--outputs", "logits,features"],
            "found `features`",
        ),
        (
            &["--phi", "0", "--weights", "w.pth", "--init", "probe"],
            "cannot be used with",
        ),
    ];
    for (arguments, message) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let output = emit(&[arguments, &["-o", "x.onnx"]].concat(), folder.path());
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(message),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(listing(folder.path()), [""; 0], "{arguments:?}");
    }
}

#[test]
fn both_readings_of_phi_are_told_and_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, expected) in [
        (
            ["--phi", "2"].as_slice(),
            "phi 2 is the published b2: width 1.1, depth 1.2, 260 px, 9,109,994 parameters, 993.6 M MACs; \
             the formula (`--formula`) would give width 1.21, depth 1.44, 296 px, 12,255,408 parameters",
        ),
        (
            &["--phi", "2", "--formula"],
            "phi 2 by the formula: width 1.21, depth 1.44, 296 px, 12,255,408 parameters, 1.811 G MACs; \
             the published b2 (without `--formula`) has width 1.1, depth 1.2, 260 px, 9,109,994 parameters",
        ),
        (
            &["--phi", "0.5"],
            "family v1 has no published model of this phi",
        ),
        (
            &["--family", "resnet-50", "--phi", "0", "--size", "64"],
            "64 px, 25,557,032 parameters, 335.7 M MACs; it is the published resnet-50",
        ),
        (
            &["--family", "resnet-50", "--phi", "0.5", "--size", "64"],
            "family resnet-50 has no published model of this phi",
        ),
        (
            &["--phi", "2", "--size", "128"],
            "phi 2 is the published b2: width 1.1, depth 1.2, 260 px, 9,109,994 parameters, 993.6 M MACs, here with size 128, \
             not 260: 128 px, 9,109,994 parameters, 217.0 M MACs; the formula (`--formula`) would give width 1.21",
        ),
        (
            &["--phi", "0", "--classes", "10", "--in-channels", "1"],
            "phi 0 is the published b0: width 1, depth 1, 224 px, 5,288,548 parameters, 385.8 M MACs, here with input channels \
             1, not 3, classes 10, not 1000: 224 px, 4,019,782 parameters",
        ),
        (
            &["--phi", "0", "--outputs", "pooled", "--size", "64x96"],
            "5,288,548 parameters, 385.8 M MACs, here with size 64x96, not 224, output pooled, not logits: 64x96 px, \
             4,007,548 parameters",
        ),
        (
            &[
                "--phi",
                "0",
                "--size",
                "dynamic:32",
                "--outputs",
                "logits,pooled",
            ],
            "385.8 M MACs, here with size dynamic:32, not 224: 224 px, 5,288,548 parameters, 385.8 M MACs",
        ),
        (
            &["--phi", "2", "--formula", "--size", "64", "--classes", "10"],
            "phi 2 by the formula: width 1.21, depth 1.44, 296 px, 12,255,408 parameters, 1.811 G MACs, here with size 64, not \
             296, classes 10, not 1000: 64 px, 10,717,938 parameters",
        ),
        (
            &["--phi", "2", "--formula", "--size", "64", "--classes", "10"],
            "the published b2 (without `--formula`) has width 1.1, depth 1.2, 260 px, 9,109,994 parameters, 993.6 M MACs",
        ),
    ] {
        let all = [
            arguments,
            &["--init", "constant", "--force", "--json", "-o", "x.onnx"],
        ]
        .concat();
        let output = emit(&all, folder.path());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let stored = json["recipe"]["reading"].as_str().expect("a reading");
        assert!(stored.contains(expected), "{stored}");
        let file = fs::read(folder.path().join("x.onnx")).expect("a file");
        let holds = |text: &str| {
            file.windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        assert!(holds(stored), "{stored} is not in the file");
    }
}

#[test]
fn the_smallest_sizes_work() {
    for size in ["1", "31", "1x31"] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = emit(
            &["--variant", "b0", "--size", size, "-o", "x.onnx"],
            folder.path(),
        );
        assert_eq!(output.status.code(), Some(0), "{size}: {}", stderr(&output));
        assert_eq!(listing(folder.path()), ["x.onnx"]);
    }
}

#[test]
fn streams_cannot_be_verified_or_mixed_with_json() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, message) in [
        (
            ["--verify", "-o", "-"].as_slice(),
            "`--verify` needs a file that can be read again",
        ),
        (
            &["--verify", "-o", "/dev/null"],
            "`--verify` needs a file that can be read again",
        ),
        (&["--json", "-o", "-"], "both write to standard output"),
        (
            &["--external-data", "-o", "-"],
            "which a stream or device cannot have",
        ),
        (
            &["--external-data", "-o", "/dev/null"],
            "which a stream or device cannot have",
        ),
    ] {
        let output = emit(&[&["--phi", "0"], arguments].concat(), folder.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(message),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
