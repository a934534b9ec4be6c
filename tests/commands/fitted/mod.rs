//! `--classifier`: a head that was fitted elsewhere, in the place of the checkpoint's.

mod families;
mod refused;

use crate::command_line::{done, refused};
use efficientnet_onnx::metadata::{
    HEAD_KEY, LABELS_KEY, ORIGIN_KEY, PREPROCESSING_KEY, RECIPE_KEY,
};
use efficientnet_onnx::onnx::file::{InitializerSource, ModelFile};
use efficientnet_onnx::stored::write_npy;
use efficientnet_onnx::tensor::{Element, NamedTensor, TensorSource};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// As small as a network gets; its classifier reads 320 features.
const NETWORK: &str = "--width 0.25 --depth 0.25 --size 32 --init probe --seed 7";
const FEATURES: usize = 320;

/// A tensor as NumPy has it, its elements from 0 on.
type Array<'a> = (&'a str, &'a [usize], Element);

const CLASSIFIER: [Array; 2] = [
    ("weight", &[3, FEATURES], Element::F64),
    ("bias", &[3], Element::F64),
];

/// What f32 rounds: no two elements of a tensor are equal.
fn element(index: usize) -> f64 {
    1.0 / (index as f64 + 3.1) - 0.1
}

fn elements(count: usize) -> Vec<f64> {
    (0..count).map(element).collect()
}

fn array((name, shape, element): Array, change: impl Fn(&mut [f64])) -> NamedTensor {
    let mut data = elements(shape.iter().product());
    change(&mut data);
    NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        element,
        data: data.into_iter().collect(),
    }
}

/// Writes an `.npz` as NumPy does.
fn npz(path: &Path, arrays: &[NamedTensor]) {
    let method = zip::CompressionMethod::Stored;
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    for array in arrays {
        let single = path.with_extension("npy");
        write_npy(&single, array).expect("a file");
        let name = format!("{}.npy", array.name);
        archive.start_file(name, options).expect("an entry");
        let bytes = std::fs::read(&single).expect("a file");
        archive.write_all(&bytes).expect("written");
        std::fs::remove_file(single).expect("a file");
    }
    archive.finish().expect("an archive");
}

fn head(folder: &Path, name: &str, arrays: &[Array]) {
    let arrays: Vec<_> = arrays.iter().map(|entry| array(*entry, |_| {})).collect();
    npz(&folder.join(name), &arrays);
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn emit(folder: &Path, line: &str) -> String {
    done(folder, &words(&format!("emit {line} --force")))
}

fn refusal(folder: &Path, line: &str) -> String {
    let message = refused(folder, &words(&format!("emit {line} -o refused.onnx")));
    assert!(!folder.join("refused.onnx").exists());
    message
}

/// A checkpoint of three labelled classes, `w`, and a head of three in `head.npz`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    std::fs::write(at.join("old names"), "cat\ndog\nEgyptian cat\n").expect("a file");
    std::fs::write(at.join("names"), "one\ntwo\nthree\n").expect("a file");
    let old = format!("emit {NETWORK} --classes 3 --bn keep --activation sigmoid -o old.onnx");
    done(at, &[&words(&old)[..], &["--labels", "old names"]].concat());
    done(at, &words("weights export old.onnx -o w"));
    head(at, "head.npz", &CLASSIFIER);
    folder
}

fn metadata(folder: &Path, name: &str, key: &str) -> Option<Value> {
    let file = ModelFile::open(&folder.join(name)).expect("a model");
    let text = file.metadata(key)?;
    Some(serde_json::from_str(text).expect("JSON"))
}

fn tensors(folder: &Path, name: &str) -> Vec<(String, Vec<u64>, Vec<f32>)> {
    let file = ModelFile::open(&folder.join(name)).expect("a model");
    let source = InitializerSource::new(file).expect("its tensors");
    let read = |tensor: &efficientnet_onnx::tensor::TensorInfo| {
        let elements = usize::try_from(tensor.shape.iter().product::<u64>()).expect("few");
        let mut values = vec![f32::NAN; elements];
        let reader = source.open(&tensor.name).expect("a reader");
        reader.fill(0, &mut values).expect("its values");
        (tensor.name.clone(), tensor.shape.clone(), values)
    };
    let float = source.tensors().iter();
    float
        .filter(|tensor| tensor.element.is_weight())
        .map(read)
        .collect()
}

fn tensor(folder: &Path, name: &str, tensor: &str) -> (Vec<u64>, Vec<f32>) {
    let mut found = tensors(folder, name).into_iter();
    let found = found.find(|(name, ..)| name == tensor);
    let (_, shape, values) = found.unwrap_or_else(|| panic!("`{tensor}` is not in `{name}`"));
    (shape, values)
}

#[expect(clippy::cast_possible_truncation, reason = "what is written is f32")]
fn singles(count: usize) -> Vec<f32> {
    elements(count)
        .into_iter()
        .map(|value| value as f32)
        .collect()
}

/// Every naming, also one that stores its classifier transposed, and a head that is square.
#[test]
fn the_head_is_the_files_and_all_else_the_checkpoints() {
    let folder = folder();
    let folder = folder.path();
    head(
        folder,
        "square.npz",
        &[
            ("bias", &[FEATURES], Element::F32),
            ("weight", &[FEATURES, FEATURES], Element::F32),
        ],
    );
    for naming in ["timm", "torchvision", "lukemelas", "keras"] {
        let export = format!("weights export old.onnx --names {naming} -o {naming}");
        done(folder, &words(&export));
    }
    let kept = |name: &str| {
        let mut tensors = tensors(folder, name);
        tensors.retain(|(name, ..)| !name.starts_with("classifier."));
        tensors
    };
    emit(folder, "--weights w -o plain.onnx");
    for weights in ["w", "old.onnx", "timm", "torchvision", "lukemelas", "keras"] {
        for (file, classes) in [("head.npz", 3), ("square.npz", FEATURES)] {
            let line = format!("--weights {weights} --classifier {file} -o new.onnx");
            let message = emit(folder, &line);
            let note = format!(
                "a classifier of {classes} classes from `{file}` replaces the checkpoint's of 3"
            );
            assert!(message.contains(&note), "{message}");
            let (shape, values) = tensor(folder, "new.onnx", "classifier.weight");
            assert_eq!(shape, [classes as u64, FEATURES as u64], "{line}");
            assert!(values == singles(classes * FEATURES), "{line}");
            let (_, values) = tensor(folder, "new.onnx", "classifier.bias");
            assert_eq!(values, singles(classes), "{line}");
            assert!(kept("new.onnx") == kept("plain.onnx"), "{line}");
        }
    }
}

/// Outputs that use the weight in another layout, and element types to which it is rounded once.
#[test]
fn the_head_is_written_in_every_form() {
    let folder = folder();
    let folder = folder.path();
    let line = "--weights w --classifier head.npz -o new.onnx";
    emit(
        folder,
        &format!("{line} --outputs cam,probabilities,pooled"),
    );
    let (shape, values) = tensor(folder, "new.onnx", "cam.weight");
    assert_eq!(shape, [3, FEATURES as u64, 1, 1]);
    assert!(values == singles(3 * FEATURES));

    emit(folder, &format!("{line} --form head=matmul"));
    let (shape, values) = tensor(folder, "new.onnx", "classifier.weight");
    assert_eq!(shape, [FEATURES as u64, 3]);
    let weight = singles(3 * FEATURES);
    let column = |index: usize| (0..3).map(move |class| class * FEATURES + index);
    let turned = (0..FEATURES).flat_map(column).map(|place| weight[place]);
    assert!(values.into_iter().eq(turned));

    // Just above the middle of two halves, where f32 has only the middle: rounded twice it would become the lower one.
    let middle = 1.0 + f64::powi(2.0, -11);
    let above = middle + f64::powi(2.0, -40);
    let [weight, bias] = CLASSIFIER.map(|entry| array(entry, |data| data.fill(above)));
    npz(&folder.join("near.npz"), &[weight, bias]);
    emit(
        folder,
        "--weights w --classifier near.npz --dtype f16 -o half.onnx",
    );
    let (_, values) = tensor(folder, "half.onnx", "classifier.bias");
    assert_eq!(values, [1.0 + f32::powi(2.0, -10); 3]);
}

/// Element types that have all their values in f32, and a file of the other format.
#[test]
fn a_head_may_be_stored_otherwise() {
    let folder = folder();
    let folder = folder.path();
    for stored in [Element::F32, Element::F16] {
        let arrays = CLASSIFIER.map(|(name, shape, _)| (name, shape, stored));
        head(folder, "other.npz", &arrays);
        emit(folder, "--weights w --classifier other.npz -o new.onnx");
        #[expect(clippy::cast_possible_truncation, reason = "it is a value of f32")]
        let expected: Vec<f32> = elements(3)
            .into_iter()
            .map(|value| stored.nearest(value) as f32)
            .collect();
        let (_, values) = tensor(folder, "new.onnx", "classifier.bias");
        assert_eq!(values, expected, "{stored}");
    }
    let bytes: Vec<u8> = singles(3 * FEATURES)
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let view = |shape, bytes| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, bytes)
            .expect("a tensor")
    };
    let tensors_of = [
        ("weight", view(vec![3, FEATURES], &bytes)),
        ("bias", view(vec![3], &bytes[..12])),
    ];
    let file = safetensors::serialize(tensors_of, None).expect("a file");
    std::fs::write(folder.join("head.safetensors"), file).expect("a file");
    emit(folder, "--weights w --classifier head.npz -o npz.onnx");
    emit(
        folder,
        "--weights w --classifier head.safetensors -o safe.onnx",
    );
    assert!(tensors(folder, "npz.onnx") == tensors(folder, "safe.onnx"));
}

/// The file says that its classifier is another file's, and keeps saying so; a further classifier ends that.
#[test]
fn the_records_tell_both_files() {
    let folder = folder();
    let folder = folder.path();
    let line = "--weights w --bn keep -o new.onnx";
    emit(
        folder,
        &format!("{line} --classifier head.npz --labels names"),
    );
    let digest = Sha256::digest(std::fs::read(folder.join("head.npz")).expect("a file"));
    let digest: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = digest.concat();
    let fitted = json!({"name": "head.npz", "sha256": digest});
    let origin = metadata(folder, "new.onnx", ORIGIN_KEY).expect("an origin");
    assert_eq!(origin["kind"], "checkpoint");
    assert_eq!(origin["name"], "w");
    assert_eq!(origin["fitted"], fitted);
    assert_eq!(origin["classifier"], Value::Null);
    let names = json!(["one", "two", "three"]);
    assert_eq!(
        metadata(folder, "new.onnx", LABELS_KEY),
        Some(names.clone())
    );
    assert_eq!(
        metadata(folder, "new.onnx", PREPROCESSING_KEY),
        metadata(folder, "old.onnx", PREPROCESSING_KEY)
    );
    let shown = std::process::Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["inspect", "new.onnx"])
        .current_dir(folder)
        .output()
        .expect("the binary");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let expected = format!("; classifier of head.npz (SHA-256 {digest}); random weights");
    assert!(shown.contains(&expected), "{shown}");

    done(folder, &words("weights export new.onnx -o exported"));
    for weights in ["new.onnx", "exported"] {
        emit(folder, &format!("--weights {weights} -o again.onnx"));
        let again = metadata(folder, "again.onnx", ORIGIN_KEY).expect("an origin");
        assert_eq!(
            (&again["name"], &again["fitted"]),
            (&json!(weights), &fitted)
        );
        assert_eq!(
            metadata(folder, "again.onnx", LABELS_KEY),
            Some(names.clone())
        );
    }
    emit(
        folder,
        "--weights new.onnx --reset-classifier 3 -o again.onnx",
    );
    let again = metadata(folder, "again.onnx", ORIGIN_KEY).expect("an origin");
    assert_eq!(again["fitted"], Value::Null);
    emit(
        folder,
        "--weights w --reset-classifier 3 --bn keep -o fresh.onnx",
    );
    emit(
        folder,
        "--weights fresh.onnx --classifier head.npz -o again.onnx",
    );
    let again = metadata(folder, "again.onnx", ORIGIN_KEY).expect("an origin");
    assert_eq!(
        (&again["fitted"], &again["classifier"]),
        (&fitted, &Value::Null)
    );
}

/// Neither names nor activation of the checkpoint's own classifier are a new one's.
#[test]
fn what_the_checkpoint_tells_of_its_own_classifier_ends_with_it() {
    let folder = folder();
    let folder = folder.path();
    head(
        folder,
        "one.npz",
        &[
            ("weight", &[1, FEATURES], Element::F64),
            ("bias", &[1], Element::F64),
        ],
    );
    emit(folder, "--weights w -o plain.onnx");
    assert_eq!(
        metadata(folder, "plain.onnx", HEAD_KEY).expect("a head")["activation"],
        "sigmoid"
    );
    for (flags, activation, classes, labels) in [
        ("--classifier head.npz", "softmax", 3, false),
        ("--classifier head.npz --labels names", "softmax", 3, true),
        (
            "--classifier head.npz --activation sigmoid",
            "sigmoid",
            3,
            false,
        ),
        ("--classifier head.npz --classes 3", "softmax", 3, false),
        ("--classifier one.npz", "sigmoid", 1, false),
        ("--reset-classifier 3 --labels names", "softmax", 3, true),
    ] {
        let message = emit(folder, &format!("--weights w {flags} -o new.onnx"));
        let head = metadata(folder, "new.onnx", HEAD_KEY).expect("a head");
        assert_eq!(head["activation"], activation, "{flags}");
        let recipe = metadata(folder, "new.onnx", RECIPE_KEY).expect("a recipe");
        assert_eq!(recipe["classes"], classes, "{flags}");
        let found = metadata(folder, "new.onnx", LABELS_KEY);
        assert_eq!(found.is_some(), labels, "{flags}");
        let is_told = message.contains("of 1 class, whose probability is a sigmoid, from");
        assert_eq!(is_told, classes == 1, "{message}");
    }
}

#[test]
fn a_checkpoint_without_a_classifier_takes_one() {
    let folder = folder();
    let folder = folder.path();
    let bytes = std::fs::read(folder.join("w")).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let kept = file.tensors().into_iter();
    let kept = kept.filter(|(name, _)| !name.starts_with("classifier."));
    let headless = safetensors::serialize(kept, None).expect("tensors");
    std::fs::write(folder.join("headless"), headless).expect("a file");
    let network = "--width 0.25 --depth 0.25 --size 32 --padding same --bn-epsilon 1e-3";
    let line = format!("{network} --weights headless");
    let message = refusal(folder, &line);
    assert!(
        message.contains("read one with `--classifier FILE`"),
        "{message}"
    );
    let message = emit(folder, &format!("{line} --classifier head.npz -o new.onnx"));
    let note = "a classifier of 3 classes from `head.npz` is added to a checkpoint without one";
    assert!(message.contains(note), "{message}");
    emit(folder, "--weights w --classifier head.npz -o same.onnx");
    assert!(tensors(folder, "new.onnx") == tensors(folder, "same.onnx"));
}
