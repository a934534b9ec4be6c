//! `verify A B`: two files that should compute the same.

mod verify_support;

use std::path::{Path, PathBuf};
use tempfile::TempDir;
use verify_support::{Run, emitted, folder, ort_library, program};

/// A second file beside the first.
fn another(folder: &TempDir, name: &str, arguments: &[&str]) -> PathBuf {
    let made = emitted(folder, arguments);
    let path = folder.path().join(name);
    std::fs::rename(made, &path).expect("renamed");
    path
}

fn pair(first: &Path, second: &Path, arguments: &[&str]) -> Run {
    let mut command = program();
    command.arg("verify").args([first, second]).args(arguments);
    command.arg("--ort-lib").arg(ort_library());
    Run::of(&mut command)
}

const PROBE: [&str; 2] = ["--init", "probe"];

#[test]
fn the_same_network_in_two_spellings_agrees_and_its_tensors_are_paired() {
    let folder = folder();
    let kept = another(&folder, "kept.onnx", &["--init", "probe", "--bn", "keep"]);
    let plain = emitted(&folder, &PROBE);
    let report = pair(&plain, &kept, &["--json", "--runtime", "ort-cpu"])
        .expect(0)
        .report();
    assert_eq!(report["verdict"], "agree");
    assert_eq!(
        report["base"],
        format!("ort-cpu of {}", plain.display()).as_str()
    );
    let ran = report["runtimes"].as_array().expect("runtimes");
    assert_eq!(ran.len(), 2);
    assert_eq!(ran[1]["file"], kept.display().to_string().as_str());
    assert!(ran[1]["smallest_factor"].as_f64().expect("a factor") < 0.1);
    let tensors = &report["pair"]["tensors"];
    // Every batch norm has four tensors and becomes one bias; the weights before it change.
    let count = |key: &str| tensors[key].as_array().map(Vec::len);
    assert_eq!(count("only_first"), Some(49));
    assert_eq!(count("only_second"), Some(196));
    assert_eq!(count("different"), Some(49));
}

#[test]
fn other_weights_disagree_and_the_table_names_both_files() {
    let folder = folder();
    let other = another(&folder, "other.onnx", &["--init", "probe", "--seed", "1"]);
    let first = emitted(&folder, &PROBE);
    let run = pair(&first, &other, &["--runtime", "ort-cpu"]).expect(1);
    for part in ["b0.onnx and ", "other.onnx: they disagree", "disagrees in"] {
        assert!(run.stdout.contains(part), "`{part}` in {}", run.stdout);
    }
}

#[test]
fn files_that_take_no_common_input_are_bad_usage() {
    let folder = folder();
    let other = another(&folder, "other.onnx", &["--size", "32"]);
    let first = emitted(&folder, &[]);
    let run = pair(&first, &other, &["--runtime", "ort-cpu"]).expect(2);
    assert!(run.stderr.contains("[batch, 3, 64, 64]"), "{}", run.stderr);
    assert!(run.stderr.contains("[batch, 3, 32, 32]"), "{}", run.stderr);
    assert!(run.stderr.contains("hint:"), "{}", run.stderr);
}
