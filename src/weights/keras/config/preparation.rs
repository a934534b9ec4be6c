//! What a model does to pixels before its first convolution: `Rescaling` and `Normalization`, composed.

use super::graph::quoted;
use super::{Normalization, Reading, layer};
use crate::metadata::Normal;
use crate::weights::evidence::Part;
use serde_json::Value;

/// Keras divides by no smaller deviation (`backend.epsilon()`).
const SMALLEST_DEVIATION: f64 = 1e-7;
/// Singles differ from what they stand for by less, relative to it.
const CLOSE: f64 = 1e-5;

/// A linear change of pixels; each list has one number, or one for each channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `pixel · scale + offset`.
    Rescale { scale: Vec<f64>, offset: Vec<f64> },
    /// `(pixel − mean) / √variance`, by the configuration.
    Normalize { mean: Vec<f64>, variance: Vec<f64> },
    /// The same by the file's weights.
    NormalizeByWeights { name: String },
}

impl Reading<'_> {
    /// Reads the layers from the model's input to `body`, the first layer of the network's body; also the input's height and
    /// width, where they are fixed.
    pub(super) fn preparation(&mut self, body: Option<usize>) -> (Vec<Step>, Option<[u64; 2]>) {
        let mut steps = Vec::new();
        let mut current = body;
        let mut first = body;
        while let Some(index) = current {
            let node = &self.graph.nodes[index];
            first = current;
            if Some(index) != body && node.class != "InputLayer" && !layer::is_inactive(node) {
                match step(node.class, node.name, node.config) {
                    Some(step) => steps.push(step),
                    None => self.unexpected(
                        Part::Body,
                        index,
                        "`Rescaling` or `Normalization` of channels alone before the network",
                    ),
                }
            }
            if layer::is_augmentation(node) {
                let name = quoted(node.name);
                self.evidence.notes.push(format!(
                    "`{name}` (`{}`) changes pictures in training alone",
                    quoted(node.class)
                ));
            }
            current = match node.inputs[..] {
                [] => None,
                [input] => Some(input),
                _ => {
                    self.unexpected(Part::Body, index, "one input before the network");
                    None
                }
            };
        }
        steps.reverse();
        let size = first.and_then(|first| self.size(first));
        (steps, size)
    }

    fn size(&self, first: usize) -> Option<[u64; 2]> {
        let config = self.graph.nodes[first].config;
        let mut shapes = ["batch_shape", "batch_input_shape"].into_iter();
        let shape = shapes.find_map(|key| config[key].as_array())?;
        let is_first = self
            .graph
            .nodes
            .iter()
            .any(|node| node.class == "Conv2D" && layer::is_channels_first(node.config));
        let [_, a, b, c] = shape.as_slice() else {
            return None;
        };
        let [height, width] = if is_first { [b, c] } else { [a, b] };
        let size = [height.as_u64()?, width.as_u64()?];
        size.iter().all(|extent| *extent > 0).then_some(size)
    }
}

fn step(class: &str, name: &str, config: &Value) -> Option<Step> {
    match class {
        "Rescaling" => {
            let offset = &config["offset"];
            Some(Step::Rescale {
                scale: layer::levels(&config["scale"])?,
                offset: if offset.is_null() {
                    vec![0.0]
                } else {
                    layer::levels(offset)?
                },
            })
        }
        "Normalization" => {
            let axis = &config["axis"];
            let is_of_channels = layer::last_axis(axis, 4);
            if !is_of_channels || config["invert"] == Value::Bool(true) {
                return None;
            }
            match (&config["mean"], &config["variance"]) {
                (Value::Null, Value::Null) => Some(Step::NormalizeByWeights { name: quoted(name) }),
                (mean, variance) => Some(Step::Normalize {
                    mean: layer::levels(mean)?,
                    variance: layer::levels(variance)?,
                }),
            }
        }
        _ => None,
    }
}

/// All steps as one `(pixel − mean) / std`.
pub(super) fn compose(
    steps: &[Step],
    weights: Option<Normalization>,
) -> Result<Option<Normal>, String> {
    if steps.is_empty() {
        return Ok(None);
    }
    // What a pixel becomes is `factor · pixel + term`.
    let mut factor = [1.0; 3];
    let mut term = [0.0; 3];
    let of_weights = |step: &&Step| matches!(step, Step::NormalizeByWeights { .. });
    if let Some(Step::NormalizeByWeights { name }) = steps.iter().filter(of_weights).nth(1) {
        return Err(format!(
            "`{name}` is a second `Normalization` with weights, expected one"
        ));
    }
    for step in steps {
        let (scale, offset) = match step {
            Step::Rescale { scale, offset } => (three(scale)?, three(offset)?),
            Step::Normalize { mean, variance } => standardize(three(mean)?, three(variance)?),
            Step::NormalizeByWeights { name } => {
                let Some(Normalization { mean, variance }) = weights else {
                    return Err(format!(
                        "the mean and variance of `{name}` are not in the file for three channels"
                    ));
                };
                standardize(mean, variance)
            }
        };
        for channel in 0..3 {
            factor[channel] *= scale[channel];
            term[channel] = term[channel] * scale[channel] + offset[channel];
        }
    }
    let std = factor.map(|factor| 1.0 / factor);
    let mut mean = [0.0; 3];
    for channel in 0..3 {
        mean[channel] = -term[channel] / factor[channel];
    }
    let is_legal = mean.iter().all(|mean| mean.is_finite())
        && std.iter().all(|std| std.is_finite() && *std > 0.0);
    if !is_legal {
        return Err(format!(
            "pixels become {factor:?} times themselves plus {term:?}, which is not a mean and a deviation above 0"
        ));
    }
    Ok(Some(published(Normal { mean, std })))
}

/// The published mean and deviation that these are but for the rounding of singles, or these.
fn published(found: Normal) -> Normal {
    let known = [Normal::IMAGENET, Normal::HALF, Normal::LITE, Normal::V2];
    let is_close = |known: &Normal| {
        let pairs = found.mean.iter().zip(&known.mean);
        let mut pairs = pairs.chain(found.std.iter().zip(&known.std));
        pairs.all(|(found, known)| (found - known).abs() <= CLOSE * known.abs())
    };
    known.into_iter().find(is_close).unwrap_or(found)
}

fn standardize(mean: [f64; 3], variance: [f64; 3]) -> ([f64; 3], [f64; 3]) {
    let mut scale = [0.0; 3];
    let mut offset = [0.0; 3];
    for channel in 0..3 {
        scale[channel] = 1.0 / variance[channel].sqrt().max(SMALLEST_DEVIATION);
        offset[channel] = -mean[channel] * scale[channel];
    }
    (scale, offset)
}

fn three(levels: &[f64]) -> Result<[f64; 3], String> {
    match levels {
        [all] => Ok([*all; 3]),
        [red, green, blue] => Ok([*red, *green, *blue]),
        _ => Err(format!("it rescales {} channels, expected 3", levels.len())),
    }
}
