//! Where a requested network is not the one that a checkpoint records beside its tensors.

use crate::files::foreign::Foreign;
use crate::graph::{Activation, Conv, Graph, Node, Op, Padding, ValueId};
use crate::network::Output;
use crate::request::Request;
use crate::weights::evidence::{Convolution, Evidence, FinalActivation, Pads, Part, Unsupported};
use crate::weights::names::{NameMap, Naming};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One property that the record and the request have otherwise. Modules are named as in the checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Contradiction {
    /// The border of a convolution.
    Border {
        /// The convolution.
        module: String,
        /// How the record pads it.
        found: Pads,
        /// Pads that the request gives it: top, left, bottom, right.
        expected: [u64; 4],
        /// The rule that they follow.
        rule: Padding,
    },
    /// The stride, dilation or groups of a convolution.
    Geometry {
        /// The convolution.
        module: String,
        /// Which of the three.
        property: &'static str,
        /// As recorded.
        found: Vec<u64>,
        /// As requested.
        expected: Vec<u64>,
    },
    /// The epsilon of batch norms.
    Epsilon {
        /// As recorded.
        found: f64,
        /// As requested.
        expected: f64,
    },
    /// An activation, or that there is none.
    Activation {
        /// What it follows.
        module: String,
        /// As recorded.
        found: Option<Activation>,
        /// As requested.
        expected: Option<Activation>,
    },
    /// Whether a block adds its input to its result.
    Skip {
        /// The block.
        module: String,
        /// As recorded.
        found: bool,
    },
    /// The model applies something to its logits that no output of the request has.
    Final(FinalActivation),
    /// No network here has it.
    Unsupported(Unsupported),
}

/// Contradictions as one message lists them: the first four, and how many more.
#[must_use]
pub fn listed(contradictions: &[Contradiction]) -> String {
    const MOST_LISTED: usize = 4;
    let shown = contradictions.iter().take(MOST_LISTED);
    let mut shown: Vec<String> = shown.map(ToString::to_string).collect();
    if let Some(more) = contradictions.len().checked_sub(MOST_LISTED + 1) {
        shown.push(format!("and {} more", more + 1));
    }
    shown.join("; ")
}

/// Everything in which `evidence` and `request` differ; with `keeps_head` false, what concerns the head alone is left out.
///
/// A request without a graph contradicts nothing: its own error comes first.
#[must_use]
pub fn contradictions(
    evidence: &Evidence,
    request: &Request,
    naming: Naming,
    keeps_head: bool,
) -> Vec<Contradiction> {
    let concerns = |unsupported: &&Unsupported| keeps_head || unsupported.part != Part::Head;
    let unsupported = evidence.unsupported.iter().filter(concerns).cloned();
    let mut found: Vec<Contradiction> = unsupported.map(Contradiction::Unsupported).collect();
    let expected = request.options.batch_norm_epsilon;
    if let Some(epsilon) = evidence.batch_norm_epsilon
        && epsilon != expected
    {
        found.push(Contradiction::Epsilon {
            found: epsilon,
            expected,
        });
    }
    if let Some(applied) = evidence.final_activation
        && keeps_head
        && !(request.outputs.contains(&Output::Probabilities)
            && request.activation().name() == applied.name())
    {
        found.push(Contradiction::Final(applied));
    }
    let (Ok(graph), Ok(architecture)) = (request.canonical(), request.architecture()) else {
        return found;
    };
    let body = architecture.stem.activation;
    let squeeze = architecture.squeeze().map(|squeeze| squeeze.activation);
    let overall = [
        (evidence.activation, Some(body), "the body"),
        (
            evidence.squeeze_activation,
            squeeze,
            "the reduction of squeeze-and-excitation",
        ),
    ];
    for (recorded, expected, place) in overall {
        if let (Some(recorded), Some(expected)) = (recorded, expected)
            && recorded != expected
        {
            found.push(Contradiction::Activation {
                module: place.to_owned(),
                found: Some(recorded),
                expected: Some(expected),
            });
        }
    }
    // Few namings name the layers of a longer head, and those are compared elsewhere.
    let usual = Request {
        head: None,
        outputs: vec![Output::Logits],
        ..request.clone()
    };
    let Ok(parameters) = usual.parameters() else {
        return found;
    };
    let timm = parameters.iter().map(|parameter| parameter.name.as_str());
    let Ok(names) = NameMap::new(naming, timm) else {
        return found;
    };
    let module = |name: &str, tensor: &str| {
        let own = names.source_name(&format!("{name}.{tensor}"))?;
        let end = own.rfind(['.', '/'])?;
        Some(own[..end].to_owned())
    };
    let activations: BTreeMap<&str, Activation> = graph
        .nodes
        .iter()
        .filter_map(|node| match node.op {
            Op::Activation(activation) => Some((node.name.strip_suffix(".act")?, activation)),
            _ => None,
        })
        .collect();
    for node in &graph.nodes {
        match &node.op {
            Op::Conv(conv) | Op::RoutedConv { conv, .. } => {
                let own = module(&node.name, "weight");
                let recorded = own.as_ref().and_then(|own| evidence.convolutions.get(own));
                if let (Some(own), Some(recorded)) = (own, recorded) {
                    found.extend(convolution(&graph, node, *conv, own, recorded));
                }
            }
            Op::BatchNorm { .. } => {
                let expected = activations.get(node.name.as_str()).copied();
                let own = module(&node.name, "running_mean");
                let recorded = own.as_ref().and_then(|own| evidence.activations.get(own));
                if let (Some(own), Some(recorded)) = (own, recorded)
                    && *recorded != expected
                {
                    found.push(Contradiction::Activation {
                        module: own,
                        found: *recorded,
                        expected,
                    });
                }
            }
            _ => {}
        }
    }
    found.extend(skips(evidence, &graph, &names));
    found
}

fn convolution(
    graph: &Graph,
    node: &Node,
    conv: Conv,
    module: String,
    recorded: &Convolution,
) -> Vec<Contradiction> {
    let geometry = [
        ("stride", recorded.stride, conv.stride),
        ("dilation", recorded.dilation, [1, 1]),
        (
            "groups",
            recorded.groups.map(|groups| [groups; 2]),
            [conv.groups; 2],
        ),
    ];
    let differs = |(property, found, expected): (&'static str, Option<[u64; 2]>, [u64; 2])| {
        let found = found.filter(|found| *found != expected)?;
        let length = if property == "groups" { 1 } else { 2 };
        Some(Contradiction::Geometry {
            module: module.clone(),
            property,
            found: found[..length].to_vec(),
            expected: expected[..length].to_vec(),
        })
    };
    let mut found: Vec<Contradiction> = geometry.into_iter().filter_map(differs).collect();
    let expected = sides(graph, node.inputs.first(), conv);
    let own = match recorded.pads {
        Some(Pads::Explicit(sides)) => Some(sides),
        Some(Pads::Same) => {
            let same = Conv {
                padding: Padding::Same,
                ..conv
            };
            sides(graph, node.inputs.first(), same)
        }
        None => None,
    };
    if let (Some(pads), Some(own), Some(expected)) = (recorded.pads, own, expected)
        && own != expected
    {
        found.push(Contradiction::Border {
            module,
            found: pads,
            expected,
            rule: conv.padding,
        });
    }
    found
}

/// Pads of a convolution at the top, left, bottom and right of a value, where they are constant.
fn sides(graph: &Graph, input: Option<&ValueId>, conv: Conv) -> Option<[u64; 4]> {
    let shape = &graph.value(*input?).shape;
    let [top, bottom] = conv.window().pads(shape.get(2)?, 0)?;
    let [left, right] = conv.window().pads(shape.get(3)?, 1)?;
    Some([top, left, bottom, right])
}

/// Blocks that add their input where the record says otherwise.
fn skips(evidence: &Evidence, graph: &Graph, names: &NameMap) -> Vec<Contradiction> {
    let mut adds: BTreeMap<&str, bool> = BTreeMap::new();
    let nodes: BTreeSet<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    for (timm, own) in names.iter() {
        let mut parts = timm.match_indices('.').map(|(place, _)| place);
        let Some(end) = parts.nth(2).filter(|_| timm.starts_with("blocks.")) else {
            continue;
        };
        let scope = &timm[..end];
        let modules = own.match_indices('.').map(|(place, _)| &own[..place]);
        let mut blocks = modules.filter_map(|module| evidence.skips.get_key_value(module));
        if let Some((block, _)) = blocks.next() {
            let is_added = || nodes.contains(format!("{scope}.add").as_str());
            adds.entry(block).or_insert_with(is_added);
        }
    }
    let recorded = evidence.skips.iter();
    recorded
        .filter(|(block, recorded)| {
            adds.get(block.as_str())
                .is_some_and(|adds| adds != *recorded)
        })
        .map(|(block, recorded)| Contradiction::Skip {
            module: block.clone(),
            found: *recorded,
        })
        .collect()
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Border {
                module,
                found,
                expected,
                rule,
            } => write!(
                f,
                "{} has {found}, expected {expected:?} as padding {} has",
                shown(module),
                rule.name()
            ),
            Self::Geometry {
                module,
                property,
                found,
                expected,
            } => write!(
                f,
                "{} has {property} {found:?}, expected {expected:?}",
                shown(module)
            ),
            Self::Epsilon { found, expected } => {
                write!(
                    f,
                    "batch norms have epsilon {found:e}, expected {expected:e}"
                )
            }
            Self::Activation {
                module,
                found,
                expected,
            } => write!(
                f,
                "{} is followed by {}, expected {}",
                if module.contains(' ') {
                    module.shown().to_string()
                } else {
                    shown(module)
                },
                activation(*found),
                activation(*expected)
            ),
            Self::Skip { module, found } => {
                let (does, expected) = match found {
                    true => ("adds", "it not to"),
                    false => ("does not add", "it to"),
                };
                write!(
                    f,
                    "{} {does} its input to its result, expected {expected}",
                    shown(module)
                )
            }
            Self::Final(applied) => write!(
                f,
                "the model applies {} to its logits, and no output is the result",
                match applied {
                    FinalActivation::Softmax => "a softmax",
                    FinalActivation::Sigmoid => "a sigmoid",
                }
            ),
            Self::Unsupported(unsupported) => write!(f, "{}", unsupported.what.shown()),
        }
    }
}

fn shown(module: &str) -> String {
    format!("`{}`", module.shown())
}

fn activation(activation: Option<Activation>) -> &'static str {
    match activation {
        None => "no activation",
        Some(Activation::Swish) => "swish",
        Some(Activation::Relu) => "ReLU",
        Some(Activation::Relu6) => "ReLU6",
        Some(Activation::Sigmoid) => "a sigmoid",
        Some(Activation::Tanh) => "tanh",
        Some(Activation::Gelu) => "GELU",
        Some(Activation::Elu) => "ELU",
        Some(Activation::HardSwish) => "hard swish",
        Some(Activation::LeakyRelu { .. }) => "leaky ReLU",
    }
}
