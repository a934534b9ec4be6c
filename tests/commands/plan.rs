//! `plan`, `models`, and `inspect` of files that other programs wrote.

use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use serde_json::Value;
use std::fs;
use std::path::Path;

pub fn run(folder: &Path, command: &str) -> Run {
    Run::of(program().current_dir(folder).args(command.split(' ')))
}

pub fn json(folder: &Path, command: &str) -> Value {
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

/// Published models that scale no formula are shown beside those that do, with what their own baseline predicts.
#[test]
fn families_of_several_baselines_have_all_their_rows() {
    let folder = folder();
    let folder = folder.path();
    let names = |command: &str| -> Vec<String> {
        let found = json(folder, command);
        let rows = found["rows"].as_array().expect("rows").clone();
        let published = rows.iter().filter(|row| row["reading"] == "published");
        published
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let models = json(folder, "models")["models"].take();
    for family in ["v1", "lite", "edgetpu", "condconv", "v2"] {
        let models = models.as_array().expect("models");
        let of_family = models.iter().filter(|model| model["family"] == family);
        let count = of_family.count();
        assert!(count >= 3);
        assert_eq!(
            names(&format!("plan --family {family}")).len(),
            count,
            "{family}"
        );
    }
    let text = run(folder, "plan --variant v2-s,b3,lite2,v2-b1")
        .expect(0)
        .stdout;
    let own = "v2-s: each has a baseline of its own, which no φ of its family gives";
    assert!(text.contains(own), "{text}");
    let implied = text.split("published").nth(1).expect("a table").to_owned();
    for (name, is_implied) in [
        ("b3", true),
        ("lite2", true),
        ("v2-b1", true),
        ("v2-s ", false),
    ] {
        let found = implied
            .lines()
            .any(|line| line.trim_start().starts_with(name) && line.contains('.'));
        assert_eq!(found, is_implied, "{name} {text}");
    }
    // Its own baseline at 384 pixels, as (384 / 224)².
    let found = json(folder, "plan --variant v2-s");
    let (macs, predicted) = (
        &found["rows"][0]["macs"],
        &found["rows"][0]["predicted_macs"],
    );
    let ratio = predicted.as_f64().expect("a number") / macs.as_f64().expect("a number");
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
    let ten = json(folder, "plan --variant b0 --classes 10");
    assert_eq!(ten["rows"][0]["top1"], Value::Null);
}

#[test]
fn bases_are_searched_as_they_are_named() {
    let folder = folder();
    let folder = folder.path();
    let count = |command: &str| {
        let found = json(folder, command);
        found["candidates"].as_array().expect("candidates").len()
    };
    assert_eq!(count("plan --search"), 111);
    assert_eq!(
        count("plan --search alpha,beta,gamma --constraint 2.0 --tolerance 0.1 --step 0.05"),
        111
    );
    let found = json(folder, "plan --search alpha,beta --gamma 1.2");
    let candidates = found["candidates"].as_array().expect("candidates");
    assert!(!candidates.is_empty() && candidates.iter().all(|one| one["gamma"] == 1.2));
    let text = run(folder, "plan --search --step 0.03").expect(0).stdout;
    assert!(
        text.contains("this grid leaves out the paper's choice, 1.2, 1.1 and 1.15"),
        "{text}"
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
            "expected at most 10,000 numbers, such as `2`, `0,1,2.5` or `0..8:0.5`, found `0..8:0`",
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
        ("plan --search --step 1e-9", "a grid needs"),
        ("plan --search --constraint 1e9", "a grid needs"),
        ("plan --search --tolerance 1e9", "a grid needs"),
        (
            "plan --search alpha --step 0.5",
            "no point has α·β²·γ² within 0.1 of 2, in steps of 0.5",
        ),
        (
            "plan --search --constraint 100 --tolerance 100 --step 0.005",
            "more than 100000 points have α·β²·γ² within 100 of 100",
        ),
        (
            "plan --search alpha,delta",
            "expected `alpha`, `beta` or `gamma`, separated by commas",
        ),
        ("plan --search alpha,alpha", "`alpha` stands there twice"),
        (
            "plan --search --alpha 1.2",
            "`--alpha` is given, but `alpha` is searched",
        ),
        ("plan --search --macs 1G", "cannot be used with"),
        (
            "plan --search --latency 1s --runtime tract",
            "cannot be used with",
        ),
        ("plan --search --emit -o a.onnx", "cannot be used with"),
        (
            "plan --macs 0",
            "expected a number such as 390M, 1G or 5300000",
        ),
        (
            "plan --macs -1",
            "expected a number such as 390M, 1G or 5300000",
        ),
        (
            "plan --macs 1e30",
            "expected a number such as 390M, 1G or 5300000",
        ),
        (
            "plan --latency 0ms --runtime tract",
            "expected a time such as 20ms or 0.5s",
        ),
        (
            "plan --latency -1s --runtime tract",
            "expected a time such as 20ms or 0.5s",
        ),
        ("plan --latency 20ms", "--runtime <NAME>"),
        ("plan --phi nan", "or `0..8:0.5`, found `nan`"),
        (
            "plan --phi 0..1e9:0.001",
            "or `0..8:0.5`, found `0..1e9:0.001`",
        ),
        (
            "plan --phi -1",
            "`phi` must be a finite number of at least 0, found -1",
        ),
        ("plan --phi 0,30", "φ = 30: the weights would take at least"),
        ("plan --classes 0", "0 is not in 1..=16777216"),
        ("plan --sweep depth=", "expected at most 10,000 numbers"),
        ("plan --phi 0...3", "or `0..8:0.5`, found `0...3`"),
        (
            "plan --sweep resolution=1e5",
            "`resolution` must be a number above 0 and at most 10000, found 100000",
        ),
        ("plan --sweep width=1e5", "`width` must be a number"),
        ("plan --phi 1e308", "`phi` 1e308 gives width"),
        ("plan --sweep width=1e308", "at most 10000, found 1e308"),
        ("plan --search --step -1", "found 2, 0.1 and -1"),
        ("plan --search --tolerance -1", "found 2, -1 and 0.05"),
        (
            "plan --search --constraint -1e308",
            "found -1e308, 0.1 and 0.05",
        ),
        (
            "plan --sweep depth=1,10000",
            "the network would have 160000 blocks, expected at most 5000",
        ),
        (
            "plan --phi 1 --alpha 1 --beta 60 --gamma 4681",
            "more than 10^19 multiply-adds",
        ),
        (
            "plan --phi 1 --alpha nan",
            "`alpha` must be a number above 0",
        ),
        (
            "plan --macs 1G --alpha 1 --beta 1 --gamma 1",
            "φ = 64 fits too, and a search ends there",
        ),
        (
            "plan --macs 1G --emit -o -",
            "`--emit` writes beside what is printed, found `-o -`",
        ),
        ("plan --macs 1G --emit -o missing/a.onnx", "missing"),
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

/// A zero has no sign, and a tiny number few digits.
#[test]
fn numbers_are_shown_as_people_write_them() {
    let folder = folder();
    let text = run(folder.path(), "plan --phi=-0,1e-320").expect(0).stdout;
    let points: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("φ "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(points[..2], ["0", "1e-320"], "{text}");
    assert!(text.contains(" top-1 %"), "{text}");
    let text = run(folder.path(), "plan --variant resnet-50,b7")
        .expect(0)
        .stdout;
    assert!(text.contains(" 84.3"), "{text}");
    assert!(text.contains(" 76.0"), "{text}");
    assert!(
        text.contains("where they differ, no φ gives this model"),
        "{text}"
    );
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
fn models_are_found_by_any_name() {
    let folder = folder();
    let names = |command: &str| -> Vec<String> {
        let found = json(folder.path(), command);
        let models = found["models"].as_array().expect("models").clone();
        let name = |model: &Value| model["variant"].as_str().expect("a name").to_owned();
        models.iter().map(name).collect()
    };
    assert_eq!(names("models").len(), 44);
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
