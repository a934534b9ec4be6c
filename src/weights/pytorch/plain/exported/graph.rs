//! What the graph of an exported program tells of its network: each node is an operator of PyTorch with all its arguments.
//!
//! Whatever a network here does not have is refused by name, so that what the graph computes besides is never dropped.

use super::program::{Node, Program};
use crate::graph::{Activation, Padding};
use crate::tensor::TensorInfo;
use crate::weights::evidence::{Convolution, Evidence, FinalActivation, Pads, Part};
use std::collections::{BTreeMap, BTreeSet};

/// Operators that change no number in evaluation, or are those of every network here.
const PLAIN: [&str; 16] = [
    "linear",
    "addmm",
    "t",
    "flatten",
    "view",
    "reshape",
    "squeeze",
    "clone",
    "alias",
    "detach",
    "contiguous",
    "dropout",
    "feature_dropout",
    "_assert_tensor_metadata",
    "lift_fresh_copy",
    "to",
];
/// Names of first convolutions, before which the network's own names begin.
const STEMS: [&str; 4] = ["conv_stem", "_conv_stem", "features.0.0", RESNET_STEM];
/// That of a ResNet.
const RESNET_STEM: &str = "conv1";

/// Reads a graph; `tensors` are the weights of the file.
pub(super) fn evidence(program: &Program, tensors: &[TensorInfo]) -> Evidence {
    let module = &program.graph_module;
    let specs = module.signature.input_specs.iter();
    let own = specs.filter_map(|spec| spec.parameter.as_ref().or(spec.buffer.as_ref()));
    let names: BTreeMap<&str, &str> = own
        .map(|own| (own.arg.name.as_str(), own.parameter_name.as_str()))
        .collect();
    let results = module.graph.outputs.iter();
    let results = results.filter_map(|result| Some(result.as_tensor.as_ref()?.name.as_str()));
    let mut reader = Reader {
        prefix: prefix(names.values().copied()),
        names,
        shapes: tensors
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice()))
            .collect(),
        results: results.collect(),
        evidence: Evidence {
            place: "the exported program".to_owned(),
            covers_wrappers: true,
            ..Evidence::default()
        },
        pads: BTreeMap::new(),
        norms: BTreeMap::new(),
        convolutions: BTreeSet::new(),
        maps: BTreeSet::new(),
        gates: BTreeSet::new(),
        epsilons: Vec::new(),
        squeeze: Vec::new(),
        symmetric: Vec::new(),
    };
    for node in &module.graph.nodes {
        reader.node(node);
    }
    reader.finish()
}

/// What stands before the network's own names, with its dot.
fn prefix<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let stem = |name: &'a str| {
        let module = name.strip_suffix(".weight")?;
        let mut rest = STEMS.iter().filter_map(|stem| module.strip_suffix(stem));
        rest.find(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let mut stems: Vec<&str> = names.filter_map(stem).collect();
    stems.sort_by_key(|stem| stem.len());
    stems.first().copied().unwrap_or_default().to_owned()
}

struct Reader<'a> {
    prefix: String,
    /// For each input of the graph, the tensor's name in the file.
    names: BTreeMap<&'a str, &'a str>,
    shapes: BTreeMap<&'a str, &'a [u64]>,
    /// What the graph gives.
    results: BTreeSet<&'a str>,
    evidence: Evidence,
    /// Results of paddings: at the top, left, bottom and right.
    pads: BTreeMap<&'a str, [u64; 4]>,
    /// Results of batch norms, and their modules.
    norms: BTreeMap<&'a str, String>,
    /// Results of convolutions.
    convolutions: BTreeSet<&'a str>,
    /// Feature maps of the body: what blocks add, and gates multiply.
    maps: BTreeSet<&'a str>,
    /// Results of the sigmoids of squeeze-and-excitations.
    gates: BTreeSet<&'a str>,
    epsilons: Vec<f64>,
    squeeze: Vec<Activation>,
    /// Whether each convolution that has a border pads it by half its kernel itself.
    symmetric: Vec<bool>,
}

impl<'a> Reader<'a> {
    fn node(&mut self, node: &'a Node) {
        let Some(operator) = node.operator() else {
            self.refuse(node);
            return;
        };
        let applied = match operator {
            "conv2d" | "convolution" => self.convolution(node),
            "pad" | "constant_pad_nd" => self.pad(node),
            "batch_norm" | "_native_batch_norm_legit_no_training" => self.norm(node),
            "max_pool2d" => self.pool_of_stem(node),
            "add" => self.residual(node),
            "mul" => self.gated(node),
            "adaptive_avg_pool2d" => node
                .pair("output_size", 0)
                .filter(|size| *size == [1; 2])
                .map(drop),
            "mean" => {
                let dimensions = node.argument("dim").and_then(|dim| dim.as_ints.as_deref());
                let is_of_map = matches!(dimensions, Some([2, 3] | [-2, -1] | [-1, -2]));
                is_of_map.then_some(())
            }
            // The transpose of a classifier's weight.
            "permute" => {
                let order = node
                    .argument("dims")
                    .and_then(|dims| dims.as_ints.as_deref());
                matches!(order, Some([1, 0])).then_some(())
            }
            "softmax" | "_softmax" => {
                let dimension = node.argument("dim").and_then(|dim| dim.as_int);
                // Logits are batch and classes.
                let is_of_classes = matches!(dimension, Some(1 | -1));
                let applied = self.last(node, FinalActivation::Softmax);
                applied.filter(|()| is_of_classes)
            }
            "sigmoid" if self.is_last(node) => self.last(node, FinalActivation::Sigmoid),
            "sigmoid" => self.gate(node),
            other if PLAIN.contains(&other) => Some(()),
            other => self.activation(node, other),
        };
        if applied.is_none() {
            self.refuse(node);
        }
    }

    fn refuse(&mut self, node: &Node) {
        let what = format!(
            "its graph has `{}` as no network here has it",
            node.target.chars().take(120).collect::<String>()
        );
        self.evidence.refuse(Part::Body, what);
    }

    fn is_last(&self, node: &Node) -> bool {
        node.output()
            .is_some_and(|output| self.results.contains(output))
    }

    fn last(&mut self, node: &Node, applied: FinalActivation) -> Option<()> {
        self.is_last(node).then(|| {
            self.evidence.final_activation = Some(applied);
        })
    }

    /// The module of a weight.
    fn module(&self, node: &Node, argument: &str) -> Option<(&'a str, String)> {
        let name = *self.names.get(node.tensor(argument)?)?;
        let (module, _) = name.rsplit_once('.')?;
        let own = module.strip_prefix(&self.prefix).unwrap_or(module);
        Some((name, own.to_owned()))
    }

    fn convolution(&mut self, node: &'a Node) -> Option<()> {
        let is_transposed = node.argument("transposed").and_then(|own| own.as_bool);
        if is_transposed == Some(true) {
            return None;
        }
        let (name, module) = self.module(node, "weight")?;
        let shape = *self.shapes.get(name)?;
        let &[_, _, height, width] = shape else {
            return None;
        };
        let padding = node.pair("padding", 0)?;
        let before = node.tensor("input").and_then(|input| self.pads.get(input));
        let pads = match before {
            // Computed for the size of the image that it was exported with.
            Some(_) => Pads::Same,
            None => Pads::Explicit([padding[0], padding[1], padding[0], padding[1]]),
        };
        if [height, width] != [1; 2] {
            let is_half = padding == [height / 2, width / 2];
            self.symmetric.push(before.is_none() && is_half);
        }
        let groups = node
            .argument("groups")
            .map_or(Some(1), |groups| groups.as_int);
        let convolution = Convolution {
            stride: node.pair("stride", 1),
            dilation: node.pair("dilation", 1),
            groups: groups.and_then(|groups| u64::try_from(groups).ok()),
            pads: Some(pads),
        };
        self.convolutions.insert(node.output()?);
        // A network here has each convolution once.
        let before = self.evidence.convolutions.insert(module, convolution);
        before.is_none().then_some(())
    }

    fn pad(&mut self, node: &'a Node) -> Option<()> {
        let mode = node
            .argument("mode")
            .and_then(|mode| mode.as_string.as_deref());
        let is_zero = node.number("value").is_none_or(|value| value == 0.0);
        let pads = node.argument("pad")?.as_ints.as_deref()?;
        let length = |value: i64| u64::try_from(value).ok();
        let &[left, right, top, bottom] = pads else {
            return None;
        };
        if mode.is_some_and(|mode| mode != "constant") || !is_zero {
            return None;
        }
        let pads = [length(top)?, length(left)?, length(bottom)?, length(right)?];
        self.pads.insert(node.output()?, pads);
        Some(())
    }

    fn norm(&mut self, node: &'a Node) -> Option<()> {
        let is_training = node.argument("training").and_then(|own| own.as_bool);
        if is_training == Some(true) {
            return None;
        }
        let (_, module) = self.module(node, "running_mean")?;
        self.epsilons.push(node.number("eps")?);
        let before = self.evidence.activations.insert(module.clone(), None);
        self.maps.insert(node.output()?);
        self.norms.insert(node.output()?, module);
        before.is_none().then_some(())
    }

    /// The pool after the first convolution of a ResNet.
    fn pool_of_stem(&mut self, node: &'a Node) -> Option<()> {
        let is_first = self.evidence.convolutions.keys().eq([RESNET_STEM]);
        let lengths = [("kernel_size", 3), ("stride", 2), ("padding", 1)];
        let fits = |(name, length): (&str, u64)| {
            node.argument(name).is_some() && node.pair(name, 0) == Some([length; 2])
        };
        self.maps.insert(node.output()?);
        (is_first && lengths.into_iter().all(fits)).then_some(())
    }

    /// A block's result and its input, added.
    fn residual(&mut self, node: &'a Node) -> Option<()> {
        let (one, other) = node.tensor("self").zip(node.tensor("other"))?;
        let is_plain = node.number("alpha").is_none_or(|alpha| alpha == 1.0);
        let fits = is_plain && one != other && self.maps.contains(one) && self.maps.contains(other);
        self.maps.insert(node.output()?);
        fits.then_some(())
    }

    /// The gate of a squeeze-and-excitation.
    fn gate(&mut self, node: &'a Node) -> Option<()> {
        let input = node.tensor("self")?;
        self.gates.insert(node.output()?);
        self.convolutions.contains(input).then_some(())
    }

    /// A feature map that is multiplied with its gate.
    fn gated(&mut self, node: &'a Node) -> Option<()> {
        let (one, other) = node.tensor("self").zip(node.tensor("other"))?;
        self.maps.insert(node.output()?);
        let fits = |map: &str, gate: &str| self.maps.contains(map) && self.gates.contains(gate);
        (fits(one, other) || fits(other, one)).then_some(())
    }

    fn activation(&mut self, node: &'a Node, operator: &str) -> Option<()> {
        let activation = match operator {
            "silu" => Activation::Swish,
            "relu" => Activation::Relu,
            "relu6" => Activation::Relu6,
            "hardtanh"
                if [node.number("min_val"), node.number("max_val")] == [Some(0.0), Some(6.0)] =>
            {
                Activation::Relu6
            }
            "hardswish" => Activation::HardSwish,
            _ => return None,
        };
        let input = node.tensor("self")?;
        if let Some(module) = self.norms.get(input) {
            self.maps.insert(node.output()?);
            self.evidence
                .activations
                .insert(module.clone(), Some(activation));
            Some(())
        } else if self.maps.contains(input) && self.evidence.convolutions.contains_key(RESNET_STEM)
        {
            // A block of a ResNet ends in one.
            self.maps.insert(node.output()?);
            (activation == Activation::Relu).then_some(())
        } else if self.convolutions.contains(input) {
            self.squeeze.push(activation);
            Some(())
        } else {
            None
        }
    }

    fn finish(mut self) -> Evidence {
        if let Some(first) = self.epsilons.first() {
            if self.epsilons.iter().all(|epsilon| epsilon == first) {
                self.evidence.batch_norm_epsilon = Some(*first);
            } else {
                let what = "its batch norms have several epsilons, expected one".to_owned();
                self.evidence.refuse(Part::Body, what);
            }
        }
        if let Some(first) = self.squeeze.first() {
            if self.squeeze.iter().all(|activation| activation == first) {
                self.evidence.squeeze_activation = Some(*first);
            } else {
                let what = "its squeeze-and-excitations have several activations, expected one";
                self.evidence.refuse(Part::Body, what.to_owned());
            }
        }
        self.evidence.padding = if self.symmetric.is_empty() {
            None
        } else if self.symmetric.iter().all(|is_symmetric| *is_symmetric) {
            Some(Padding::Symmetric)
        } else if !self.pads.is_empty() {
            self.evidence.notes.push(
                "the exported program has the pads that SAME needs at the size it was exported with"
                    .to_owned(),
            );
            Some(Padding::Same)
        } else {
            None
        };
        self.evidence
    }
}
