//! `verify --images`: labelled pictures, in folders and by a file of labels, with ONNX Runtime.

use crate::verify_support::{
    Run, emitted, folder, ort_library, program, verify, virtual_environment,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The scores of ONNX Runtime over the pictures of a folder.
fn score(file: &Path, pictures: &Path, more: &[&str]) -> serde_json::Value {
    let mut report = run(file, pictures, more).expect(0).report();
    report["runtimes"][0].take()
}

fn run(file: &Path, pictures: &Path, more: &[&str]) -> Run {
    let arguments = ["--runtime", "ort-cpu", "--json", "--images", text(pictures)];
    verify(file, true, &[&arguments[..], more].concat())
}

/// The most probable classes of each picture, the first first, as `classify` says.
fn classified(file: &Path, pictures: &[PathBuf]) -> Vec<Vec<u64>> {
    let mut classify = program();
    classify
        .arg("classify")
        .arg(file)
        .args(["--json", "--runtime", "ort-cpu", "--ort-lib"])
        .arg(ort_library());
    let seen = Run::of(classify.args(pictures)).expect(0).report();
    let class = |guess: &serde_json::Value| guess["class"].as_u64().expect("a class");
    let pictures = seen["pictures"].as_array().expect("pictures").iter();
    pictures
        .map(|picture| {
            picture["top"]
                .as_array()
                .expect("a list")
                .iter()
                .map(class)
                .collect()
        })
        .collect()
}

fn rows(score: &serde_json::Value, key: &str) -> (u64, u64) {
    let part = |part: &str| score[key][part].as_u64().expect("a count");
    (part("rows"), part("of"))
}

#[test]
fn the_right_classes_of_labelled_pictures_are_counted() {
    let folder = folder();
    let file = emitted(&folder, &[]);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data");
    let seen = classified(
        &file,
        &["china.jpg", "flower.jpg"].map(|name| data.join(name)),
    );
    // The first is right, the second the runtime's fifth choice, the third none of the five.
    let other = (0..1000)
        .find(|class| !seen[0].contains(class))
        .expect("a class");
    let lines = format!(
        "china.jpg,{}\nflower.jpg,\"{}\"\n\nchina.jpg,{other}\n",
        seen[0][0], seen[1][4]
    );
    let csv = folder.path().join("right.csv");
    for heading in ["", "picture,class\n"] {
        fs::write(&csv, format!("{heading}{lines}")).expect("written");
        let score = score(&file, &data, &["--labels-csv", text(&csv)]);
        assert_eq!(rows(&score, "top1"), (1, 3));
        assert_eq!(rows(&score, "top5"), (2, 3));
        assert_eq!(rows(&score, "agreement"), (3, 3));
    }
    let arguments = ["--runtime", "ort-cpu", "--images", text(&data)];
    let arguments = [&arguments[..], &["--labels-csv", text(&csv)]].concat();
    let printed = verify(&file, true, &arguments).expect(0).stdout;
    let scores = "top-1 1/3 (33.33 %), top-5 2/3 (66.67 %), same first choice 3/3 (100.00 %)";
    assert!(printed.contains(scores), "{printed}");
    // As spreadsheets write them: with a mark at the beginning, quotes around commas, and two characters at each end.
    fs::copy(data.join("china.jpg"), data.join("with, comma.jpg")).expect("copied");
    let spread = format!("\u{feff}\"with, comma.jpg\",{}\r\n", seen[0][0]);
    fs::write(&csv, spread).expect("written");
    let found = score(&file, &data, &["--labels-csv", text(&csv)]);
    assert_eq!(rows(&found, "top1"), (1, 1));
    for broken in ["\"china.jpg,1\n", "china.jpg\n", ",1\n"] {
        fs::write(&csv, broken).expect("written");
        let refused = run(&file, &data, &["--labels-csv", text(&csv)]).expect(2);
        assert!(
            refused.stderr.contains("expected `picture,class`"),
            "{refused:#?}"
        );
    }
    fs::write(&csv, format!("{lines}china.jpg,1000\n")).expect("written");
    let refused = run(&file, &data, &["--labels-csv", text(&csv)]).expect(2);
    assert!(
        refused.stderr.contains("line 5: there is no class `1000`"),
        "{refused:#?}"
    );
    // One folder for each class, by its number or its name, whichever case that and the pictures' ending are in.
    let pictures = folder.path().join("pictures");
    for (class, from, name) in [
        (seen[0][0].to_string(), "china.jpg", "china.JPG"),
        ("Espresso".to_owned(), "flower.jpg", "flower.jpg"),
    ] {
        fs::create_dir_all(pictures.join(&class)).expect("a folder");
        fs::copy(data.join(from), pictures.join(class).join(name)).expect("copied");
    }
    assert_eq!(rows(&score(&file, &pictures, &[]), "top1"), (1, 2));
    fs::create_dir(pictures.join("nothing known")).expect("a folder");
    let refused = run(&file, &pictures, &[]).expect(2);
    assert!(
        refused.stderr.contains("there is no class `nothing known`"),
        "{refused:#?}"
    );
}

/// A list that comes with the pictures may come from a stranger.
#[test]
fn a_list_in_the_folder_names_pictures_of_the_folder_only() {
    let folder = folder();
    let file = emitted(&folder, &["--classes", "2", "--size", "32"]);
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).expect("a folder");
    let (inside, secret) = (
        pictures.join("inside.jpg"),
        folder.path().join("secret.jpg"),
    );
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data");
    for path in [&inside, &secret] {
        fs::copy(data.join("china.jpg"), path).expect("copied");
    }
    std::os::unix::fs::symlink("../secret.jpg", pictures.join("link.jpg")).expect("a link");
    let list = pictures.join("labels.csv");
    for place in ["inside.jpg", text(&inside)] {
        fs::write(&list, format!("{place},0\n")).expect("written");
        let score = score(&file, &pictures, &[]);
        assert_eq!(score["top1"]["of"], 1, "{place}");
    }
    for place in ["../secret.jpg", text(&secret), "link.jpg"] {
        fs::write(&list, format!("inside.jpg,0\n{place},0\n")).expect("written");
        let refused = run(&file, &pictures, &[]).expect(2);
        let shown = pictures.join(place);
        let reason = format!(
            "line 2: `{}` is outside `{}`",
            shown.display(),
            pictures.display()
        );
        assert!(refused.stderr.contains(&reason), "{refused:#?}");
        // Whoever names the list names the pictures.
        let hint = format!("hint: `--labels-csv {}`", list.display());
        assert!(refused.stderr.contains(&hint), "{refused:#?}");
        let score = score(&file, &pictures, &["--labels-csv", text(&list)]);
        assert_eq!(score["top1"]["of"], 2, "{place}");
    }
}

#[test]
fn many_pictures_in_batches_are_all_counted_in_the_order_of_the_folders() {
    let folder = folder();
    let file = emitted(
        &folder,
        &[
            "--size",
            "32",
            "--classes",
            "2",
            "--batch",
            "2",
            "--init",
            "probe",
        ],
    );
    let pictures = folder.path().join("pictures");
    let script = "import random, sys; from PIL import Image; from pathlib import Path\n\
         random.seed(0)\n\
         for name, count in [('cat', 35), ('dog', 32)]:\n\
         \x20 Path(sys.argv[1], name).mkdir(parents=True)\n\
         \x20 for at in range(count): Image.frombytes('RGB', (8, 8), random.randbytes(192)).save(f'{sys.argv[1]}/{name}/{at:02}.png')";
    let mut python = Command::new(virtual_environment().join("bin/python"));
    let made = python.args(["-c", script]).arg(&pictures).status();
    assert!(made.expect("Python").success());
    let paths: Vec<PathBuf> = [("cat", 35), ("dog", 32)]
        .into_iter()
        .flat_map(|(class, count)| (0..count).map(move |at| format!("{class}/{at:02}.png")))
        .map(|name| pictures.join(name))
        .collect();
    let seen = classified(&file, &paths);
    let right = seen
        .iter()
        .enumerate()
        .filter(|(at, seen)| seen[0] == u64::from(*at >= 35));
    let right = right.count() as u64;
    assert!(0 < right && right < 67, "{right}");
    let score = score(&file, &pictures, &[]);
    assert_eq!(rows(&score, "top1"), (right, 67));
    assert_eq!(rows(&score, "top5"), (67, 67));
}
