//! The values of a graph that can be compared: which node computes each, from what, and how large it may be.

use crate::onnx::file::ModelFile;
use crate::onnx::proto::{NodeProto, ValueInfoProto, tensor_shape_proto::dimension, type_proto};
use crate::tensor::NamedTensor;
use crate::verify::trace::read_by;
use std::collections::{BTreeMap, BTreeSet};

/// Channels by which a value without declared type is taken to be larger than the inputs.
const UNKNOWN_GROWTH: u64 = 32;

/// A computed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedValue {
    /// Its name.
    pub name: String,
    /// The node that computes it: its name, or that of its first output.
    pub node: String,
    /// The operator.
    pub op_type: String,
    /// The values of the list, all earlier, that it is computed from, through values that are not in the list.
    pub from: Vec<usize>,
    /// Elements that it has at most, as far as the file tells.
    pub elements: u64,
    /// Whether the graph gives it anyway.
    pub is_output: bool,
}

/// Every value that the nodes of `file`, and those of `other` where there is one, compute under the same name, in the
/// first file's order, for inputs like these. Values within nodes and functions are not among them, nor are those that
/// only the outputs in `leave_out` need.
#[must_use]
pub fn values(
    file: &ModelFile,
    other: Option<&ModelFile>,
    inputs: &[NamedTensor],
    leave_out: &[String],
) -> Vec<ComputedValue> {
    let contents = &file.contents;
    let left_out = |name: &&str| leave_out.iter().any(|left_out| left_out == name);
    let outputs: BTreeSet<&str> = contents
        .outputs
        .iter()
        .map(ValueInfoProto::name)
        .filter(|name| !left_out(name))
        .collect();
    let unneeded = unneeded(&contents.nodes, &outputs, leave_out);
    let types: BTreeMap<&str, &ValueInfoProto> = contents
        .value_info
        .iter()
        .chain(&contents.outputs)
        .map(|info| (info.name(), info))
        .collect();
    let shared: Option<BTreeSet<&str>> = other.map(|other| {
        other
            .contents
            .nodes
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str)
            .collect()
    });
    let mut found = Vec::<ComputedValue>::new();
    // What each value comes down to in the list: itself, or what it was computed from.
    let mut sources = BTreeMap::<&str, BTreeSet<usize>>::new();
    for node in &contents.nodes {
        let from: BTreeSet<usize> = node
            .input
            .iter()
            .filter_map(|input| sources.get(input.as_str()))
            .flatten()
            .copied()
            .collect();
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            let paired = shared
                .as_ref()
                .is_none_or(|shared| shared.contains(output.as_str()));
            let r#type = types.get(output.as_str()).copied();
            let needed = !unneeded.contains(output.as_str());
            if !paired || !needed || !r#type.is_none_or(is_tensor) {
                sources.insert(output, from.clone());
                continue;
            }
            sources.insert(output, BTreeSet::from([found.len()]));
            let named = if node.name().is_empty() {
                node.output.first()
            } else {
                node.name.as_ref()
            };
            found.push(ComputedValue {
                name: output.clone(),
                node: named.cloned().unwrap_or_default(),
                op_type: node.op_type().to_owned(),
                from: from.iter().copied().collect(),
                elements: elements(r#type, inputs),
                is_output: outputs.contains(output.as_str()),
            });
        }
    }
    found
}

/// Values that no output is computed from; none where no output is left out.
fn unneeded<'f>(
    nodes: &'f [NodeProto],
    outputs: &BTreeSet<&'f str>,
    leave_out: &[String],
) -> BTreeSet<&'f str> {
    let (mut needed, mut unneeded) = (outputs.clone(), BTreeSet::new());
    if leave_out.is_empty() {
        return unneeded;
    }
    for node in nodes.iter().rev() {
        let mut results = node.output.iter().map(String::as_str);
        if results.clone().any(|result| needed.contains(result)) {
            read_by(node, &mut |name| {
                needed.insert(name);
            });
        } else {
            unneeded.extend(results.by_ref());
        }
    }
    unneeded
}

fn is_tensor(info: &ValueInfoProto) -> bool {
    info.r#type
        .as_ref()
        .is_none_or(|declared| matches!(declared.value, Some(type_proto::Value::TensorType(_))))
}

/// The product of the declared extents. One that is not a number is taken to be the input's at the same place, which is
/// its batch, height or width.
fn elements(info: Option<&ValueInfoProto>, inputs: &[NamedTensor]) -> u64 {
    let largest = inputs.iter().max_by_key(|input| input.data.len());
    let Some(largest) = largest else { return 1 };
    let shape = info
        .and_then(|info| info.r#type.as_ref())
        .and_then(|declared| match &declared.value {
            Some(type_proto::Value::TensorType(tensor)) => tensor.shape.as_ref(),
            _ => None,
        });
    let Some(shape) = shape else {
        return largest.data.len() as u64 * UNKNOWN_GROWTH;
    };
    let extent = |(axis, dim): (usize, &crate::onnx::proto::tensor_shape_proto::Dimension)| {
        match dim.value {
            Some(dimension::Value::DimValue(extent)) => u64::try_from(extent).unwrap_or(0),
            _ => largest.shape.get(axis).map_or(1, |&extent| extent as u64),
        }
    };
    shape
        .dim
        .iter()
        .enumerate()
        .map(extent)
        .fold(1, u64::saturating_mul)
}
