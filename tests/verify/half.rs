//! Files of half precision: what runtimes make of them, beside the file of f32 with the same weights.

use crate::verify_support::{Run, folder, ort_library, program, verify};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Emits a variant at 64 x 64 with weights that show a wrong pad or pool.
fn emitted(folder: &Path, name: &str, flags: &str) -> PathBuf {
    let path = folder.join(format!("{name}.onnx"));
    let mut command = program();
    command.args(["emit", "--quiet", "--init", "probe", "--size", "64"]);
    command.args(flags.split(' ')).arg("-o").arg(&path);
    Run::of(&mut command).expect(0);
    path
}

fn pair(first: &Path, second: &Path, runtimes: &str) -> Value {
    let mut command = program();
    command.arg("verify").arg(first).arg(second);
    command.args(["--json", "--runtime", runtimes]);
    if runtimes.contains("ort") {
        command.arg("--ort-lib").arg(ort_library());
    }
    Run::of(&mut command).expect(0).report()
}

/// How much of what is allowed a report's runs need, each below a limit that rounding stays far from and a mistake passes.
fn stays_below(report: &Value, most: f64) {
    assert_eq!(report["verdict"], "agree", "{report:#}");
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    for runtime in &runtimes[1..] {
        let used = runtime["smallest_factor"].as_f64().expect("a comparison");
        assert!(used < most, "{used}: {report:#}");
    }
}

#[test]
fn every_form_of_f16_computes_what_the_file_of_f32_does() {
    let folder = folder();
    let single = |variant: &str| {
        let flags = format!("--variant {variant}");
        emitted(folder.path(), &format!("f32-{variant}"), &flags)
    };
    let [b0, condconv] = ["b0", "condconv-b0-4e"].map(single);
    for (name, single, flags) in [
        ("half", &b0, "--variant b0 --dtype f16"),
        (
            "kept",
            &b0,
            "--variant b0 --dtype f16 --bn keep --islands none --opset 28",
        ),
        (
            "ends",
            &condconv,
            "--variant condconv-b0-4e --dtype f16 --keep-io --opset 18",
        ),
    ] {
        let half = emitted(folder.path(), name, flags);
        let report = pair(single, &half, "reference,tract,ort-cpu");
        assert_eq!(report["runtimes"].as_array().map(Vec::len), Some(4));
        stays_below(&report, 0.5);
        let notes = report["notes"].to_string();
        let note = "`ort-cpu` computes most nodes of f16 in f32 between casts of its own";
        assert!(notes.contains(note), "{notes}");
    }
}

/// tract and ONNX Runtime on the CPU have no convolution of bf16: unasked they are passed over, asked for they fail.
#[test]
fn bf16_runs_in_the_reference_alone() {
    let folder = folder();
    let single = emitted(folder.path(), "f32", "--variant lite0");
    let half = emitted(folder.path(), "bf16", "--variant lite0 --dtype bf16");
    stays_below(&pair(&single, &half, "reference"), 0.5);
    for file in [
        half.clone(),
        emitted(
            folder.path(),
            "ends",
            "--variant lite0 --dtype bf16 --keep-io",
        ),
    ] {
        let alone = verify(&file, false, &["--json"]).expect(0).report();
        assert_eq!(alone["verdict"], "ran_not_compared", "{alone:#}");
        let notes = alone["notes"].to_string();
        assert!(
            notes.contains("`tract` has no convolution of bf16"),
            "{notes}"
        );
    }
    for (runtimes, named, expected) in [
        ("reference,tract", false, "Unknown DatumType Bfloat16"),
        (
            "reference,ort-cpu",
            true,
            "Could not find an implementation for Conv(22)",
        ),
    ] {
        let asked = verify(&half, named, &["--json", "--runtime", runtimes]).expect(1);
        assert!(asked.stdout.contains(expected), "{asked:#?}");
    }
}

/// Batch norms that are kept are read back as they are, and a file that is emitted again has the same bytes.
#[test]
fn files_of_half_precision_are_checkpoints() {
    let folder = folder();
    let kept = "--variant condconv-b0-4e --bn keep --dtype f16";
    let file = emitted(folder.path(), "kept", kept);
    let again = folder.path().join("again.onnx");
    let mut command = program();
    command.args(["emit", "--quiet", "--size", "64", "--bn", "keep"]);
    command.args(["--dtype", "f16", "--weights"]).arg(&file);
    Run::of(command.arg("-o").arg(&again)).expect(0);
    let report = pair(&file, &again, "reference");
    assert_eq!(
        report["pair"]["tensors"]["different"],
        serde_json::json!([])
    );
    let other_type = &report["pair"]["tensors"]["other_type"];
    assert_eq!(*other_type, serde_json::json!([]));
    let identical = report["pair"]["tensors"]["identical"].as_u64();
    assert!(identical > Some(300), "{report:#}");
    // In f32, and folded in f64: as near as halves are.
    let single = folder.path().join("single.onnx");
    let mut command = program();
    command.args(["emit", "--quiet", "--size", "64", "--weights"]);
    Run::of(command.arg(&file).arg("-o").arg(&single)).expect(0);
    stays_below(&pair(&single, &file, "ort-cpu"), 0.5);
}

/// Pictures are prepared in f32, and rounded to what the input takes.
#[test]
fn pictures_are_classified_by_files_of_half_precision() {
    let folder = folder();
    let picture = "tests/fixtures/preprocessing/cat.png";
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join(picture);
    let classified = |name: &str, flags: &str| {
        let file = emitted(folder.path(), name, flags);
        let mut command = program();
        command.arg("classify").arg(&file).arg(&picture);
        command.args(["--json", "--runtime", "reference"]);
        let run = Run::of(&mut command).expect(0);
        let result: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let top = &result["pictures"][0]["top"][0];
        let probability = top["probability"].as_f64().expect("a probability");
        (top["class"].as_u64().expect("a class"), probability)
    };
    let (class, probability) = classified("f32", "--variant lite0");
    for (name, flags) in [
        ("f16", "--variant lite0 --dtype f16"),
        ("bf16", "--variant lite0 --dtype bf16 --input-format nhwc"),
        (
            "ends",
            "--variant lite0 --dtype f16 --keep-io --outputs probabilities",
        ),
        (
            "bytes",
            "--variant lite0 --dtype f16 --input-format uint8-nhwc",
        ),
    ] {
        let found = classified(name, flags);
        assert_eq!(found.0, class, "{name}");
        assert!(
            (found.1 / probability - 1.0).abs() < 0.2,
            "{name}: {found:?} {probability}"
        );
    }
}

/// Mistakes that are larger than halves' rounding are seen in a file of f16, and a copy without one is not.
#[test]
fn planted_mistakes_are_seen_in_a_file_of_f16() {
    let folder = folder();
    let file = emitted(folder.path(), "half", "--variant lite0 --dtype f16");
    let flags = ["--self-test", "--json", "--runtime", "reference,tract"];
    let report = verify(&file, false, &flags);
    let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
    let trials = report["trials"].as_array().expect("trials");
    let seen = |kind: &str| {
        let of_kind: Vec<&Value> = trials
            .iter()
            .filter(|trial| trial["kind"] == kind)
            .collect();
        assert!(!of_kind.is_empty(), "{kind}: {report:#}");
        of_kind.iter().all(|trial| trial["verdict"] == "caught")
    };
    for kind in [
        "pads-moved",
        "weight-flipped",
        "weight-layout",
        "depthwise-rotated",
    ] {
        assert!(seen(kind), "{kind}: {report:#}");
    }
}
