//! `--like`: what it sets, what is said where a request departs from it, and how checkpoints meet it.

use efficientnet_onnx::like;
use efficientnet_onnx::metadata::{ORIGIN_KEY, PREPROCESSING_KEY, Preprocessing, Recipe};
use efficientnet_onnx::onnx::file::ModelFile;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Run {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(folder: &Path, line: &str) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("the binary");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// What a command says on standard error; it must succeed.
fn done(folder: &Path, line: &str) -> String {
    let run = run(folder, line);
    assert_eq!(run.status, Some(0), "{line}: {}", run.stderr);
    run.stderr
}

fn refused(folder: &Path, line: &str) -> String {
    let run = run(folder, line);
    assert_eq!(run.status, Some(2), "{line}: {}", run.stderr);
    run.stderr
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The recipe that `inspect` shows, and what it says on standard error.
fn recipe(arguments: &str) -> (Value, String) {
    let run = run(Path::new("."), &format!("inspect --json {arguments}"));
    assert_eq!(run.status, Some(0), "{arguments}: {}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    (report["recipe"].clone(), run.stderr)
}

#[test]
fn every_name_is_listed_with_what_it_stands_for() {
    let run = run(Path::new("."), "inspect --like list");
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let listed: BTreeSet<String> = rows[1..].iter().map(|row| row[0].to_owned()).collect();
    let all: BTreeSet<String> = like::all().iter().map(like::Like::name).collect();
    assert_eq!(listed, all);
    assert_eq!(rows.len() - 1, 271);
    let widest = run.stdout.lines().map(str::len).max();
    assert!(widest <= Some(100), "{widest:?}");
    let run = self::run(Path::new("."), "inspect --like list --json");
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["models"].as_array().map(Vec::len), Some(271));
    assert_eq!(
        report["models"][8]["preprocessing"]["framing"],
        json!({ "cover": [437, 437] })
    );
    for row in [
        [
            "timm/efficientnet_b5.sw_in12k",
            "b5",
            "416",
            "11,821",
            "symmetric",
            "1e-5",
            "52,562,013",
        ],
        [
            "torchvision/efficientnet_b2.IMAGENET1K_V1",
            "b2",
            "288",
            "1,000",
            "symmetric",
            "1e-5",
            "9,109,994",
        ],
        [
            "keras/EfficientNetV2B3",
            "v2-b3",
            "300",
            "1,000",
            "same",
            "1e-3",
            "14,358,406",
        ],
        [
            "lukemelas/efficientnet-lite4",
            "lite4",
            "300",
            "1,000",
            "static:300",
            "1e-3",
            "13,006,568",
        ],
        [
            "transformers/efficientnet-b3",
            "b3",
            "300",
            "1,000",
            "static:300",
            "1e-3",
            "12,233,232",
        ],
        [
            "tf/efficientnet-edgetpu-M",
            "edgetpu-m",
            "240",
            "1,001",
            "same",
            "1e-3",
            "6,900,777",
        ],
    ] {
        assert!(rows.iter().any(|found| found[..] == row), "{row:?}");
    }
}

#[test]
fn a_name_sets_all_that_flags_do_not() {
    let (found, notes) = recipe("--like torchvision/efficientnet_b2");
    assert_eq!(notes, "");
    for (field, value) in [
        ("like", json!("torchvision/efficientnet_b2.IMAGENET1K_V1")),
        ("variant", json!("b2")),
        ("size", json!(["288", "288"])),
        ("padding", json!("symmetric")),
        ("bn_epsilon", json!(1e-5)),
        ("classes", json!(1000)),
    ] {
        assert_eq!(found[field], value, "{field}");
    }
    let (found, notes) =
        recipe("--like timm/tf_efficientnetv2_s.in21k --size 320 --padding symmetric");
    assert_eq!(
        notes,
        "this is no longer exactly `timm/tf_efficientnetv2_s.in21k`: size is 320, not 300; \
         padding is symmetric, not same\n"
    );
    assert_eq!(found["like"], Value::Null);
    assert_eq!(
        (&found["classes"], &found["size"]),
        (&json!(21843), &json!(["320", "320"]))
    );
    let (found, notes) = recipe("--like timm/tf_efficientnetv2_s.in21k --size 384");
    assert_eq!(
        (found["like"].as_str(), notes.as_str()),
        (Some("timm/tf_efficientnetv2_s.in21k"), "")
    );
}

#[test]
fn bad_names_and_second_choices_are_refused() {
    let message = refused(
        Path::new("."),
        "inspect --like timm/tf_efficientnet_b2.ns_jft",
    );
    assert!(
        message.contains("the nearest name is `timm/tf_efficientnet_b2.ns_jft_in1k`"),
        "{message}"
    );
    for (name, expected) in [
        (
            "tf_efficientnet_b0",
            "the nearest name is `timm/tf_efficientnet_b0`",
        ),
        (
            "torchvision/efficientnet_b1.V3",
            "hint: that model's weights are `IMAGENET1K_V2`, `IMAGENET1K_V1`",
        ),
    ] {
        let message = refused(Path::new("."), &format!("inspect --like {name}"));
        assert!(message.contains(expected), "{message}");
    }
    for other in [
        "--variant b0",
        "--phi 0",
        "--width 1 --depth 1",
        "--family lite",
    ] {
        let message = refused(
            Path::new("."),
            &format!("inspect --like keras/EfficientNetB0 {other}"),
        );
        assert!(message.contains("cannot be used with"), "{message}");
    }
    let message = refused(Path::new("."), "emit --like list -o no.onnx");
    assert!(
        message.contains("`inspect --like list` prints the names"),
        "{message}"
    );
}

/// A copy of a checkpoint that says nothing of itself, as the libraries write them.
fn silent(path: &Path) -> PathBuf {
    let bytes = std::fs::read(path).expect("a checkpoint");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensors: Vec<(String, TensorView)> = tensors
        .iter()
        .map(|(name, view)| (name.to_owned(), view))
        .collect();
    let target = path.with_file_name("silent.safetensors");
    let written = safetensors::serialize_to_file(tensors, None, &target);
    written.expect("a file");
    target
}

fn emitted_recipe(path: &Path) -> Recipe {
    let file = ModelFile::open(path).expect("a model");
    serde_json::from_str(file.metadata("efficientnet.recipe").expect("a recipe")).expect("a record")
}

#[test]
fn a_checkpoint_that_cannot_tell_is_read_as_the_model() {
    let folder = folder();
    let folder = folder.path();
    done(
        folder,
        "weights export --like timm/tf_efficientnet_lite0 --init probe -o w.safetensors",
    );
    silent(&folder.join("w.safetensors"));
    // By itself it is not enough.
    let message = refused(folder, "emit --weights silent.safetensors -o x.onnx");
    assert!(
        message.contains("do not tell its padding and batch norm epsilon")
            && message.contains(
                "hint: say which it is with `--like timm/efficientnet_lite0` or \
                 `--like timm/tf_efficientnet_lite0`; or use `--padding same"
            ),
        "{message}"
    );
    let notes = done(
        folder,
        "emit --like timm/efficientnet_lite0 --weights silent.safetensors -o w.onnx",
    );
    assert!(
        notes.contains(
            "the checkpoint has timm names, which tell neither padding nor epsilon: \
             `timm/efficientnet_lite0.ra_in1k` has padding symmetric and epsilon 1e-5"
        ),
        "{notes}"
    );
    let recipe = emitted_recipe(&folder.join("w.onnx"));
    assert_eq!(
        recipe.like.as_deref(),
        Some("timm/efficientnet_lite0.ra_in1k")
    );
    assert_eq!(
        (recipe.padding.as_str(), recipe.bn_epsilon),
        ("symmetric", 1e-5)
    );
    // Another network's tensors do not fit, and everything that does not is listed.
    let message = refused(
        folder,
        "emit --like timm/efficientnet_lite1 --weights silent.safetensors -o x.onnx",
    );
    assert!(
        message.contains("missing") && message.contains("blocks.1.2.conv_pw.weight"),
        "{message}"
    );
    // What the file says of itself is not overruled in silence.
    let message = refused(
        folder,
        "emit --like timm/efficientnet_lite0 --weights w.safetensors -o x.onnx",
    );
    assert!(
        message.contains(
            "the checkpoint's own metadata say padding same and epsilon 1e-3, but \
             `timm/efficientnet_lite0.ra_in1k` has padding symmetric and epsilon 1e-5"
        ),
        "{message}"
    );
}

#[test]
fn names_that_stand_for_something_else_are_noted() {
    let folder = folder();
    let folder = folder.path();
    done(
        folder,
        "weights export --like torchvision/efficientnet_b0 --names torchvision -o w.safetensors",
    );
    silent(&folder.join("w.safetensors"));
    let notes = done(
        folder,
        "emit --like tf/efficientnet-b0 --weights silent.safetensors -o w.onnx",
    );
    assert!(
        notes.contains(
            "the checkpoint has torchvision names, which stand for padding symmetric and epsilon 1e-5; \
             `tf/efficientnet-b0.baseline` has padding same and epsilon 1e-3"
        ),
        "{notes}"
    );
    assert_eq!(emitted_recipe(&folder.join("w.onnx")).padding, "same");
    // By itself it is prepared for as torchvision does, and not called a model of torchvision's.
    done(
        folder,
        "emit --weights silent.safetensors -o by-itself.onnx",
    );
    let file = ModelFile::open(&folder.join("by-itself.onnx")).expect("a model");
    let pictures = file.metadata(PREPROCESSING_KEY).expect("a record");
    let model = like::find("torchvision/efficientnet_b0").expect("a model");
    assert_eq!(
        serde_json::from_str::<Preprocessing>(pictures).expect("a record"),
        model.preprocessing
    );
    assert_eq!(emitted_recipe(&folder.join("by-itself.onnx")).like, None);
    let notes = done(
        folder,
        "emit --like torchvision/efficientnet_b0 --weights silent.safetensors --force -o w.onnx",
    );
    assert!(!notes.contains("stand for"), "{notes}");
}

#[test]
fn an_emitted_model_is_prepared_for_at_other_sizes_as_its_library_does() {
    let folder = folder();
    let folder = folder.path();
    let name = "timm/efficientnet_b1.ft_in1k";
    done(
        folder,
        &format!("emit --like {name} --init constant --bn keep -o k.onnx"),
    );
    done(folder, "emit --weights k.onnx --size 256 -o m.onnx");
    let file = ModelFile::open(&folder.join("m.onnx")).expect("a model");
    let pictures = file.metadata(PREPROCESSING_KEY).expect("a record");
    let model = like::find(name).expect("a model");
    assert_eq!(
        serde_json::from_str::<Preprocessing>(pictures).expect("a record"),
        model.test.expect("another size")
    );
}

/// A seed, exported and emitted again, is the same file but for where its weights are from; `--like` is carried.
#[test]
fn a_model_survives_the_way_through_a_checkpoint() {
    for (like, names) in [
        ("timm/efficientnet_b1.ft_in1k", "timm"),
        ("keras/EfficientNetB0", "keras"),
        ("lukemelas/efficientnet-lite0", "lukemelas"),
    ] {
        let folder = folder();
        let folder = folder.path();
        done(
            folder,
            &format!("emit --like {like} --init probe -o seed.onnx"),
        );
        done(
            folder,
            &format!("weights export --like {like} --init probe --names {names} -o w.safetensors"),
        );
        done(folder, "emit --weights w.safetensors -o told.onnx");
        done(
            folder,
            &format!("emit --like {like} --weights w.safetensors -o asked.onnx"),
        );
        let [seed, told, asked] = ["seed", "told", "asked"].map(|name| {
            let mut file = ModelFile::open(&folder.join(format!("{name}.onnx"))).expect("a model");
            file.contents
                .metadata_props
                .retain(|(key, _)| key != ORIGIN_KEY);
            file.contents.metadata_props
        });
        assert!(
            seed[0].1.contains(&format!(r#""like":"{like}""#)),
            "{seed:?}"
        );
        assert_eq!(seed, told);
        assert_eq!(seed, asked);
    }
}
