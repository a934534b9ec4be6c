//! Which published model a checkpoint's tensors belong to, told from their names and shapes alone.
//!
//! Goes through the published table, so whatever can be built can be recognised. Padding and epsilon leave
//! no trace in shapes: those are [`crate::weights::names::conventions`]' business.

mod contradiction;

pub use contradiction::{Contradiction, contradictions, listed};

use crate::architecture::Variant;
use crate::request::{Blueprint, Request};
use crate::tensor::TensorInfo;
use crate::tensor::shape::Dim;
use crate::weights::head::modules;
use crate::weights::names::{NameMap, Naming};
use std::collections::BTreeMap;

/// No published model has these tensors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no published model has the checkpoint's names and shapes; `{nearest}` comes nearest, with {faults} {} that {}", if *faults == 1 { "tensor" } else { "tensors" }, if *faults == 1 { "differs" } else { "differ" }
)]
pub struct Unrecognised {
    /// The variant with the fewest differences.
    pub nearest: &'static str,
    /// How many tensors are missing, unexpected or of another shape.
    pub faults: usize,
}

/// Finds the published model that has just these tensors; its head and input channels may be any.
///
/// A checkpoint without a classifier is recognised too.
///
/// # Errors
/// If no published model has them.
pub fn recognise(tensors: &[TensorInfo], naming: Naming) -> Result<&'static Variant, Unrecognised> {
    let weights = tensors.iter().filter(|tensor| tensor.element.is_weight());
    let (body, head): (Vec<_>, Vec<_>) =
        weights.partition(|tensor| naming.is_backbone(&tensor.name));
    let shapes = |tensors: &[&TensorInfo]| -> Vec<_> {
        let tensors = tensors.iter();
        tensors
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
            .collect()
    };
    // Any layers may follow the body; what is of no layer is not the network's.
    let is_head = modules(&shapes(&head)).is_ok();
    let counted = body.iter().chain(head.iter().filter(|_| !is_head));
    let found: BTreeMap<&str, &[u64]> = counted
        .map(|tensor| (tensor.name.as_str(), &tensor.shape[..]))
        .collect();
    let mut best: Option<(usize, &'static Variant)> = None;
    for variant in Variant::all() {
        let faults = faults(&found, variant, naming);
        if faults == 0 {
            return Ok(variant);
        }
        if best.is_none_or(|(fewest, _)| faults < fewest) {
            best = Some((faults, variant));
        }
    }
    let (faults, nearest) = best.map_or((0, ""), |(faults, variant)| (faults, variant.name));
    Err(Unrecognised { nearest, faults })
}

/// How many tensors of a variant and of a checkpoint do not pair up.
fn faults(found: &BTreeMap<&str, &[u64]>, variant: &'static Variant, naming: Naming) -> usize {
    let mut request = Request::new(Blueprint::published(variant));
    let extent = |name: &str, axis: usize| found.get(name).and_then(|shape| shape.get(axis));
    if let Some(classes) = extent(naming.classifier_weight(), 0) {
        request.options.classes = *classes;
    }
    if let Some(channels) = extent(naming.stem_weight(), 1) {
        request.options.in_channels = *channels;
    }
    let Ok(parameters) = request.parameters() else {
        return usize::MAX;
    };
    let timm = parameters.iter().map(|parameter| parameter.name.as_str());
    let Ok(names) = NameMap::new(naming, timm) else {
        return usize::MAX;
    };
    let mut faults = 0;
    let mut paired = 0;
    for parameter in &parameters {
        let name = names
            .source_name(&parameter.name)
            .unwrap_or(&parameter.name);
        let shape: Vec<u64> = parameter.shape.iter().filter_map(Dim::fixed).collect();
        match found.get(name) {
            Some(found) => {
                paired += 1;
                faults += usize::from(*found != shape);
            }
            None => faults += usize::from(!parameter.is_classifier()),
        }
    }
    faults + found.len().saturating_sub(paired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Element;

    fn tensors(variant: &'static Variant, naming: Naming) -> Option<Vec<TensorInfo>> {
        let mut request = Request::new(Blueprint::published(variant));
        (request.options.classes, request.options.in_channels) = (17, 1);
        let parameters = request.parameters().expect("a published network");
        let timm = parameters.iter().map(|parameter| parameter.name.as_str());
        let names = NameMap::new(naming, timm).ok()?;
        let tensor = |parameter: &crate::graph::Parameter| TensorInfo {
            name: names.source_name(&parameter.name).unwrap().to_owned(),
            shape: parameter.shape.iter().filter_map(Dim::fixed).collect(),
            element: Element::F32,
        };
        Some(parameters.iter().map(tensor).collect())
    }

    #[test]
    fn every_published_model_is_told_from_every_other() {
        for variant in Variant::all() {
            for naming in Naming::ALL {
                if let Some(tensors) = tensors(variant, naming) {
                    let found = recognise(&tensors, naming).map(|found| found.name);
                    assert_eq!(found, Ok(variant.name), "{naming}");
                }
            }
        }
    }

    #[test]
    fn a_headless_network_is_known_and_a_changed_one_is_not() {
        let b1 = Variant::by_name("b1").unwrap();
        let mut tensors = tensors(b1, Naming::Timm).unwrap();
        tensors.retain(|tensor| !tensor.name.starts_with("classifier."));
        assert_eq!(recognise(&tensors, Naming::Timm), Ok(b1));
        tensors.retain(|tensor| tensor.name != "blocks.3.1.bn2.bias");
        tensors[0].shape = vec![1];
        let error = recognise(&tensors, Naming::Timm).unwrap_err();
        assert_eq!((error.nearest, error.faults), ("b1", 2));
    }
}
