//! The layers of a Keras configuration as one graph: models within models are laid out flat.
//!
//! Reads the formats of Keras 2 and 3 (`Functional.get_config` and `Sequential.get_config` in keras `models/functional.py` and
//! `sequential.py`). Knows no EfficientNet.

use super::inactive::augments;
use crate::files::foreign::Foreign;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Layers of all models together; the largest EfficientNet has about 1,000.
const MOST_LAYERS: usize = 20_000;
/// Characters of a name that are shown.
const QUOTED: usize = 60;

/// A layer of the flat graph.
pub(super) struct Node<'a> {
    /// Its own name, without those of the models around it.
    pub(super) name: &'a str,
    /// Its class, such as `Conv2D`.
    pub(super) class: &'a str,
    /// Its settings.
    pub(super) config: &'a Value,
    /// The layers whose results it takes.
    pub(super) inputs: Vec<usize>,
}

/// Every layer; each comes after the layers whose results it takes.
#[derive(Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The layers whose results are the model's.
    pub(super) outputs: Vec<usize>,
    /// What no single pass through the layers can express, each a sentence.
    pub(super) faults: Vec<String>,
}

impl<'a> Graph<'a> {
    /// Lays a model's configuration out flat.
    pub(super) fn read(model: &'a Value) -> Result<Self, String> {
        let mut graph = Self::default();
        if !is_model(model) {
            let class = text(model, "class_name").unwrap_or_default();
            return Err(format!(
                "it describes a `{}`, expected a functional or a sequential model",
                quoted(class)
            ));
        }
        graph.outputs = graph.model(model, None)?;
        Ok(graph)
    }

    /// Adds a model's layers; `inputs` is what it is called with, none for the whole.
    fn model(&mut self, model: &'a Value, inputs: Option<&[usize]>) -> Result<Vec<usize>, String> {
        let config = &model["config"];
        if config.get("input_layers").is_some() {
            return self.functional(config, inputs);
        }
        // The first versions of Keras had the layers alone.
        let layers = config.as_array().or_else(|| config["layers"].as_array());
        let mut current = inputs.map(<[usize]>::to_vec);
        for layer in layers.into_iter().flatten() {
            if is_input(layer) && current.is_some() {
                continue;
            }
            current = Some(self.layer(layer, current.unwrap_or_default())?);
        }
        current.ok_or_else(|| "a sequential model has no layers".to_owned())
    }

    fn functional(
        &mut self,
        config: &'a Value,
        inputs: Option<&[usize]>,
    ) -> Result<Vec<usize>, String> {
        let mut results: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let entries = references(&config["input_layers"]);
        let mut places = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            places.entry(entry.layer).or_insert(place);
        }
        for layer in config["layers"].as_array().into_iter().flatten() {
            let name = name(layer);
            let given = places.get(name).and_then(|place| inputs?.get(*place));
            let found = match given {
                Some(given) if is_input(layer) => vec![*given],
                _ => {
                    let calls = layer["inbound_nodes"].as_array();
                    let calls = calls.map_or(&[][..], Vec::as_slice);
                    if calls.len() > 1 {
                        self.faults.push(format!(
                            "`{}` is applied {} times, expected once",
                            quoted(name),
                            calls.len()
                        ));
                    }
                    let call = calls.first().unwrap_or(&Value::Null);
                    if trains(call) && !augments(text(layer, "class_name").unwrap_or_default()) {
                        self.faults.push(format!(
                            "`{}` is called with `training=True`, expected its inference",
                            quoted(name)
                        ));
                    }
                    let taken = references(call);
                    let taken = taken.iter().map(|taken| taken.look_up(&results, name));
                    let taken = taken.collect::<Result<_, _>>()?;
                    self.layer(layer, taken)?
                }
            };
            results.insert(name, found);
        }
        let outputs = references(&config["output_layers"]);
        let outputs = outputs
            .iter()
            .map(|output| output.look_up(&results, "the model"));
        outputs.collect()
    }

    fn layer(&mut self, layer: &'a Value, inputs: Vec<usize>) -> Result<Vec<usize>, String> {
        if is_model(layer) {
            return self.model(layer, (!inputs.is_empty()).then_some(&inputs));
        }
        if self.nodes.len() == MOST_LAYERS {
            return Err(format!("it has more than {MOST_LAYERS} layers"));
        }
        self.nodes.push(Node {
            name: name(layer),
            class: text(layer, "class_name").unwrap_or_default(),
            config: &layer["config"],
            inputs,
        });
        Ok(vec![self.nodes.len() - 1])
    }
}

/// A layer's result that another takes.
struct Reference<'a> {
    layer: &'a str,
    /// Which of the layer's results.
    result: usize,
}

impl Reference<'_> {
    fn look_up(&self, results: &BTreeMap<&str, Vec<usize>>, by: &str) -> Result<usize, String> {
        let found = results.get(self.layer).and_then(|all| {
            // A layer has one node whatever the number of its results.
            all.get(self.result).or(all.first())
        });
        found.copied().ok_or_else(|| {
            format!(
                "`{}` takes the result of `{}`, which is not a layer before it",
                quoted(by),
                quoted(self.layer)
            )
        })
    }
}

/// Every `[layer, call, result, …]` within a value: Keras 2 has them bare, Keras 3 as `keras_history`.
fn references(value: &Value) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => match items.as_slice() {
                [
                    Value::String(layer),
                    Value::Number(call),
                    Value::Number(result),
                    rest @ ..,
                ] if call.is_u64() && result.is_u64() => {
                    found.push(Reference {
                        layer,
                        result: usize::try_from(result.as_u64().unwrap_or(0)).unwrap_or(0),
                    });
                    left.extend(rest.iter().rev());
                }
                items => left.extend(items.iter().rev()),
            },
            Value::Object(entries) => left.extend(entries.values()),
            _ => {}
        }
    }
    found
}

/// Whether a call fixes the behaviour of training.
fn trains(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(trains),
        Value::Object(entries) => {
            entries.get("training").is_some_and(is_true) || entries.values().any(trains)
        }
        _ => false,
    }
}

fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value.as_u64() == Some(1)
}

pub(super) fn is_model(layer: &Value) -> bool {
    let config = &layer["config"];
    config.is_array() || config.get("layers").is_some_and(Value::is_array)
}

fn is_input(layer: &Value) -> bool {
    text(layer, "class_name") == Some("InputLayer")
}

/// A layer's name: beside its configuration in functional models, within it in all.
pub(super) fn name(layer: &Value) -> &str {
    let own = text(layer, "name").or_else(|| text(&layer["config"], "name"));
    own.unwrap_or_default()
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value
        .as_object()
        .and_then(|entries: &Map<_, _>| entries.get(key)?.as_str())
}

/// A name as messages show it.
pub(super) fn quoted(name: &str) -> String {
    let start: String = name.chars().take(QUOTED).collect();
    start.shown().to_string()
}
