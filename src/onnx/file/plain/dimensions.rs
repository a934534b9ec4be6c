//! Symbolic dimensions of values in between: found, and left open.

use crate::onnx::proto::tensor_shape_proto::dimension::Value;
use crate::onnx::proto::{GraphProto, NodeProto, TypeProto, ValueInfoProto, type_proto};

/// The value with its symbolic dimensions left open; none if it has none.
pub(super) fn cleared(info: &ValueInfoProto) -> Option<ValueInfoProto> {
    let mut new = info.clone();
    clear(&mut new).then_some(new)
}

/// Whether a graph within a node has symbolic dimensions in its `value_info`.
pub(super) fn has_symbols(node: &NodeProto) -> bool {
    let symbolic = |graph: &GraphProto| {
        graph.value_info.iter().any(|info| cleared(info).is_some())
            || graph.node.iter().any(has_symbols)
    };
    graphs(node).any(symbolic)
}

/// Leaves symbolic dimensions in the graphs within a node open; how many values have some.
pub(super) fn clear_within(node: &mut NodeProto) -> u64 {
    let mut count = 0;
    for attribute in &mut node.attribute {
        for graph in attribute
            .g
            .iter_mut()
            .map(AsMut::as_mut)
            .chain(&mut attribute.graphs)
        {
            for info in &mut graph.value_info {
                count += u64::from(clear(info));
            }
            count += graph.node.iter_mut().map(clear_within).sum::<u64>();
        }
    }
    count
}

/// The graphs that a node holds as attributes.
pub(super) fn graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    let attributes = node.attribute.iter();
    attributes.flat_map(|attribute| {
        attribute
            .g
            .iter()
            .map(AsRef::as_ref)
            .chain(&attribute.graphs)
    })
}

fn clear(info: &mut ValueInfoProto) -> bool {
    let Some(TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        ..
    }) = &mut info.r#type
    else {
        return false;
    };
    let mut found = false;
    for dimension in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
        if matches!(&dimension.value, Some(Value::DimParam(name)) if !name.is_empty()) {
            dimension.value = None;
            found = true;
        }
    }
    found
}
