//! What a whole model's `model_config` records is used, or refused by the layer's name.

use super::whole::{BLOCKS, file, fixture, layer};
use efficientnet_onnx::metadata::{PREPROCESSING_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::file::ModelFile;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Emits with the weights in a folder: the exit status, and what was said.
fn emit(folder: &Path, weights: &str, flags: &[&str]) -> (Option<i32>, String) {
    let model = folder.join("m.onnx");
    let _ = fs::remove_file(&model);
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args([
            "emit",
            "--blocks",
            BLOCKS,
            "--weights",
            weights,
            "-o",
            "m.onnx",
        ])
        .args(flags)
        .current_dir(folder)
        .output()
        .expect("the binary");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), model.exists(), "{message}");
    (output.status.code(), message)
}

/// Emits a fixture with `classes` and a classifier of that name, changed.
fn changed(
    name: &str,
    flags: &[&str],
    change: impl FnOnce(&mut Value),
) -> (Option<i32>, String, Option<ModelFile>) {
    let (classes, dense) = if name.contains("flat") {
        (1000, "predictions")
    } else {
        (5, "mine")
    };
    let mut model = fixture(name);
    change(&mut model);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("w.h5"),
        file(Some(&model), classes, dense),
    )
    .expect("a file");
    let (status, message) = emit(folder.path(), "w.h5", flags);
    let written = (status == Some(0))
        .then(|| ModelFile::open(&folder.path().join("m.onnx")).expect("a model"));
    (status, message, written)
}

fn metadata(file: &ModelFile, key: &str) -> Value {
    serde_json::from_str(file.metadata(key).expect("an entry")).expect("JSON")
}

fn refused(name: &str, expected: &str, change: impl FnOnce(&mut Value)) {
    let (status, message, _) = changed(name, &[], change);
    assert_eq!(status, Some(2), "{name}: {message}");
    assert!(
        message.contains(expected),
        "{name}: expected `{expected}`: {message}"
    );
    assert!(message.contains("`model_config`"), "{message}");
}

#[test]
fn a_model_is_emitted_at_its_own_size_and_as_it_prepares_pictures() {
    for (name, mean, std) in [
        // The weights' mean and variance are 0.01: of pixels through 1 / 255, and at first through 1 / 127.5 − 1.
        ("keras_2_flat.json", 2.55, 25.5),
        ("keras_3_flat.json", 2.55, 25.5),
        ("keras_3_sequential.json", 2.55, 25.5),
    ] {
        let (status, message, written) = changed(name, &[], |_| {});
        assert_eq!(status, Some(0), "{name}: {message}");
        let written = written.expect("a model");
        assert_eq!(
            metadata(&written, RECIPE_KEY)["size"],
            json!(["64", "64"]),
            "{name}"
        );
        let found = metadata(&written, PREPROCESSING_KEY);
        for (key, expected) in [("mean", mean), ("std", std)] {
            let own = found[key][0].as_f64().expect("a number");
            assert!(
                (own - expected).abs() < 1e-4 * expected,
                "{name}: {key} is {own}"
            );
        }
        assert!(
            message.contains("pictures are prepared as `model_config` records"),
            "{message}"
        );
    }
}

/// Keras computes its pads from the size that a model is built for, and keeps them.
#[test]
fn pads_at_another_size_stay_those_of_its_own() {
    for (flags, expected) in [
        (&["--size", "64"][..], Ok("same")),
        (&["--size", "80x96"], Ok("same")),
        (&["--size", "97"], Err("stem_conv")),
        (&["--size", "97", "--padding", "static:64"], Ok("static:64")),
    ] {
        let (status, message, written) = changed("keras_3_flat.json", flags, |_| {});
        match expected {
            Ok(padding) => {
                assert_eq!(status, Some(0), "{flags:?}: {message}");
                let recipe = metadata(&written.expect("a model"), RECIPE_KEY);
                assert_eq!(recipe["padding"], padding, "{flags:?}");
            }
            Err(layer) => {
                assert_eq!(status, Some(2), "{flags:?}: {message}");
                assert!(message.contains(layer), "{message}");
            }
        }
    }
}

#[test]
fn another_epsilon_is_refused() {
    refused("keras_3_flat.json", "5e-3", |model| {
        let text = model
            .to_string()
            .replace("\"epsilon\":0.001", "\"epsilon\":0.005");
        *model = serde_json::from_str(&text).expect("JSON");
    });
}

#[test]
fn what_no_network_here_has_is_refused_by_name() {
    let nested = "keras_3_nested.json";
    let to_linear =
        |model: &mut Value| layer(model, "mine")["config"]["activation"] = "linear".into();
    let pool = |class: &'static str| {
        move |model: &mut Value| {
            to_linear(model);
            let layers = model["config"]["layers"].as_array_mut().expect("layers");
            let pool = layers
                .iter_mut()
                .find(|layer| layer["class_name"] == "GlobalAveragePooling2D");
            pool.expect("the pool")["class_name"] = class.into();
        }
    };
    refused(
        nested,
        "is a `GlobalAveragePooling1D`",
        pool("GlobalAveragePooling1D"),
    );
    refused(nested, "is a `Flatten`", pool("Flatten"));
    refused(nested, "`mine` has the activation `tanh`", |model| {
        layer(model, "mine")["config"]["activation"] = "tanh".into();
    });
    refused("keras_3_flat.json", "is a `Resizing`", |model| {
        layer(model, "rescaling")["class_name"] = "Resizing".into();
    });
    refused(
        "keras_2_flat.json",
        "`block2b_activation` is the activation `gelu`",
        |model| {
            layer(model, "block2b_activation")["config"]["activation"] = "gelu".into();
        },
    );
    refused("keras_3_flat.json", "block2a_dwconv", |model| {
        layer(model, "block2a_dwconv")["config"]["strides"] = json!([1, 1]);
    });
    refused("keras_3_flat.json", "block2b_dwconv", |model| {
        layer(model, "block2b_dwconv")["config"]["dilation_rate"] = json!(2);
    });
}

/// What is recorded of a head does not count where the head is not asked for.
#[test]
fn another_head_is_left_out_or_replaced() {
    let to_tanh = |model: &mut Value| layer(model, "mine")["config"]["activation"] = "tanh".into();
    for flags in [["--outputs", "pooled"], ["--reset-classifier", "3"]] {
        let (status, message, _) = changed("keras_3_nested.json", &flags, to_tanh);
        assert_eq!(status, Some(0), "{flags:?}: {message}");
    }
}

#[test]
fn weights_alone_record_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("w.h5"), file(None, 5, "mine")).expect("a file");
    let (status, message) = emit(folder, "w.h5", &[]);
    assert_eq!(status, Some(0), "{message}");
    assert!(!message.contains("model_config"), "{message}");
    // Beside the `config.json` of an unpacked archive they are a whole model; any other file of that name says nothing.
    let mut model = fixture("keras_3_sequential.json");
    fs::write(
        folder.join("config.json"),
        r#"{"rate": 1, "class_name": 3}"#,
    )
    .expect("a file");
    assert_eq!(emit(folder, "w.h5", &[]).0, Some(0));
    layer(&mut model, "mine")["config"]["activation"] = "tanh".into();
    fs::write(folder.join("config.json"), model.to_string()).expect("a file");
    let (status, message) = emit(folder, "w.h5", &[]);
    assert_eq!(status, Some(2), "{message}");
    assert!(
        message.contains("config.json") && message.contains("`mine` has the activation `tanh`"),
        "{message}"
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    for (config, expected) in [
        (
            json!({"class_name": "Mine", "config": {"units": 3}}),
            "it describes a `Mine`",
        ),
        (
            json!(["Sequential"]),
            "expected a functional or a sequential model",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("w.h5"), file(Some(&config), 5, "mine")).expect("a file");
        let (status, message) = emit(folder.path(), "w.h5", &[]);
        assert_eq!(status, Some(2), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
