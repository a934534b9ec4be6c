//! `model_config`, the description that Keras keeps of a whole model: read as data, as [`Evidence`].
//!
//! The layers are compared with those of keras `applications/efficientnet.py` and `efficientnet_v2.py`, one by one and in the
//! order in which they are wired. What differs is used where the network can have it, and is named otherwise.

mod body;
mod graph;
mod head;
mod inactive;
mod layer;
mod numbered;
mod preparation;

use crate::graph::Padding;
use crate::metadata::Normal;
use crate::weights::evidence::{Evidence, Pads, Part, Unsupported};
use graph::{Graph, quoted};
use preparation::Step;
use serde_json::Value;
use std::collections::BTreeMap;

use super::Normalization;

/// Bytes of a configuration; that of `EfficientNetV2L` has 0.9 MB, and parsed, a hostile one takes up to 30 times its size.
pub const LARGEST: usize = 4 << 20;
/// Properties that are listed one by one.
const LISTED: usize = 8;

/// A size that is even before each of the five convolutions that halve it.
const ANY_EVEN: [u64; 2] = [32; 2];

/// What a Keras configuration records.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The network and its head.
    pub evidence: Evidence,
    /// Height and width of the input, where they are fixed.
    pub size: Option<[u64; 2]>,
    /// What happens to a picture's pixels before the network.
    steps: Vec<Step>,
    /// For the group in which Keras 3 numbers a layer's weights, the layer's name.
    numbered: BTreeMap<String, String>,
}

impl ModelConfig {
    /// Reads a configuration; `place` is where it is from, as in [`Evidence::place`].
    ///
    /// # Errors
    /// If it is not JSON, or not a functional or a sequential model. The text continues `place`.
    pub fn parse(text: &str, place: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("{place} is larger than {LARGEST} bytes"));
        }
        let mut model: Value =
            serde_json::from_str(text).map_err(|error| format!("{place} is not JSON: {error}"))?;
        untuple(&mut model);
        let graph =
            Graph::read(&model).map_err(|reason| format!("{place} cannot be used: {reason}"))?;
        let mut reading = Reading {
            graph: &graph,
            evidence: Evidence {
                place: place.to_owned(),
                ..Evidence::default()
            },
        };
        for fault in &graph.faults {
            reading.refuse(Part::Body, fault.clone());
        }
        let body = reading.body();
        reading.head(body.end);
        let (steps, size) = reading.preparation(body.start);
        let mut evidence = reading.evidence;
        let mut pads = evidence.convolutions.values().map(|own| own.pads);
        if evidence.padding.is_none() && pads.any(|pads| matches!(pads, Some(Pads::Explicit(_)))) {
            // `correct_pad` of keras `imagenet_utils.py` computes them from the input's size, and from any even one where that
            // is open.
            evidence.padding = Some(Padding::Static(size.unwrap_or(ANY_EVEN)));
        }
        shorten(&mut evidence.unsupported);
        Ok(Self {
            evidence,
            size,
            steps,
            numbered: numbered::numbered(&model),
        })
    }

    /// The name of the layer whose weights are in the group `path` of a file in Keras 3's format.
    #[must_use]
    pub(super) fn layer(&self, path: &str) -> Option<&str> {
        self.numbered.get(path).map(String::as_str)
    }

    /// Whether the model itself changes pixels before its first convolution.
    #[must_use]
    pub fn prepares(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What the model itself does to pixels before its first convolution, as one `(pixel − mean) / std`; `weights` is what its
    /// `Normalization` keeps. None if it does nothing.
    ///
    /// # Errors
    /// If that is not of three channels, or cannot be undone.
    pub fn normal(&self, weights: Option<Normalization>) -> Result<Option<Normal>, String> {
        preparation::compose(&self.steps, weights)
    }
}

/// Makes arrays of tuples, which `keras_metadata.pb` tells from lists (keras `saving/legacy/saved_model/json_utils.py`).
fn untuple(value: &mut Value) {
    let class = value.get("class_name").and_then(Value::as_str);
    if class == Some("__tuple__")
        && let Some(items) = value.get_mut("items")
    {
        *value = items.take();
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(untuple),
        Value::Object(entries) => entries.values_mut().for_each(untuple),
        _ => {}
    }
}

/// Keeps messages short whatever a file says.
fn shorten(unsupported: &mut Vec<Unsupported>) {
    if unsupported.len() > LISTED {
        let rest = unsupported.len() - LISTED;
        unsupported.truncate(LISTED);
        unsupported.push(Unsupported {
            part: Part::Body,
            what: format!("{rest} more layers differ"),
        });
    }
}

/// A walk over the layers, and what it has found.
struct Reading<'a> {
    graph: &'a Graph<'a>,
    evidence: Evidence,
}

impl Reading<'_> {
    fn refuse(&mut self, part: Part, what: String) {
        self.evidence.unsupported.push(Unsupported { part, what });
    }

    /// A layer that stands where it should not: its name, its class and what was expected.
    fn unexpected(&mut self, part: Part, index: usize, expected: &str) {
        let what = format!("{}, expected {expected}", self.shown(index));
        self.refuse(part, what);
    }

    /// `` `dense` is a `Dense` ``.
    fn shown(&self, index: usize) -> String {
        let node = &self.graph.nodes[index];
        format!("`{}` is a `{}`", quoted(node.name), quoted(node.class))
    }

    /// The layer whose result a layer's result is at inference: dropout and augmentation do nothing then.
    fn resolve(&self, mut index: usize) -> usize {
        loop {
            let node = &self.graph.nodes[index];
            match node.inputs.as_slice() {
                [input] if layer::is_inactive(node) => index = *input,
                _ => return index,
            }
        }
    }

    fn inputs(&self, index: usize) -> Vec<usize> {
        let inputs = self.graph.nodes[index].inputs.iter();
        inputs.map(|input| self.resolve(*input)).collect()
    }
}

#[cfg(test)]
mod tests;
