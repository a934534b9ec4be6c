//! Which tensors of a checkpoint are read and which are left out.

use super::note::ConvertNote;
use crate::recognise::recognise;
use crate::weights::checkpoint::Checkpoint;
use crate::weights::offer::{GroupKind, Parametrization, Refusal};
use std::collections::BTreeMap;

/// Which tensors were taken and which left out; `is_replaced` where the classifier is another one.
pub fn notes(checkpoint: &Checkpoint, is_replaced: bool) -> Vec<ConvertNote> {
    let mut notes = Vec::new();
    let (dicts, left_out): (Vec<_>, Vec<_>) = checkpoint
        .left_out()
        .iter()
        .partition(|group| group.kind == GroupKind::StateDict);
    if let Some(nest) = checkpoint.nest() {
        notes.push(ConvertNote::Nest {
            nest: nest.to_owned(),
            is_averaged: checkpoint.is_averaged(),
            others: dicts.iter().map(|group| group.place.clone()).collect(),
        });
    }
    if !left_out.is_empty() {
        let groups = left_out.iter().map(ToString::to_string);
        notes.push(ConvertNote::LeftOut(groups.collect()));
    }
    let mut computed: BTreeMap<Parametrization, Vec<String>> = BTreeMap::new();
    for (how, weight) in checkpoint.computed() {
        computed.entry(how).or_default().push(weight.to_owned());
    }
    let computed = computed.into_iter();
    notes.extend(computed.map(|(how, weights)| ConvertNote::Computed { how, weights }));
    if let Some(head) = checkpoint.head().filter(|_| !is_replaced) {
        notes.push(ConvertNote::Classifier(head.to_owned()));
    }
    let is_known = checkpoint
        .evidence()
        .is_some_and(|evidence| evidence.covers_wrappers);
    match checkpoint.nest() {
        _ if is_known => {}
        Some(nest) if checkpoint.is_inside() => notes.push(ConvertNote::Inside(nest.to_owned())),
        _ if checkpoint.is_wrapped() => notes.push(ConvertNote::Wrapped),
        _ => {}
    }
    notes
}

/// Why a checkpoint is not read, with the published networks that it has.
pub fn recognised(refusal: &Refusal) -> Refusal {
    let mut refusal = refusal.clone();
    if let Refusal::Several { networks } = &mut refusal {
        for found in networks {
            let variant = recognise(&found.tensors, found.naming);
            found.network = variant.ok().map(|variant| variant.name);
        }
    }
    refusal
}
