//! From the image to the last feature maps: convolutions, batch norms, activations, squeeze-and-excitation, blocks.

use super::classes::Kind;
use super::tree::{Module, lengths, quoted};
use super::{Naming, Part, Reader};
use crate::graph::Activation;

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
            Naming::Resnet => (
                &[
                    "conv1", "bn1", "act1", "relu", "maxpool", "layer1", "layer2", "layer3",
                    "layer4",
                ],
                if network.child("avgpool").is_some() {
                    "avgpool"
                } else {
                    "global_pool"
                },
                &["fc"],
            ),
            Naming::Torchvision | Naming::MobileNetV2 => {
                (&["features"], "avgpool", &["classifier"])
            }
            Naming::TorchvisionFeatures => (
                &["0", "1", "2", "3", "4", "5", "6", "7", "8"],
                "avgpool",
                &["classifier"],
            ),
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
            Naming::Transformers | Naming::TransformersBase | Naming::MmPretrain => {
                return self.refuse_module(
                    Part::Body,
                    network,
                    "expected a network of timm, torchvision or efficientnet_pytorch, or a state dict: of transformers' models \
                     what `save_pretrained` writes, of MMPretrain's a checkpoint of its runner",
                );
            }
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
            Kind::MaxPool => return self.stem_pool(module),
            Kind::Sequence | Kind::List | Kind::ConvNorm | Kind::Wrapper => {}
            // A routed block's own layer; elsewhere its tensors fit no network.
            Kind::Linear | Kind::Inert | Kind::Loss => return,
            Kind::Network
            | Kind::Softmax
            | Kind::LogSoftmax
            | Kind::VectorNorm
            | Kind::LayerNorm
            | Kind::Flatten
            | Kind::Pool(_)
            | Kind::ChosenPool
            | Kind::PowerPool
            | Kind::Features
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
            // A bottleneck's: the last one comes after the addition.
            Kind::Block if parent.child("conv3").is_some() => {
                let norms: &[&str] = match slot {
                    "relu" => &["bn1", "bn2"],
                    "act1" => &["bn1"],
                    "act2" => &["bn2"],
                    _ => &[],
                };
                if activation != Activation::Relu {
                    self.refuse_module(Part::Body, module, "expected ReLU");
                }
                let norms = norms.iter().map(|norm| (beside(norm), Some(activation)));
                self.evidence.activations.extend(norms);
                return;
            }
            Kind::Network if slot == "relu" => vec![beside("bn1")],
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
                ("avgpool", _) => self.mean(&child),
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
}
