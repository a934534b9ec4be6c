//! The layers from the first convolution to the last feature maps: their settings, and that they are wired as the network is.

use super::graph::quoted;
use super::{Reading, layer};
use crate::graph::{Activation, Padding};
use crate::weights::evidence::{Convolution, Pads, Part};
use std::collections::BTreeMap;

/// Layers of a block, in the order in which they follow one another. A group has some of them.
const ROLES: [&str; 17] = [
    "conv_pad",
    "conv",
    "expand_conv",
    "expand_bn",
    "expand_activation",
    "dwconv_pad",
    "dwconv",
    "dwconv2",
    "bn",
    "activation",
    "se_squeeze",
    "se_reshape",
    "se_reduce",
    "se_expand",
    "se_excite",
    "project_conv",
    "project_bn",
];
/// What follows them: the activation of a fused block without expansion, and the sum with the block's input.
const LAST: [&str; 2] = ["project_activation", "add"];
/// What a layer brings with it.
const TOGETHER: [(&str, &[&str]); 5] = [
    ("conv", &["activation"]),
    ("expand_conv", &["expand_activation"]),
    ("dwconv", &["activation"]),
    ("dwconv2", &["activation"]),
    ("se_reduce", &["se_squeeze", "se_expand", "se_excite"]),
];

/// Where the body is in the graph.
pub(super) struct Body {
    /// Its first layer.
    pub(super) start: Option<usize>,
    /// Its last layer.
    pub(super) end: Option<usize>,
}

/// Layers that belong together, by their roles: the stem, a block, the top.
type Group = BTreeMap<&'static str, usize>;

/// What the layers have in common.
#[derive(Default)]
struct Seen {
    epsilons: Vec<f64>,
    activations: Vec<(usize, String)>,
    squeezed: Vec<(usize, String)>,
    /// Extents of a kernel, and how it is padded, where it has more than one element.
    pads: Vec<([u64; 2], Pads)>,
}

impl Reading<'_> {
    /// Reads the body.
    pub(super) fn body(&mut self) -> Body {
        let mut groups: BTreeMap<(u64, char), Group> = BTreeMap::new();
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if let Some((place, role)) = place(node.name)
                && groups
                    .entry(place)
                    .or_default()
                    .insert(role, index)
                    .is_some()
            {
                let what = format!("`{}` is there twice, expected once", quoted(node.name));
                self.refuse(Part::Body, what);
            }
        }
        let mut seen = Seen::default();
        let mut end = None;
        let mut channels = None;
        for (place, group) in &groups {
            end = self.group(place.0, group, end, &mut channels, &mut seen);
        }
        let start = groups.get(&STEM).and_then(|stem| {
            let first = stem.get("conv_pad").or_else(|| stem.get("conv"));
            first.copied()
        });
        if start.is_none() {
            self.refuse(
                Part::Body,
                "it has no layer `stem_conv`, the first convolution of Keras's EfficientNets"
                    .to_owned(),
            );
        }
        self.agree(seen);
        Body { start, end }
    }

    /// Reads a group; `entry` is the layer before it. Gives its last layer.
    fn group(
        &mut self,
        number: u64,
        group: &Group,
        entry: Option<usize>,
        channels: &mut Option<u64>,
        seen: &mut Seen,
    ) -> Option<usize> {
        let mut previous = entry;
        let mut before_squeeze = None;
        let mut strides = 1;
        for role in ROLES.into_iter().chain(LAST) {
            let Some(&index) = group.get(role) else {
                continue;
            };
            let mut expected: Vec<usize> = previous.into_iter().collect();
            match role {
                "se_squeeze" => before_squeeze = previous,
                "se_excite" => expected.extend(before_squeeze),
                "add" => expected.extend(entry),
                _ => {}
            }
            let is_first = number == STEM.0 && previous.is_none();
            self.wired(index, &expected, is_first);
            self.settings(role, index, seen);
            let name = self.graph.nodes[index].name;
            if let Some(stride) = self.evidence.convolutions.get(name).and_then(|c| c.stride) {
                strides *= stride[0] * stride[1];
            }
            previous = Some(index);
        }
        for (role, others) in TOGETHER {
            for other in others.iter().filter(|_| group.contains_key(role)) {
                if !group.contains_key(other) {
                    let name = self.graph.nodes[group[role]].name;
                    let what = format!("`{}` has no `{other}` after it", quoted(name));
                    self.refuse(Part::Body, what);
                }
            }
        }
        let made = ["project_conv", "conv"]
            .into_iter()
            .find_map(|role| self.graph.nodes[*group.get(role)?].config["filters"].as_u64());
        if number != STEM.0 && number != TOP.0 {
            self.shortcut(group, strides == 1 && made == *channels && made.is_some());
        }
        *channels = made;
        previous
    }

    /// A block adds its input to its result where both have the same extents, and a fused one without expansion ends in an
    /// activation.
    fn shortcut(&mut self, group: &Group, is_expected: bool) {
        let Some(&project) = group.get("project_conv") else {
            return;
        };
        let name = quoted(self.graph.nodes[project].name);
        if group.contains_key("add") != is_expected {
            let found = if is_expected { "does not add" } else { "adds" };
            let what = format!("the block of `{name}` {found} its input, unlike an EfficientNet's");
            self.refuse(Part::Body, what);
        }
        let is_alone = !["expand_conv", "dwconv", "dwconv2"]
            .iter()
            .any(|role| group.contains_key(role));
        if group.contains_key("project_activation") != is_alone {
            let what = format!("`{name}` is followed by another activation than an EfficientNet's");
            self.refuse(Part::Body, what);
        }
    }

    /// Whether a layer takes the results of just these.
    fn wired(&mut self, index: usize, expected: &[usize], is_first: bool) {
        if is_first {
            return;
        }
        let mut expected: Vec<usize> = expected.iter().map(|at| self.resolve(*at)).collect();
        let mut found = self.inputs(index);
        expected.sort_unstable();
        found.sort_unstable();
        if found == expected {
            return;
        }
        let shown = |all: &[usize]| {
            let names = all.iter().map(|at| &self.graph.nodes[*at]);
            let names: Vec<String> = names
                .map(|node| format!("`{}` (`{}`)", quoted(node.name), quoted(node.class)))
                .collect();
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(" and ")
            }
        };
        let what = format!(
            "`{}` takes the result of {}, expected {}",
            quoted(self.graph.nodes[index].name),
            shown(&found),
            shown(&expected)
        );
        self.refuse(Part::Body, what);
    }

    /// Reads a layer's settings.
    fn settings(&mut self, role: &str, index: usize, seen: &mut Seen) {
        let node = &self.graph.nodes[index];
        let class = match role {
            "conv" | "expand_conv" | "project_conv" | "se_reduce" | "se_expand" => "Conv2D",
            "dwconv" | "dwconv2" => "DepthwiseConv2D",
            "bn" | "expand_bn" | "project_bn" => "BatchNormalization",
            "conv_pad" | "dwconv_pad" => "ZeroPadding2D",
            "se_squeeze" => "GlobalAveragePooling2D",
            "se_reshape" => "Reshape",
            "se_excite" => "Multiply",
            "add" => "Add",
            _ => "Activation",
        };
        let is_so = match class {
            "BatchNormalization" => [class, "SyncBatchNormalization"].contains(&node.class),
            "Activation" => [class, "ReLU"].contains(&node.class),
            _ => node.class == class,
        };
        if !is_so {
            self.unexpected(Part::Body, index, &format!("a `{class}`"));
            return;
        }
        match class {
            "Conv2D" | "DepthwiseConv2D" => self.convolution(role, index, seen),
            "BatchNormalization" => {
                let axis = &node.config["axis"];
                let is_first = axis.as_array().map_or(axis, |axes| &axes[0]).as_i64() == Some(1);
                if !is_first && !layer::last_axis(axis, 4) {
                    self.unexpected(Part::Body, index, "to normalise along the channels");
                }
                // Keras's default.
                seen.epsilons
                    .push(node.config["epsilon"].as_f64().unwrap_or(1e-3));
            }
            "Activation" => seen.activations.push((index, layer::activation(node))),
            "Reshape" => {
                let target = node.config["target_shape"].as_array();
                let extents = target
                    .into_iter()
                    .flatten()
                    .filter(|extent| extent.as_i64() != Some(1));
                if extents.count() > 1 {
                    self.unexpected(Part::Body, index, "extents of 1 beside the channels");
                }
            }
            _ => {}
        }
    }

    fn convolution(&mut self, role: &str, index: usize, seen: &mut Seen) {
        let node = &self.graph.nodes[index];
        let name = quoted(node.name);
        let config = node.config;
        let padding = config["padding"].as_str().unwrap_or("valid");
        let explicit = node.inputs.first().and_then(|input| {
            let before = &self.graph.nodes[self.resolve(*input)];
            (before.class == "ZeroPadding2D").then(|| layer::zero_padding(before.config))
        });
        let pads = match (padding, explicit) {
            ("same", None) => Some(Pads::Same),
            ("valid", None) => Some(Pads::Explicit([0; 4])),
            ("valid", Some(Some(pads))) => Some(Pads::Explicit(pads)),
            _ => None,
        };
        let kernel = layer::pair(&config["kernel_size"]);
        let stride = layer::pair(&config["strides"]);
        let dilation = layer::pair(&config["dilation_rate"]);
        let (Some(pads), Some(kernel), Some(_), Some(_)) = (pads, kernel, stride, dilation) else {
            let what = format!(
                "`{name}` has the padding `{}`, strides or dilation of a form that is not supported",
                quoted(padding)
            );
            self.refuse(Part::Body, what);
            return;
        };
        // Whatever its padding is called, a kernel of one element needs none.
        let is_padded = kernel != [1; 2] || pads != Pads::Same && pads != Pads::Explicit([0; 4]);
        if is_padded {
            seen.pads.push((kernel, pads));
        }
        let found = Convolution {
            stride,
            dilation,
            groups: if node.class == "Conv2D" {
                config["groups"].as_u64()
            } else {
                None
            },
            pads: is_padded.then_some(pads),
        };
        self.evidence
            .convolutions
            .insert(node.name.to_owned(), found);
        let own = layer::activation(node);
        let expected = match role {
            "se_reduce" => return seen.squeezed.push((index, own)),
            "se_expand" => "sigmoid",
            _ => "linear",
        };
        if own != expected {
            let what = format!("`{name}` has the activation `{own}`, expected `{expected}`");
            self.refuse(Part::Body, what);
        }
    }

    /// Records what all layers of a kind have in common; where they differ, no network has it.
    fn agree(&mut self, seen: Seen) {
        let Seen {
            epsilons,
            activations,
            squeezed,
            pads,
        } = seen;
        self.evidence.batch_norm_epsilon = epsilons.first().copied();
        if let [first, ..] = epsilons[..]
            && let Some(other) = epsilons.iter().find(|other| **other != first)
        {
            let what =
                format!("batch norms have the epsilons {first:e} and {other:e}, expected one");
            self.refuse(Part::Body, what);
        }
        self.evidence.activation = self.one_of(&activations);
        self.evidence.squeeze_activation = self.one_of(&squeezed);
        let is_symmetric = |(kernel, pads): &([u64; 2], Pads)| match pads {
            Pads::Same => true,
            Pads::Explicit(pads) => {
                let half = kernel.map(|extent| extent / 2);
                *pads == [half[0], half[1], half[0], half[1]]
            }
        };
        self.evidence.padding = if pads.is_empty() {
            None
        } else if pads.iter().all(|(_, pads)| *pads == Pads::Same) {
            Some(Padding::Same)
        } else if pads.iter().all(is_symmetric) && !self.has_strided_same() {
            // A kernel that moves by one element is padded by its half on every side in either way.
            Some(Padding::Symmetric)
        } else {
            None
        };
    }

    /// Whether a convolution that skips elements has SAME padding.
    fn has_strided_same(&self) -> bool {
        let mut all = self.evidence.convolutions.values();
        all.any(|own| own.pads == Some(Pads::Same) && own.stride != Some([1; 2]))
    }

    fn one_of(&mut self, activations: &[(usize, String)]) -> Option<Activation> {
        let (index, first) = activations.first()?;
        let found = layer::known(first);
        if found.is_none() {
            let name = quoted(self.graph.nodes[*index].name);
            let what = format!(
                "`{name}` is the activation `{first}`, expected `swish`, `relu` or `relu6`"
            );
            self.refuse(Part::Body, what);
        }
        if let Some((index, other)) = activations.iter().find(|(_, other)| other != first) {
            let name = quoted(self.graph.nodes[*index].name);
            let what =
                format!("`{name}` is the activation `{other}`, expected `{first}` as before it");
            self.refuse(Part::Body, what);
        }
        found
    }
}

/// The stem comes before all blocks, the top after them.
const STEM: (u64, char) = (0, '\0');
const TOP: (u64, char) = (u64::MAX, '\0');

/// The group of a layer, and its role there.
fn place(name: &str) -> Option<((u64, char), &'static str)> {
    let (place, role) = if let Some(role) = name.strip_prefix("stem_") {
        (STEM, role)
    } else if let Some(role) = name.strip_prefix("top_") {
        (TOP, role)
    } else {
        let (number, role) = name.strip_prefix("block")?.split_once('_')?;
        let mut letters = number
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            return None;
        };
        let stage = number[..number.len() - letter.len_utf8()].parse().ok()?;
        ((stage, letter), role)
    };
    let is_outside = place == STEM || place == TOP;
    let own = ["conv_pad", "conv", "bn", "activation"];
    let known = ROLES.into_iter().chain(LAST).find(|known| *known == role)?;
    let is_own = match known {
        "conv_pad" | "conv" => is_outside,
        _ => !is_outside || own.contains(&known),
    };
    is_own.then_some((place, known))
}
