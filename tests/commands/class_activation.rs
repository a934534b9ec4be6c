//! What turns logits into probabilities: softmax or sigmoid, in the graph, in the record and in `classify`.

use crate::lite_support::change::{changed, set_metadata};
use crate::verify_support::{Run, folder, ort_library, program};
use efficientnet_onnx::metadata::HEAD_KEY;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::verify::read;
use serde_json::Value;
use std::path::Path;

const NETWORK: &str = "--width 0.25 --depth 0.5 --size 64 --init probe";
/// The smallest probability, and the largest, that tells anything.
const EPSILON: f64 = 1e-9;

fn run(folder: &Path, line: &str) -> Run {
    let mut command = program();
    command.args(line.split_whitespace()).current_dir(folder);
    if line.contains("ort-cpu") {
        command.arg("--ort-lib").arg(ort_library());
    }
    Run::of(&mut command)
}

fn pictures() -> [String; 2] {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data");
    ["china.jpg", "flower.jpg"].map(|name| data.join(name).display().to_string())
}

/// What `--json` says, and the probability of every class of every picture.
fn classify(folder: &Path, file: &str) -> (Value, Vec<Vec<f64>>) {
    let [china, flower] = pictures();
    let line = format!("classify {file} {china} {flower} --json --top 9");
    let report = run(folder, &line).expect(0).report();
    let of = |picture: &Value| {
        let top = picture["top"].as_array().expect("a list").iter();
        let mut top: Vec<(u64, f64)> = top
            .map(|guess| {
                let class = guess["class"].as_u64().expect("a class");
                (class, guess["probability"].as_f64().expect("a number"))
            })
            .collect();
        top.sort_by_key(|(class, _)| *class);
        top.into_iter()
            .map(|(_, probability)| probability)
            .collect()
    };
    let rows = report["pictures"]
        .as_array()
        .expect("pictures")
        .iter()
        .map(of);
    let rows = rows.collect();
    (report, rows)
}

fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

fn head(path: &Path) -> Option<String> {
    let file = ModelFile::open(path).expect("a model");
    file.metadata(HEAD_KEY).map(str::to_owned)
}

fn operators(path: &Path) -> Vec<String> {
    let file = ModelFile::open(path).expect("a model");
    let nodes = file.contents.nodes.iter();
    nodes.map(|node| node.op_type().to_owned()).collect()
}

#[test]
fn one_class_has_a_probability_of_its_own() {
    let folder = folder();
    let path = folder.path();
    for (outputs, name) in [("logits", "l.onnx"), ("probabilities", "p.onnx")] {
        run(
            path,
            &format!("emit {NETWORK} --classes 1 --outputs {outputs} -o {name}"),
        )
        .expect(0);
        let record = r#"{"version":1,"activation":"sigmoid"}"#;
        assert_eq!(head(&path.join(name)).as_deref(), Some(record));
        let shown = run(path, &format!("inspect {name}")).expect(0).stdout;
        assert!(
            shown.contains("head      sigmoid: the probability of the class"),
            "{shown}"
        );
    }
    let last = operators(&path.join("p.onnx")).pop();
    assert_eq!(last.as_deref(), Some("Sigmoid"));
    let (report, by_us) = classify(path, "l.onnx");
    assert_eq!(report["activation"], "sigmoid");
    let (_, by_graph) = classify(path, "p.onnx");
    for (ours, graphs) in by_us.iter().zip(&by_graph) {
        assert_eq!((ours.len(), graphs.len()), (1, 1));
        assert!((ours[0] - graphs[0]).abs() < 1e-4, "{ours:?} {graphs:?}");
        assert!(ours[0] > EPSILON && ours[0] < 1.0 - EPSILON, "{ours:?}");
    }
    assert!((by_us[0][0] - by_us[1][0]).abs() > EPSILON, "{by_us:?}");
    let [china, _] = pictures();
    let text = run(path, &format!("classify l.onnx {china}"))
        .expect(0)
        .stdout;
    assert_eq!(text.matches(" %  class 0").count(), 1, "{text}");
    assert!(!text.contains("100.00 %"), "{text}");
}

#[test]
fn with_a_sigmoid_each_class_has_its_own() {
    let folder = folder();
    let path = folder.path();
    for (activation, name) in [
        ("--activation sigmoid", "sigmoid.onnx"),
        ("", "softmax.onnx"),
    ] {
        run(
            path,
            &format!(
                "emit {NETWORK} --classes 4 {activation} --outputs logits,probabilities -o {name}"
            ),
        )
        .expect(0);
    }
    let record = r#"{"version":1,"activation":"softmax"}"#;
    assert_eq!(head(&path.join("softmax.onnx")).as_deref(), Some(record));
    let shown = run(path, "inspect sigmoid.onnx").expect(0).stdout;
    assert!(
        shown.contains("sigmoid: each class has its own probability"),
        "{shown}"
    );
    let json = run(path, "inspect sigmoid.onnx --json").expect(0).report();
    assert_eq!(json["file"]["head"]["activation"], "sigmoid");
    let (report, sigmoid) = classify(path, "sigmoid.onnx");
    assert_eq!(report["activation"], "sigmoid");
    let (report, softmax) = classify(path, "softmax.onnx");
    assert_eq!(report["activation"], "softmax");
    for (sigmoid, softmax) in sigmoid.iter().zip(&softmax) {
        assert!((softmax.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        // Both are of the same logits.
        for (one, other) in [(0, 1), (1, 2), (2, 3)] {
            let by_sigmoid = logit(sigmoid[one]) - logit(sigmoid[other]);
            let by_softmax = (softmax[one] / softmax[other]).ln();
            assert!(
                (by_sigmoid - by_softmax).abs() < 1e-4,
                "{sigmoid:?} {softmax:?}"
            );
        }
    }
    let [china, _] = pictures();
    let noted = run(path, &format!("classify sigmoid.onnx {china}"))
        .expect(0)
        .stderr;
    assert!(
        noted.contains("note: each class has its own probability (sigmoid)"),
        "{noted}"
    );
    let agreed = run(
        path,
        "verify sigmoid.onnx --runtime reference,tract,ort-cpu --json",
    )
    .expect(0);
    assert_eq!(agreed.report()["verdict"], "agree");
}

#[test]
fn what_a_checkpoint_records_is_kept_until_its_classifier_is_replaced() {
    let folder = folder();
    let path = folder.path();
    run(
        path,
        &format!("emit {NETWORK} --classes 4 --activation sigmoid --bn keep -o kept.onnx"),
    )
    .expect(0);
    run(path, "weights export kept.onnx -o w.safetensors").expect(0);
    for (line, expected) in [
        ("--weights kept.onnx", "sigmoid"),
        ("--weights w.safetensors", "sigmoid"),
        ("--weights w.safetensors --activation softmax", "softmax"),
        ("--weights w.safetensors --reset-classifier 3", "softmax"),
        ("--weights w.safetensors --reset-classifier 1", "sigmoid"),
    ] {
        run(path, &format!("emit {line} -o m.onnx --force")).expect(0);
        let record = format!(r#"{{"version":1,"activation":"{expected}"}}"#);
        assert_eq!(head(&path.join("m.onnx")), Some(record), "{line}");
    }
    run(
        path,
        "emit --weights w.safetensors --outputs pooled -o m.onnx --force",
    )
    .expect(0);
    assert_eq!(head(&path.join("m.onnx")), None);
}

#[test]
fn what_makes_no_probabilities_is_refused() {
    let folder = folder();
    let path = folder.path();
    for (line, message) in [
        (
            "--classes 1 --activation softmax",
            "`--activation softmax` of one class is 1 for every image",
        ),
        (
            "--outputs pooled --activation sigmoid",
            "`--activation` is for outputs of classes",
        ),
        ("--activation tanh", "invalid value 'tanh'"),
    ] {
        let refused = run(path, &format!("emit {NETWORK} {line} -o m.onnx")).expect(2);
        assert!(refused.stderr.contains(message), "{refused:#?}");
        assert!(!path.join("m.onnx").exists());
    }
    // The most probable of classes that do not exclude each other says nothing.
    for classes in ["--classes 1", "--classes 2 --activation sigmoid"] {
        run(path, &format!("emit {NETWORK} {classes} -o m.onnx --force")).expect(0);
        std::fs::create_dir_all(path.join("pictures/0")).expect("a folder");
        std::fs::copy(&pictures()[0], path.join("pictures/0/china.jpg")).expect("a picture");
        let refused = run(path, "verify m.onnx --images pictures").expect(2);
        assert!(
            refused.stderr.contains("`m.onnx` has a sigmoid"),
            "{refused:#?}"
        );
    }
}

/// A copy without the record, as earlier versions wrote it, or with another.
fn recorded(file: &Path, record: Option<&str>) -> (tempfile::TempDir, std::path::PathBuf) {
    changed(file, "old.onnx", |model: &mut ModelProto| {
        set_metadata(model, HEAD_KEY, record)
    })
}

#[test]
fn files_of_earlier_versions_are_read_as_they_were_meant() {
    let folder = folder();
    let path = folder.path();
    run(path, &format!("emit {NETWORK} --classes 1 -o one.onnx")).expect(0);
    run(path, &format!("emit {NETWORK} --classes 4 -o four.onnx")).expect(0);
    for (name, expected) in [("one.onnx", "sigmoid"), ("four.onnx", "softmax")] {
        let (old, _) = recorded(&path.join(name), None);
        let (report, rows) = classify(old.path(), "old.onnx");
        assert_eq!(report["activation"], expected);
        assert_eq!(rows, classify(path, name).1, "{name}");
        let shown = run(old.path(), "inspect old.onnx").expect(0).stdout;
        assert!(shown.contains(&format!("head      {expected}")), "{shown}");
    }
    // They wrote a softmax of one class, too.
    run(
        path,
        &format!("emit {NETWORK} --classes 1 --outputs probabilities -o p.onnx"),
    )
    .expect(0);
    let (old, _) = recorded(&path.join("p.onnx"), None);
    let [china, _] = pictures();
    let refused = run(old.path(), &format!("classify old.onnx {china}")).expect(2);
    assert!(
        refused
            .stderr
            .contains("are a softmax of one class, which is 1 for every picture"),
        "{refused:#?}"
    );
    for record in [r#"{"version":9,"activation":"sigmoid"}"#, "{}"] {
        let (other, _) = recorded(&path.join("four.onnx"), Some(record));
        for line in [
            format!("classify old.onnx {china}"),
            "inspect old.onnx".to_owned(),
        ] {
            let refused = run(other.path(), &line).expect(2);
            assert!(
                refused.stderr.contains("`efficientnet.head` "),
                "{refused:#?}"
            );
        }
    }
}

#[test]
fn probabilities_of_a_sigmoid_are_compared_on_their_range() {
    let folder = folder();
    for (activation, expected) in [("sigmoid", &["probabilities"][..]), ("softmax", &[])] {
        let line = format!(
            "emit {NETWORK} --classes 4 --activation {activation} --outputs logits,probabilities -o {activation}.onnx"
        );
        run(folder.path(), &line).expect(0);
        let path = folder.path().join(format!("{activation}.onnx"));
        let facts = read::facts(&ModelFile::open(&path).expect("a model"));
        let found: Vec<&String> = facts.sigmoids.iter().collect();
        assert_eq!(found, expected, "{activation}");
    }
}
