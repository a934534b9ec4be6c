//! `--weights FILE` where a `config.json` lies beside the file: it is used, or refused, as that of a folder is.

use crate::hub_support::{LABELS, config, run, stderr, weights};
use efficientnet_onnx::metadata::{LABELS_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::file::ModelFile;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const EMIT: [&str; 5] = [
    "emit",
    "--weights",
    "model/model.safetensors",
    "-o",
    "m.onnx",
];
const LIKE: [&str; 2] = ["--like", "timm/tf_efficientnet_lite0"];
const FLAGS: [&str; 6] = [
    "--variant",
    "lite0",
    "--padding",
    "same",
    "--bn-epsilon",
    "1e-3",
];

/// A folder with `model/model.safetensors`.
fn published() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("model")).expect("a folder");
    weights(&folder.path().join("model/model.safetensors"));
    folder
}

fn describe(folder: &Path, text: &str) {
    fs::write(folder.join("model/config.json"), text).expect("a file");
}

/// The exit status, and what was said.
fn emit(folder: &Path, weights: &str, flags: &[&str]) -> (Option<i32>, String) {
    let _ = fs::remove_file(folder.join("m.onnx"));
    let emit = ["emit", "--weights", weights, "-o", "m.onnx"];
    let output = run(folder, &[&emit[..], flags].concat(), &[]);
    assert_eq!(
        output.status.success(),
        folder.join("m.onnx").exists(),
        "{}",
        stderr(&output)
    );
    (output.status.code(), stderr(&output))
}

fn metadata(folder: &Path, key: &str) -> Value {
    let file = ModelFile::open(&folder.join("m.onnx")).expect("a model");
    let text = file.metadata(key).unwrap_or("null");
    serde_json::from_str(text).expect("JSON")
}

/// A pool that a configuration names is the network's, whatever path and flags lead to it.
#[test]
fn a_configuration_tells_the_pool() {
    let folder = published();
    let folder = folder.path();
    for (named, pool) in [("max", "max"), ("fastavgmax", "avgmax")] {
        let mut whole: Value = serde_json::from_str(&config(&[])).expect("JSON");
        whole["global_pool"] = json!(named);
        describe(folder, &whole.to_string());
        for (path, flags) in [
            ("model", &[][..]),
            ("model/model.safetensors", &LIKE),
            ("model/model.safetensors", &FLAGS),
        ] {
            let (status, message) = emit(folder, path, flags);
            assert_eq!(status, Some(0), "{path} {flags:?}: {message}");
            let recipe = metadata(folder, RECIPE_KEY);
            assert_eq!(recipe["chain"], format!("{pool},linear"));
        }
    }
}

/// What a folder is refused for, its weights file alone is refused for, whatever flags name the network.
#[test]
fn no_flag_and_no_other_path_drops_what_a_configuration_says() {
    let folder = published();
    let folder = folder.path();
    let changed = |key: &str, value: Value| {
        let mut whole: Value = serde_json::from_str(&config(&[])).expect("JSON");
        match key {
            "global_pool" | "architecture" => whole[key] = value,
            _ => whole["model_args"] = json!({ key: value }),
        }
        whole.to_string()
    };
    for (key, value, expected) in [
        ("global_pool", json!("gem"), "has `global_pool` `\"gem\"`"),
        (
            "global_pool",
            json!("catgem"),
            "expected `avg`, `max`, `avgmax` or `catavgmax`",
        ),
        ("act_layer", json!("relu"), "has `act_layer` `\"relu\"`"),
        ("output_stride", json!(8), "has `output_stride` `8`"),
        ("bn_eps", json!(0.01), "has `bn_eps` `0.01`"),
        ("se_layer", json!("eca"), "has `se_layer` `\"eca\"`"),
        // Its blurs have no weights: the tensors are those of B0.
        (
            "architecture",
            json!("efficientnet_blur_b0"),
            "`timm/efficientnet_blur_b0`",
        ),
    ] {
        describe(folder, &changed(key, value));
        for (path, flags) in [
            ("model", &[][..]),
            ("model", &LIKE),
            ("model/model.safetensors", &[]),
            ("model/model.safetensors", &LIKE),
            ("model/model.safetensors", &FLAGS),
            ("./model/../model/model.safetensors", &LIKE),
        ] {
            let (status, message) = emit(folder, path, flags);
            assert_eq!(status, Some(2), "{key}, {path} {flags:?}: {message}");
            assert!(message.contains(expected), "{path} {flags:?}: {message}");
            for hint in ["--like `", "`--variant", "weights file itself"] {
                assert!(!message.contains(hint), "{message}");
            }
        }
    }
}

#[test]
fn a_file_is_described_by_the_configuration_beside_it() {
    let folder = published();
    let folder = folder.path();
    describe(folder, &config(&[("input_size", json!([3, 96, 96]))]));
    for flags in [&[][..], &LIKE] {
        let (status, message) = emit(folder, EMIT[2], flags);
        assert_eq!(status, Some(0), "{message}");
        assert!(message.contains("`config.json` wins over"), "{message}");
        assert_eq!(metadata(folder, LABELS_KEY), json!(LABELS));
        assert_eq!(metadata(folder, RECIPE_KEY)["size"], json!(["96", "96"]));
    }
    let (status, message) = emit(folder, EMIT[2], &["--like", "timm/efficientnet_lite0"]);
    assert_eq!(status, Some(2), "{message}");
    assert!(
        message.contains("`config.json` says padding same"),
        "{message}"
    );
}

/// Other programs' settings, and names that users gave their own models, tell nothing.
#[test]
fn what_is_not_of_the_model_is_left_alone() {
    let folder = published();
    let folder = folder.path();
    for text in [
        "{",
        "[1]",
        r#"{"learning_rate": 0.1, "global_pool": "max"}"#,
        r#"{"architecture": "my_network", "num_classes": 3}"#,
    ] {
        describe(folder, text);
        for flags in [&LIKE[..], &FLAGS] {
            let (status, message) = emit(folder, EMIT[2], flags);
            assert_eq!(status, Some(0), "{text}: {message}");
            assert_eq!(metadata(folder, LABELS_KEY), Value::Null, "{text}");
        }
    }
}

/// timm has ResNets and MobileNets whose tensors could be taken for another's.
#[test]
fn a_network_of_another_name_in_these_families_is_refused() {
    let folder = published();
    let folder = folder.path();
    for name in [
        "resnetblur50",
        "mobilenetv3_large_100",
        "tf_efficientnet_lite9",
    ] {
        describe(folder, &format!(r#"{{"architecture": "{name}"}}"#));
        let (status, said) = emit(folder, "model/model.safetensors", &[]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(&format!("`timm/{name}`")), "{said}");
    }
}
