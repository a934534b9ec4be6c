//! Which tensors of a container are read, under which names, and what accounts for each that is not.

use super::super::TensorInfo;
use super::super::head::{HeadModule, HeadModuleKind, modules};
use super::super::names::Naming;
use super::asked::{Asked, SEPARATORS};
use super::known::{self, ByName};
use super::left_out::{GroupKind, LeftOut, LeftOutGroup};
use super::packed::Packed;
use super::refusal::{Listed, Refusal};
use super::roots::{self, Chosen, Rank, Root};
use super::wrappers::unwrapped;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

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
    /// without losing a part. Of those that are asked for by what stands before their names, only these.
    pub(super) fn of(tensors: &[&TensorInfo], asked: Option<&Asked>) -> Self {
        let Some(asked) = asked else {
            return Self::network(tensors, None);
        };
        let (inside, outside): (Vec<&TensorInfo>, Vec<&TensorInfo>) = tensors
            .iter()
            .partition(|tensor| asked.start_of(&tensor.name).is_some());
        if inside.is_empty() {
            let found: BTreeSet<&str> = tensors.iter().map(|tensor| first(&tensor.name)).collect();
            let refusal = Refusal::NothingBelow {
                prefix: asked.0.clone(),
                found: found.into_iter().map(str::to_owned).collect(),
            };
            return Self::refused(tensors, refusal);
        }
        let mut reading = Self::network(&inside, Some(asked));
        let mut left_out = LeftOut::default();
        for tensor in &outside {
            left_out.add(GroupKind::Outside, first(&tensor.name), &tensor.name);
        }
        match reading.refusal.take() {
            Some(refusal) => Self::refused(tensors, refusal),
            None => {
                reading.left_out.extend(left_out.into_groups());
                reading
            }
        }
    }

    /// Reads a network among tensors that are all `asked` for.
    fn network(tensors: &[&TensorInfo], asked: Option<&Asked>) -> Self {
        let roots = roots::find(tensors, asked);
        let refused = |refusal| Self::refused(tensors, refusal);
        let chosen = match roots::choose(&roots, tensors, asked) {
            Ok(Some(chosen)) => chosen,
            Ok(None) => match packed(tensors) {
                Some(refusal) => return refused(refusal),
                None => return Self::whole(tensors, asked),
            },
            Err(refusal) => return refused(refusal),
        };
        let container = Container::new(tensors, &roots);
        let mut reading = Self {
            prefix: chosen.root.prefix.clone(),
            ..Self::default()
        };
        let mut beside: Vec<&TensorInfo> = Vec::new();
        let mut used: Vec<&TensorInfo> = Vec::new();
        let mut left_out = LeftOut::default();
        for tensor in tensors {
            match container.fate(tensor, &chosen) {
                Fate::LeftOut(kind, place) => {
                    left_out.add(kind, &place, &tensor.name);
                    continue;
                }
                Fate::Read(name) => reading.names.push((tensor.name.clone(), name.into_owned())),
                Fate::Beside => beside.push(tensor),
            }
            used.push(tensor);
        }
        if let Some(refusal) = packed(&used) {
            return refused(refusal);
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
        } else if !has_linear && are_layers(&beside, chosen.root.naming) {
            // A record or the caller says which layers they are.
            let own = |tensor: &&TensorInfo| (tensor.name.clone(), tensor.name.clone());
            reading.names.extend(beside.iter().map(own));
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
            ..Self::whole(tensors, None)
        }
    }

    /// Everything under its own name, or without what was asked for.
    fn whole(tensors: &[&TensorInfo], asked: Option<&Asked>) -> Self {
        let start = |name: &str| asked.and_then(|asked| asked.start_of(name)).unwrap_or(0);
        let own = |tensor: &&TensorInfo| {
            let name = &tensor.name;
            (name.clone(), name[start(name)..].to_owned())
        };
        let prefix = tensors.first().map(|tensor| tensor.name.as_str());
        Self {
            prefix: prefix.map_or("", |name| &name[..start(name)]).to_owned(),
            names: tensors.iter().map(own).collect(),
            ..Self::default()
        }
    }
}

/// The first component of a name.
fn first(name: &str) -> &str {
    name.split(SEPARATORS).next().unwrap_or(name)
}

/// Why tensors are not read that are in a form of their own, if some are.
fn packed(tensors: &[&TensorInfo]) -> Option<Refusal> {
    let form = tensors.iter().find_map(|tensor| Packed::of(&tensor.name))?;
    let of = tensors
        .iter()
        .filter(|tensor| Packed::of(&tensor.name) == Some(form));
    Some(Refusal::Packed {
        form,
        tensors: of.map(|tensor| listed(tensor)).collect(),
    })
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
        if chosen.is_asked && owner.is_some() {
            return Fate::LeftOut(
                GroupKind::Outside,
                owner.map(Root::place).unwrap_or_default(),
            );
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

/// Whether tensors beside a network are of layers that may follow it, and none has a name of the network's.
fn are_layers(beside: &[&TensorInfo], naming: Naming) -> bool {
    let is_apart = |tensor: &&TensorInfo| !naming.is_backbone(&tensor.name);
    let tensors: Vec<Listed> = beside.iter().copied().map(listed).collect();
    let is_linear = |module: &HeadModule| matches!(module.kind, HeadModuleKind::Linear { .. });
    beside.iter().all(is_apart)
        && modules(&tensors).is_ok_and(|modules| modules.iter().any(is_linear))
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
