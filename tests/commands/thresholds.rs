//! `--thresholds`: from which probability on a picture is of a class, in the record and in `classify`.

use crate::lite_support::change::{changed, set_metadata};
use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::metadata::HEAD_KEY;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::ModelProto;
use serde_json::{Value, json};
use std::path::Path;

const NETWORK: &str = "emit --width 0.25 --depth 0.5 --size 64 --init probe --classes 4";

fn run(folder: &Path, line: &str) -> Run {
    Run::of(program().args(line.split_whitespace()).current_dir(folder))
}

/// What a file records of its head.
fn record(folder: &Path, name: &str) -> Value {
    let file = ModelFile::open(&folder.join(name)).expect("a model");
    serde_json::from_str(file.metadata(HEAD_KEY).expect("a record")).expect("JSON")
}

fn classify(folder: &Path, flags: &str) -> Run {
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/china.jpg");
    std::fs::copy(picture, folder.join("p.jpg")).expect("a picture");
    run(folder, &format!("classify {flags} p.jpg"))
}

/// Classes and their probabilities, as `classify --json` has them.
fn named(report: &Value) -> Vec<(usize, f64)> {
    let top = report["pictures"][0]["top"].as_array().expect("a list");
    let class = |ranked: &Value| {
        let class = ranked["class"].as_u64().expect("a class");
        let class = usize::try_from(class).expect("a small number");
        (class, ranked["probability"].as_f64().expect("a number"))
    };
    top.iter().map(class).collect()
}

/// A file of four classes with a sigmoid, and the classes of a picture, most probable first.
fn sigmoid(folder: &Path) -> Vec<(usize, f64)> {
    let line = format!("{NETWORK} --activation sigmoid --bn keep -o plain.onnx");
    run(folder, &line).expect(0);
    let report = classify(folder, "plain.onnx --json").expect(0).report();
    assert_eq!(report.get("thresholds"), None);
    let all = named(&report);
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted_by(|one, other| one.1 > other.1), "{all:?}");
    all
}

#[test]
fn classify_names_the_classes_that_reach_a_threshold() {
    let folder = folder();
    let path = folder.path();
    let all = sigmoid(path);
    let middle = f64::midpoint(all[1].1, all[2].1);
    let line = format!("emit --weights plain.onnx --thresholds {middle} -o one.onnx");
    run(path, &line).expect(0);
    let expected = json!({"version": 2, "activation": "sigmoid", "thresholds": [middle]});
    assert_eq!(record(path, "one.onnx"), expected);
    let report = classify(path, "one.onnx --json").expect(0).report();
    assert_eq!(report["thresholds"], json!([middle]));
    let found = named(&report);
    let classes = |of: &[(usize, f64)]| of.iter().map(|(class, _)| *class).collect::<Vec<_>>();
    assert_eq!(classes(&found), classes(&all[..2]));
    assert_eq!(report["pictures"][0]["top"][1]["threshold"], json!(middle));
    let percent = format!("{:.2} %", 100.0 * middle);
    let text = classify(path, "one.onnx").expect(0).stdout;
    assert_eq!(
        text.matches(&format!(", reaches {percent}")).count(),
        2,
        "{text}"
    );
    assert!(!text.contains("misses"), "{text}");
    // So many classes, whatever they reach.
    let text = classify(path, "one.onnx --top 3").expect(0).stdout;
    assert_eq!(text.matches(", reaches ").count(), 2, "{text}");
    assert_eq!(
        text.matches(&format!(", misses {percent}")).count(),
        1,
        "{text}"
    );
    let shown = run(path, "inspect one.onnx").expect(0).stdout;
    let expected = format!("each class has its own probability, named from {middle} on");
    assert!(shown.contains(&expected), "{shown}");
}

#[test]
fn each_class_has_a_threshold_of_its_own() {
    let folder = folder();
    let path = folder.path();
    let all = sigmoid(path);
    // Only the least probable class reaches its own.
    let least = all[3];
    let probability = |class: usize| all.iter().find(|one| one.0 == class).expect("a class").1;
    let thresholds: Vec<f64> = (0..4)
        .map(|class| {
            if class == least.0 {
                least.1 / 2.0
            } else {
                f64::midpoint(probability(class), 1.0)
            }
        })
        .collect();
    let lines: Vec<String> = thresholds.iter().map(f64::to_string).collect();
    std::fs::write(path.join("t.txt"), lines.join("\n")).expect("a file");
    let line = "emit --weights plain.onnx --thresholds t.txt --bn keep -o each.onnx";
    run(path, line).expect(0);
    let report = classify(path, "each.onnx --json").expect(0).report();
    assert_eq!(report["thresholds"], json!(thresholds));
    let found = named(&report);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, least.0);
    let shown = run(path, "inspect each.onnx").expect(0).stdout;
    assert!(
        shown.contains("named from its threshold on, of "),
        "{shown}"
    );
    // A class that none reaches is none.
    run(
        path,
        "emit --weights plain.onnx --thresholds 0.9999999999 -o none.onnx",
    )
    .expect(0);
    let text = classify(path, "none.onnx").expect(0).stdout;
    assert!(
        text.contains("\n  no class reaches its threshold\n"),
        "{text}"
    );
    let report = classify(path, "none.onnx --json").expect(0).report();
    assert_eq!(report["pictures"][0]["top"], json!([]));
    // With a softmax the most probable class counts.
    let told = "each.onnx --activation softmax --json";
    let report = classify(path, told).expect(0).report();
    assert_eq!((report.get("thresholds"), named(&report).len()), (None, 4));
}

#[test]
fn thresholds_are_kept_with_their_sigmoid_and_their_classes() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("t.txt"), "0.2\n0.3\n0.4\n0.5\n").expect("a file");
    let line = format!("{NETWORK} --activation sigmoid --thresholds t.txt --bn keep -o kept.onnx");
    run(path, &line).expect(0);
    run(path, "weights export kept.onnx -o w.safetensors").expect(0);
    let own = json!([0.2, 0.3, 0.4, 0.5]);
    let noted = "left out the thresholds that the checkpoint records";
    for (line, expected) in [
        ("--weights kept.onnx", Some(own.clone())),
        ("--weights w.safetensors", Some(own)),
        ("--weights kept.onnx --thresholds 0.7", Some(json!([0.7]))),
        ("--weights kept.onnx --activation softmax", None),
        (
            "--weights kept.onnx --reset-classifier 4 --activation sigmoid",
            None,
        ),
    ] {
        let done = run(path, &format!("emit {line} -o m.onnx --force")).expect(0);
        let found = record(path, "m.onnx");
        assert_eq!(found.get("thresholds"), expected.as_ref(), "{line}");
        let version = 1 + u64::from(expected.is_some());
        assert_eq!(found["version"], json!(version), "{line}");
        let is_noted = line.contains("softmax");
        assert_eq!(
            done.stderr.contains(noted),
            is_noted,
            "{line}: {}",
            done.stderr
        );
    }
    let line = "emit --weights kept.onnx --outputs pooled -o m.onnx --force";
    run(path, line).expect(0);
}

#[test]
fn what_is_no_threshold_of_the_classes_is_refused() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("three.txt"), "0.5\n0.5\n0.5").expect("a file");
    std::fs::write(path.join("over.txt"), "0.5\n0.5\n1.5\n0.5").expect("a file");
    for (flags, message) in [
        (
            "--activation sigmoid --thresholds 1",
            "`--thresholds 1`: expected a number above 0 and below 1, or a file",
        ),
        (
            "--activation sigmoid --thresholds=-0.5",
            "`--thresholds -0.5`: expected a number above 0 and below 1, or a file",
        ),
        (
            "--activation sigmoid --thresholds three.txt",
            "`three.txt`: expected 1 threshold, or 4, one for each class, found 3",
        ),
        (
            "--activation sigmoid --thresholds over.txt",
            "`over.txt`: threshold 3: expected a number above 0 and below 1, found 1.5",
        ),
        (
            "--activation sigmoid --thresholds missing.txt",
            "cannot read `missing.txt`",
        ),
        (
            "--thresholds 0.5",
            "`--thresholds` is for a sigmoid, by which each class has its own probability, found a softmax",
        ),
        (
            "--outputs pooled --thresholds 0.5",
            "`--thresholds` is for outputs of classes, and `--outputs` has none",
        ),
    ] {
        let refused = run(path, &format!("{NETWORK} {flags} -o m.onnx")).expect(2);
        assert!(refused.stderr.contains(message), "{refused:#?}");
        assert!(!path.join("m.onnx").exists());
    }
    // The file that is read is not replaced.
    std::fs::write(path.join("t.txt"), "0.5").expect("a file");
    let line = format!("{NETWORK} --activation sigmoid --thresholds t.txt -o t.txt --force");
    run(path, &line).expect(2);
    assert_eq!(std::fs::read(path.join("t.txt")).expect("a file"), b"0.5");
}

#[test]
fn a_record_with_other_thresholds_than_classes_is_refused() {
    let folder = folder();
    let path = folder.path();
    run(
        path,
        &format!("{NETWORK} --activation sigmoid --bn keep -o m.onnx"),
    )
    .expect(0);
    let wrong = r#"{"version":2,"activation":"sigmoid","thresholds":[0.2,0.3,0.4]}"#;
    let (other, _) = changed(
        &path.join("m.onnx"),
        "old.onnx",
        |model: &mut ModelProto| set_metadata(model, HEAD_KEY, Some(wrong)),
    );
    let counts = "expected 1 threshold, or 4, one for each class, found 3";
    for refused in [
        classify(other.path(), "old.onnx"),
        run(other.path(), "inspect old.onnx"),
        run(other.path(), "emit --weights old.onnx -o new.onnx"),
    ] {
        let refused = refused.expect(2);
        assert!(refused.stderr.contains(counts), "{refused:#?}");
    }
    let line = "emit --weights old.onnx --thresholds 0.5 -o new.onnx";
    run(other.path(), line).expect(0);
}
