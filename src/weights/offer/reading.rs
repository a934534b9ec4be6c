//! Which tensors of a container are read, under which names, and what accounts for each that is not.

use super::super::TensorInfo;
use super::known::{self, ByName};
use super::left_out::{GroupKind, LeftOut, LeftOutGroup};
use super::refusal::{Listed, Refusal};
use super::roots::{self, Chosen, Rank, Root};

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
    Read(&'a str),
    LeftOutGroup(GroupKind, String),
    Beside,
}

impl Reading {
    /// Reads floating-point tensors: everything under its own name where no network's names are found, or where one cannot be read
    /// without losing a part.
    pub(super) fn of(tensors: &[&TensorInfo]) -> Self {
        let roots = roots::find(tensors);
        let all: ByName<'_> = tensors
            .iter()
            .map(|tensor| (tensor.name.as_str(), *tensor))
            .collect();
        let refused = |refusal| Self::refused(tensors, refusal);
        let beside = |chosen: &Chosen| {
            let beside = tensors
                .iter()
                .filter(|tensor| matches!(fate(tensor, chosen, &roots, &all), Fate::Beside));
            beside.map(|tensor| listed(tensor)).collect()
        };
        let chosen = match roots::choose(&roots, tensors, beside) {
            Ok(Some(chosen)) => chosen,
            Ok(None) => return Self::whole(tensors),
            Err(refusal) => return refused(refusal),
        };
        let mut reading = Self {
            prefix: chosen.root.prefix.clone(),
            ..Self::default()
        };
        let mut beside: Vec<&TensorInfo> = Vec::new();
        let mut left_out = LeftOut::default();
        for tensor in tensors {
            match fate(tensor, &chosen, &roots, &all) {
                Fate::Read(name) => reading.names.push((tensor.name.clone(), name.to_owned())),
                Fate::LeftOutGroup(kind, place) => {
                    left_out.add(kind, &place, &tensor.name);
                }
                Fate::Beside => beside.push(tensor),
            }
        }
        reading.left_out = left_out.into_groups();
        let has_linear = reading.names.iter().any(|(stored, name)| {
            let stored = all.get(stored.as_str());
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

/// What becomes of a tensor where `chosen` is read.
fn fate<'a>(tensor: &'a TensorInfo, chosen: &Chosen, roots: &[Root], all: &ByName<'_>) -> Fate<'a> {
    let name = tensor.name.as_str();
    let owner = roots::owner(roots, name);
    if owner == Some(&chosen.root) {
        let own = &name[chosen.root.prefix.len()..];
        if let Some((GroupKind::Counter, counter)) = known::state(tensor, all) {
            return Fate::LeftOutGroup(GroupKind::Counter, counter.to_owned());
        }
        let inner = TensorInfo {
            name: own.to_owned(),
            ..tensor.clone()
        };
        return match known::state(&inner, all) {
            Some((kind, place)) if !chosen.root.naming.is_weight(own) => {
                Fate::LeftOutGroup(kind, format!("{}{place}", chosen.root.prefix))
            }
            _ => Fate::Read(own),
        };
    }
    if let Some(Root {
        rank: Rank::State(kind),
        ..
    }) = owner
    {
        return Fate::LeftOutGroup(*kind, owner.map(Root::place).unwrap_or_default());
    }
    for twin in &chosen.twins {
        let (own, their) = chosen.root.scopes(twin);
        let pair = name
            .strip_prefix(their)
            .and_then(|inner| all.get(format!("{own}{inner}").as_str()));
        if pair.is_some_and(|pair| pair.shape == tensor.shape) {
            return Fate::LeftOutGroup(GroupKind::StateDict, twin.place());
        }
    }
    match known::state(tensor, all) {
        Some((kind, place)) => Fate::LeftOutGroup(kind, place.to_owned()),
        None => Fate::Beside,
    }
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
