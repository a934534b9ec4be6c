//! From the image to the last feature maps: convolutions, batch norms, activations, squeeze-and-excitation, blocks.

use super::classes::{Border, Kind};
use super::tree::{Module, lengths, quoted};
use super::{Naming, Part, Reader};
use crate::graph::{Activation, Padding};
use crate::weights::evidence::{Convolution, Pads};

/// Sides along height and width, of what PyTorch gives in the order left, right, top, bottom.
fn sides(lengths: &[u64]) -> Option<[u64; 4]> {
    match *lengths {
        [left, right, top, bottom] => Some([top, left, bottom, right]),
        _ => None,
    }
}

impl<'a> Reader<'a> {
    /// A whole network: its body, its pool and its head.
    pub(super) fn network(&mut self, network: &Module<'a>) {
        self.inspect(network);
        let is_known = network.kind == Kind::Network;
        if !is_known {
            self.evidence.notes.push(format!(
                "the pickled network's class is {}, which is not known: its `forward` may do more than the library's",
                quoted(&network.class)
            ));
        }
        let (body, pool, head): (&[&str], &str, &[&str]) = match self.landmarks.naming {
            Naming::Timm => (
                &[
                    "conv_stem",
                    "bn1",
                    "act1",
                    "blocks",
                    "conv_head",
                    "bn2",
                    "act2",
                ],
                "global_pool",
                &["classifier"],
            ),
            Naming::Torchvision => (&["features"], "avgpool", &["classifier"]),
            Naming::Lukemelas => (
                &[
                    "_conv_stem",
                    "_bn0",
                    "_blocks",
                    "_conv_head",
                    "_bn1",
                    "_swish",
                ],
                "_avg_pooling",
                &["_dropout", "_fc"],
            ),
            Naming::Keras | Naming::TensorFlow => return,
        };
        for child in network.children() {
            let slot = child.slot();
            if body.contains(&slot) {
                self.part(&child, network, 0);
            } else if slot == pool {
                self.pool(&child);
            } else if head.contains(&slot) {
                self.head_part(&child);
            } else if !is_known {
                self.beside(network, &child);
            } else if self.is_classifier(&child) {
                let what = format!(
                    "{} does not use its {}",
                    quoted(&network.class),
                    quoted(child.slot())
                );
                self.refuse(Part::Head, what);
            }
        }
        self.global_params(network);
    }

    /// A module of the body.
    fn part(&mut self, module: &Module<'a>, parent: &Module<'a>, depth: usize) {
        if !self.count(depth) {
            return;
        }
        self.inspect(module);
        match module.kind {
            Kind::Conv(border) => self.convolution(module, border),
            Kind::Norm => self.norm(module),
            Kind::Activation(activation) => self.activation(module, parent, activation),
            Kind::Squeeze => return self.squeeze(module, depth),
            Kind::Block => self.skip(module),
            Kind::Sequence | Kind::List | Kind::ConvNorm | Kind::Wrapper => {}
            // A routed block's own layer; elsewhere its tensors fit no network.
            Kind::Linear | Kind::Inert | Kind::Loss => return,
            Kind::Network
            | Kind::Softmax
            | Kind::Flatten
            | Kind::MeanPool
            | Kind::ChosenPool
            | Kind::Unknown => {
                return self.refuse_module(
                    Part::Body,
                    module,
                    "which no network here has in that place",
                );
            }
        }
        if matches!(module.kind, Kind::Conv(_)) {
            return;
        }
        for child in module.children() {
            self.part(&child, module, depth + 1);
        }
    }

    fn convolution(&mut self, conv: &Module<'a>, border: Border) {
        let own = |this: &mut Self| match conv.attribute("padding") {
            None => None,
            Some(id) => match conv.pickle.text(id) {
                // PyTorch takes it with stride 1 alone, where it is TensorFlow's rule.
                Some("same") => Some(Pads::Same),
                Some("valid") => Some(Pads::Explicit([0; 4])),
                Some(_) => None,
                None => match conv.pair("padding") {
                    Some([height, width]) => Some(Pads::Explicit([height, width, height, width])),
                    None => {
                        this.refuse_module(Part::Body, conv, "with a padding that is not known");
                        None
                    }
                },
            },
        };
        let pads = match border {
            Border::Same => Some(Pads::Same),
            Border::Flagged if conv.truth("dynamic_padding") == Some(true) => Some(Pads::Same),
            Border::Own | Border::Flagged => own(self),
            Border::Static => {
                self.has_static_pads = true;
                self.static_pads(conv)
            }
        };
        let mode = conv.attribute("padding_mode");
        let mode = mode.and_then(|mode| conv.pickle.text(mode));
        if let Some(mode) = mode
            && mode != "zeros"
            && pads != Some(Pads::Explicit([0; 4]))
        {
            let what = format!(
                "{} pads with {}, expected `zeros`",
                quoted(&conv.path),
                quoted(mode)
            );
            self.refuse(Part::Body, what);
        }
        if conv.truth("transposed") == Some(true) {
            self.refuse_module(Part::Body, conv, "expected it not to be transposed");
        }
        let groups = conv.attribute("groups");
        let groups = groups.and_then(|groups| conv.pickle.integer(groups));
        let found = Convolution {
            stride: conv.pair("stride"),
            dilation: conv.pair("dilation"),
            groups: groups.and_then(|groups| u64::try_from(groups).ok()),
            pads,
        };
        if let Some(kernel) = conv.pair("kernel_size") {
            self.kernels.insert(conv.path.clone(), kernel);
        }
        self.evidence.convolutions.insert(conv.path.clone(), found);
    }

    /// Pads that efficientnet_pytorch froze for its own image size.
    fn static_pads(&mut self, conv: &Module<'a>) -> Option<Pads> {
        let pad = conv.child("static_padding")?;
        self.inspect(&pad);
        match pad.class.rsplit('.').next() {
            Some("Identity") => Some(Pads::Explicit([0; 4])),
            Some("ZeroPad2d") => {
                let sides_of = pad.attribute("padding")?;
                let lengths = pad.pickle.sequence(sides_of)?.iter();
                let lengths: Option<Vec<u64>> = lengths
                    .map(|side| u64::try_from(pad.pickle.integer(*side)?).ok())
                    .collect();
                sides(&lengths?).map(Pads::Explicit)
            }
            _ => {
                self.refuse_module(Part::Body, &pad, "expected zeros around the image");
                None
            }
        }
    }

    fn norm(&mut self, norm: &Module<'a>) {
        self.norms.insert(norm.path.clone());
        let epsilon = norm.attribute("eps");
        if let Some(epsilon) = epsilon.and_then(|epsilon| norm.pickle.number(epsilon)) {
            let first = self.epsilons.entry(epsilon.to_bits());
            first.or_insert_with(|| norm.path.clone());
        }
        if norm.truth("track_running_stats") == Some(false) {
            self.refuse_module(
                Part::Body,
                norm,
                "with the statistics of each batch, expected running ones",
            );
        }
    }

    /// Records which batch norm an activation follows.
    fn activation(&mut self, module: &Module<'a>, parent: &Module<'a>, activation: Activation) {
        let slot = module.slot();
        let beside = |name: &str| match parent.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let norms: Vec<String> = match parent.kind {
            Kind::Norm if slot == "act" => vec![parent.path.clone()],
            Kind::ConvNorm => {
                let children = parent.children().into_iter();
                let before = children.take_while(|child| child.id != module.id);
                before
                    .filter(|child| child.kind == Kind::Norm)
                    .map(|child| child.path)
                    .collect()
            }
            _ if slot == "_swish" => {
                if parent.child("_se_reduce").is_some() {
                    self.squeezed(module, Some(activation));
                }
                let norms = ["_bn0", "_bn1"].into_iter();
                let norms = norms.filter(|norm| parent.child(norm).is_some());
                norms.map(beside).collect()
            }
            _ => match slot.strip_prefix("act") {
                Some(number) if parent.child(&format!("bn{number}")).is_some() => {
                    vec![beside(&format!("bn{number}"))]
                }
                _ => Vec::new(),
            },
        };
        if norms.is_empty() {
            self.refuse_module(Part::Body, module, "expected no activation there");
        }
        let norms = norms.into_iter().map(|norm| (norm, Some(activation)));
        self.evidence.activations.extend(norms);
    }

    fn squeeze(&mut self, module: &Module<'a>, depth: usize) {
        let gate = module.attribute("gate_fn");
        if let Some(gate) = gate.and_then(|gate| module.pickle.named(gate))
            && gate.rsplit('.').next() != Some("sigmoid")
        {
            let what = format!(
                "{} has the gate {}, expected a sigmoid",
                quoted(&module.path),
                quoted(&gate)
            );
            self.refuse(Part::Body, what);
        }
        for child in module.children() {
            match (child.slot(), child.kind) {
                (_, Kind::Conv(_)) => self.part(&child, module, depth + 1),
                ("avgpool", _) => self.pool(&child),
                ("act1" | "activation", Kind::Activation(activation)) => {
                    self.inspect(&child);
                    self.squeezed(&child, Some(activation));
                }
                ("act1" | "activation", _) => {
                    self.squeezed(&child, None);
                }
                ("gate" | "scale_activation", Kind::Activation(Activation::Sigmoid)) => {
                    self.inspect(&child);
                }
                ("gate" | "scale_activation", _) => {
                    self.refuse_module(Part::Body, &child, "expected a sigmoid");
                }
                (_, Kind::Inert) => {}
                _ => self.refuse_module(
                    Part::Body,
                    &child,
                    "which squeeze-and-excitation here does not have",
                ),
            }
        }
    }

    /// Records the activation between squeeze and excitation.
    fn squeezed(&mut self, module: &Module<'a>, activation: Option<Activation>) {
        let known = self.evidence.squeeze_activation;
        if activation.is_none() || known.is_some_and(|known| Some(known) != activation) {
            self.refuse_module(
                Part::Body,
                module,
                "expected the activation of every squeeze-and-excitation",
            );
        } else {
            self.evidence.squeeze_activation = activation;
        }
    }

    /// Records whether a block adds its input.
    fn skip(&mut self, block: &Module<'a>) {
        let names = ["has_skip", "has_residual", "use_res_connect"];
        let told = names.into_iter().find_map(|name| block.truth(name));
        // efficientnet_pytorch adds it where shapes allow, unless this is false.
        let told = told.or_else(|| block.truth("id_skip").filter(|skips| !skips));
        if let Some(told) = told {
            self.evidence.skips.insert(block.path.clone(), told);
        }
    }

    /// What efficientnet_pytorch's own record says beyond its modules.
    fn global_params(&mut self, network: &Module<'a>) {
        /// Places of fields in `GlobalParams` (efficientnet_pytorch `utils.py`).
        const IMAGE_SIZE: usize = 2;
        const INCLUDE_TOP: usize = 10;
        let params = network.attribute("_global_params");
        let params = params.and_then(|params| network.pickle.arguments(params));
        let size = params.and_then(|params| params.get(IMAGE_SIZE));
        self.static_size = size.and_then(|size| lengths(network.pickle, *size));
        let top = params.and_then(|params| params.get(INCLUDE_TOP));
        let top = top.and_then(|top| network.pickle.truth(*top));
        if top == Some(false) && network.child("_fc").is_some() {
            self.refuse(
                Part::Head,
                "its `include_top` is false, so it does not use its `_fc`".to_owned(),
            );
        }
    }

    pub(super) fn finish_body(&mut self) {
        let mut epsilons = self.epsilons.iter();
        match (epsilons.next(), epsilons.next()) {
            (Some((bits, _)), None) => {
                self.evidence.batch_norm_epsilon = Some(f64::from_bits(*bits));
            }
            (Some((one, norm)), Some((other, other_norm))) => {
                let what = format!(
                    "batch norms differ in epsilon: {} has {:e}, {} has {:e}; expected one for all",
                    quoted(norm),
                    f64::from_bits(*one),
                    quoted(other_norm),
                    f64::from_bits(*other)
                );
                self.refuse(Part::Body, what);
            }
            (None, _) => {}
        }
        if self.landmarks.naming != Naming::Lukemelas {
            for norm in &self.norms {
                let activations = &mut self.evidence.activations;
                activations.entry(norm.clone()).or_insert(None);
            }
        }
        self.evidence.padding = self.padding();
    }

    /// The rule that all convolutions follow, as far as they tell.
    fn padding(&self) -> Option<Padding> {
        if self.has_static_pads {
            return self.static_size.map(Padding::Static);
        }
        let convolutions = self.evidence.convolutions.iter();
        let (mut same, mut symmetric) = (false, false);
        for (path, conv) in convolutions {
            let strides = conv.stride.is_some_and(|stride| stride != [1, 1]);
            match (conv.pads?, self.kernels.get(path)) {
                (Pads::Same, _) => same = true,
                // Without a stride both rules are one.
                (Pads::Explicit(_), _) if !strides => {}
                (Pads::Explicit(pads), Some([height, width])) => {
                    let rule = [height / 2, width / 2, height / 2, width / 2];
                    if pads != rule {
                        return None;
                    }
                    symmetric = true;
                }
                (Pads::Explicit(_), None) => return None,
            }
        }
        match (same, symmetric) {
            (true, false) => Some(Padding::Same),
            (false, true) => Some(Padding::Symmetric),
            _ => None,
        }
    }
}
