//! Networks in a container, told from the names of their first convolutions, and which of them is read.

use super::super::TensorInfo;
use super::super::names::Naming;
use super::known;
use super::left_out::GroupKind;
use super::refusal::{Listed, Refusal};
use std::collections::BTreeSet;

/// Libraries whose names may have something before them. Those of torchvision's MobileNetV2 begin and end as its others'.
const NESTED: [Naming; 4] = [
    Naming::Timm,
    Naming::Resnet,
    Naming::Torchvision,
    Naming::Lukemelas,
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
    /// State dicts of the same network.
    pub(super) twins: Vec<Root>,
}

impl Root {
    fn components(&self) -> Vec<&str> {
        let components = self.prefix.split('.');
        components.filter(|name| !name.is_empty()).collect()
    }

    /// The prefix without its last dot.
    pub(super) fn place(&self) -> String {
        self.prefix.trim_end_matches('.').to_owned()
    }

    fn is_removable(&self) -> bool {
        let components = self.components();
        components.into_iter().all(known::is_removable)
    }

    /// What stands before all names of this state dict and of `other`, where a module around both networks has one name in both.
    pub(super) fn scopes<'a>(&'a self, other: &'a Self) -> (&'a str, &'a str) {
        let (mut own, mut their) = (self.prefix.as_str(), other.prefix.as_str());
        while let (Some((one, last)), Some((two, other))) = (shorter(own), shorter(their))
            && last == other
        {
            (own, their) = (one, two);
        }
        (own, their)
    }
}

/// A prefix without its last component, and that.
fn shorter(prefix: &str) -> Option<(&str, &str)> {
    let names = prefix.strip_suffix('.')?;
    let start = names.rfind('.').map_or(0, |dot| dot + 1);
    Some((&prefix[..start], &names[start..]))
}

/// Every network, in the order of their tensors.
pub(super) fn find(tensors: &[&TensorInfo]) -> Vec<Root> {
    let names: BTreeSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let has_witness = |prefix: &str, naming: Naming| {
        let witness = naming.witness();
        witness.is_none_or(|witness| names.contains(format!("{prefix}{witness}").as_str()))
    };
    let mut roots = Vec::new();
    for tensor in tensors {
        for naming in NESTED {
            let prefix = tensor.name.strip_suffix(naming.stem_weight());
            let prefix = prefix.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
            let prefix = prefix.filter(|prefix| has_witness(prefix, naming));
            roots.extend(prefix.map(|prefix| Root {
                prefix: prefix.to_owned(),
                naming,
                rank: rank(prefix),
            }));
        }
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

/// Chooses the network that is read; none if there is none. `beside` gives what nothing accounts for beside a network.
pub(super) fn choose(
    roots: &[Root],
    tensors: &[&TensorInfo],
    beside: impl Fn(&Chosen) -> Vec<Listed>,
) -> Result<Option<Chosen>, Refusal> {
    let candidates: Vec<&Root> = roots
        .iter()
        .filter(|root| !matches!(root.rank, Rank::State(_)))
        .collect();
    let Some(best) = candidates.iter().map(|root| root.rank).max() else {
        return match roots.first() {
            None => Ok(None),
            Some(state) => Err(Refusal::Prefix {
                root: state.place(),
                tensors: Vec::new(),
            }),
        };
    };
    let several = |roots: &[&Root]| {
        let count = |root: &&Root| {
            let own = tensors
                .iter()
                .filter(|tensor| owner_is(roots, root, &tensor.name));
            (root.place(), own.count())
        };
        Refusal::Several {
            roots: roots.iter().map(count).collect(),
        }
    };
    let (preferred, others): (Vec<&Root>, Vec<&Root>) =
        candidates.iter().partition(|root| root.rank == best);
    let [root] = preferred[..] else {
        return Err(several(&preferred));
    };
    let network = |root: &Root| -> BTreeSet<(&str, &[u64])> {
        let own = tensors.iter().filter_map(|tensor| {
            let name = tensor.name.strip_prefix(&root.prefix)?;
            let is_own = owner(roots, &tensor.name) == Some(root);
            let is_weight = root.naming.is_weight(name) && !name.ends_with(".num_batches_tracked");
            (is_own && is_weight).then_some((name, tensor.shape.as_slice()))
        });
        own.collect()
    };
    let own = network(root);
    if others.iter().any(|other| network(other) != own) {
        return Err(several(&candidates));
    }
    let chosen = Chosen {
        root: root.clone(),
        twins: others.into_iter().cloned().collect(),
    };
    if !root.is_removable() {
        return Err(Refusal::Prefix {
            root: root.place(),
            tensors: beside(&chosen),
        });
    }
    Ok(Some(chosen))
}

fn owner_is(roots: &[&Root], root: &Root, name: &str) -> bool {
    let owners = roots.iter().filter(|root| name.starts_with(&root.prefix));
    owners.max_by_key(|root| root.prefix.len()) == Some(&root)
}
