//! `verify` on what `emit` writes: every size, batch, storage and output that it can have.

use crate::verify_support::{Run, emitted, folder, program, verify};
use serde_json::{Value, json};

const BOTH: &[&str] = &["--json", "--runtime", "tract,ort-cpu"];

#[test]
fn the_table_names_runtimes_versions_and_the_allowed_difference() {
    let folder = folder();
    let run = verify(&emitted(&folder, &[]), true, &[]).expect(0);
    for part in [
        "the runtimes agree",
        "tract",
        "0.23.9",
        "ort-cpu",
        "5/5",
        "5e-5 * max|base| + 1e-4 * |base|",
    ] {
        assert!(run.stdout.contains(part), "`{part}` in {}", run.stdout);
    }
    assert!(
        !run.stdout.contains('\u{1b}'),
        "no colour where there is no terminal"
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn symbolic_sizes_are_tried_at_two_sizes_each() {
    let folder = folder();
    let file = emitted(&folder, &["--size", "dynamic:32", "--init", "probe"]);
    let report = verify(&file, true, BOTH).expect(0).report();
    let sizes: Vec<(&Value, &Value, &Value)> = report["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| (&case["batch"], &case["height"], &case["width"]))
        .collect();
    let expected = json!([1, 3, 64, 96, 224]);
    let [one, three, small, wide, large] = [0, 1, 2, 3, 4].map(|at| &expected[at]);
    assert_eq!(
        sizes,
        [
            (one, large, large),
            (one, large, large),
            (three, large, large),
            (one, small, wide),
            (one, small, wide),
            (three, small, wide),
        ]
    );
}

#[test]
fn external_data_and_a_fixed_batch_agree() {
    let folder = folder();
    let file = emitted(&folder, &["--external-data", "--batch", "2"]);
    let report = verify(&file, true, BOTH).expect(0).report();
    assert_eq!(report["verdict"], "agree");
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["runtimes"][0]["rows_smallest_factor"], Value::Null);
}

#[test]
fn other_outputs_than_logits_agree() {
    let folder = folder();
    for outputs in ["probabilities", "pooled", "pooled,probabilities,logits"] {
        let file = emitted(&folder, &["--outputs", outputs, "--force"]);
        let report = verify(&file, true, BOTH).expect(0).report();
        assert_eq!(report["verdict"], "agree", "{outputs}: {report:#}");
    }
}

#[test]
fn one_class_is_a_note() {
    let folder = folder();
    let file = emitted(&folder, &["--classes", "1"]);
    let report = verify(&file, true, BOTH).expect(0).report();
    assert_eq!(report["notes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn emit_gives_the_file_its_name_only_if_it_passes() {
    let folder = folder();
    let path = folder.path().join("b0.onnx");
    let emit = || {
        let mut command = program();
        command
            .args(["emit", "--variant", "b0", "--size", "32", "--verify", "-o"])
            .arg(&path);
        command
    };
    Run::of(emit().env("ORT_DYLIB_PATH", "/nonexistent/libonnxruntime.so")).expect(3);
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "nothing is left");
    // Without ONNX Runtime it ran in tract, and says what was not compared.
    let run = Run::of(&mut emit()).expect(0);
    assert!(
        path.exists() && run.stderr.contains("no usable ONNX Runtime library"),
        "{run:#?}"
    );
}
