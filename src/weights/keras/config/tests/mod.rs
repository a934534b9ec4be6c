//! Configurations as Keras 2 and 3 wrote them (`tests/fixtures/keras_config/make.py`), and changed ones.

mod pixels;

use super::*;
use crate::graph::{Activation, Padding};
use crate::weights::evidence::{Convolution, FinalActivation, Pads};
use serde_json::json;
use std::path::Path;

fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras_config");
    let text = std::fs::read_to_string(folder.join(name)).expect("a fixture");
    serde_json::from_str(&text).expect("JSON")
}

fn parse(model: &Value) -> ModelConfig {
    ModelConfig::parse(&model.to_string(), "`model_config`").expect("a model")
}

/// The layers of the model that has them directly.
fn layers(model: &mut Value) -> &mut Vec<Value> {
    model["config"]["layers"].as_array_mut().expect("layers")
}

/// The layer of that name, in whatever model.
fn layer<'a>(model: &'a mut Value, name: &str) -> &'a mut Value {
    fn find<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
        if value["config"]["name"] == name {
            return Some(value);
        }
        let layers = value["config"]["layers"].as_array_mut()?;
        layers.iter_mut().find_map(|layer| find(layer, name))
    }
    find(model, name).expect("a layer of that name")
}

/// What a changed fixture is refused for.
fn refused(name: &str, change: impl FnOnce(&mut Value)) -> Vec<(Part, String)> {
    let mut model = fixture(name);
    change(&mut model);
    let found = parse(&model).evidence.unsupported;
    found
        .into_iter()
        .map(|found| (found.part, found.what))
        .collect()
}

fn is_refused(name: &str, part: Part, expected: &str, change: impl FnOnce(&mut Value)) {
    let found = refused(name, change);
    assert!(
        found
            .iter()
            .any(|(own, what)| *own == part && what.contains(expected)),
        "{name}: expected `{expected}`, found {found:?}"
    );
}

#[test]
fn every_format_records_the_same_network() {
    for (name, last, steps) in [
        ("keras_2_flat.json", Some(FinalActivation::Softmax), 2),
        ("keras_3_flat.json", Some(FinalActivation::Softmax), 2),
        ("keras_2_sequential.json", Some(FinalActivation::Softmax), 2),
        ("keras_3_sequential.json", Some(FinalActivation::Softmax), 2),
        ("keras_2_nested.json", Some(FinalActivation::Sigmoid), 3),
        ("keras_3_nested.json", Some(FinalActivation::Sigmoid), 3),
    ] {
        let found = parse(&fixture(name));
        let evidence = &found.evidence;
        assert_eq!(evidence.unsupported, [], "{name}");
        assert_eq!(evidence.batch_norm_epsilon, Some(1e-3), "{name}");
        assert_eq!(evidence.activation, Some(Activation::Swish), "{name}");
        assert_eq!(
            evidence.squeeze_activation,
            Some(Activation::Swish),
            "{name}"
        );
        assert_eq!(evidence.final_activation, last, "{name}");
        assert_eq!(
            evidence.padding,
            Some(Padding::Static([64; 2])),
            "{name}: pads are those of its size"
        );
        assert_eq!(found.size, Some([64, 64]), "{name}");
        assert_eq!(found.steps.len(), steps, "{name}");
        let own = |stride, pads| Convolution {
            stride: Some([stride; 2]),
            dilation: Some([1; 2]),
            groups: None,
            pads: Some(pads),
        };
        let stem = Convolution {
            groups: Some(1),
            ..own(2, Pads::Explicit([0, 0, 1, 1]))
        };
        for (layer, expected) in [
            ("stem_conv", stem),
            ("block1a_dwconv", own(1, Pads::Same)),
            ("block2a_dwconv", own(2, Pads::Explicit([1, 1, 2, 2]))),
            ("block2b_dwconv", own(1, Pads::Same)),
        ] {
            assert_eq!(evidence.convolutions[layer], expected, "{name}, {layer}");
        }
        let augmented = evidence
            .notes
            .iter()
            .filter(|note| note.contains("`RandomFlip`"));
        assert_eq!(
            augmented.count(),
            usize::from(name.contains("nested")),
            "{name}"
        );
    }
}

#[test]
fn augmentation_is_inactive_whatever_its_call_records() {
    let mut model = fixture("keras_3_nested.json");
    let augmentation = layer(&mut model, "augmentation");
    augmentation["class_name"] = "RandomFlip".into();
    augmentation["config"] = json!({ "name": "augmentation", "mode": "horizontal" });
    // What Keras 3 records for a call that names nothing.
    augmentation["inbound_nodes"][0]["kwargs"]["training"] = true.into();
    let evidence = parse(&model).evidence;
    assert_eq!(evidence.unsupported, []);
    let told = |note: &String| note.contains("`RandomFlip`");
    assert_eq!(evidence.notes.iter().filter(|note| told(note)).count(), 1);
}

#[test]
fn fused_blocks_are_read() {
    let found = parse(&fixture("keras_3_v2.json"));
    assert_eq!(found.evidence.unsupported, []);
    assert_eq!(found.evidence.padding, Some(Padding::Same));
    let strided = found.evidence.convolutions["block2a_expand_conv"];
    assert_eq!(
        (strided.stride, strided.pads),
        (Some([2; 2]), Some(Pads::Same))
    );
}

#[test]
fn another_network_is_refused_by_the_layers_name() {
    let file = "keras_3_flat.json";
    let set = |name: &'static str, key: &'static str, value: Value| {
        move |model: &mut Value| layer(model, name)["config"][key] = value
    };
    is_refused(
        file,
        Part::Body,
        "`block2a_expand_bn` is a `LayerNormalization`, expected a `BatchNormalization`",
        |model| layer(model, "block2a_expand_bn")["class_name"] = "LayerNormalization".into(),
    );
    is_refused(
        file,
        Part::Body,
        "batch norms have the epsilons 1e-3 and 1e-5",
        set("top_bn", "epsilon", 1e-5.into()),
    );
    is_refused(
        file,
        Part::Body,
        "`block2b_activation` is the activation `gelu`, expected `swish`",
        set("block2b_activation", "activation", "gelu".into()),
    );
    is_refused(
        file,
        Part::Body,
        "`block2a_se_expand` has the activation `hard_sigmoid`, expected `sigmoid`",
        set("block2a_se_expand", "activation", "hard_sigmoid".into()),
    );
    is_refused(
        file,
        Part::Body,
        "`top_conv` has the activation `relu`, expected `linear`",
        set("top_conv", "activation", "relu".into()),
    );
    is_refused(
        file,
        Part::Body,
        "`block1a_bn` is a `BatchNormalization`, expected to normalise along the channels",
        set("block1a_bn", "axis", 2.into()),
    );
    is_refused(
        file,
        Part::Body,
        "padding `causal`",
        set("top_conv", "padding", "causal".into()),
    );
}

#[test]
fn other_wiring_is_refused() {
    let file = "keras_3_flat.json";
    // A block without its shortcut: what took the sum takes the projection.
    is_refused(
        file,
        Part::Body,
        "the block of `block2b_project_conv` does not add its input",
        |model| {
            let text = model
                .to_string()
                .replace("[\"block2b_add\",0,0]", "[\"block2b_drop\",0,0]");
            *model = serde_json::from_str(&text).expect("JSON");
            layers(model).retain(|layer| layer["name"] != "block2b_add");
        },
    );
    // A layer without weights between two blocks.
    is_refused(
        file,
        Part::Body,
        "`block2a_expand_conv` takes the result of `between` (`UnitNormalization`), expected `block1a_project_bn`",
        |model| {
            let place = layers(model)
                .iter()
                .position(|layer| layer["name"] == "block2a_expand_conv");
            let place = place.expect("a layer");
            let inbound = layers(model)[place]["inbound_nodes"].clone();
            let taken = inbound.to_string().replace("block1a_project_bn", "between");
            layers(model)[place]["inbound_nodes"] = serde_json::from_str(&taken).expect("JSON");
            let between = json!({
                "class_name": "UnitNormalization", "name": "between", "config": {"name": "between"}, "inbound_nodes": inbound,
            });
            layers(model).insert(place, between);
        },
    );
    is_refused(
        file,
        Part::Body,
        "`block1a_dwconv` has no `activation` after it",
        |model| {
            let text = model
                .to_string()
                .replace("[\"block1a_activation\",0,0]", "[\"block1a_bn\",0,0]");
            *model = serde_json::from_str(&text).expect("JSON");
            layers(model).retain(|layer| layer["name"] != "block1a_activation");
        },
    );
    is_refused(
        "keras_3_nested.json",
        Part::Body,
        "`efficientnet` is called with `training=True`",
        |model| {
            let inner = layers(model)
                .iter_mut()
                .find(|layer| layer["class_name"] == "Functional");
            inner.expect("a model")["inbound_nodes"][0]["kwargs"]["training"] = true.into();
        },
    );
    is_refused(
        file,
        Part::Body,
        "the model has 2 outputs, expected 1",
        |model| {
            let two = json!([["predictions", 0, 0], ["top_activation", 0, 0]]);
            model["config"]["output_layers"] = two;
        },
    );
}

#[test]
fn other_heads_are_refused() {
    let file = "keras_3_nested.json";
    let pool = "global_average_pooling2d";
    for class in ["Flatten", "AveragePooling2D"] {
        let expected = format!("is a `{class}`, expected a `GlobalAveragePooling2D`");
        is_refused(file, Part::Body, &expected, |model| {
            let pool = model.to_string().contains(pool).then(|| {
                let found = layers(model).iter_mut();
                found
                    .filter(|layer| layer["class_name"] == "GlobalAveragePooling2D")
                    .last()
            });
            pool.flatten().expect("the pool")["class_name"] = class.into();
        });
    }
    is_refused(
        file,
        Part::Head,
        "`mine` has the activation `tanh`",
        |model| {
            layer(model, "mine")["config"]["activation"] = "tanh".into();
        },
    );
    for (class, part, expected) in [
        (
            "Dense",
            Part::Head,
            "`dropout` is a `Dense`, expected its number of `units`",
        ),
        ("Lambda", Part::Head, "is a `Lambda`"),
        ("RMSNormalization", Part::Head, "is a `RMSNormalization`"),
    ] {
        is_refused(file, part, expected, |model| {
            let drop = layers(model)
                .iter_mut()
                .find(|layer| layer["class_name"] == "Dropout");
            drop.expect("a dropout")["class_name"] = class.into();
        });
    }
    is_refused(
        "keras_3_sequential.json",
        Part::Head,
        "`mine` has the activation `softmax`, which no head here has",
        |model| {
            let again = json!({"class_name": "Softmax", "config": {"name": "again", "axis": -1}});
            layers(model).push(again);
        },
    );
}

#[test]
fn a_head_without_a_function_has_none() {
    let mut model = fixture("keras_2_nested.json");
    layer(&mut model, "mine")["config"]["activation"] = "linear".into();
    let found = parse(&model);
    assert_eq!(found.evidence.final_activation, None);
    assert_eq!(found.evidence.unsupported, []);
    let mut model = fixture("keras_3_sequential.json");
    layer(&mut model, "mine")["config"]["activation"] = "linear".into();
    let sigmoid =
        json!({"class_name": "Activation", "config": {"name": "last", "activation": "sigmoid"}});
    layers(&mut model).push(sigmoid);
    let found = parse(&model);
    assert_eq!(
        found.evidence.final_activation,
        Some(FinalActivation::Sigmoid)
    );
    assert_eq!(found.evidence.unsupported, []);
}

#[test]
fn pads_of_a_model_for_any_size_are_those_of_even_ones() {
    let mut model = fixture("keras_3_flat.json");
    layer(&mut model, "input_layer")["config"]["batch_shape"] = json!([null, null, null, 3]);
    let found = parse(&model);
    assert_eq!(found.size, None);
    assert_eq!(found.evidence.padding, Some(Padding::Static([32; 2])));
}

#[test]
fn pads_of_one_half_are_symmetric() {
    let mut model = fixture("keras_3_flat.json");
    for (name, half) in [("stem_conv_pad", 1), ("block2a_dwconv_pad", 2)] {
        layer(&mut model, name)["config"]["padding"] = half.into();
    }
    let found = parse(&model).evidence;
    assert_eq!(found.padding, Some(Padding::Symmetric));
    assert_eq!(
        found.convolutions["stem_conv"].pads,
        Some(Pads::Explicit([1; 4]))
    );
}

#[test]
fn what_is_not_a_model_is_refused() {
    let parse = |text: &str| ModelConfig::parse(text, "`model_config`").unwrap_err();
    assert!(parse("{").starts_with("`model_config` is not JSON"));
    assert!(parse("[]").contains("expected a functional or a sequential model"));
    let own = r#"{"class_name": "MyModel", "config": {"units": 3}}"#;
    assert!(parse(own).contains("it describes a `MyModel`"));
    assert!(parse(&" ".repeat(LARGEST + 1)).contains("is larger than"));
    assert!(parse(&"[".repeat(1000)).starts_with("`model_config` is not JSON"));
    let circle = r#"{"class_name": "Functional", "config": {"input_layers": [["a", 0, 0]], "output_layers": [["b", 0, 0]],
        "layers": [{"class_name": "Add", "name": "a", "config": {}, "inbound_nodes": [[["b", 0, 0, {}]]]},
        {"class_name": "Add", "name": "b", "config": {}, "inbound_nodes": [[["a", 0, 0, {}]]]}]}}"#;
    assert!(parse(circle).contains("`a` takes the result of `b`, which is not a layer before it"));
    let empty = r#"{"class_name": "Sequential", "config": {"layers": []}}"#;
    assert!(parse(empty).contains("has no layers"));
}

#[test]
fn messages_stay_short() {
    let mut model = fixture("keras_3_flat.json");
    for layer in layers(&mut model) {
        layer["class_name"] = "\u{1b}[31m".repeat(100).into();
    }
    let found = parse(&model).evidence.unsupported;
    assert_eq!(found.len(), LISTED + 1);
    let text: String = found.iter().map(|found| found.what.as_str()).collect();
    assert!(!text.contains('\u{1b}'));
    assert!(text.len() < 4000, "{}", text.len());
}
