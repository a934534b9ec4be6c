//! Every form of a network computes the same, in every runtime that takes it.

use crate::verify_support::{Run, folder, ort_library, program, verify};
use std::path::{Path, PathBuf};

/// Emits a variant at 64 x 64 with weights that show a wrong pad or pool.
pub fn emitted(folder: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.onnx"));
    let mut command = program();
    command.args(["emit", "--quiet", "--init", "probe", "--size", "64"]);
    Run::of(command.args(flags).arg("-o").arg(&path)).expect(0);
    path
}

/// ONNX Runtime 1.32 takes every released opset, 1.31 up to 26, 1.24 up to 25 (from runs).
#[test]
fn opsets_agree_with_the_default_one_in_every_runtime() {
    let folder = folder();
    for variant in ["b0", "condconv-b0-4e"] {
        let of = |opset: &str| {
            let flags = ["--variant", variant, "--opset", opset];
            emitted(folder.path(), &format!("{variant}-{opset}"), &flags)
        };
        let usual = of("17");
        for opset in ["13", "18", "22", "25", "28"] {
            let file = of(opset);
            let report = verify(&file, true, &["--json"]).expect(0).report();
            assert_eq!(report["verdict"], "agree", "{variant} {opset}: {report:#}");
            let runtimes = report["runtimes"].as_array().expect("runtimes");
            assert_eq!(runtimes.len(), 3, "{report:#}");
            let mut pair = program();
            pair.arg("verify").arg(&usual).arg(&file);
            pair.args(["--json", "--runtime", "ort-cpu", "--ort-lib"]);
            let report = Run::of(pair.arg(ort_library())).expect(0).report();
            assert_eq!(report["verdict"], "agree", "{variant} {opset}: {report:#}");
        }
    }
}

/// A file of any opset is a checkpoint too, and gives the default form's bytes.
#[test]
fn a_file_of_another_opset_is_emitted_again() {
    let folder = folder();
    let flags = |opset| ["--variant", "lite0", "--bn", "keep", "--opset", opset];
    let [usual, other] = ["17", "24"].map(|opset| emitted(folder.path(), opset, &flags(opset)));
    let again = |name: &str, weights: &Path| {
        let path = folder.path().join(name);
        let mut command = program();
        command.args(["emit", "--quiet", "--size", "64", "--weights"]);
        Run::of(command.arg(weights).arg("-o").arg(&path)).expect(0);
        let report = verify(&path, true, &["--json", "--runtime", "reference,ort-cpu"]).expect(0);
        assert_eq!(report.report()["verdict"], "agree");
        path
    };
    let (one, two) = (again("one.onnx", &usual), again("two.onnx", &other));
    let mut pair = program();
    pair.arg("verify")
        .arg(&one)
        .arg(&two)
        .args(["--json", "--runtime", "reference"]);
    let report = Run::of(&mut pair).expect(0).report();
    assert_eq!(report["verdict"], "agree", "{report:#}");
}

/// SAME padding of an odd side is another than that of an even one, and shows with such weights.
#[test]
fn a_file_for_any_size_computes_what_the_file_for_that_size_does() {
    let folder = folder();
    for variant in ["b0", "condconv-b0-4e"] {
        let of = |name: &str, size: &str| {
            let path = folder.path().join(format!("{variant}-{name}.onnx"));
            let mut command = program();
            command.args(["emit", "--init", "probe", "--variant", variant]);
            let told = Run::of(command.args(["--size", size, "-o"]).arg(&path)).expect(0);
            (path, told.stderr)
        };
        let (any, told) = of("any", "dynamic");
        let note = "opencv computes it wrongly in silence, and candle, onnx2torch, tvm refuse it; a `--size` of numbers or \
                    `dynamic:32` has explicit pads";
        assert!(told.contains(note), "{told}");
        let sizes = ["97x64", "64x97", "65x65"];
        let asked: Vec<&str> = sizes.iter().flat_map(|size| ["--size", size]).collect();
        let report = verify(&any, true, &[&["--json"], &asked[..]].concat()).expect(0);
        assert_eq!(report.report()["verdict"], "agree", "{variant}");
        for size in sizes {
            let (fixed, told) = of(size, size);
            assert!(!told.contains("opencv"), "{told}");
            let mut pair = program();
            pair.arg("verify").arg(&fixed).arg(&any);
            pair.args(["--json", "--runtime", "ort-cpu", "--ort-lib"]);
            let report = Run::of(pair.arg(ort_library())).expect(0).report();
            assert_eq!(report["verdict"], "agree", "{variant} {size}: {report:#}");
        }
    }
}

/// Symmetric pads are those of every size, so nothing is left to the runtime.
#[test]
fn symmetric_pads_of_any_size_are_explicit() {
    let folder = folder();
    let path = folder.path().join("m.onnx");
    let mut command = program();
    command.args([
        "emit",
        "--variant",
        "lite0",
        "--size",
        "dynamic",
        "--init",
        "probe",
    ]);
    command.args(["--padding", "symmetric", "--bn-epsilon", "1e-5", "-o"]);
    let told = Run::of(command.arg(&path)).expect(0).stderr;
    assert!(!told.contains("auto_pad"), "{told}");
    let bytes = std::fs::read(&path).expect("a file");
    let auto_pad = bytes.windows(8).any(|window| window == b"auto_pad");
    assert!(!auto_pad);
    let report = verify(&path, true, &["--json", "--size", "97x64"]).expect(0);
    assert_eq!(report.report()["verdict"], "agree");
}
