//! Sliders, moved by keyboard and mouse: what is shown is what the program says of the same numbers.

use crate::chromium::Chromium;
use crate::{open, program};
use efficientnet_onnx::architecture::Family;
use serde_json::Value;
use std::path::Path;

const SLIDERS: [&str; 4] = ["phi", "alpha", "beta", "gamma"];

/// `1234567` as `1,234,567`.
fn grouped(number: &Value) -> String {
    let digits = number.as_u64().expect("a number").to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(",")
}

/// The words of the command that the page shows, after `emit`.
fn emit(browser: &Chromium) -> Vec<String> {
    let line = browser.text("#emit");
    let words = line
        .strip_prefix("efficientnet-onnx emit ")
        .unwrap_or_else(|| panic!("{line}"));
    words.split(' ').map(str::to_owned).collect()
}

/// Compares all that the page shows with what `plan` says of the command that it shows, and that with what the sliders say.
fn agrees(browser: &Chromium, folder: &Path) {
    let words = emit(browser);
    assert!(words.iter().any(|word| word == "--formula"), "{words:?}");
    let output = words.iter().position(|word| word == "-o").expect("a file");
    let flags = words[..output].iter().map(String::as_str);
    let mut plan = vec!["plan", "--json"];
    plan.extend(flags.filter(|flag| *flag != "--formula"));
    let said: Value = serde_json::from_str(&program(folder, &plan)).expect("JSON");
    let row = &said["rows"][0];
    assert_eq!(row["reading"], "formula");

    for (name, said) in [
        ("phi", &row["phi"]),
        ("alpha", &said["alpha"]),
        ("beta", &said["beta"]),
        ("gamma", &said["gamma"]),
    ] {
        let shown: f64 = browser
            .text(&format!("#{name}-value"))
            .parse()
            .expect("a number");
        assert_eq!(Some(shown), said.as_f64(), "{name}: {plan:?}");
    }
    assert_eq!(browser.text("#parameters"), grouped(&row["parameters"]));
    assert_eq!(browser.text("#macs"), grouped(&row["macs"]));
    let exact = |name: &str| row["exact"][name].as_f64().expect("a number");
    let resolution = format!("{:.1} → {} pixels", exact("resolution"), row["resolution"]);
    assert_eq!(browser.text("#resolution"), resolution);
    assert_eq!(browser.text("#depth"), format!("{:.4}", exact("depth")));
    assert_eq!(browser.text("#width"), format!("{:.4}", exact("width")));
    let predicted = row["predicted_macs"].as_f64().expect("a number").round();
    let shown: f64 = browser
        .text("#predicted")
        .replace(',', "")
        .parse()
        .expect("a number");
    assert!((shown - predicted).abs() <= 1.0, "{shown} and {predicted}");

    let cells = browser.texts("#stages tbody td");
    let stages = row["stages"].as_array().expect("stages");
    assert_eq!(cells.len(), 8 * stages.len());
    for (cells, stage) in cells.chunks(8).zip(stages) {
        let share = 100.0 * stage["macs"].as_f64().expect("a number")
            / row["macs"].as_f64().expect("a number");
        let expected = [
            stage["part"].as_str().expect("text").to_owned(),
            stage["operator"].as_str().expect("text").to_owned(),
            grouped(&stage["resolution"][0]),
            grouped(&stage["channels"]),
            stage["repeats"].to_string(),
            grouped(&stage["parameters"]),
            grouped(&stage["macs"]),
        ];
        assert_eq!(cells[..7], expected);
        let shown: f64 = cells[7].trim_end_matches(" %").parse().expect("a number");
        assert!((shown - share).abs() < 0.051, "{shown} and {share}");
    }
}

fn focus(browser: &Chromium) -> String {
    let id = browser.evaluate("document.activeElement.id");
    id.as_str().expect("an id").to_owned()
}

#[test]
fn keys_and_mouse_move_sliders() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    open(&browser, folder, "plan");
    assert_eq!(
        browser.slider_names(),
        ["φ", "α, depth", "β, width", "γ, resolution"]
    );
    agrees(&browser, folder);
    assert_eq!(
        browser.text("#emit"),
        "efficientnet-onnx emit --phi 1 --formula -o phi-1.onnx"
    );
    let moves = [
        ("ArrowRight", 37),
        ("ArrowRight", 5),
        ("ArrowLeft", 3),
        ("ArrowRight", 7),
    ];
    for (name, (key, times)) in SLIDERS.into_iter().zip(moves) {
        browser.press("Tab", 1);
        assert_eq!(focus(&browser), name);
        browser.press(key, times);
        agrees(&browser, folder);
    }
    let line = "efficientnet-onnx emit --phi 1.37 --formula --alpha 1.25 --beta 1.07 --gamma 1.22 -o phi-1.37.onnx";
    assert_eq!(browser.text("#emit"), line);

    // The command that is shown writes what the page says.
    let mut words = vec!["emit".to_owned()];
    words.extend(emit(&browser));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    program(folder, &words);
    let inspected: Value =
        serde_json::from_str(&program(folder, &["inspect", "phi-1.37.onnx", "--json"]))
            .expect("JSON");
    assert_eq!(
        grouped(&inspected["recipe"]["parameters"]),
        browser.text("#parameters")
    );
    assert_eq!(grouped(&inspected["recipe"]["macs"]), browser.text("#macs"));

    browser.press("Tab", 1);
    assert_eq!(focus(&browser), "reset");
    browser.press("Enter", 1);
    assert_eq!(
        browser.text("#emit"),
        "efficientnet-onnx emit --phi 1 --formula -o phi-1.onnx"
    );

    // φ is at 1 of 8.
    browser.drag("#phi", [0.13, 0.5]);
    let phi: f64 = browser.text("#phi-value").parse().expect("a number");
    assert!((3.5..4.5).contains(&phi), "{phi}");
    agrees(&browser, folder);
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn every_family_has_its_own_command() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for family in Family::ALL {
        let plan = format!("plan --family {} --classes 10", family.name);
        open(&browser, folder, &plan);
        agrees(&browser, folder);
        browser.press("Tab", 1);
        browser.press("ArrowRight", 63);
        browser.press("Tab", 3);
        browser.press("ArrowLeft", 4);
        agrees(&browser, folder);
        assert_eq!(browser.faults(), Vec::<String>::new(), "{}", family.name);
    }
}

/// Bases and φ that the page was made with are where the sliders start, whatever their usual range and step.
#[test]
fn sliders_start_where_the_plan_was() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    open(
        &browser,
        folder,
        "plan --phi 1 --alpha 1.234 --beta 0.95 --gamma 2.5",
    );
    assert_eq!(
        browser.text("#emit"),
        "efficientnet-onnx emit --phi 1 --formula --alpha 1.234 --beta 0.95 --gamma 2.5 -o phi-1.onnx"
    );
    agrees(&browser, folder);
    open(&browser, folder, "plan --macs 1G");
    assert_eq!(
        browser.text("#emit"),
        "efficientnet-onnx emit --phi 1.03 --formula -o phi-1.03.onnx"
    );
    agrees(&browser, folder);
}

#[test]
fn what_no_command_writes_is_told() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    open(&browser, folder.path(), "plan");
    for _ in SLIDERS {
        browser.press("Tab", 1);
        browser.press("End", 1);
    }
    assert_eq!(
        browser.text("#emit"),
        "Too large: 785,589,845,276 parameters, at most 68,719,476,736."
    );
}
