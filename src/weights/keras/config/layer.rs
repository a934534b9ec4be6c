//! Settings of Keras's layers (keras `layers/`): what each class does at inference.

use super::graph::{Node, quoted};
use super::inactive::{augments, passes_on};
use crate::graph::Activation;
use serde_json::Value;

/// Whether a layer passes its input on at inference.
pub(super) fn is_inactive(node: &Node) -> bool {
    match node.class {
        "Activation" => activation_of(&node.config["activation"]) == Some("linear"),
        class => passes_on(class),
    }
}

/// Whether a layer changes pictures in training alone.
pub(super) fn is_augmentation(node: &Node) -> bool {
    augments(node.class)
}

/// A function of Keras by its present name; `linear` where nothing is said. None for one that is not named.
fn activation_of(value: &Value) -> Option<&str> {
    let named = match value {
        Value::Null => "linear",
        Value::String(name) => name,
        // A serialised function: its name is its configuration, or a layer's class.
        Value::Object(entries) => {
            let function = entries.get("config").and_then(Value::as_str);
            function.or_else(|| entries.get("class_name")?.as_str())?
        }
        _ => return None,
    };
    // Packages register functions as `Package>name`.
    Some(match named.rsplit('>').next().unwrap_or(named) {
        "silu" | "Swish" => "swish",
        "ReLU" => "relu",
        "Softmax" => "softmax",
        other => other,
    })
}

/// Whether layers of a class apply a function and nothing else.
pub(super) fn is_activation(class: &str) -> bool {
    ["Activation", "Softmax", "ReLU", "LeakyReLU", "ELU"].contains(&class)
}

/// The function that a layer applies to its result, by its name.
pub(super) fn activation(node: &Node) -> String {
    let found = match node.class {
        "ReLU" => rectified(node.config),
        "LeakyReLU" => Some("leaky_relu"),
        "ELU" => Some("elu"),
        "Softmax" => last_axis(&node.config["axis"], 2).then_some("softmax"),
        _ => activation_of(&node.config["activation"]),
    };
    found.map_or_else(|| "of an unknown kind".to_owned(), quoted)
}

/// What the layer `ReLU` is with its settings.
fn rectified(config: &Value) -> Option<&'static str> {
    let level = |key: &str| match &config[key] {
        Value::Null => Some(None),
        value => number(value).map(Some),
    };
    let is_plain = |value: Option<f64>| value.is_none_or(|value| value == 0.0);
    if !is_plain(level("negative_slope")?) || !is_plain(level("threshold")?) {
        return None;
    }
    match level("max_value")? {
        None => Some("relu"),
        Some(6.0) => Some("relu6"),
        Some(_) => None,
    }
}

/// The function of a layer in a head, if heads have it. Keras's own slope is 0.3 of the class `LeakyReLU` and 0.2 of the
/// function (keras `layers/activations/leaky_relu.py`, `activations/activations.py`).
pub(super) fn of_head(node: &Node) -> Option<Activation> {
    match node.class {
        "LeakyReLU" => {
            let keys = ["negative_slope", "alpha"].into_iter();
            let mut given = keys.map(|key| &node.config[key]);
            let given = given.find(|value| !value.is_null());
            let slope = given.map_or(Some(0.3), number)?;
            let is_slope = (0.0..=1.0).contains(&slope);
            is_slope.then_some(Activation::LeakyRelu { slope })
        }
        "ELU" => {
            let alpha = &node.config["alpha"];
            let is_one = alpha.is_null() || number(alpha) == Some(1.0);
            is_one.then_some(Activation::Elu)
        }
        _ => match activation(node).as_str() {
            "tanh" => Some(Activation::Tanh),
            "gelu" => Some(Activation::Gelu),
            "elu" => Some(Activation::Elu),
            "hard_silu" | "hard_swish" => Some(Activation::HardSwish),
            "leaky_relu" => Some(Activation::LeakyRelu { slope: 0.2 }),
            other => known(other),
        },
    }
}

/// The network's function of that name, if it has one.
pub(super) fn known(activation: &str) -> Option<Activation> {
    Some(match activation {
        "swish" => Activation::Swish,
        "relu" => Activation::Relu,
        "relu6" => Activation::Relu6,
        "sigmoid" => Activation::Sigmoid,
        _ => return None,
    })
}

/// A number, bare or in an array of one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value.as_array() {
        Some(items) if items.len() == 1 => number(&items[0]),
        Some(_) => None,
        None => value.as_f64(),
    }
}

/// A number, or one for each channel, in whatever arrays.
pub(super) fn levels(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Number(_) => Some(vec![value.as_f64()?]),
        Value::Array(items) => match items.as_slice() {
            [inner @ Value::Array(_)] => levels(inner),
            items => items.iter().map(Value::as_f64).collect(),
        },
        // An array of numpy (keras `saving/serialization_lib.py`).
        Value::Object(entries) => levels(entries.get("config")?.get("value")?),
        _ => None,
    }
}

/// Extents along height and width, given once or twice; 1 where nothing is said.
pub(super) fn pair(value: &Value) -> Option<[u64; 2]> {
    match value {
        Value::Null => Some([1; 2]),
        Value::Number(number) => Some([number.as_u64()?; 2]),
        Value::Array(items) => match items.as_slice() {
            [one] => Some([one.as_u64()?; 2]),
            [height, width] => Some([height.as_u64()?, width.as_u64()?]),
            _ => None,
        },
        _ => None,
    }
}

/// Elements that `ZeroPadding2D` adds at the top, left, bottom and right.
pub(super) fn zero_padding(config: &Value) -> Option<[u64; 4]> {
    let padding = &config["padding"];
    if let Some([height, width]) = padding.as_array().map(Vec::as_slice)
        && let (Some([top, bottom]), Some([left, right])) = (pair_of(height), pair_of(width))
    {
        return Some([top, left, bottom, right]);
    }
    let [height, width] = pair(padding)?;
    Some([height, width, height, width])
}

fn pair_of(value: &Value) -> Option<[u64; 2]> {
    value.is_array().then(|| pair(value)).flatten()
}

/// Whether a layer has channels first.
pub(super) fn is_channels_first(config: &Value) -> bool {
    config["data_format"] == "channels_first"
}

/// Whether an axis is the last of a tensor of that rank.
pub(super) fn last_axis(axis: &Value, rank: i64) -> bool {
    match axis.as_array().map(Vec::as_slice) {
        Some([axis]) => last_axis(axis, rank),
        Some(_) => false,
        None => {
            axis.is_null()
                || axis
                    .as_i64()
                    .is_some_and(|axis| [-1, rank - 1].contains(&axis))
        }
    }
}
