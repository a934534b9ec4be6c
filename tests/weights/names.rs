//! The name maps against the names that the libraries themselves give, listed by their own code.

use efficientnet_onnx::weights::names::{NameMap, Naming};
use std::collections::{BTreeMap, BTreeSet};

/// Name and shape of every tensor of a model, from `fixtures/checkpoints/make.py`.
type Listing = BTreeMap<String, String>;

const TIMM_B1: &str = "timm_1.0.31_tf_efficientnet_b1";
const TIMM_LITE1: &str = "timm_1.0.31_tf_efficientnet_lite1";

fn listing(model: &str) -> Listing {
    let path = format!(
        "{}/tests/fixtures/checkpoints/{model}.names",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("a fixture");
    let line = |line: &str| {
        let (name, shape) = line.split_once(' ').expect("a name and a shape");
        (name.to_string(), shape.to_string())
    };
    text.lines().map(line).collect()
}

/// The names that `naming` gives to timm's, with the shapes that timm has.
fn mapped(naming: Naming, timm: &str) -> Listing {
    let timm = listing(timm);
    let map = NameMap::new(naming, timm.keys().map(String::as_str)).expect("names for all");
    let mapped: Listing = map
        .iter()
        .map(|(name, source)| (source.to_string(), timm[name].clone()))
        .collect();
    assert_eq!(
        mapped.len(),
        timm.len(),
        "two parameters have one {naming} name"
    );
    mapped
}

#[test]
fn names_and_shapes_are_those_of_the_library() {
    for (naming, timm, library) in [
        (Naming::Timm, TIMM_B1, TIMM_B1),
        (
            Naming::Torchvision,
            TIMM_B1,
            "torchvision_0.29.2_efficientnet_b1",
        ),
        (
            Naming::Torchvision,
            "timm_1.0.31_efficientnetv2_s",
            "torchvision_0.29.2_efficientnet_v2_s",
        ),
        (
            Naming::Lukemelas,
            TIMM_B1,
            "efficientnet_pytorch_0.7.1_efficientnet-b1",
        ),
        (
            Naming::Transformers,
            TIMM_B1,
            "transformers_5.24.0_efficientnet-b1",
        ),
        (
            Naming::MmPretrain,
            TIMM_B1,
            "mmpretrain_1.2.0_EfficientNet_b1",
        ),
        (
            Naming::MmPretrain,
            "timm_1.0.31_tf_efficientnet_es",
            "mmpretrain_1.2.0_EfficientNet_es",
        ),
        (
            Naming::MmPretrain,
            "timm_1.0.31_efficientnetv2_s",
            "mmpretrain_1.2.0_EfficientNetV2_s",
        ),
    ] {
        assert_eq!(mapped(naming, timm), listing(library), "{naming}");
    }
}

/// transformers' `EfficientNetModel` and torchvision's `features` have the names that the whole models have below a module.
#[test]
fn a_network_without_its_classifier_has_names_too() {
    for (naming, library, module) in [
        (
            Naming::TransformersBase,
            "transformers_5.24.0_efficientnet-b1",
            "efficientnet.",
        ),
        (
            Naming::TorchvisionFeatures,
            "torchvision_0.29.2_efficientnet_b1",
            "features.",
        ),
    ] {
        let mapped = mapped(naming, TIMM_B1);
        let library = listing(library);
        for (name, shape) in &library {
            let Some(base) = name.strip_prefix(module) else {
                assert!(name.starts_with("classifier."), "{name}");
                continue;
            };
            assert_eq!(mapped.get(base), Some(shape), "{name}");
        }
        assert_eq!(mapped.len(), library.len());
    }
}

/// Names only: Keras's shapes are in another layout.
#[test]
fn names_are_those_of_keras() {
    for (timm, keras) in [
        (
            "timm_1.0.31_tf_efficientnet_b0",
            "keras_3.15.1_EfficientNetB0",
        ),
        (
            "timm_1.0.31_tf_efficientnetv2_b0",
            "keras_3.15.1_EfficientNetV2B0",
        ),
    ] {
        let mapped: Vec<_> = mapped(Naming::Keras, timm).into_keys().collect();
        let library: Vec<_> = listing(keras).into_keys().collect();
        assert_eq!(mapped, library, "{keras}");
    }
}

/// Names only, as TensorFlow's shapes are in another layout; below the model's own scope.
#[test]
fn names_are_those_of_tensorflow() {
    for (timm, model) in [
        (TIMM_B1, "efficientnet-b1"),
        (TIMM_LITE1, "efficientnet-lite1"),
        ("timm_1.0.31_tf_efficientnet_es", "efficientnet-edgetpu-S"),
    ] {
        let mapped: Vec<_> = mapped(Naming::TensorFlow, timm).into_keys().collect();
        let library = listing(&format!("tensorflow_tpu_7dc921f_{model}"));
        let library: Vec<_> = library.keys().map(|name| name.split_once('/')).collect();
        let library: Vec<_> = library
            .into_iter()
            .map(|name| name.expect("a scope").1)
            .collect();
        assert_eq!(mapped, library, "{model}");
    }
}

#[test]
fn a_network_without_squeeze_and_excitation_has_names_too() {
    let mapped = mapped(Naming::Lukemelas, TIMM_LITE1);
    let names: BTreeSet<_> = mapped.keys().map(String::as_str).collect();
    assert!(names.contains("_blocks.0._project_conv.weight"));
    assert!(names.contains("_blocks.20._bn2.running_var"));
    assert!(!names.contains("_blocks.21._bn2.running_var"));
}

/// Written by hand from the sources of the libraries. The first stage of B1 has two blocks that do not expand.
#[test]
fn single_names() {
    for (timm, torchvision, lukemelas) in [
        (
            "conv_stem.weight",
            "features.0.0.weight",
            "_conv_stem.weight",
        ),
        (
            "bn1.running_var",
            "features.0.1.running_var",
            "_bn0.running_var",
        ),
        (
            "blocks.0.1.conv_pw.weight",
            "features.1.1.block.2.0.weight",
            "_blocks.1._project_conv.weight",
        ),
        (
            "blocks.0.1.bn1.weight",
            "features.1.1.block.0.1.weight",
            "_blocks.1._bn1.weight",
        ),
        (
            "blocks.0.1.bn2.weight",
            "features.1.1.block.2.1.weight",
            "_blocks.1._bn2.weight",
        ),
        (
            "blocks.1.0.conv_pw.weight",
            "features.2.0.block.0.0.weight",
            "_blocks.2._expand_conv.weight",
        ),
        (
            "blocks.1.0.bn1.bias",
            "features.2.0.block.0.1.bias",
            "_blocks.2._bn0.bias",
        ),
        (
            "blocks.1.0.bn2.bias",
            "features.2.0.block.1.1.bias",
            "_blocks.2._bn1.bias",
        ),
        (
            "blocks.1.0.bn3.bias",
            "features.2.0.block.3.1.bias",
            "_blocks.2._bn2.bias",
        ),
        (
            "blocks.2.2.se.conv_reduce.bias",
            "features.3.2.block.2.fc1.bias",
            "_blocks.7._se_reduce.bias",
        ),
        (
            "blocks.6.1.se.conv_expand.weight",
            "features.7.1.block.2.fc2.weight",
            "_blocks.22._se_expand.weight",
        ),
        (
            "conv_head.weight",
            "features.8.0.weight",
            "_conv_head.weight",
        ),
        (
            "bn2.running_mean",
            "features.8.1.running_mean",
            "_bn1.running_mean",
        ),
        ("classifier.weight", "classifier.1.weight", "_fc.weight"),
    ] {
        for (naming, expected) in [
            (Naming::Timm, timm),
            (Naming::Torchvision, torchvision),
            (Naming::Lukemelas, lukemelas),
        ] {
            let listing = listing(TIMM_B1);
            let map =
                NameMap::new(naming, listing.keys().map(String::as_str)).expect("names for all");
            assert_eq!(map.source_name(timm), Some(expected), "{naming}");
        }
    }
}
