//! Which tensors of a container are read, under which names, and what accounts for each that is not.

use super::super::TensorInfo;
use super::known::{self, ByName};
use super::left_out::{GroupKind, LeftOut, LeftOutGroup};
use super::refusal::{Listed, Refusal};
use super::roots::{self, Chosen, Rank, Root};
use super::wrappers::unwrapped;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How a container is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What was taken off every name, with the last dot.
    pub(super) prefix: String,
    /// Tensors' names in the container and on offer.
    pub(super) names: Vec<(String, String)>,
    pub(super) left_out: Vec<LeftOutGroup>,
    /// The linear layer beside a network without one, which is its classifier.
    pub(super) head: Option<String>,
    pub(super) refusal: Option<Refusal>,
}

/// What becomes of a tensor.
enum Fate<'a> {
    Read(Cow<'a, str>),
    LeftOut(GroupKind, String),
    Beside,
}

impl Reading {
    /// Reads floating-point tensors: everything under its own name where no network's names are found, or where one cannot be read
    /// without losing a part.
    pub(super) fn of(tensors: &[&TensorInfo]) -> Self {
        let roots = roots::find(tensors);
        let refused = |refusal| Self::refused(tensors, refusal);
        let chosen = match roots::choose(&roots, tensors) {
            Ok(Some(chosen)) => chosen,
            Ok(None) => return Self::whole(tensors),
            Err(refusal) => return refused(refusal),
        };
        let container = Container::new(tensors, &roots);
        let mut reading = Self {
            prefix: chosen.root.prefix.clone(),
            ..Self::default()
        };
        let mut beside: Vec<&TensorInfo> = Vec::new();
        let mut left_out = LeftOut::default();
        for tensor in tensors {
            match container.fate(tensor, &chosen) {
                Fate::Read(name) => reading.names.push((tensor.name.clone(), name.into_owned())),
                Fate::LeftOut(kind, place) => left_out.add(kind, &place, &tensor.name),
                Fate::Beside => beside.push(tensor),
            }
        }
        if let Some([one, other]) = twice(&reading.names) {
            return refused(Refusal::Twice { one, other });
        }
        reading.left_out = left_out.into_groups();
        let has_linear = reading.names.iter().any(|(stored, name)| {
            let stored = container.by_name.get(stored.as_str());
            let is_matrix = stored.is_some_and(|tensor| tensor.shape.len() == 2);
            is_matrix && !chosen.root.naming.is_backbone(name)
        });
        let own = chosen.root.naming.classifier_weight();
        if let Some(module) = head(&beside).filter(|_| !has_linear)
            && let Some(own) = own.strip_suffix(WEIGHT)
        {
            let renamed = |tensor: &&TensorInfo| {
                let kind = tensor.name.strip_prefix(module)?;
                Some((tensor.name.clone(), format!("{own}{kind}")))
            };
            reading.names.extend(beside.iter().filter_map(renamed));
            reading.head = Some(module.to_owned());
        } else if !beside.is_empty() {
            return refused(Refusal::Beside {
                root: chosen.root.place(),
                tensors: beside.into_iter().map(listed).collect(),
            });
        }
        reading
    }

    /// Everything under its own name, and why.
    pub(super) fn refused(tensors: &[&TensorInfo], refusal: Refusal) -> Self {
        Self {
            refusal: Some(refusal),
            ..Self::whole(tensors)
        }
    }

    fn whole(tensors: &[&TensorInfo]) -> Self {
        let own = |tensor: &&TensorInfo| (tensor.name.clone(), tensor.name.clone());
        Self {
            names: tensors.iter().map(own).collect(),
            ..Self::default()
        }
    }
}

fn listed(tensor: &TensorInfo) -> Listed {
    (tensor.name.clone(), tensor.shape.clone())
}

/// The tensors of a container and its networks.
struct Container<'a> {
    roots: &'a [Root],
    by_name: ByName<'a>,
    /// Shapes by names without wrappers.
    shapes: BTreeMap<Cow<'a, str>, &'a [u64]>,
}

impl<'a> Container<'a> {
    fn new(tensors: &[&'a TensorInfo], roots: &'a [Root]) -> Self {
        let named = tensors.iter().map(|tensor| (tensor.name.as_str(), *tensor));
        let shaped = tensors
            .iter()
            .map(|tensor| (unwrapped(&tensor.name), &tensor.shape[..]));
        Self {
            roots,
            by_name: named.collect(),
            shapes: shaped.collect(),
        }
    }

    /// What becomes of a tensor where `chosen` is read.
    fn fate(&self, tensor: &'a TensorInfo, chosen: &Chosen) -> Fate<'a> {
        let name = tensor.name.as_str();
        let root = &chosen.root;
        let owner = roots::owner(self.roots, name);
        if let Some(own) = root.own(name).filter(|_| owner == Some(root)) {
            if let Some((GroupKind::Counter, counter)) = known::state(tensor, &self.by_name) {
                return Fate::LeftOut(GroupKind::Counter, counter.to_owned());
            }
            return match self.state_after(tensor, root.prefix.len()) {
                Some((kind, place)) if !root.naming.is_weight(&own) => Fate::LeftOut(kind, place),
                _ => Fate::Read(own),
            };
        }
        if let Some(Root {
            rank: Rank::State(kind),
            ..
        }) = owner
        {
            return Fate::LeftOut(*kind, owner.map(Root::place).unwrap_or_default());
        }
        for twin in &chosen.twins {
            let pair = twin.counterpart(name);
            let pair = pair.and_then(|pair| self.shapes.get(pair.as_str()));
            if pair.is_some_and(|shape| **shape == tensor.shape) {
                return Fate::LeftOut(GroupKind::StateDict, twin.place.clone());
            }
        }
        let state = self.state_after(tensor, 0);
        match state.or_else(|| self.state_after(tensor, shared(&root.prefix, name))) {
            Some((kind, place)) => Fate::LeftOut(kind, place),
            None => Fate::Beside,
        }
    }

    /// What a tensor is by the part of its name from `start` on, and the beginning of the name that tells.
    fn state_after(&self, tensor: &TensorInfo, start: usize) -> Option<(GroupKind, String)> {
        let (before, own) = tensor.name.split_at_checked(start)?;
        let inner = TensorInfo {
            name: own.to_owned(),
            ..tensor.clone()
        };
        let (kind, place) = known::state(&inner, &self.by_name)?;
        Some((kind, format!("{before}{place}")))
    }
}

/// Bytes of the components with which both a prefix and a name begin, with the last dot: the modules around a network that are
/// around the tensor as well.
fn shared(prefix: &str, name: &str) -> usize {
    let pairs = prefix.split_inclusive('.').zip(name.split_inclusive('.'));
    pairs
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len())
        .sum()
}

/// Two tensors with one name on offer: wrappers are in the name of one of them.
fn twice(names: &[(String, String)]) -> Option<[String; 2]> {
    let mut stored_as: BTreeMap<&str, &str> = BTreeMap::new();
    names.iter().find_map(|(stored, name)| {
        let earlier = stored_as.insert(name, stored)?;
        Some([earlier.to_owned(), stored.clone()])
    })
}

/// What ends the name of a layer's weight.
const WEIGHT: &str = ".weight";

/// The linear layer that a list of tensors is, with or without a bias, if it is one.
fn head<'a>(beside: &[&'a TensorInfo]) -> Option<&'a str> {
    let is_weight =
        |tensor: &&&TensorInfo| tensor.shape.len() == 2 && tensor.name.ends_with(WEIGHT);
    let weight = beside.iter().find(is_weight)?;
    let module = weight.name.strip_suffix(WEIGHT)?;
    let is_bias = |tensor: &&TensorInfo| {
        tensor.name.strip_prefix(module) == Some(".bias") && tensor.shape[..] == weight.shape[..1]
    };
    match beside.len() {
        1 => Some(module),
        2 => beside.iter().any(is_bias).then_some(module),
        _ => None,
    }
}
