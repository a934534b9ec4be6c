//! The ONNX project's own checker on what `emit` writes: every variant, and the forms of the command line.

use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Emits `name` into `folder` with the cheapest weights.
fn emit(folder: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.onnx"));
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--init", "constant", "--quiet"])
        .args(flags)
        .arg("-o")
        .arg(&path)
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    path
}

/// Emits a file whose weights no rule draws.
fn skeleton_of(folder: &Path, flags: &[&str]) -> PathBuf {
    let path = folder.join("skeleton.onnx");
    let mut command = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"));
    let command = command.args(["emit", "--quiet"]).args(flags);
    let status = command.arg("-o").arg(&path).status();
    assert!(status.expect("the program starts").success());
    path
}

/// Runs `onnx_checker.py`; what it printed.
fn check(arguments: &[&Path]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("tests/.venv/bin/python");
    assert!(
        python.exists(),
        "`{}` is not there\nhint: `tests/run --set-up-only` installs the ONNX checker",
        python.display()
    );
    let script = root.join("tests/onnx_checker.py");
    let output = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

#[test]
fn every_variant_passes() {
    let folder = folder();
    let mut checked = 0;
    for variant in efficientnet_onnx::architecture::Variant::all() {
        let path = emit(folder.path(), variant.name, &["--variant", variant.name]);
        assert_eq!(check(&[&path]).trim_end(), path.to_str().expect("UTF-8"));
        std::fs::remove_file(path).expect("it was just checked");
        checked += 1;
    }
    assert_eq!(checked, 44);
}

#[test]
fn every_form_passes() {
    let folder = folder();
    let forms: [(&str, &[&str]); 12] = [
        ("kept", &["--bn", "keep"]),
        ("single", &["--batch", "1"]),
        ("batch", &["--batch", "4"]),
        ("symbolic-sides", &["--size", "dynamic:32"]),
        ("symbolic-height", &["--size", "dynamic:32x224"]),
        ("symbolic-kept", &["--size", "dynamic:32", "--bn", "keep"]),
        ("external", &["--external-data"]),
        ("outputs", &["--outputs", "logits,probabilities,pooled"]),
        ("pooled", &["--outputs", "pooled", "--batch", "2"]),
        ("oblong", &["--size", "95x223"]),
        (
            "symmetric",
            &[
                "--padding",
                "symmetric",
                "--size",
                "31",
                "--bn-epsilon",
                "1e-5",
            ],
        ),
        (
            "classes",
            &["--classes", "7", "--in-channels", "1", "--size", "1"],
        ),
    ];
    let mut paths = Vec::new();
    for variant in ["b0", "lite0"] {
        for (form, flags) in forms {
            let flags = [&["--variant", variant], flags].concat();
            paths.push(emit(folder.path(), &format!("{variant}-{form}"), &flags));
        }
    }
    let arguments: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let passed = check(&arguments);
    let passed: Vec<&Path> = passed.lines().map(Path::new).collect();
    assert_eq!(passed, arguments);
}

#[test]
fn every_opset_passes() {
    let folder = folder();
    let mut paths = Vec::new();
    for opset in 13..=28 {
        for (variant, flags) in [
            ("b0", &["--size", "64"][..]),
            ("lite0", &["--size", "dynamic:32", "--bn", "keep"]),
            ("v2-b0", &["--size", "64", "--outputs", "logits,pooled"]),
            ("condconv-b0-4e", &["--size", "dynamic:32x64"]),
            (
                "lite1",
                &["--size", "dynamic", "--input-format", "uint8-nhwc"],
            ),
            (
                "v2-b1",
                &["--size", "64", "--input-format", "nhwc", "--normalize"],
            ),
        ] {
            let number = opset.to_string();
            let flags = [&["--variant", variant, "--opset", &number], flags].concat();
            let path = emit(folder.path(), &format!("{variant}-{opset}"), &flags);
            let model = ModelProto::decode(&*std::fs::read(&path).expect("a file"));
            let model = model.expect("a model");
            assert_eq!(model.opset_import[0].version, Some(opset));
            // What onnx.helper gives as the lowest IR version that has the opset (onnx 1.23.2).
            let versions = [7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13, 13, 14];
            let place = usize::try_from(opset - 13).expect("13 is the first");
            assert_eq!(model.ir_version, Some(versions[place]), "{opset}");
            paths.push(path);
        }
    }
    let arguments: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let passed = check(&arguments);
    let passed: Vec<&Path> = passed.lines().map(Path::new).collect();
    assert_eq!(passed, arguments);
}

/// Each spelling of `--form` in the first and the last opset that has it, and where a pool's axes become an operand.
#[test]
fn every_spelling_passes() {
    let folder = folder();
    let spellings = [
        ("swish=swish-op", &["24", "28"][..]),
        ("pool=global-average", &["13", "17"]),
        ("pool=reduce-mean", &["18", "28"]),
        ("head=matmul", &["13", "28"]),
        ("swish=swish-op,pool=reduce-mean,head=matmul,ir=14", &["25"]),
        ("ir=14", &["13", "17"]),
    ];
    let mut paths = Vec::new();
    for (variant, flags) in [
        ("b0", &["--size", "dynamic:32"][..]),
        ("lite0", &["--size", "64", "--bn", "keep"]),
        ("condconv-b0-4e", &["--size", "64x32"]),
    ] {
        for (spelling, opsets) in spellings {
            for opset in opsets {
                let form = ["--variant", variant, "--opset", opset, "--form", spelling];
                let name = format!("{variant}-{opset}-{}", spelling.replace(',', "-"));
                let path = emit(folder.path(), &name, &[&form, flags].concat());
                let model = ModelProto::decode(&*std::fs::read(&path).expect("a file"));
                let version = model.expect("a model").ir_version;
                assert_eq!(
                    spelling.contains("ir=14"),
                    version == Some(14) && *opset != "28"
                );
                paths.push(path);
            }
        }
    }
    for layout in [
        "align=1",
        "align=65536",
        "threshold=4096",
        "align=64,threshold=100000",
    ] {
        let flags = ["--variant", "b0", "--external-data", "--form", layout];
        paths.push(emit(folder.path(), &layout.replace(',', "-"), &flags));
    }
    let skeleton = ["--skeleton", "--phi", "7", "--formula", "--size", "64"];
    let skeleton = [&skeleton[..], &["--bn", "keep"]].concat();
    paths.push(skeleton_of(folder.path(), &skeleton));
    let arguments: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let passed = check(&arguments);
    let passed: Vec<&Path> = passed.lines().map(Path::new).collect();
    assert_eq!(passed, arguments);
}

/// Each opset in f16, and in bf16 from the first that has it; variants and the other options in turn.
#[test]
fn every_half_precision_passes() {
    let folder = folder();
    let variants = [
        ("b0", "64"),
        ("lite0", "dynamic:32"),
        ("v2-b0", "64"),
        ("condconv-b0-4e", "dynamic:32x64"),
    ];
    let options: [&[&str]; 6] = [
        &[],
        &["--keep-io", "--outputs", "probabilities,logits,pooled"],
        &["--bn", "keep"],
        &["--islands", "none"],
        &["--bn", "keep", "--keep-io", "--size", "dynamic"],
        &[
            "--islands",
            "none",
            "--keep-io",
            "--outputs",
            "probabilities",
        ],
    ];
    let mut turn = options.iter().cycle();
    let mut paths = Vec::new();
    for opset in 13..=28 {
        let dtypes: &[&str] = if opset < 22 {
            &["f16"]
        } else {
            &["f16", "bf16"]
        };
        for (variant, size) in variants.into_iter().skip(opset % 2).step_by(2) {
            for dtype in dtypes {
                let number = opset.to_string();
                let mut flags = vec!["--variant", variant, "--opset", &number, "--dtype", dtype];
                let options = turn.next().expect("a cycle");
                if !options.contains(&"--size") {
                    flags.extend(["--size", size]);
                }
                flags.extend(*options);
                paths.push(emit(
                    folder.path(),
                    &format!("{variant}-{opset}-{dtype}"),
                    &flags,
                ));
            }
        }
    }
    let arguments: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let passed = check(&arguments);
    let passed: Vec<&Path> = passed.lines().map(Path::new).collect();
    assert_eq!(passed, arguments);
}

/// Past 2 GiB a model is checked by path, its weights beside it.
#[test]
fn a_model_past_two_gibibytes_passes() {
    let folder = folder();
    let flags = ["--phi", "13", "--formula", "--size", "64"];
    let path = emit(folder.path(), "phi-13", &flags);
    let data = folder.path().join("phi-13.onnx.data");
    assert!(data.metadata().expect("external data").len() > 1 << 31);
    assert_eq!(check(&[&path]).trim_end(), path.to_str().expect("UTF-8"));
}

/// The checker is not blind: each of five wrong things in a file that passes is seen.
#[test]
fn the_checker_sees_what_is_wrong() {
    let folder = folder();
    let path = emit(folder.path(), "b0", &["--variant", "b0", "--size", "64"]);
    let seen = check(&[Path::new("--spoil"), &path]);
    assert_eq!(
        seen.lines()
            .filter(|line| line.starts_with("seen: "))
            .count(),
        5,
        "{seen}"
    );
}
