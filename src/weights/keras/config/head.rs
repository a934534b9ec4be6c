//! What follows the last feature maps: the mean, the classifier, and what the model applies to its logits.

use super::graph::quoted;
use super::{Reading, layer};
use crate::weights::evidence::{FinalActivation, Part};

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
            layers.push(current);
            match self.inputs(current)[..] {
                [input] => current = input,
                [] => {
                    let body = quoted(self.graph.nodes[body].name);
                    let what = format!("the model's output does not depend on `{body}`");
                    return self.refuse(Part::Body, what);
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

    fn layers(&mut self, layers: &[usize]) {
        let mut is_mean = false;
        let mut dense = Vec::new();
        for &index in layers {
            let node = &self.graph.nodes[index];
            match node.class {
                "GlobalAveragePooling2D" if !is_mean => is_mean = true,
                _ if !is_mean => {
                    self.unexpected(
                        Part::Body,
                        index,
                        "a `GlobalAveragePooling2D` after the last feature maps",
                    );
                    return;
                }
                // Beside the channels all extents are 1.
                "Flatten" | "Reshape" if dense.is_empty() => {}
                "Dense" => {
                    dense.push(format!("`{}`", quoted(node.name)));
                    self.applied(index);
                }
                "Activation" | "Softmax" if !dense.is_empty() => self.applied(index),
                _ => self.unexpected(
                    Part::Head,
                    index,
                    "a `Dense` and its activation alone after the mean",
                ),
            }
        }
        if dense.len() > 1 {
            let what = format!(
                "the head has {} `Dense` layers ({}), expected 1",
                dense.len(),
                dense.join(", ")
            );
            self.refuse(Part::Head, what);
        }
    }

    /// What is applied to logits.
    fn applied(&mut self, index: usize) {
        let node = &self.graph.nodes[index];
        let own = layer::activation(node);
        let found = match own.as_str() {
            "linear" => return,
            "softmax" => Some(FinalActivation::Softmax),
            "sigmoid" => Some(FinalActivation::Sigmoid),
            _ => None,
        };
        let name = quoted(node.name);
        match (found, self.evidence.final_activation) {
            (Some(found), None) => self.evidence.final_activation = Some(found),
            (Some(_), Some(before)) => {
                let before = before.name();
                let what =
                    format!("`{name}` applies `{own}` after `{before}`, expected one of them");
                self.refuse(Part::Head, what);
            }
            (None, _) => {
                let what = format!(
                    "`{name}` has the activation `{own}`, expected `linear`, `softmax` or `sigmoid`"
                );
                self.refuse(Part::Head, what);
            }
        }
    }
}
