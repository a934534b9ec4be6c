//! How many elements of activations a file's nodes hold at once.

use super::{Value, graphs, label, product, taken};
use crate::onnx::proto::NodeProto;
use std::collections::{BTreeMap, BTreeSet};

/// The most elements that are held at once, none if it is more than can be counted; where a size is not known, the nodes.
pub(super) fn peak(
    nodes: &[NodeProto],
    values: &BTreeMap<String, Value>,
    undefined: &BTreeSet<String>,
    inputs: &[(String, Vec<u64>)],
    outputs: impl Iterator<Item = String>,
) -> Result<Option<u64>, Vec<String>> {
    let uses: Vec<BTreeSet<&str>> = nodes.iter().map(taken).collect();
    let mut activations: BTreeSet<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
    activations.extend(undefined.iter().map(String::as_str));
    let mut unknown = Vec::new();
    let mut made: Vec<Vec<(&str, u64)>> = Vec::new();
    for (node, uses) in nodes.iter().zip(&uses) {
        if uses.is_disjoint(&activations) {
            made.push(Vec::new());
            continue;
        }
        let results = || node.output.iter().filter(|name| !name.is_empty());
        activations.extend(results().map(String::as_str));
        let sized: Option<Vec<(&str, u64)>> = results().map(|name| sized(name, values)).collect();
        match sized.filter(|_| graphs(node).next().is_none()) {
            Some(sized) => made.push(sized),
            None => unknown.push(label(node)),
        }
    }
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let kept: Vec<String> = outputs.collect();
    let mut last_use: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, uses) in uses.iter().enumerate() {
        last_use.extend(uses.iter().map(|name| (*name, place)));
    }
    last_use.extend(kept.iter().map(|name| (name.as_str(), usize::MAX)));
    Ok(most(&made, &uses, &last_use, inputs))
}

fn sized<'a>(name: &'a str, values: &BTreeMap<String, Value>) -> Option<(&'a str, u64)> {
    let size = product(values.get(name)?.shape.as_deref()?)?;
    Some((name, size))
}

/// Runs the nodes, of which each makes values of these sizes and uses others.
fn most(
    made: &[Vec<(&str, u64)>],
    uses: &[BTreeSet<&str>],
    last_use: &BTreeMap<&str, usize>,
    inputs: &[(String, Vec<u64>)],
) -> Option<u64> {
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut held: u64 = 0;
    for (name, shape) in inputs {
        let size = product(shape)?;
        sizes.insert(name, size);
        held = held.checked_add(size)?;
    }
    let mut most = held;
    for (place, (made, uses)) in made.iter().zip(uses).enumerate() {
        for (name, size) in made {
            sizes.insert(name, *size);
            held = held.checked_add(*size)?;
        }
        most = most.max(held);
        for name in uses.iter().chain(made.iter().map(|(name, _)| name)) {
            let is_last = last_use.get(name).is_none_or(|last| *last <= place);
            if is_last && let Some(size) = sizes.remove(name) {
                held -= size;
            }
        }
    }
    Some(most)
}
