//! `--weights DIR` and `--weights hf:…` without a network: folders as timm publishes them, and the hub's cache on disk.

use crate::hub_support::{COMMIT, LABELS, README, config, run, stderr, weights};
use efficientnet_onnx::metadata::{LABELS_KEY, ORIGIN_KEY, PREPROCESSING_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::file::ModelFile;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The weights, made once for all tests.
fn checkpoint() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = crate::kept::folder("snapshot").join("w");
        weights(&file);
        file
    })
}

/// Fills a folder with a model.
fn publish(folder: &Path, config: &str) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("config.json"), config).expect("a file");
    fs::write(folder.join("README.md"), README).expect("a file");
    fs::copy(checkpoint(), folder.join("model.safetensors")).expect("a file");
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments, &[]);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        stderr(&output)
    );
    stderr(&output)
}

fn refused(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(folder, arguments, variables);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{arguments:?}: {}",
        stderr(&output)
    );
    stderr(&output)
}

fn metadata(path: &Path, key: &str) -> Value {
    let file = ModelFile::open(path).expect("a model");
    file.metadata(key).map_or(Value::Null, |text| {
        serde_json::from_str(text).expect("JSON")
    })
}

#[test]
fn a_folder_tells_model_preprocessing_and_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    publish(&folder.join("model"), &config(&[]));
    let message = done(folder, &["emit", "--weights", "model", "-o", "m.onnx"]);
    assert!(
        message.contains("`timm/tf_efficientnet_lite0.in1k`"),
        "{message}"
    );
    let path = folder.join("m.onnx");
    assert_eq!(metadata(&path, LABELS_KEY), json!(LABELS));
    let origin = metadata(&path, ORIGIN_KEY);
    assert_eq!(origin["licence"], "apache-2.0");
    assert_eq!(origin["name"], "model.safetensors");
    let recipe = metadata(&path, RECIPE_KEY);
    assert_eq!(
        (&recipe["variant"], &recipe["classes"]),
        (&json!("lite0"), &json!(3))
    );
    assert_eq!(
        (&recipe["padding"], &recipe["bn_epsilon"]),
        (&json!("same"), &json!(1e-3))
    );

    // The table says the same of the same weights.
    let like = [
        "--like",
        "timm/tf_efficientnet_lite0.in1k",
        "--weights",
        "model/model.safetensors",
    ];
    done(
        folder,
        &[&["emit"], &like[..], &["-o", "like.onnx"]].concat(),
    );
    let like = metadata(&folder.join("like.onnx"), PREPROCESSING_KEY);
    assert_eq!(metadata(&path, PREPROCESSING_KEY), like);
    assert_ne!(like, Value::Null);
}

#[test]
fn the_configuration_wins_over_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let changed = [
        ("crop_pct", json!(1.0)),
        ("mean", json!([0.0, 0.0, 0.0])),
        ("std", json!([1.0, 1.0, 1.0])),
        ("input_size", json!([3, 192, 256])),
        ("interpolation", json!("bilinear")),
        ("crop_mode", json!("squash")),
        ("tag", json!("mine")),
    ];
    publish(&folder.join("model"), &config(&changed));
    let message = done(folder, &["emit", "--weights", "model", "-o", "m.onnx"]);
    assert!(message.contains("`config.json` wins"), "{message}");
    let path = folder.join("m.onnx");
    let found = metadata(&path, PREPROCESSING_KEY);
    assert_eq!(found["size"], json!([192, 256]));
    assert_eq!(found["framing"], json!({"stretch": [192, 256]}));
    assert_eq!(
        (&found["mean"], &found["std"]),
        (&json!([0.0, 0.0, 0.0]), &json!([255.0, 255.0, 255.0]))
    );
    assert_eq!(found["interpolation"], "bilinear");
    assert_eq!(metadata(&path, RECIPE_KEY)["size"], json!(["192", "256"]));
    assert_eq!(metadata(&path, RECIPE_KEY)["like"], Value::Null);

    // Flags win over both.
    let flags = ["--size", "64", "--reset-classifier", "2"];
    done(
        folder,
        &[&["emit", "--weights", "model", "-o", "f.onnx"], &flags[..]].concat(),
    );
    let path = folder.join("f.onnx");
    assert_eq!(metadata(&path, RECIPE_KEY)["size"], json!(["64", "64"]));
    assert_eq!(metadata(&path, LABELS_KEY), Value::Null);
}

/// What `--like` may not overrule is refused; what the configuration knows better is kept, and said.
#[test]
fn a_name_beside_a_folder_agrees_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let changed = [
        ("mean", json!([0.25, 0.25, 0.25])),
        ("input_size", json!([3, 96, 96])),
    ];
    publish(&folder.join("model"), &config(&changed));
    let emit = |like| ["emit", "--weights", "model", "--like", like, "-o", "m.onnx"];
    for (like, expected) in [
        (
            "timm/efficientnet_lite0",
            "`config.json` says padding same and epsilon 1e-3, but `timm/efficientnet_lite0.ra_in1k` \
             has padding symmetric and epsilon 1e-5",
        ),
        (
            "timm/tf_efficientnet_lite1",
            "`config.json` says that it is lite0, but `timm/tf_efficientnet_lite1.in1k` is lite1",
        ),
    ] {
        let message = refused(folder, &emit(like), &[]);
        assert!(message.contains(expected), "{message}");
    }
    let message = done(folder, &emit("timm/tf_efficientnet_lite0"));
    for expected in [
        "`config.json` wins over what is known of",
        "pictures are prepared as its `config.json` has it, not as `timm/tf_efficientnet_lite0.in1k` does",
    ] {
        assert!(message.contains(expected), "{message}");
    }
    assert!(!message.contains("tell neither"), "{message}");
    let path = folder.join("m.onnx");
    assert_eq!(
        metadata(&path, PREPROCESSING_KEY)["mean"],
        json!([63.75, 63.75, 63.75])
    );
    let recipe = metadata(&path, RECIPE_KEY);
    assert_eq!(recipe["size"], json!(["96", "96"]));
    assert_eq!(recipe["like"], Value::Null);

    // A file that was emitted from it goes on saying so, by itself and beside a name.
    let keep = ["emit", "--weights", "model", "--bn", "keep", "-o", "k.onnx"];
    done(folder, &keep);
    let like = ["--like", "timm/tf_efficientnet_lite0"];
    for (flags, expected) in [
        (&[][..], ""),
        (
            &like[..],
            "pictures are prepared as the checkpoint's own record has it",
        ),
    ] {
        let emit = ["emit", "--weights", "k.onnx", "--force", "-o", "m.onnx"];
        let message = done(folder, &[&emit[..], flags].concat());
        assert!(message.contains(expected), "{message}");
        let recipe = metadata(&path, RECIPE_KEY);
        assert_eq!(recipe["size"], json!(["96", "96"]));
        assert_eq!(recipe["like"], Value::Null);
        let pictures = metadata(&path, PREPROCESSING_KEY);
        assert_eq!(pictures["mean"], json!([63.75, 63.75, 63.75]));
    }
}

#[test]
fn folders_that_are_no_models_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let emit = ["emit", "--weights", "model", "-o", "refused.onnx"];
    let model = folder.join("model");
    fs::create_dir(&model).expect("a folder");
    let message = refused(folder, &emit, &[]);
    assert!(
        message.contains("`model` has no `model.safetensors` and no `pytorch_model.bin`"),
        "{message}"
    );
    fs::write(model.join("pytorch_model.bin.index.json"), "{}").expect("a file");
    let message = refused(folder, &emit, &[]);
    assert!(
        message.contains("`model` has no `config.json`"),
        "{message}"
    );
    fs::copy(checkpoint(), model.join("pytorch_model.bin")).expect("a file");
    let message = refused(folder, &emit, &[]);
    assert!(
        message.contains("`model` has no `config.json`"),
        "{message}"
    );
    let lanczos = "`interpolation` `lanczos`";
    for (text, expected) in [
        ("{", "is not JSON"),
        (
            r#"{"architectures": ["EfficientNetForImageClassification"]}"#,
            "has no `architecture`",
        ),
        (r#"{"architecture": "resnetblur50"}"#, "`timm/resnetblur50`"),
        (
            r#"{"architecture": "tf_efficientnet_lite0", "num_classes": 7}"#,
            "7 classes",
        ),
        (
            &config(&[("input_size", json!([3, 224]))]),
            "expected three whole numbers above 0",
        ),
        (&config(&[("interpolation", json!("lanczos"))]), lanczos),
    ] {
        fs::write(model.join("config.json"), text).expect("a file");
        let message = refused(folder, &emit, &[]);
        assert!(message.contains(expected), "{text}: {message}");
        // No file can be had where pictures are prepared as nothing here does.
        assert_eq!(message.contains("hint: "), expected != lanczos, "{message}");
    }
    let two = config(&[]).replace(r#"["n01","n02","n03"]"#, r#"["n01","n02"]"#);
    fs::write(model.join("config.json"), two).expect("a file");
    let message = refused(folder, &emit, &[]);
    assert!(
        message.contains("own class names do not fit: expected 3 names"),
        "{message}"
    );
    fs::write(model.join("config.json"), config(&[])).expect("a file");
    done(folder, &emit);
}

#[test]
fn what_the_cache_has_needs_no_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let repository = folder.join("hub/models--me--mine");
    publish(&repository.join("snapshots").join(COMMIT), &config(&[]));
    fs::create_dir_all(repository.join("refs/refs/pr")).expect("a folder");
    for revision in ["main", "refs/pr/1"] {
        fs::write(repository.join("refs").join(revision), COMMIT).expect("a file");
    }
    let home = folder.to_str().expect("text");
    let variables = [("HF_HOME", home), ("HF_HUB_OFFLINE", "1")];
    let commit = format!("hf:me/mine@{COMMIT}");
    for address in ["hf:me/mine", "hf:me/mine@refs/pr/1", &commit] {
        let emit = ["emit", "--weights", address, "-o", "m.onnx", "--force"];
        let output = run(folder, &emit, &variables);
        assert!(output.status.success(), "{address}: {}", stderr(&output));
        let origin = metadata(&folder.join("m.onnx"), ORIGIN_KEY);
        assert_eq!(origin["source"], json!(commit), "{address}");
        assert_eq!(origin["licence"], "apache-2.0");
    }
    let listed = run(folder, &["weights", "ls", "hf:me/mine"], &variables);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("conv_stem.weight"));

    let emit = |address| ["emit", "--weights", address, "-o", "refused.onnx"];
    let message = refused(folder, &emit("hf:me/other"), &variables);
    assert!(
        message.contains("`hf:me/other` is not in the cache `"),
        "{message}"
    );
    assert!(
        message.contains("`HF_HUB_OFFLINE` forbids the network"),
        "{message}"
    );
    publish(&folder.join("elsewhere"), &config(&[]));
    assert!(
        message.contains("give a folder with `--weights DIR`"),
        "{message}"
    );
    let followed = ["emit", "--weights", "elsewhere", "-o", "followed.onnx"];
    let output = run(folder, &followed, &variables);
    assert!(output.status.success(), "{}", stderr(&output));
    // A revision whose commit leads elsewhere is none, even where there is a model.
    for text in ["../../../elsewhere", ""] {
        fs::write(repository.join("refs/main"), text).expect("a file");
        refused(folder, &emit("hf:me/mine"), &variables);
    }
    let message = refused(folder, &emit("hf:me/mine"), &[]);
    assert!(
        message.contains("expected `HOME`, `HF_HOME` or `HF_HUB_CACHE`"),
        "{message}"
    );
}

#[test]
fn addresses_cannot_leave_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for address in [
        "hf:../..",
        "hf:b0",
        "hf:a/b@../../x",
        "hf:a/b/../c",
        "hf:",
        "hf:/etc/passwd",
    ] {
        let emit = ["emit", "--weights", address, "-o", "refused.onnx"];
        let message = refused(folder, &emit, &[("HF_HOME", "/nowhere")]);
        assert!(
            message.contains("expected `hf:ORG/NAME` or `hf:ORG/NAME@REV`"),
            "{message}"
        );
    }
}

/// Each is refused in 256 MiB of address space, which the system itself bounds.
#[test]
fn a_configuration_that_swells_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("model");
    fs::create_dir(&model).expect("a folder");
    fs::write(model.join("model.safetensors"), "").expect("a file");
    let numbers = |count| format!("[{}0]", "0,".repeat(count));
    let keys: Vec<String> = (0..400_000).map(|key| format!("\"{key:x}\":0")).collect();
    for (text, expected) in [
        (numbers(2_000_000), "has no `architecture`"),
        (numbers(3_000_000), "expected at most 4194304"),
        (format!("{{{}}}", keys.join(",")), "has no `architecture`"),
        ("[".repeat(100_000), "recursion limit exceeded"),
    ] {
        fs::write(model.join("config.json"), text).expect("a file");
        let limited = [
            "-c",
            "ulimit -v 262144 && exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_efficientnet-onnx"),
        ];
        let output = Command::new("sh")
            .args(limited)
            .args(["emit", "--weights", "model", "-o", "refused.onnx"])
            .current_dir(folder.path())
            .env("MALLOC_ARENA_MAX", "1")
            .output()
            .expect("a shell");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(stderr(&output).len() < 1000);
    }
}
