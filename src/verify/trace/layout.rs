//! Whether the nodes that read an input take its channels last.

use super::site::attribute;
use crate::onnx::file::Contents;
use std::collections::BTreeMap;

/// Operators between an input and the node that tells its layout, which leave the layout as it is.
const PASSES: [&str; 14] = [
    "Add",
    "Cast",
    "Clip",
    "DequantizeLinear",
    "Div",
    "Identity",
    "Max",
    "Min",
    "Mul",
    "Pad",
    "QuantizeLinear",
    "Resize",
    "Sub",
    "Upsample",
];
const TO_CHANNELS_FIRST: [i64; 4] = [0, 3, 1, 2];
const TO_CHANNELS_LAST: [i64; 4] = [0, 2, 3, 1];

/// For each input that reaches a transposition of pictures or a convolution: whether its channels are last.
#[must_use]
pub fn channels_last(contents: &Contents) -> BTreeMap<String, bool> {
    let mut from: BTreeMap<&str, &str> = contents
        .inputs
        .iter()
        .map(|input| (input.name(), input.name()))
        .collect();
    let mut found = BTreeMap::new();
    for node in &contents.nodes {
        let mut sources = node.input.iter();
        let Some(&source) = sources.find_map(|name| from.get(name.as_str())) else {
            continue;
        };
        let last = match node.op_type() {
            "Transpose" => match attribute(node, "perm").map(|perm| perm.ints.as_slice()) {
                Some(perm) if perm == TO_CHANNELS_FIRST => Some(true),
                Some(perm) if perm == TO_CHANNELS_LAST => Some(false),
                _ => None,
            },
            "Conv" | "ConvInteger" | "QLinearConv" => {
                let data = node.input.first();
                data.is_some_and(|data| from.contains_key(data.as_str()))
                    .then_some(false)
            }
            op_type if PASSES.contains(&op_type) => {
                if let Some(output) = node.output.first() {
                    from.insert(output, source);
                }
                None
            }
            _ => None,
        };
        if let Some(last) = last {
            found.entry(source.to_owned()).or_insert(last);
        }
    }
    found
}
