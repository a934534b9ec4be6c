//! `plan`, `models`, and `inspect` of files that other programs wrote.

use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn run(folder: &Path, command: &str) -> Run {
    Run::of(program().current_dir(folder).args(command.split(' ')))
}

fn json(folder: &Path, command: &str) -> Value {
    let run = run(folder, &format!("{command} --json")).expect(0);
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// Parameters and multiply-adds that timm and torchvision count (golden/timm_table.py), and the peak that follows by hand for B0:
/// the second stage's expansion at 112x112, its depthwise convolution at 56x56, and the input that is no shortcut.
#[test]
fn points_have_their_exact_costs() {
    let folder = folder();
    let found = json(folder.path(), "plan --phi 0..7");
    let rows = found["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 16);
    let published: Vec<(&str, u64, u64)> = rows
        .iter()
        .filter(|row| row["reading"] == "published")
        .map(|row| {
            let number = |key: &str| row[key].as_u64().expect("a number");
            (
                row["name"].as_str().expect("a name"),
                number("parameters"),
                number("macs"),
            )
        })
        .collect();
    assert_eq!(
        published,
        [
            ("efficientnet-b0", 5_288_548, 385_814_752),
            ("efficientnet-b1", 7_794_184, 686_802_832),
            ("efficientnet-b2", 9_109_994, 993_561_872),
            ("efficientnet-b3", 12_233_232, 1_827_141_392),
            ("efficientnet-b4", 19_341_616, 4_393_771_024),
            ("efficientnet-b5", 30_389_784, 10_266_384_752),
            ("efficientnet-b6", 43_040_704, 19_067_593_536),
            ("efficientnet-b7", 66_347_960, 37_745_884_192),
        ]
    );
    // Two results of 96 channels at 112x112: an expansion and its swish.
    assert_eq!(rows[0]["peak_activation_elements"], 2 * 96 * 112 * 112);
    let stages = rows[0]["stages"].as_array().expect("stages");
    assert_eq!(stages.len(), 10);
    assert_eq!(rows[1]["top1"]["percent"], 77.1);
}

#[test]
fn a_budget_gives_a_file_that_keeps_it() {
    let folder = folder();
    let folder = folder.path();
    let found = json(folder, "plan --macs 1G --params 10M --emit -o answer.onnx");
    let answer = &found["answer"];
    assert_eq!(answer["phi"], 1.03);
    assert_eq!(answer["published"]["name"], "efficientnet-b2");
    assert!(answer["next_row"]["macs"].as_u64().expect("a number") > 1_000_000_000);
    run(folder, "emit --phi 1.03 --formula -o by-hand.onnx").expect(0);
    let read = |name: &str| fs::read(folder.join(name)).expect("it was written");
    let (answered, by_hand) = (read("answer.onnx"), read("by-hand.onnx"));
    let decoded = |bytes: &[u8]| ModelProto::decode(bytes).expect("a model").graph;
    assert_eq!(decoded(&answered), decoded(&by_hand));
    let claimed = answer["row"]["file_bytes"]["f32"]
        .as_u64()
        .expect("a number");
    let apart = (by_hand.len() as u64).abs_diff(claimed);
    assert!(
        apart < 16_384,
        "{} bytes, {claimed} foretold",
        by_hand.len()
    );
    for (command, line) in [
        (
            "plan --macs 1G",
            "    efficientnet-onnx emit --phi 1.03 --formula -o phi-1.03.onnx",
        ),
        (
            "plan --params 10M --classes 10 --alpha 1.3 --family lite",
            "    efficientnet-onnx emit --family lite --phi 2.64 --formula --alpha 1.3 --beta 1.1 --gamma 1.15 --classes 10 -o phi-2.64.onnx",
        ),
    ] {
        let text = run(folder, command).expect(0);
        assert!(
            text.stdout.lines().any(|found| found == line),
            "{}",
            text.stdout
        );
    }
}

#[test]
fn half_of_a_file_is_foretold_too() {
    let folder = folder();
    let folder = folder.path();
    run(folder, "emit --phi 0 --dtype f16 -o half.onnx").expect(0);
    let found = json(folder, "plan --variant b0");
    let claimed = found["rows"][0]["file_bytes"]["f16"]
        .as_u64()
        .expect("a number");
    let written = fs::metadata(folder.join("half.onnx"))
        .expect("it was written")
        .len();
    assert!(
        written.abs_diff(claimed) < 16_384,
        "{written} bytes, {claimed} foretold"
    );
}

#[test]
fn what_has_no_answer_is_bad_input() {
    let folder = folder();
    let folder = folder.path();
    for (command, said) in [
        (
            "plan --macs 1M",
            "the baseline, φ = 0, does not fit: 385.8 M MACs of 1.000 M",
        ),
        (
            "plan --macs 1G --beta 0.9",
            "a search needs α, β and γ of at least 1, found 1.2, 0.9 and 1.15",
        ),
        (
            "plan --phi 0..8:0",
            "expected numbers such as `2`, `0,1,2.5` or `0..8:0.5`, found `0..8:0`",
        ),
        (
            "plan --macs 1e9",
            "expected a number such as 390M, 1G or 5300000",
        ),
        (
            "plan --sweep height=2",
            "expected `depth=…`, `width=…` or `resolution=…`",
        ),
        ("plan --search --step 0", "a grid needs"),
        ("plan --emit -o a.onnx", "`--emit` needs a budget"),
        ("plan --phi 400", "`phi` 400 gives"),
        (
            "models nothing-like-it",
            "no published model has `nothing-like-it` in a name",
        ),
    ] {
        let found = run(folder, command).expect(2);
        assert!(found.stderr.contains(said), "{command}: {}", found.stderr);
    }
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 0);
}

#[test]
fn rows_are_lines_pictures_and_a_page() {
    let folder = folder();
    let folder = folder.path();
    let found = run(
        folder,
        "plan --phi 0..3 --sweep depth=2,4 --csv --svg p.svg --html p.html",
    )
    .expect(0);
    let lines: Vec<&str> = found.stdout.lines().collect();
    let columns = lines[0].split(',').count();
    assert_eq!(lines.len(), 1 + 8 + 2);
    assert!(lines.iter().all(|line| line.split(',').count() == columns));
    let svg = fs::read_to_string(folder.join("p.svg")).expect("a picture");
    assert_eq!(svg.matches("class=\"title\"").count(), 4);
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    let page = fs::read_to_string(folder.join("p.html")).expect("a page");
    assert_eq!(page.matches("class=\"title\"").count(), 4);
    for place in ["/*STYLE*/", "/*SVG*/", "/*COST*/", "/*DATA*/", "/*PAGE*/"] {
        assert!(!page.contains(place), "{place} is filled");
    }
}

#[test]
fn time_on_this_machine_is_a_budget() {
    let folder = folder();
    let found = json(
        folder.path(),
        "plan --family lite --latency 600s --runtime tract --params 4700000",
    );
    let answer = &found["answer"];
    // The other limit decides; the baseline and the answer are timed.
    assert_eq!(answer["timed"]["runtime"], "tract");
    let samples = answer["timed"]["samples"].as_array().expect("samples");
    assert!(samples.iter().any(|sample| sample["phi"] == answer["phi"]));
    assert!(
        samples
            .iter()
            .all(|sample| sample["seconds"]["median"].as_f64() > Some(0.0))
    );
    assert!(answer["row"]["parameters"].as_u64() <= Some(4_700_000));
    assert!(answer["next_row"]["parameters"].as_u64() > Some(4_700_000));
}

#[test]
fn models_are_found_by_any_name() {
    let folder = folder();
    let names = |command: &str| -> Vec<String> {
        let found = json(folder.path(), command);
        let models = found["models"].as_array().expect("models").clone();
        let name = |model: &Value| model["variant"].as_str().expect("a name").to_owned();
        models.iter().map(name).collect()
    };
    assert_eq!(names("models").len(), 29);
    assert_eq!(names("models condconv").len(), 3);
    assert_eq!(names("models KERAS/EfficientNetB7"), ["b7"]);
    assert_eq!(names("models tf_efficientnet_lite4"), ["lite4"]);
    // The text fits a terminal of 80 columns, and has every name.
    let text = run(folder.path(), "models").expect(0).stdout;
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}: {text}");
    let models = json(folder.path(), "models")["models"].take();
    for model in models.as_array().expect("models") {
        for name in model["like"].as_array().expect("names") {
            let name = name.as_str().expect("a name");
            assert!(text.split_whitespace().any(|word| word == name), "{name}");
        }
    }
    let b6 = text
        .lines()
        .find(|line| line.starts_with(" b6 "))
        .expect("a line");
    let words: Vec<&str> = b6.split_whitespace().collect();
    assert_eq!(
        words,
        ["b6", "v1", "6", "528", "43,040,704", "19.07", "G", "84.0"]
    );
}

/// The same graph without a record of what it is: counted from its nodes, it costs the same.
#[test]
fn files_of_other_programs_are_inspected() {
    let folder = folder();
    let folder = folder.path();
    run(folder, "emit --variant b0 --batch 1 --bn keep -o own.onnx").expect(0);
    let bytes = fs::read(folder.join("own.onnx")).expect("it was written");
    let mut model = ModelProto::decode(&bytes[..]).expect("a model");
    model.metadata_props.clear();
    model.producer_name = Some("another".to_owned());
    fs::write(folder.join("other.onnx"), model.encode_to_vec()).expect("room");
    let survey = json(folder, "inspect other.onnx")["file"]["survey"].take();
    assert_eq!(survey["macs"], 385_814_752);
    // Gamma and beta count, running means and variances do not.
    assert_eq!(survey["parameters"], 5_288_548);
    assert_eq!(survey["uncounted"], Value::Array(Vec::new()));
    assert_eq!(survey["operators"][0]["operator"], "Conv");
    assert_eq!(survey["operators"][0]["nodes"], 81);
    // An expansion, its sigmoid, and their product: 96 channels at 112x112 each.
    assert_eq!(survey["peak_activation_elements"], 3 * 96 * 112 * 112);
    let text = run(folder, "inspect other.onnx").expect(0);
    assert!(
        text.stdout.contains("385,814,752 of one image"),
        "{}",
        text.stdout
    );
}
