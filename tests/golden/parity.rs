//! Every model that `--like` knows against the library that it names (`golden/parity`, made by `golden/parity.py`).
//!
//! Weights decide nothing here, so a model's tags share one set of logits, and a model that is the published network
//! with TensorFlow's padding and epsilon shares those of `golden/logits`, which are of timm's `tf_` models.

use super::planted::{self, ProbeWeights};
use super::{efficientnets, meets};
use efficientnet_onnx::architecture::{IMAGENET_CLASSES, Options};
use efficientnet_onnx::convert::{Conversion, Exported, Network, Seed, Weights, Wishes};
use efficientnet_onnx::emit::{Destination, Emitted};
use efficientnet_onnx::like::{self, Library, Like};
use efficientnet_onnx::request::{Extent, Request};
use efficientnet_onnx::weights::init::Rule;
use efficientnet_onnx::weights::names::Naming;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Too large for every run: `golden/rebuild parity --native` has compared them (`golden/README.md`).
const NATIVE_ONLY: [&str; 3] = [
    "timm/efficientnet_l2",
    "timm/efficientnetv2_xl",
    "lukemelas/efficientnet-l2",
];

/// Sizes and logits of one model.
type Rows = Vec<(u64, Vec<f64>)>;

/// `MODEL@SIZE` in a library's file.
fn rows(library: &str) -> BTreeMap<String, Rows> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/parity/{library}.safetensors"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
    for (name, tensor) in file.iter() {
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, &[1000][..]));
        let logits = tensor.data().as_chunks().0.iter();
        let logits = logits.map(|bytes| f32::from_le_bytes(*bytes).into());
        let (model, size) = name.split_once('@').expect("MODEL@SIZE");
        let size = size.parse().expect("a number of pixels");
        let model = rows.entry(model.to_owned()).or_default();
        model.push((size, logits.collect()));
    }
    rows
}

/// The network that a model's logits are for: any weights', with 1000 classes.
fn request(like: &Like) -> Request {
    let mut request = like.request();
    request.options.classes = IMAGENET_CLASSES;
    request
}

/// Whether the model is a published network as TensorFlow has it.
fn is_tensorflows(like: &Like) -> bool {
    request(like).options == Options::TENSORFLOW
}

/// A library's models, each with its default weights.
fn models(library: Library) -> Vec<Like> {
    let mut models: Vec<Like> = Vec::new();
    for like in like::all() {
        if like.library != library {
            continue;
        }
        match models.iter().find(|model| model.model == like.model) {
            Some(model) => {
                let network = |like: &Like| (request(like).architecture().ok(), like.variant);
                assert_eq!(network(model), network(&like), "{}", like.name());
            }
            None => models.push(like),
        }
    }
    models
}

fn library_is_met(library: Library) {
    let mut rows = rows(&library.to_string());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for like in models(library) {
        let name = like.untagged();
        if library == Library::Timm && is_tensorflows(&like) || NATIVE_ONLY.contains(&&*name) {
            continue;
        }
        let rows = rows.remove(&like.model);
        let rows = rows.unwrap_or_else(|| panic!("no logits of `{name}`"));
        assert_eq!(rows.len(), 2, "{name}: an even size and an odd one");
        let weights = ProbeWeights::draw(&request(&like));
        for (size, right) in &rows {
            let request = Request {
                size: [Extent::Fixed(*size); 2],
                ..request(&like)
            };
            let model = planted::right(&request, &weights, folder.path());
            meets(&name, *size, &model, |_| right, &[0]);
        }
    }
    let surplus: Vec<&String> = rows.keys().collect();
    assert!(surplus.is_empty(), "logits of no model: {surplus:?}");
}

#[test]
fn parity_with_timm() {
    library_is_met(Library::Timm);
}

#[test]
fn parity_with_torchvision() {
    library_is_met(Library::Torchvision);
}

#[test]
fn parity_with_lukemelas() {
    library_is_met(Library::Lukemelas);
}

#[test]
fn parity_with_transformers() {
    library_is_met(Library::Transformers);
}

/// `--like` names none of MMPretrain's networks: their checkpoints tell by their names which they are, how they pad and what
/// their epsilon is.
#[test]
fn parity_with_mmpretrain() {
    let mut rows = rows("mmpretrain");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for (model, variant) in [
        ("EfficientNet-b1", "b1"),
        ("EfficientNet-es", "edgetpu-s"),
        ("EfficientNetV2-s", "v2-s"),
    ] {
        let checkpoint = folder.path().join(model);
        let drawn = Wishes {
            network: Network::published(variant),
            classes: Some(IMAGENET_CLASSES),
            ..Wishes::default()
        };
        let seed = Seed {
            rule: Rule::Probe,
            number: 0,
        };
        let drawn = Exported::drawn(&drawn, seed, None).expect("a published network");
        let file = Box::new(File::create(&checkpoint).expect("a file"));
        let named = drawn.named(Naming::MmPretrain).expect("names for all");
        named.write(&[], file, &(), &|_| false).expect("a file");
        for (size, right) in rows.remove(model).expect("logits") {
            let wishes = Wishes {
                size: Some([Extent::Fixed(size); 2]),
                ..Wishes::default()
            };
            let weights = Weights::open(&checkpoint).expect("a checkpoint");
            let conversion = Conversion::new(weights, wishes).expect("names tell all");
            let found = conversion.request().variant().map(|variant| variant.name);
            assert_eq!(found, Some(variant));
            let recipe = conversion.recipe(None).expect("a recipe");
            let path = folder.path().join(format!("{model}-{size}.onnx"));
            let destination = Destination::new_file(path.clone());
            let Ok(Emitted::Staged(staged)) = conversion.write(&recipe, destination, &()) else {
                panic!("{model}: no file");
            };
            staged.commit().expect("a file");
            meets(model, size, &path, |_| &right, &[0]);
        }
    }
    assert!(rows.is_empty(), "{:?}", rows.keys());
}

#[test]
fn parity_with_keras() {
    library_is_met(Library::Keras);
}

/// TensorFlow's own models have no logits of their own: timm's `tf_` models are ports of them, and every published
/// network is among those.
#[test]
fn tensorflows_own_models_are_the_published_networks() {
    let originals = models(Library::TensorFlow);
    let ports = models(Library::Timm);
    for variant in efficientnets() {
        for models in [&originals, &ports] {
            let mut models = models.iter().filter(|like| like.variant == variant);
            assert!(models.any(is_tensorflows), "{}", variant.name);
        }
    }
    assert!(originals.iter().all(is_tensorflows));
}
