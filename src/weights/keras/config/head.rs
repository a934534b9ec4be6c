//! What follows the last feature maps: a pool, layers, and what the model applies to its logits.

use super::graph::{Node, quoted};
use super::{Reading, layer};
use crate::architecture::{HeadLayer, HeadPool};
use crate::weights::evidence::{FinalActivation, Part, RecordedLayer};

impl Reading<'_> {
    /// Reads the layers from `body`, the last layer of the network's body, to the model's output.
    pub(super) fn head(&mut self, body: Option<usize>) {
        let [output] = self.graph.outputs[..] else {
            let found = self.graph.outputs.len();
            self.refuse(
                Part::Body,
                format!("the model has {found} outputs, expected 1"),
            );
            return;
        };
        let Some(body) = body.map(|body| self.resolve(body)) else {
            return;
        };
        let mut layers = Vec::new();
        let mut current = self.resolve(output);
        while current != body {
            match self.inputs(current)[..] {
                [input] => {
                    layers.push(current);
                    current = input;
                }
                [] => {
                    let body = quoted(self.graph.nodes[body].name);
                    let what = format!("the model's output does not depend on `{body}`");
                    return self.refuse(Part::Body, what);
                }
                [one, other] => {
                    let Some(pool) = self.joined(current, [one, other], body) else {
                        return self.unexpected(
                            Part::Body,
                            current,
                            "layers one after another behind the feature maps, or the mean and the maximum of them joined",
                        );
                    };
                    self.evidence.head.pool = Some(pool);
                    current = body;
                }
                _ => {
                    return self.unexpected(
                        Part::Body,
                        current,
                        "layers one after another behind the feature maps",
                    );
                }
            }
        }
        layers.reverse();
        self.layers(&layers);
    }

    /// The pool that two pools of the feature maps are together.
    fn joined(&self, index: usize, pools: [usize; 2], body: usize) -> Option<HeadPool> {
        let kinds = pools.map(|pool| {
            let is_own = self.inputs(pool)[..] == [body];
            pooled(&self.graph.nodes[pool]).filter(|_| is_own)
        });
        let node = &self.graph.nodes[index];
        let is_last = layer::last_axis(&node.config["axis"], 2);
        match (node.class, kinds) {
            ("Concatenate", [Some(HeadPool::Average), Some(HeadPool::Max)]) if is_last => {
                Some(HeadPool::AverageThenMax)
            }
            ("Concatenate", [Some(HeadPool::Max), Some(HeadPool::Average)]) if is_last => {
                Some(HeadPool::MaxThenAverage)
            }
            (
                "Average",
                [Some(HeadPool::Average), Some(HeadPool::Max)]
                | [Some(HeadPool::Max), Some(HeadPool::Average)],
            ) => Some(HeadPool::HalfAverageHalfMax),
            _ => None,
        }
    }

    fn layers(&mut self, layers: &[usize]) {
        for (place, &index) in layers.iter().enumerate() {
            let node = &self.graph.nodes[index];
            let is_last = place + 1 == layers.len();
            if self.evidence.head.pool.is_none() {
                let Some(pool) = pooled(node) else {
                    self.unexpected(
                        Part::Body,
                        index,
                        "a `GlobalAveragePooling2D` or a `GlobalMaxPooling2D` after the last feature maps",
                    );
                    return;
                };
                self.evidence.head.pool = Some(pool);
                continue;
            }
            match node.class {
                // Beside the channels all extents are 1.
                "Flatten" | "Reshape" if self.evidence.head.layers.is_empty() => {}
                "Dense" => self.dense(index, is_last),
                "BatchNormalization" | "LayerNormalization" => self.norm(index),
                "UnitNormalization" if layer::last_axis(&node.config["axis"], 2) => {
                    self.push(index, HeadLayer::Normalize);
                }
                class if layer::is_activation(class) => self.applied(index, is_last),
                _ => self.unexpected(Part::Head, index, "a layer that heads here have"),
            }
        }
    }

    fn push(&mut self, index: usize, layer: HeadLayer) {
        self.evidence.head.layers.push(RecordedLayer {
            layer,
            module: self.graph.nodes[index].name.to_owned(),
        });
    }

    fn dense(&mut self, index: usize, is_last: bool) {
        let config = self.graph.nodes[index].config;
        let Some(features) = config["units"].as_u64() else {
            return self.unexpected(Part::Head, index, "its number of `units`");
        };
        let bias = config["use_bias"].as_bool().unwrap_or(true);
        self.push(index, HeadLayer::Linear { features, bias });
        self.applied(index, is_last);
    }

    fn norm(&mut self, index: usize) {
        /// As both classes have it (keras `layers/normalization`).
        const EPSILON: f64 = 1e-3;
        let node = &self.graph.nodes[index];
        let config = node.config;
        let lacks = |key: &str| config[key].as_bool() == Some(false);
        if lacks("center") || lacks("scale") || config["rms_scaling"].as_bool() == Some(true) {
            let expected = "with scale and offset, of plain statistics";
            return self.unexpected(Part::Head, index, expected);
        }
        if !layer::last_axis(&config["axis"], 2) {
            return self.unexpected(Part::Head, index, "over the last axis");
        }
        let epsilon = match &config["epsilon"] {
            serde_json::Value::Null => Some(EPSILON),
            value => layer::number(value),
        };
        let Some(epsilon) = epsilon else {
            return self.unexpected(Part::Head, index, "a number as its `epsilon`");
        };
        let layer = if node.class == "LayerNormalization" {
            HeadLayer::LayerNorm { epsilon }
        } else {
            HeadLayer::BatchNorm { epsilon }
        };
        self.push(index, layer);
    }

    /// The function that a layer applies: of the last, what becomes of the logits.
    fn applied(&mut self, index: usize, is_last: bool) {
        let node = &self.graph.nodes[index];
        let own = layer::activation(node);
        let has_linear = || {
            let mut layers = self.evidence.head.layers.iter();
            layers.any(|layer| matches!(layer.layer, HeadLayer::Linear { .. }))
        };
        let last = match own.as_str() {
            "linear" => return,
            "softmax" => Some(FinalActivation::Softmax),
            "sigmoid" => Some(FinalActivation::Sigmoid),
            _ => None,
        };
        if let Some(last) = last.filter(|_| is_last && has_linear()) {
            self.evidence.final_activation = Some(last);
        } else if is_last && has_linear() {
            let name = quoted(node.name);
            let what = format!(
                "`{name}` has the activation `{own}`, expected `linear`, `softmax` or `sigmoid` of the last layer"
            );
            self.refuse(Part::Head, what);
        } else if let Some(activation) = layer::of_head(node) {
            self.push(index, HeadLayer::Activation(activation));
        } else {
            let name = quoted(node.name);
            let what = format!("`{name}` has the activation `{own}`, which no head here has");
            self.refuse(Part::Head, what);
        }
    }
}

/// The pool that a layer is.
fn pooled(node: &Node) -> Option<HeadPool> {
    match node.class {
        "GlobalAveragePooling2D" => Some(HeadPool::Average),
        "GlobalMaxPooling2D" => Some(HeadPool::Max),
        _ => None,
    }
}
