//! How many elements of activations a file's nodes hold at once.

use super::{Value, product};
use crate::onnx::proto::NodeProto;
use std::collections::BTreeMap;

/// The most elements of inputs and results that are held at once, if nodes run in order, each result is new, and each is dropped after
/// its last use; none where a shape is not known. What a Constant makes is no activation.
pub(super) fn peak(
    nodes: &[NodeProto],
    values: &BTreeMap<String, Value>,
    inputs: &[(String, Vec<u64>)],
    outputs: impl Iterator<Item = String>,
) -> Option<u64> {
    let mut last_use: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, node) in nodes.iter().enumerate() {
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            last_use.insert(name, place);
        }
    }
    let kept: Vec<String> = outputs.collect();
    for name in &kept {
        last_use.insert(name, usize::MAX);
    }
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, shape) in inputs {
        sizes.insert(name, product(shape)?);
    }
    let mut held: u64 = sizes.values().sum();
    let mut peak = held;
    for (place, node) in nodes.iter().enumerate() {
        let makes = node.op_type() != "Constant";
        for name in node.output.iter().filter(|name| makes && !name.is_empty()) {
            let size = product(values.get(name)?.shape.as_deref()?)?;
            sizes.insert(name, size);
            held = held.checked_add(size)?;
        }
        peak = peak.max(held);
        for name in node.input.iter().chain(&node.output) {
            let is_last = last_use
                .get(name.as_str())
                .is_none_or(|last| *last <= place);
            if is_last && let Some(size) = sizes.remove(name.as_str()) {
                held -= size;
            }
        }
    }
    Some(peak)
}
