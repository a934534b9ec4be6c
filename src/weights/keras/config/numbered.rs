//! Where Keras 3's format keeps each layer's weights: in groups that are called by the layers' classes and numbered (keras
//! `saving/saving_lib.py`, `_save_container_state`).
//!
//! Since Keras 3.6 a group tells its layer's name too; the names of earlier files follow from the configuration.

use super::graph::{is_model, name, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of all paths together; EfficientNetV2-L's take 0.1 MB.
const MOST_BYTES: usize = 4 << 20;

/// How a model's layers are listed in a file.
#[derive(Clone, Copy)]
enum Container {
    /// As the model has them (Keras 3).
    Layers,
    /// As checkpoints have them (Keras 2.12 to 2.15): a layer with weights comes twice, and its first number counts.
    Dependencies,
}

impl Container {
    const ALL: [Self; 2] = [Self::Layers, Self::Dependencies];

    fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Dependencies => "_layer_checkpoint_dependencies",
        }
    }
}

/// For the group of each layer, without the `vars` in it, the layer's name.
pub(super) fn numbered(model: &Value) -> BTreeMap<String, String> {
    let mut found = Numbered {
        names: BTreeMap::new(),
        left: MOST_BYTES,
    };
    for container in Container::ALL {
        found.model(model, "", container);
    }
    found.names
}

struct Numbered {
    names: BTreeMap<String, String>,
    /// Bytes that paths may still take. What is beyond them has no name.
    left: usize,
}

impl Numbered {
    /// Adds the layers of a model in the group `path`, which is empty or ends in `/`.
    fn model(&mut self, model: &Value, path: &str, container: Container) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for layer in layers(model) {
            let class = snake_case(text(layer, "class_name").unwrap_or_default());
            let count = counts.entry(class.clone()).or_default();
            let group = match *count {
                0 => format!("{path}{}/{class}", container.name()),
                count => format!("{path}{}/{class}_{count}", container.name()),
            };
            let again = matches!(container, Container::Dependencies) && has_weights(layer);
            *count += if again { 2 } else { 1 };
            let Some(left) = self.left.checked_sub(group.len()) else {
                return;
            };
            self.left = left;
            if is_model(layer) {
                self.model(layer, &format!("{group}/"), container);
            } else {
                self.names.insert(group, name(layer).to_owned());
            }
        }
    }
}

fn layers(model: &Value) -> &[Value] {
    let config = &model["config"];
    let layers = config.as_array().or_else(|| config["layers"].as_array());
    layers.map_or(&[], Vec::as_slice)
}

/// Whether a layer of a class that may have weights has some.
fn has_weights(layer: &Value) -> bool {
    if is_model(layer) {
        return layers(layer).iter().any(has_weights);
    }
    match text(layer, "class_name") {
        // One that is told its statistics keeps none.
        Some("Normalization") => layer["config"]["mean"].is_null(),
        Some(class) => {
            class.contains("Conv") || class.contains("Dense") || class.contains("Normalization")
        }
        None => false,
    }
}

/// A class as Keras makes a name of it (keras `utils/naming.py`, `to_snake_case`).
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect();
    let mut name = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(index + 1);
        let starts = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        if starts {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn classes_become_names_as_in_keras() {
        for (class, expected) in [
            ("Conv2D", "conv2d"),
            ("DepthwiseConv2D", "depthwise_conv2d"),
            ("BatchNormalization", "batch_normalization"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("EfficientNetB0", "efficient_net_b0"),
            ("MyHTTPLayer", "my_http_layer"),
            ("PReLU", "p_re_lu"),
        ] {
            assert_eq!(snake_case(class), expected);
        }
    }

    #[test]
    fn layers_are_numbered_by_their_classes() {
        let layer =
            |class: &str, name: &str| json!({"class_name": class, "config": {"name": name}});
        let inner = json!({"class_name": "Functional", "config": {"name": "base", "layers": [
            layer("Conv2D", "stem_conv"), layer("Conv2D", "top_conv"),
        ]}});
        let model = json!({"class_name": "Sequential", "config": {"layers": [
            layer("Dropout", "drop"), inner, layer("Dense", "a"), layer("Dense", "b"),
        ]}});
        let found = numbered(&model);
        for (group, name) in [
            ("layers/functional/layers/conv2d", "stem_conv"),
            ("layers/functional/layers/conv2d_1", "top_conv"),
            ("layers/dense", "a"),
            ("layers/dense_1", "b"),
            (
                "_layer_checkpoint_dependencies/functional/_layer_checkpoint_dependencies/conv2d_2",
                "top_conv",
            ),
            ("_layer_checkpoint_dependencies/dense_2", "b"),
        ] {
            assert_eq!(found.get(group).map(String::as_str), Some(name), "{group}");
        }
    }

    #[test]
    fn a_normalization_that_is_told_its_statistics_keeps_none() {
        for (mean, group) in [
            (json!(null), "normalization_2"),
            (json!([0.5]), "normalization_1"),
        ] {
            let layer = |name: &str| json!({"class_name": "Normalization", "config": {"name": name, "mean": mean}});
            let layers = [layer("a"), layer("b")];
            let found =
                numbered(&json!({"class_name": "Sequential", "config": {"layers": layers}}));
            let group = format!("_layer_checkpoint_dependencies/{group}");
            assert_eq!(found.get(&group).map(String::as_str), Some("b"), "{mean}");
        }
    }

    /// Models within models do not make the paths of many layers long without end.
    #[test]
    fn paths_are_bounded() {
        let many: Vec<Value> = (0..20_000).map(|_| json!({"class_name": "A"})).collect();
        let mut model = json!({"config": {"layers": many}});
        for _ in 0..40 {
            model = json!({"class_name": "B".repeat(10_000), "config": {"layers": [model]}});
        }
        let found = numbered(&model);
        let bytes: usize = found.keys().map(String::len).sum();
        assert!(bytes <= MOST_BYTES);
    }
}
