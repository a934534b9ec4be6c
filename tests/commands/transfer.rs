//! `docs/transfer.md`: its command lines, run in order on real weights and real pictures.

use crate::lite_support::data;
use crate::verify_support::{Run, folder, ort_library, virtual_environment};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Held-out pictures.
const PICTURES: usize = 797;
/// Least of them that must be right: a classifier on the pixels has 743, this one 762, with room for processors that round
/// otherwise.
const LEAST_RIGHT: usize = 750;

/// The command lines of the page: indented lines that begin with a program.
fn lines() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transfer.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let lines = page.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(str::to_owned).collect()
}

/// A line in a shell, in which the program and the tests' Python are on the path.
fn shell(folder: &Path, line: &str) -> Run {
    let program = Path::new(env!("CARGO_BIN_EXE_efficientnet-onnx"));
    let programs = [
        program.parent().expect("a folder").to_owned(),
        virtual_environment().join("bin"),
        PathBuf::from("/usr/bin"),
        PathBuf::from("/bin"),
    ];
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(programs).expect("paths"));
    Run::of(&mut command)
}

/// The page's folder: the checkpoint, and the examples.
fn prepared() -> tempfile::TempDir {
    let folder = folder();
    let checkpoint = "efficientnet-lite0-57934424.pth";
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
    link(data(checkpoint), folder.path().join(checkpoint)).expect("a link");
    link(examples, folder.path().join("examples")).expect("a link");
    folder
}

/// What Python printed: the class of each picture.
fn predicted(printed: &str) -> BTreeMap<String, String> {
    let pairs = printed.lines().filter_map(|line| line.split_once(','));
    pairs
        .map(|(picture, class)| (picture.to_owned(), class.to_owned()))
        .collect()
}

/// What `classify --json` finds, by picture.
fn classified(report: &Value) -> BTreeMap<String, String> {
    let pictures = report["pictures"].as_array().expect("pictures").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    pictures
        .map(|picture| (text(&picture["path"]), text(&picture["top"][0]["name"])))
        .collect()
}

/// Of two classes scikit-learn keeps one row: its probability is that of the second class.
#[test]
fn two_classes_are_one_with_a_sigmoid() {
    let folder = prepared();
    let folder = folder.path();
    for line in lines().iter().take(2) {
        shell(folder, line).expect(0);
    }
    let python = "import pathlib, sys; sys.path.insert(0, 'examples'); import transfer as t; \
                  m = t.fitted('pooled.onnx', 'two'); \
                  p = sorted(pathlib.Path('digits/held-out').glob('[06]/*[05].png')); \
                  print(*m.predict_proba(t.features('pooled.onnx', p))[:, 1])";
    let mut expected = Vec::new();
    for line in [
        "mkdir two && cp -r digits/training/0 digits/training/6 two",
        "python3 examples/transfer.py fit pooled.onnx two head.npz labels.txt",
        "efficientnet-onnx emit --weights *.pth --size 96 --classifier head.npz --labels labels.txt -o two.onnx",
        &format!("python3 -c \"{python}\""),
    ] {
        let printed = shell(folder, line).expect(0).stdout;
        expected = printed.split_whitespace().map(str::to_owned).collect();
    }
    let line = "efficientnet-onnx classify two.onnx digits/held-out/[06]/*[05].png --json";
    let report = shell(folder, line).expect(0).report();
    let pictures = report["pictures"].as_array().expect("pictures");
    assert_eq!(pictures.len(), expected.len());
    let mut found = Vec::new();
    for (picture, expected) in pictures.iter().zip(expected) {
        let top = &picture["top"][0];
        assert_eq!(top["name"], "6", "{picture}");
        let probability = top["probability"].as_f64().expect("a number");
        let expected: f64 = expected.parse().expect("a number");
        assert!(
            (probability - expected).abs() < 1e-4,
            "{expected} {picture}"
        );
        found.push(probability);
    }
    for class in [|found: &f64| *found < 0.1, |found: &f64| *found > 0.9] {
        assert!(
            found.iter().filter(|found| class(found)).count() > 5,
            "{found:?}"
        );
    }
}

#[test]
fn the_page_does_what_it_says() {
    let folder = prepared();
    let folder = folder.path();
    let lines = lines();
    let runs: Vec<Run> = lines
        .iter()
        .map(|line| shell(folder, line).expect(0))
        .collect();
    let printed = |start: &str| {
        let place = lines.iter().position(|line| line.contains(start));
        &runs[place.unwrap_or_else(|| panic!("no line has `{start}`"))]
    };
    assert_eq!(lines.len(), 10, "{lines:#?}");

    let python = printed("transfer.py predict");
    let expected = predicted(&python.stdout);
    assert_eq!(expected.len(), PICTURES);
    let is_right = |(picture, class): &(&String, &String)| {
        picture.starts_with(&format!("digits/held-out/{class}/"))
    };
    let right = expected.iter().filter(is_right).count();
    assert!(right >= LEAST_RIGHT, "{right}");
    let counted = format!("top-1 {right}/{PICTURES} ");
    let images = &printed("--images").stdout;
    assert!(images.contains(&counted), "{counted}: {images}");
    // Between the first and the second class of any of these pictures lies more than a hundred times what rounding changes.
    let library = ort_library();
    let library = library.display();
    let line = format!(
        "efficientnet-onnx classify digits.onnx digits/held-out/*/*.png --json --runtime ort-cpu --ort-lib '{library}'"
    );
    let report = shell(folder, &line).expect(0).report();
    assert!(classified(&report) == expected);

    let inspected = &printed("inspect").stdout;
    assert!(
        inspected.contains("classifier of head.npz (SHA-256 "),
        "{inspected}"
    );
    assert!(inspected.contains("logits (10 classes)"), "{inspected}");
    let verified = &printed("verify digits.onnx").stdout;
    assert!(verified.contains("the runtimes agree"), "{verified}");
    let sevens = &printed("classify").stdout;
    assert!(sevens.matches("%  7 (7)\n").count() > 60, "{sevens}");
}
