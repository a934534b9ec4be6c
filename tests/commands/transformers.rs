//! Folders as Hugging Face transformers writes them, and checkpoints with its names.

use crate::hub_support::{COMMIT, run, stderr};
use efficientnet_onnx::metadata::{LABELS_KEY, ORIGIN_KEY, PREPROCESSING_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::file::ModelFile;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// `config.json` of a B2 with three classes, shortened; with changes.
fn config(changes: &[(&str, Value)]) -> Value {
    let mut config = json!({
        "architectures": ["EfficientNetForImageClassification"], "model_type": "efficientnet",
        "width_coefficient": 1.1, "depth_coefficient": 1.2, "hidden_dim": 1408, "image_size": 260,
        "depthwise_padding": [5, 8, 16], "id2label": {"0": "ant", "1": "bee", "2": "cow"}
    });
    for (key, value) in changes {
        config[*key] = value.clone();
    }
    config
}

/// `preprocessor_config.json` of it; with changes.
fn processor(changes: &[(&str, Value)]) -> Value {
    let mut processor = json!({
        "image_processor_type": "EfficientNetImageProcessor", "size": {"height": 260, "width": 260}, "resample": 0,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.478_539_44, 0.473_286_4, 0.474_341_63], "include_top": true
    });
    for (key, value) in changes {
        processor[*key] = value.clone();
    }
    processor
}

/// Fills a folder with a model without metadata, as transformers writes one.
fn publish(folder: &Path, config: &Value, processor: Option<&Value>) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("config.json"), config.to_string()).expect("a file");
    if let Some(processor) = processor {
        let path = folder.join("preprocessor_config.json");
        fs::write(path, processor.to_string()).expect("a file");
    }
    crate::hints::files::weights(folder, "--variant b2 --names transformers", |_| true);
    fs::rename(folder.join("w"), folder.join("model.safetensors")).expect("a file");
}

fn done(folder: &Path, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let output = run(folder, &words, &[]);
    assert!(output.status.success(), "{line}: {}", stderr(&output));
    stderr(&output)
}

fn refused(folder: &Path, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let output = run(folder, &words, &[]);
    assert_eq!(output.status.code(), Some(2), "{line}: {}", stderr(&output));
    stderr(&output)
}

fn metadata(path: &Path, key: &str) -> Value {
    let file = ModelFile::open(path).expect("a model");
    file.metadata(key).map_or(Value::Null, |text| {
        serde_json::from_str(text).expect("JSON")
    })
}

#[test]
fn a_folder_tells_network_padding_pictures_and_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    publish(&folder.join("model"), &config(&[]), Some(&processor(&[])));
    let message = done(folder, "emit --weights model -o m.onnx");
    assert!(
        message.contains(
            "`config.json` wins over what is known of `transformers/efficientnet-b2`: classes are 3, not 1000\n"
        ),
        "{message}"
    );
    let path = folder.join("m.onnx");
    assert_eq!(metadata(&path, LABELS_KEY), json!(["ant", "bee", "cow"]));
    assert_eq!(metadata(&path, ORIGIN_KEY)["naming"], "transformers");
    let recipe = metadata(&path, RECIPE_KEY);
    for (field, value) in [
        ("variant", json!("b2")),
        ("size", json!(["260", "260"])),
        ("padding", json!("static:260")),
        ("bn_epsilon", json!(1e-3)),
        ("classes", json!(3)),
    ] {
        assert_eq!(recipe[field], value, "{field}");
    }
    // The table says the same of pictures, and the file alone is of the same network.
    let like =
        "emit --like transformers/efficientnet-b2 --weights model/model.safetensors -o like.onnx";
    done(folder, like);
    let pictures = metadata(&path, PREPROCESSING_KEY);
    assert_eq!(pictures["interpolation"], "nearest");
    assert_eq!(
        metadata(&folder.join("like.onnx"), PREPROCESSING_KEY),
        pictures
    );
    fs::copy(folder.join("model/model.safetensors"), folder.join("w")).expect("a file");
    done(folder, "emit --weights w -o alone.onnx");
    let alone = metadata(&folder.join("alone.onnx"), RECIPE_KEY);
    assert_eq!(
        (&alone["variant"], &alone["padding"]),
        (&json!("b2"), &json!("static:260"))
    );
}

/// `depthwise_padding` need not be that of the configuration's own size: pads are then those of another.
#[test]
fn pads_are_those_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // Of the sides at the four blocks that halve, the last bit: 288 is even at each, 260 at the first.
    for (blocks, side, padding) in [
        (json!([5, 8, 16]), json!(260), "static:260"),
        (json!([]), json!(260), "static:288"),
        (json!([16]), json!(240), "static:240"),
        (json!([2, 5, 8, 16]), json!(260), "static:290"),
        // No block that halves.
        (json!([0, 3]), json!(288), "static:288"),
        (json!([5, 8, 16]), json!([260, 224]), "static:260x228"),
    ] {
        let changes = [("depthwise_padding", blocks), ("image_size", side)];
        publish(&folder.join("model"), &config(&changes), None);
        done(folder, "emit --weights model -o m.onnx --force");
        let recipe = metadata(&folder.join("m.onnx"), RECIPE_KEY);
        assert_eq!(recipe["padding"], padding, "{changes:?}");
    }
}

#[test]
fn pictures_are_prepared_as_the_processor_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let changes = [
        ("size", json!({"shortest_edge": 256})),
        ("do_center_crop", json!(true)),
        ("crop_size", json!({"height": 224, "width": 192})),
        ("resample", json!(3)),
        ("image_mean", json!([0.5, 0.5, 0.5])),
        ("image_std", json!([0.5, 0.5, 0.5])),
        ("include_top", json!(false)),
    ];
    publish(
        &folder.join("model"),
        &config(&[]),
        Some(&processor(&changes)),
    );
    let message = done(folder, "emit --weights model -o m.onnx");
    assert!(
        message.contains("pictures are prepared in another way"),
        "{message}"
    );
    let pictures = metadata(&folder.join("m.onnx"), PREPROCESSING_KEY);
    for (field, value) in [
        ("size", json!([224, 192])),
        ("framing", json!({"cover": [256, 256]})),
        ("interpolation", json!("bicubic")),
        ("sampling", json!("antialias")),
        ("mean", json!([127.5, 127.5, 127.5])),
        ("std", json!([127.5, 127.5, 127.5])),
    ] {
        assert_eq!(pictures[field], value, "{field}");
    }
    // Nobody says how: as the published model.
    publish(&folder.join("without"), &config(&[]), None);
    let message = done(folder, "emit --weights without -o n.onnx");
    assert!(
        message.contains("for want of a `preprocessor_config.json`"),
        "{message}"
    );
}

#[test]
fn what_no_published_network_has_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (changes, settings, expected) in [
        (
            ("pooling_type", json!("max")),
            ("resample", json!(0)),
            "config.json`: has `pooling_type` `\"max\"`",
        ),
        (
            ("width_coefficient", json!(0.5)),
            ("resample", json!(0)),
            "config.json`: has `width_coefficient` 0.5 and `depth_coefficient` 1.2, expected those of a model from B0 to B7",
        ),
        (
            ("model_type", json!("vit")),
            ("resample", json!(0)),
            "its `model_type` is `vit`, expected `efficientnet`",
        ),
        (
            ("id2label", json!({"0": "a"})),
            ("resample", json!(0)),
            "`config.json` says 1 classes, but `model/model.safetensors` has 3",
        ),
        (
            ("image_size", json!(260)),
            ("resample", json!(1)),
            "preprocessor_config.json`: has `resample` `1`, expected `0` (nearest), `2` (bilinear) or `3` (bicubic)",
        ),
        (
            ("image_size", json!(260)),
            ("size", json!({"shortest_edge": 256})),
            "preprocessor_config.json`: resizes to a `shortest_edge` without a crop",
        ),
        (
            ("image_size", json!(260)),
            ("do_center_crop", json!("yes")),
            "preprocessor_config.json`: has `do_center_crop` `\"yes\"`, expected true or false",
        ),
    ] {
        publish(
            &folder.join("model"),
            &config(&[changes]),
            Some(&processor(&[settings])),
        );
        let message = refused(folder, "emit --weights model -o m.onnx");
        assert!(message.contains(expected), "{message}");
        assert!(!folder.join("m.onnx").exists());
    }
}

/// A library's own names go out as they came in.
#[test]
fn an_export_has_the_names_that_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let drawn = "--like transformers/efficientnet-b1 --init probe";
    done(
        folder,
        &format!("weights export {drawn} --names transformers -o w"),
    );
    done(folder, "emit --weights w --size 64 -o read.onnx");
    done(folder, &format!("emit {drawn} --size 64 -o drawn.onnx"));
    let [read, drawn] = ["read.onnx", "drawn.onnx"].map(|name| {
        let path = folder.join(name);
        let mut recipe = metadata(&path, RECIPE_KEY);
        recipe["reading"] = Value::Null;
        recipe
    });
    assert_eq!(read, drawn);
    assert_eq!(read["padding"], "static:240");
    let message = done(folder, "verify read.onnx drawn.onnx --runtime reference");
    assert!(!message.contains("differ"), "{message}");
}

/// A snapshot in the hub's cache has the processor beside the configuration.
#[test]
fn a_snapshot_in_the_cache_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let repository = folder.join("hub/models--google--efficientnet-b2");
    publish(
        &repository.join("snapshots").join(COMMIT),
        &config(&[]),
        Some(&processor(&[])),
    );
    fs::create_dir(repository.join("refs")).expect("a folder");
    fs::write(repository.join("refs/main"), COMMIT).expect("a file");
    let cache = folder.join("hub").display().to_string();
    let words = [
        "emit",
        "--weights",
        "hf:google/efficientnet-b2",
        "-o",
        "m.onnx",
    ];
    let variables = [("HF_HUB_CACHE", cache.as_str()), ("HF_HUB_OFFLINE", "1")];
    let output = run(folder, &words, &variables);
    assert!(output.status.success(), "{}", stderr(&output));
    let origin = metadata(&folder.join("m.onnx"), ORIGIN_KEY);
    assert_eq!(
        origin["source"],
        format!("hf:google/efficientnet-b2@{COMMIT}")
    );
}
