//! Heads of other layers and pools than the usual, as PyTorch and fastai save them: the logits that PyTorch computes.

use super::modules::npy;
use crate::command_line::run;
use crate::folder::listing;
use efficientnet_onnx::metadata::RECIPE_KEY;
use efficientnet_onnx::onnx::file::ModelFile;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Side of the image that the fixtures' logits are of.
const SIDE: usize = 32;
/// What follows the feature maps of `metric`.
const GEM: &str = "gem,linear-no-bias,bn,linear";

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/heads");
    folder.join(name)
}

/// The network of a checkpoint's body.
fn body(name: &str) -> &'static str {
    if [".h5", ".keras"]
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        "keras_body.toml"
    } else {
        "body.toml"
    }
}

/// A folder with the checkpoint of that name, the network of its body, and the image.
fn prepared(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let deflated = std::fs::read(fixture(&format!("{name}.z"))).expect("a fixture");
    let mut bytes = Vec::new();
    let mut decoder = flate2::read::ZlibDecoder::new(&deflated[..]);
    decoder.read_to_end(&mut bytes).expect("a deflated file");
    let pixel = |place: usize| {
        let step = u16::try_from(place * 7919 % 1000).expect("below 1000");
        f32::from(step) / 512.0 - 1.0
    };
    let image: Vec<f32> = (0..3 * SIDE * SIDE).map(pixel).collect();
    let network = std::fs::read(fixture(body(name))).expect("a fixture");
    for (file, bytes) in [
        (name, bytes),
        (body(name), network),
        ("x.npy", npy(&format!("1, 3, {SIDE}, {SIDE}"), &image)),
    ] {
        std::fs::write(folder.path().join(file), bytes).expect("a file");
    }
    folder
}

fn logits(name: &str) -> Vec<f32> {
    recorded("logits.json", name)
}

fn recorded(file: &str, name: &str) -> Vec<f32> {
    let text = std::fs::read(fixture(file)).expect("a fixture");
    let mut all: BTreeMap<String, Vec<f32>> = serde_json::from_slice(&text).expect("numbers");
    all.remove(name).expect("its logits")
}

fn emit(folder: &Path, name: &str, flags: &[&str]) -> (Option<i32>, String) {
    let arguments = [
        "emit",
        "--arch",
        body(name),
        "--weights",
        name,
        "-o",
        "m.onnx",
    ];
    let (status, said) = run(folder, &[&arguments[..], flags].concat());
    let is_written = listing(folder).iter().any(|file| file == "m.onnx");
    assert_eq!(is_written, status == Some(0), "{said}");
    (status, said)
}

/// Emits a checkpoint, and compares what it computes with `expected`; gives what was said.
fn agrees(name: &str, flags: &[&str], expected: &[f32]) -> String {
    let folder = prepared(name);
    let folder = folder.path();
    let (status, said) = emit(folder, name, flags);
    assert_eq!(status, Some(0), "{name}: {said}");
    let shape = format!("1, {}", expected.len());
    std::fs::write(folder.join("y.npy"), npy(&shape, expected)).expect("a file");
    let verify = [
        "verify",
        "m.onnx",
        "--runtime",
        "reference",
        "--input",
        "x.npy",
        "--expect",
        "y.npy",
        "--rtol",
        "1e-5",
        "--atol",
        "1e-5",
    ];
    let (status, verdict) = run(folder, &verify);
    assert_eq!(status, Some(0), "{name}: {said}{verdict}");
    said
}

/// Refuses a checkpoint; gives what was said.
fn refused(name: &str, flags: &[&str], expected: &[&str]) -> String {
    let folder = prepared(name);
    let (status, said) = emit(folder.path(), name, flags);
    assert_eq!(status, Some(2), "{name}: {said}");
    for expected in expected {
        assert!(
            said.contains(expected),
            "{name}: expected `{expected}`: {said}"
        );
    }
    said
}

#[test]
fn pickled_modules_tell_their_heads() {
    for (name, head) in [
        (
            "mlp.pkl",
            "`linear:12,bn:0.001,relu,linear`, whose layers with tensors are `classifier.0`, `classifier.1`, `classifier.4`",
        ),
        (
            "activations.pkl",
            "`max,tanh,linear:8,leaky-relu:0.2,linear:8,elu,linear:8,hard-swish,linear:8,sigmoid,linear`",
        ),
        ("avgmax.pkl", "`avgmax,linear`"),
        ("catavgmax.pkl", "`catavgmax,linear`"),
        ("gem.pkl", "`gem:4,linear`"),
        ("neck.pkl", "`gem:2.5,ln,linear:8,gelu,linear-no-bias`"),
        (
            "fastai.pkl",
            "`catmaxavg,bn,linear-no-bias:12,relu,bn,linear-no-bias`",
        ),
    ] {
        let said = agrees(name, &[], &logits(name));
        assert!(said.contains(head), "{name}: expected {head}: {said}");
    }
    let said = agrees("samples.pkl", &[], &logits("samples.pkl"));
    assert!(!said.contains("the checkpoint's head"), "{said}");
    let gem = agrees("gem.pkl", &[], &logits("gem.pkl"));
    let taken =
        "`global_pool` is a `__main__.GeneralizedMeanPooling`, taken for the generalised mean";
    assert!(gem.contains(taken), "{gem}");
}

#[test]
fn the_logarithm_of_softmax_is_that_of_the_probabilities() {
    let name = "log_softmax.pkl";
    refused(
        name,
        &[],
        &["applies a softmax to its logits", "--outputs probabilities"],
    );
    let probabilities: Vec<f32> = logits(name).into_iter().map(f32::exp).collect();
    let said = agrees(name, &["--outputs", "probabilities"], &probabilities);
    assert!(
        said.contains("its results are the logarithms of `probabilities`"),
        "{said}"
    );
}

#[test]
fn a_state_dict_is_told_its_head() {
    for (name, head) in [
        ("mlp.pth", "linear,bn:1e-3,relu,dropout:0.5,linear"),
        ("mlp.safetensors", "linear:12,bn:0.001,relu,linear:5"),
        ("catavgmax.pth", "catavgmax,linear"),
        ("neck.pth", "gem,ln,linear,gelu,linear"),
        ("metric.pth", GEM),
        // In the order of the alphabet; shapes allow one order.
        ("metric.safetensors", GEM),
    ] {
        agrees(name, &["--head", head], &logits(name));
    }
}

#[test]
fn an_unknown_head_is_listed_and_can_be_left_out_or_replaced() {
    let name = "mlp.pth";
    refused(
        name,
        &[],
        &[
            "linear, 16 to 12: `classifier.0.bias` [12], `classifier.0.weight` [12, 16]",
            "batch norm of 12: `classifier.1.bias` [12], `classifier.1.running_mean` [12]",
            "linear, 12 to 5: `classifier.4.bias` [5], `classifier.4.weight` [5, 12]",
            "such as `--head \"linear,bn,linear\"`",
        ],
    );
    for (flags, more) in [
        (["--outputs", "pooled"], ""),
        (
            ["--reset-classifier", "3"],
            "replaces all layers of the checkpoint's head",
        ),
    ] {
        let folder = prepared(name);
        let (status, said) = emit(folder.path(), name, &flags);
        assert_eq!(status, Some(0), "{said}");
        let left_out = "left out the layers of the checkpoint's head: `classifier.0.bias` [12], `classifier.0.weight` [12, 16]";
        assert!(said.contains(left_out) && said.contains(more), "{said}");
    }
}

#[test]
fn what_no_head_may_lose_is_refused_by_name() {
    // A trained exponent.
    for flags in [
        &[][..],
        &["--outputs", "pooled"],
        &["--reset-classifier", "3"],
    ] {
        refused(
            "metric.pth",
            flags,
            &[
                "exponent of a generalised mean: `pooling.p` [1]",
                "--head \"gem,",
            ],
        );
    }
    // Twice as many features as the network's.
    refused(
        "catavgmax.pth",
        &[],
        &[
            "linear, 32 to 5",
            "as timm does, `--head \"catavgmax,linear\"`",
            "as fastai does, `--head \"catmaxavg,linear\"`",
        ],
    );
}

#[test]
fn a_head_that_tensors_are_not_of_is_refused_with_both_sides() {
    for (head, expected) in [
        (
            "linear,relu,linear",
            "layer 3 is `linear` of 12 features, but `classifier.1` is batch norm of 12",
        ),
        (
            "bn,linear,relu,linear",
            "layer 1 is `bn` of 16 features, but `classifier.0` is linear, 16 to 12",
        ),
        (
            "linear:8,bn,relu,linear",
            "layer 1 is `linear:8` of 16 features, but `classifier.0` is linear, 16 to 12",
        ),
        (
            "linear-no-bias,bn,relu,linear",
            "layer 1 is `linear-no-bias`",
        ),
        ("linear,bn", "no layer is left for `classifier.4`"),
        (
            "linear,bn,linear,linear",
            "layer 4 is `linear`, and no tensors are left for it",
        ),
        (
            "catavgmax,linear,bn,linear",
            "layer 1 is `linear` of 32 features",
        ),
        (
            "linear,ln,linear",
            "layer 2 is `ln` of 12 features, but `classifier.1` is batch norm of 12",
        ),
    ] {
        refused("mlp.pth", &["--head", head], &[expected]);
    }
    // Neither logits nor an embedding: what PyTorch gives is nowhere divided by its norm.
    for outputs in [
        &[][..],
        &["--outputs", "logits"],
        &["--outputs", "embedding"],
    ] {
        refused(
            "mlp.pth",
            &[&["--head", "linear,bn,relu,linear,relu"], outputs].concat(),
            &["ends in neither a linear layer nor `normalize`"],
        );
    }
    refused(
        "mlp.pkl",
        &["--head", "linear,relu,linear"],
        &[
            "the head `linear,relu,linear` is asked for, and the checkpoint records `linear:12,bn:0.001,relu,linear`",
        ],
    );
    agrees(
        "mlp.pkl",
        &["--head", "linear,bn,relu,linear"],
        &logits("mlp.pkl"),
    );
    refused(
        "avgmax.pkl",
        &["--head", "max,linear"],
        &["the head `max` is asked for, and the checkpoint records `avgmax`"],
    );
    refused(
        "neck.pth",
        &["--head", "gem:3.5,ln,linear,gelu,linear"],
        &["the head `gem:3.5` is asked for, and the checkpoint records `gem:2.5`"],
    );
    refused(
        "mlp.pth",
        &["--head", "bn,linear", "--reset-classifier", "3"],
        &["the layers of the head `bn,linear` are replaced"],
    );
}

/// The pool stays where only the layers are replaced.
#[test]
fn a_fresh_classifier_follows_the_recorded_pool() {
    for (name, flags, pool) in [
        (
            "catavgmax.pkl",
            &["--reset-classifier", "3"][..],
            "catavgmax",
        ),
        (
            "metric.pth",
            &["--reset-classifier", "3", "--head", "gem"],
            "gem:2.5",
        ),
    ] {
        let folder = prepared(name);
        let (status, said) = emit(folder.path(), name, flags);
        assert_eq!(status, Some(0), "{name}: {said}");
        let file = ModelFile::open(&folder.path().join("m.onnx")).expect("a model");
        let recipe = file.metadata(RECIPE_KEY).expect("a recipe");
        assert!(recipe.contains(&format!("\"{pool},linear\"")), "{recipe}");
    }
}

#[test]
fn keras_models_tell_their_heads() {
    for (name, head) in [
        (
            "transfer.h5",
            "`bn:0.001,linear`, whose layers with tensors are `batch_normalization`",
        ),
        (
            "joined.h5",
            "`catmaxavg,linear:8,gelu,ln:0.001,linear-no-bias`",
        ),
        (
            "nested.h5",
            "`max,linear-no-bias:8,bn:1e-4,leaky-relu:0.1,normalize,linear`",
        ),
        (
            "nested.keras",
            "`max,linear-no-bias:8,bn:1e-4,leaky-relu:0.1,normalize,linear`",
        ),
    ] {
        let expected = recorded("keras.json", name);
        let said = agrees(name, &["--outputs", "probabilities"], &expected);
        assert!(said.contains(head), "{name}: expected {head}: {said}");
    }
}
