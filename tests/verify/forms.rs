//! Every form of a network computes the same, in every runtime that takes it.

use crate::verify_support::{Run, folder, ort_library, program, verify};
use std::path::{Path, PathBuf};

/// Emits a variant at 64 x 64 with weights that show a wrong pad or pool.
fn emitted(folder: &Path, name: &str, flags: &[&str]) -> PathBuf {
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
