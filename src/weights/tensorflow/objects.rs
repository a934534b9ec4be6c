//! Checkpoints of objects, as TensorFlow 2 and Keras save models: keys are paths through the objects' attributes, and a graph of
//! the objects tells each variable's own name (`core/protobuf/trackable_object_graph.proto`).

use super::variables::Model;
use super::wire::{Input, Value};
use crate::weights::keras::{Statistic, layer_weight, statistic};
use crate::weights::offer::{GroupKind, LeftOut};
use std::collections::{BTreeMap, BTreeSet};

/// The key of the graph (tensorflow `trackable/base.py`, `OBJECT_GRAPH_PROTO_KEY`).
pub(super) const GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";
/// Bytes of a graph; that of a SavedModel of EfficientNetV2-L has about 1 MB.
pub(super) const LARGEST_GRAPH: u64 = 16 << 20;
/// What follows an object's path in a key (tensorflow `trackable/trackable_utils.py`).
const VALUE: &str = "/.ATTRIBUTES/VARIABLE_VALUE";
/// The stem of Keras's EfficientNets in a variable's name.
const KERAS_STEM: &str = "stem_conv";
/// Parts of keys that are not a model's: what optimisers keep, what metrics count, how often a checkpoint was saved, and Keras 3's
/// second list of a model's variables (keras `export/saved_model_export_archive.py`).
const STATE: [(&str, GroupKind); 6] = [
    (".OPTIMIZER_SLOT", GroupKind::Optimiser),
    ("optimizer", GroupKind::Optimiser),
    ("keras_api", GroupKind::Metric),
    ("metrics", GroupKind::Metric),
    ("save_counter", GroupKind::Training),
    ("_all_variables", GroupKind::StateDict),
];

/// A model's variables.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) model: Model,
    /// What Keras's normalization of pictures keeps: what it is, its name, and its key.
    pub(super) statistics: Vec<(Statistic, String, String)>,
}

impl Objects {
    /// Chooses among the keys of floating-point tensors, by the names in a graph.
    pub(super) fn choose(keys: &[&str], graph: &[u8]) -> Result<Self, String> {
        let names = names(keys, graph).map_err(|reason| format!("`{GRAPH}`: {reason}"))?;
        let mut left_out = LeftOut::default();
        let mut left: Vec<(&str, &str)> = Vec::new();
        for key in keys {
            match state(key) {
                Some((place, kind)) => left_out.add(kind, place, key),
                None => left.push((names.get(key).copied().unwrap_or_else(|| path(key)), key)),
            }
        }
        let is_keras = |name: &str| name.split('/').any(|part| part == KERAS_STEM);
        let mut objects = if left.iter().any(|(name, _)| is_keras(name)) {
            Self::of_keras(&left, &mut left_out)?
        } else {
            Self::of_layers(&left)?
        };
        objects.model.left_out.extend(left_out.into_groups());
        Ok(objects)
    }

    fn of_keras(variables: &[(&str, &str)], left_out: &mut LeftOut) -> Result<Self, String> {
        let mut objects = Self::default();
        for (name, key) in variables {
            if let Some(own) = layer_weight(name)? {
                insert(&mut objects.model.variables, own, key)?;
            } else if let Some(kind) = statistic(name) {
                let statistic = (kind, (*name).to_owned(), (*key).to_owned());
                objects.statistics.push(statistic);
            } else {
                left_out.add(GroupKind::Counter, name, key);
            }
        }
        Ok(objects)
    }

    /// Variables that are named as in checkpoints without objects.
    fn of_layers(variables: &[(&str, &str)]) -> Result<Self, String> {
        let mut keys = BTreeMap::new();
        for (name, key) in variables {
            insert(&mut keys, (*name).to_owned(), key)?;
        }
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        let mut model = Model::choose(&names);
        for stored in model.variables.values_mut() {
            if let Some(key) = keys.get(stored) {
                stored.clone_from(key);
            }
        }
        Ok(Self {
            model,
            statistics: Vec::new(),
        })
    }
}

fn insert(map: &mut BTreeMap<String, String>, name: String, key: &str) -> Result<(), String> {
    match map.get(&name) {
        Some(other) => Err(format!(
            "`{}` and `{}` are both `{name}`: expected one network",
            path(other),
            path(key)
        )),
        None => {
            map.insert(name, key.to_owned());
            Ok(())
        }
    }
}

/// A key without what all keys end in.
fn path(key: &str) -> &str {
    key.strip_suffix(VALUE).unwrap_or(key)
}

/// The part of a key that tells that it is not a model's, and what it is then.
fn state(key: &str) -> Option<(&str, GroupKind)> {
    key.split('/').find_map(|part| {
        let (_, kind) = STATE.iter().find(|(name, _)| *name == part)?;
        Some((part, *kind))
    })
}

/// For each of the keys, the variable's own name, where the graph has one.
fn names<'a>(keys: &[&'a str], graph: &'a [u8]) -> Result<BTreeMap<&'a str, &'a str>, String> {
    let keys: BTreeSet<&str> = keys.iter().copied().collect();
    let mut names = BTreeMap::new();
    let mut nodes = Input(graph);
    while let Some(node) = nodes.field()? {
        let (1, Value::Bytes(node)) = node else {
            continue;
        };
        let mut attributes = Input(node);
        while let Some(attribute) = attributes.field()? {
            let (2, Value::Bytes(attribute)) = attribute else {
                continue;
            };
            let (mut name, mut key) = ("", "");
            let mut fields = Input(attribute);
            while let Some(field) = fields.field()? {
                match field {
                    (2, Value::Bytes(text)) => name = utf8(text)?,
                    (3, Value::Bytes(text)) => key = utf8(text)?,
                    _ => {}
                }
            }
            if !name.is_empty() && keys.contains(key) && names.insert(key, name).is_some() {
                return Err(format!("`{}` is named twice", path(key)));
            }
        }
    }
    Ok(names)
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    str::from_utf8(text).map_err(|_| "a name is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_models_is_told_by_a_part_of_its_key() {
        for (key, expected) in [
            (
                "optimizer/_iterations",
                Some(("optimizer", GroupKind::Optimiser)),
            ),
            (
                "layer/kernel/.OPTIMIZER_SLOT/adam/m",
                Some((".OPTIMIZER_SLOT", GroupKind::Optimiser)),
            ),
            (
                "keras_api/metrics/0/total",
                Some(("keras_api", GroupKind::Metric)),
            ),
            ("metrics/1/count", Some(("metrics", GroupKind::Metric))),
            ("save_counter", Some(("save_counter", GroupKind::Training))),
            (
                "_all_variables/7",
                Some(("_all_variables", GroupKind::StateDict)),
            ),
            ("layer_with_weights-0/optimizers", None),
        ] {
            let key = format!("{key}{VALUE}");
            assert_eq!(state(&key), expected, "{key}");
        }
    }
}
