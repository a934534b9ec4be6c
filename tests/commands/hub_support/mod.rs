//! A model as timm publishes it on Hugging Face, made by our own `weights export`, and the binary that reads it.

#[cfg(feature = "hub")]
pub mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A commit's name.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What its classes are called.
pub const LABELS: [&str; 3] = ["tench, Tinca tinca", "n02", "cock"];
/// As in `README.md` of timm's repositories.
pub const README: &str = "---\ntags:\n- timm\nlicense: apache-2.0\n---\n# A model\n";

/// `config.json` of a Lite0 with three classes; `changed` entries of its `pretrained_cfg` are not the table's.
pub fn config(changed: &[(&str, serde_json::Value)]) -> String {
    let mut config = serde_json::json!({
        "architecture": "tf_efficientnet_lite0",
        "num_classes": 3,
        "num_features": 1280,
        "label_names": ["n01", "n02", "n03"],
        "label_descriptions": {"n01": LABELS[0], "n03": LABELS[2]},
        "pretrained_cfg": {
            "tag": "in1k", "input_size": [3, 224, 224], "fixed_input_size": false, "interpolation": "bicubic",
            "crop_pct": 0.875, "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
            "num_classes": 1000, "first_conv": "conv_stem", "classifier": "classifier", "license": "mit"
        }
    });
    for (key, value) in changed {
        config["pretrained_cfg"][*key] = value.clone();
    }
    config.to_string()
}

/// Writes the model's weights, without metadata, as timm does.
pub fn weights(path: &Path) {
    let folder = path.parent().expect("a folder");
    let export = [
        "weights",
        "export",
        "--variant",
        "lite0",
        "--classes",
        "3",
        "--init",
        "probe",
    ];
    let done = run(folder, &[&export[..], &["-o", "exported"]].concat(), &[]);
    assert!(done.status.success(), "{}", stderr(&done));
    let exported = folder.join("exported");
    let bytes = fs::read(&exported).expect("a file");
    fs::remove_file(exported).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(length).expect("a header");
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    let entries = header.as_object_mut().expect("an object");
    entries["__metadata__"] = serde_json::json!({"format": "pt"});
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(
        path,
        [&length[..], header.as_bytes(), &bytes[end..]].concat(),
    )
    .expect("a file");
}

/// Runs the binary with these variables, and none of the user's that could lead it elsewhere.
pub fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the binary")
}

/// What it said.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
