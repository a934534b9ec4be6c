//! Networks in a container, told from the names of their first convolutions, and which of them is read.

use super::super::TensorInfo;
use super::super::names::Naming;
use super::asked::Asked;
use super::known;
use super::left_out::GroupKind;
use super::refusal::{FoundNetwork, Refusal};
use super::wrappers::{before, unwrapped};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Libraries whose names may have something before them. Those of torchvision's MobileNetV2 begin and end as its others'.
const NESTED: [Naming; 8] = [
    Naming::Timm,
    Naming::Resnet,
    Naming::Torchvision,
    Naming::TorchvisionFeatures,
    Naming::Lukemelas,
    Naming::Transformers,
    Naming::TransformersBase,
    Naming::MmPretrain,
];
/// Networks that are looked at; the tensors of more are as unaccounted for as any other.
const MOST_ROOTS: usize = 50;

/// A network in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// What stands before its names, with the last dot.
    pub(super) prefix: String,
    pub(super) naming: Naming,
    pub(super) rank: Rank,
}

/// What the names before a network say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It is no model to deploy.
    State(GroupKind),
    /// It was trained, and averages of it are beside it.
    Trained,
    Plain,
    Average,
}

/// The network that is read, and the others.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) root: Root,
    pub(super) twins: Vec<Twin>,
    /// Whether it was asked for: then the others were not.
    pub(super) is_asked: bool,
}

/// A state dict of the network that is read.
#[derive(Debug)]
pub(super) struct Twin {
    /// What stands before its network, without the last dot.
    pub(super) place: String,
    /// What stands before all names of the state dict that is read, without wrappers.
    own: String,
    /// What stands before all names of this one.
    their: String,
}

impl Twin {
    /// What a tensor of this state dict is called in the one that is read, without wrappers.
    pub(super) fn counterpart(&self, name: &str) -> Option<String> {
        let inner = unwrapped(name.strip_prefix(&self.their)?);
        Some(match self.own.as_str() {
            "" => inner.into_owned(),
            own => format!("{own}.{inner}"),
        })
    }
}

impl Root {
    /// The prefix without its last dot.
    pub(super) fn place(&self) -> String {
        self.prefix.trim_end_matches('.').to_owned()
    }

    /// The name of a tensor of its own, without the prefix and the wrappers inside.
    pub(super) fn own<'a>(&self, name: &'a str) -> Option<Cow<'a, str>> {
        name.strip_prefix(&self.prefix).map(unwrapped)
    }
}

/// What stands before all names of two state dicts, where a module around both networks has one name in both.
fn scopes<'a>(mut own: &'a str, mut their: &'a str) -> (&'a str, &'a str) {
    while let (Some((one, last)), Some((two, other))) = (shorter(own), shorter(their))
        && last == other
    {
        (own, their) = (one, two);
    }
    (own, their)
}

/// A prefix without its last component, and that.
fn shorter(prefix: &str) -> Option<(&str, &str)> {
    let names = prefix.strip_suffix('.')?;
    let start = names.rfind('.').map_or(0, |dot| dot + 1);
    Some((&prefix[..start], &names[start..]))
}

/// Every network, in the order of their tensors.
pub(super) fn find(tensors: &[&TensorInfo], asked: Option<&Asked>) -> Vec<Root> {
    // What is asked for is read whatever it is called.
    let start = |name: &str| asked.and_then(|asked| asked.start_of(name)).unwrap_or(0);
    let names: BTreeSet<Cow<'_, str>> = tensors
        .iter()
        .map(|tensor| unwrapped(&tensor.name))
        .collect();
    let has_witness = |prefix: &str, naming: Naming| {
        let witness = |witness: &str| names.contains(&*unwrapped(&format!("{prefix}{witness}")));
        naming.witness().is_none_or(witness)
    };
    let mut roots = Vec::new();
    for tensor in tensors {
        let below = NESTED.into_iter().filter_map(|naming| {
            let prefix = before(&tensor.name, naming.stem_weight());
            let prefix = prefix.filter(|prefix| has_witness(prefix, naming))?;
            Some((prefix, naming))
        });
        // One naming's names may end as another's: the whole name of the stem tells.
        let root = below.min_by_key(|(prefix, _)| prefix.len());
        roots.extend(root.map(|(prefix, naming)| Root {
            prefix: prefix.to_owned(),
            naming,
            rank: rank(prefix.get(start(prefix)..).unwrap_or_default()),
        }));
        if roots.len() >= MOST_ROOTS {
            break;
        }
    }
    roots
}

fn rank(prefix: &str) -> Rank {
    let mut rank = Rank::Plain;
    for component in prefix.split('.') {
        if known::is_average(component) {
            return Rank::Average;
        }
        if rank != Rank::Plain {
            continue;
        }
        match known::kind(component) {
            Some(kind) => rank = Rank::State(kind),
            None if component == known::TRAINED => rank = Rank::Trained,
            // A module that was an argument of the training, before it.
            None if known::SETTINGS.contains(&component) => rank = Rank::State(GroupKind::Training),
            None => {}
        }
    }
    rank
}

/// The network whose tensor this is, if it is one's: the one with the longest prefix.
pub(super) fn owner<'a>(roots: &'a [Root], name: &str) -> Option<&'a Root> {
    let owners = roots.iter().filter(|root| name.starts_with(&root.prefix));
    owners.max_by_key(|root| root.prefix.len())
}

/// Chooses the network that is read; none if there is none. The one whose prefix is asked for comes first.
pub(super) fn choose(
    roots: &[Root],
    tensors: &[&TensorInfo],
    asked: Option<&Asked>,
) -> Result<Option<Chosen>, Refusal> {
    let is_asked = |root: &&Root| asked.is_some_and(|asked| asked.0 == root.place());
    if let Some(root) = roots.iter().find(is_asked) {
        return Ok(Some(Chosen {
            root: root.clone(),
            twins: Vec::new(),
            is_asked: true,
        }));
    }
    let candidates: Vec<&Root> = roots
        .iter()
        .filter(|root| !matches!(root.rank, Rank::State(_)))
        .collect();
    let Some(best) = candidates.iter().map(|root| root.rank).max() else {
        return match roots.first() {
            Some(Root {
                rank: Rank::State(kind),
                ..
            }) => Err(Refusal::State {
                root: roots[0].place(),
                kind: *kind,
            }),
            _ => Ok(None),
        };
    };
    let several = |several: &[&Root]| {
        let found = |root: &&Root| FoundNetwork::new(root, roots, tensors);
        Refusal::Several {
            networks: several.iter().map(found).collect(),
        }
    };
    let (preferred, others): (Vec<&Root>, Vec<&Root>) =
        candidates.iter().partition(|root| root.rank == best);
    let [root] = preferred[..] else {
        return Err(several(&preferred));
    };
    let network = |root: &Root| -> BTreeSet<(Cow<'_, str>, &[u64])> {
        let own = tensors.iter().filter_map(|tensor| {
            let name = root.own(&tensor.name)?;
            let is_own = owner(roots, &tensor.name) == Some(root);
            let is_weight = root.naming.is_weight(&name) && !name.ends_with(".num_batches_tracked");
            (is_own && is_weight).then_some((name, tensor.shape.as_slice()))
        });
        own.collect()
    };
    let own = network(root);
    if others.iter().any(|other| network(other) != own) {
        return Err(several(&candidates));
    }
    let twins = others.into_iter().map(|twin| {
        let (own, their) = scopes(&root.prefix, &twin.prefix);
        Twin {
            place: twin.place(),
            own: unwrapped(own.trim_end_matches('.')).into_owned(),
            their: their.to_owned(),
        }
    });
    Ok(Some(Chosen {
        twins: twins.collect(),
        root: root.clone(),
        is_asked: false,
    }))
}

impl FoundNetwork {
    /// A network and its own tensors.
    fn new(root: &Root, roots: &[Root], tensors: &[&TensorInfo]) -> Self {
        let own = tensors
            .iter()
            .filter(|tensor| owner(roots, &tensor.name) == Some(root));
        let own = own.filter_map(|tensor| {
            Some(TensorInfo {
                name: root.own(&tensor.name)?.into_owned(),
                ..(*tensor).clone()
            })
        });
        Self {
            place: root.place(),
            naming: root.naming,
            tensors: own.collect(),
            network: None,
        }
    }
}
