//! `--labels` and `--reset-classifier`: names that a file carries, and a fresh head on old weights.

use crate::command_line::{done, refused};
use efficientnet_onnx::metadata::{LABELS_KEY, ORIGIN_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::file::{InitializerSource, ModelFile};
use efficientnet_onnx::tensor::TensorSource;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// As small as a network gets, with three classes.
const NETWORK: [&str; 9] = [
    "--width", "0.25", "--depth", "0.25", "--size", "32", "--init", "probe", "--seed=7",
];

fn metadata(folder: &Path, name: &str, key: &str) -> Option<Value> {
    let file = ModelFile::open(&folder.join(name)).expect("a model");
    let text = file.metadata(key)?;
    Some(serde_json::from_str(text).expect("JSON"))
}

fn values(folder: &Path, name: &str, tensor: &str) -> Vec<f32> {
    let file = ModelFile::open(&folder.join(name)).expect("a model");
    let source = InitializerSource::new(file).expect("its tensors");
    let mut tensors = source.tensors().iter();
    let found = tensors.find(|found| found.name == tensor).expect("it");
    let elements = usize::try_from(found.shape.iter().product::<u64>()).expect("few");
    let mut values = vec![f32::NAN; elements];
    let reader = source.open(tensor).expect("a reader");
    reader.fill(0, &mut values).expect("its values");
    values
}

/// Such files are emitted, but no picture can be classified with them.
#[test]
fn what_no_picture_can_be_classified_with_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (flags, expected) in [
        (
            ["--in-channels", "1"],
            "hint: its input has 1 channel, and only pictures of 3 can be prepared",
        ),
        (
            ["--outputs", "pooled"],
            "expected an output `logits` or `probabilities`, found `pooled`\nhint: emit the model again with \
             `--outputs logits`",
        ),
    ] {
        let emit = [
            &["emit"],
            &NETWORK[..],
            &flags,
            &["--force", "-o", "m.onnx"],
        ]
        .concat();
        done(folder, &emit);
        let message = refused(folder, &["classify", "m.onnx", "p.png"]);
        assert!(message.contains(expected), "{message}");
    }
}

/// Without an output that needs it, the classifier is not there, and not counted.
#[test]
fn pooled_features_are_counted_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let counts = ["logits", "pooled"].map(|outputs| {
        let flags = ["--outputs", outputs, "--force", "-o", "m.onnx"];
        done(folder, &[&["emit"], &NETWORK[..], &flags].concat());
        let recipe = metadata(folder, "m.onnx", RECIPE_KEY).expect("a recipe");
        ["parameters", "macs"].map(|field| recipe[field].as_u64().expect("a count"))
    });
    let [[parameters, macs], [pooled_parameters, pooled_macs]] = counts;
    assert_eq!(parameters - pooled_parameters, 1000 * 320 + 1000);
    assert_eq!(macs - pooled_macs, 1000 * 320);
    let inspect = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["inspect", "m.onnx"])
        .current_dir(folder)
        .output()
        .expect("the binary");
    let shown = String::from_utf8_lossy(&inspect.stdout).into_owned();
    assert!(!shown.contains("class"), "{shown}");
}

/// A folder with `names` (three of them), and `old.onnx`, which carries them, and its parameters in `old`.
fn labelled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    std::fs::write(at.join("names"), "cat\ndog\nEgyptian cat\n").expect("a file");
    let three = ["--classes", "3", "--labels", "names", "--bn", "keep"];
    done(
        at,
        &[&["emit"], &NETWORK[..], &three, &["-o", "old.onnx"]].concat(),
    );
    done(at, &["weights", "export", "old.onnx", "-o", "old"]);
    folder
}

#[test]
fn names_are_written_and_carried_on() {
    let folder = labelled();
    let folder = folder.path();
    let names = serde_json::json!(["cat", "dog", "Egyptian cat"]);
    assert_eq!(
        metadata(folder, "old.onnx", LABELS_KEY),
        Some(names.clone())
    );
    for weights in ["old.onnx", "old"] {
        done(
            folder,
            &["emit", "--weights", weights, "-o", "new.onnx", "--force"],
        );
        assert_eq!(
            metadata(folder, "new.onnx", LABELS_KEY),
            Some(names.clone()),
            "{weights}"
        );
    }
    std::fs::write(folder.join("others"), r#"{"2": "c", "0": "a", "1": "b"}"#).expect("a file");
    done(
        folder,
        &[
            "emit",
            "--weights",
            "old",
            "--labels",
            "others",
            "-o",
            "others.onnx",
        ],
    );
    let others = serde_json::json!(["a", "b", "c"]);
    assert_eq!(metadata(folder, "others.onnx", LABELS_KEY), Some(others));
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let folder = labelled();
    let folder = folder.path();
    let labels = |file| {
        let two = ["--classes", "2", "--labels", file, "-o", "refused.onnx"];
        refused(folder, &[&["emit"], &NETWORK[..], &two].concat())
    };
    let message = labels("names");
    assert!(
        message.contains("`names`: expected 2 names, one for each class, found 3"),
        "{message}"
    );
    assert!(labels("absent").contains("cannot read `absent`"));
    std::fs::write(folder.join("numbers"), "[1, 2]").expect("a file");
    let message = labels("numbers");
    assert!(
        message.contains("`numbers`: expected a name for class 0, found `1`"),
        "{message}"
    );
    assert!(!folder.join("refused.onnx").exists());
}

#[test]
fn a_fresh_classifier_replaces_the_old_one_and_nothing_else() {
    let folder = labelled();
    let folder = folder.path();
    let reset = ["--reset-classifier", "5", "--seed", "9"];
    let emit = ["emit", "--weights", "old", "-o", "new.onnx"];
    let message = done(folder, &[&emit[..], &reset].concat());
    let note =
        "an untrained classifier of 5 classes, drawn from seed 9, replaces the checkpoint's of 3";
    assert!(message.contains(note), "{message}");
    assert_eq!(metadata(folder, "new.onnx", LABELS_KEY), None);
    let origin = metadata(folder, "new.onnx", ORIGIN_KEY).expect("an origin");
    assert_eq!(origin["kind"], "checkpoint");
    assert_eq!(
        origin["classifier"],
        serde_json::json!({"rule": "official", "seed": 9})
    );

    let official = [
        "--width=0.25",
        "--depth=0.25",
        "--size=32",
        "--seed=9",
        "--classes=5",
    ];
    done(
        folder,
        &[&["emit"], &official[..], &["-o", "seed.onnx"]].concat(),
    );
    done(folder, &["emit", "--weights", "old", "-o", "same.onnx"]);
    let weight = values(folder, "new.onnx", "classifier.weight");
    assert_eq!(weight, values(folder, "seed.onnx", "classifier.weight"));
    let bound = 1.0 / 5f32.sqrt();
    let largest = weight
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    assert!((0.98 * bound..=bound).contains(&largest), "{largest}");
    assert_eq!(values(folder, "new.onnx", "classifier.bias"), [0.0; 5]);
    for kept in ["conv_stem.weight", "conv_head.bias"] {
        assert_eq!(
            values(folder, "new.onnx", kept),
            values(folder, "same.onnx", kept)
        );
    }
}

/// Other libraries' names and layouts, and another number of input channels at once.
#[test]
fn a_fresh_classifier_fits_every_naming() {
    let folder = labelled();
    let folder = folder.path();
    let mut found = Vec::new();
    for naming in ["timm", "torchvision", "lukemelas", "keras"] {
        done(
            folder,
            &[
                "weights", "export", "old.onnx", "--names", naming, "-o", naming,
            ],
        );
        let emit = [
            "emit",
            "--weights",
            naming,
            "--reset-classifier",
            "4",
            "--in-channels",
            "1",
        ];
        done(
            folder,
            &[&emit[..], &["-o", "new.onnx", "--force"]].concat(),
        );
        let tensors = ["classifier.weight", "classifier.bias", "conv_stem.weight"];
        found.push(tensors.map(|tensor| values(folder, "new.onnx", tensor)));
    }
    assert!(found.iter().all(|tensors| *tensors == found[0]));
    assert_eq!(found[0][1].len(), 4);
}

#[test]
fn a_checkpoint_without_a_classifier_gets_one() {
    let folder = labelled();
    let folder = folder.path();
    let bytes = std::fs::read(folder.join("old")).expect("a file");
    // A tensor that no weights are read from is a classifier no longer; the header keeps its length.
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(header).expect("a header");
    let mut header: Value = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    let entries = header.as_object_mut().expect("an object");
    let start = entries["classifier.weight"]["data_offsets"][0]
        .as_u64()
        .expect("a place");
    let start = end + usize::try_from(start).expect("a place");
    entries.retain(|name, _| !name.starts_with("classifier."));
    entries["__metadata__"]
        .as_object_mut()
        .expect("an object")
        .remove(LABELS_KEY);
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    let headless = [&length[..], header.as_bytes(), &bytes[end..start]].concat();
    std::fs::write(folder.join("headless"), headless).expect("a file");

    let emit = ["emit", "--weights", "headless", "-o"];
    let message = refused(folder, &[&emit[..], &["refused.onnx"]].concat());
    assert!(
        message.contains("missing     `classifier.weight`"),
        "{message}"
    );
    assert!(
        message.contains("draw one with `--reset-classifier N`"),
        "{message}"
    );
    done(
        folder,
        &[&emit[..], &["pooled.onnx", "--outputs", "pooled"]].concat(),
    );
    let message = done(
        folder,
        &[&emit[..], &["new.onnx", "--reset-classifier", "6"]].concat(),
    );
    assert!(
        message.contains("is added to a checkpoint without one"),
        "{message}"
    );
    assert_eq!(values(folder, "new.onnx", "classifier.bias"), [0.0; 6]);
}

#[test]
fn bad_usage_says_what_to_do() {
    let folder = labelled();
    let folder = folder.path();
    let emit = |flags: &[&str]| refused(folder, &[&["emit", "-o", "refused.onnx"], flags].concat());
    let message = emit(&["--weights", "old", "--classes", "5"]);
    assert!(
        message.contains("`--classes 5` does not match the checkpoint, which has 3"),
        "{message}"
    );
    assert!(
        message.contains("`--reset-classifier 5` draws a fresh one"),
        "{message}"
    );
    let message = emit(&["--weights", "old", "--seed", "5"]);
    assert!(
        message.contains("`--seed` draws nothing beside `--weights`"),
        "{message}"
    );
    emit(&["--variant", "b0", "--reset-classifier", "5"]);
    emit(&[
        "--weights",
        "old",
        "--reset-classifier",
        "5",
        "--classes",
        "5",
    ]);
    emit(&["--weights", "old", "--reset-classifier", "0"]);
}
