//! A graph's nodes, inputs, outputs and value shapes as protobuf, without the tensors.

use crate::onnx::element;
use crate::onnx::graph::{Graph, Node, Value, ValueId};
use crate::onnx::proto::{
    GraphProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};
use crate::tensor::shape::Dim;
use prost::Message;

/// Nodes, inputs and outputs of a graph, as a file has them.
#[must_use]
pub(crate) fn described(graph: &Graph) -> GraphProto {
    let node = |node: &Node| NodeProto {
        input: node
            .inputs
            .iter()
            .map(|id| graph.value(*id).name.clone())
            .collect(),
        output: vec![graph.value(node.output).name.clone()],
        name: Some(node.name.clone()),
        op_type: Some(node.operator.op_type().to_owned()),
        attribute: node.operator.attributes(),
        ..NodeProto::default()
    };
    GraphProto {
        node: graph.nodes().iter().map(node).collect(),
        input: infos(graph, graph.inputs(), true),
        output: infos(graph, graph.outputs(), true),
        ..GraphProto::default()
    }
}

fn infos(graph: &Graph, ids: &[ValueId], named: bool) -> Vec<ValueInfoProto> {
    ids.iter()
        .map(|id| value_info(graph.value(*id), named))
        .collect()
}

/// The graph's fields before and after its initializers, encoded.
pub(super) fn encode(graph: &Graph, name: &str) -> (Vec<u8>, Vec<u8>) {
    let GraphProto {
        node,
        input,
        output,
        ..
    } = described(graph);
    let before = GraphProto {
        node,
        name: Some(name.to_owned()),
        ..GraphProto::default()
    };
    let inner: Vec<ValueId> = graph
        .nodes()
        .iter()
        .map(|node| node.output)
        .filter(|output| !graph.outputs().contains(output))
        .collect();
    let after = GraphProto {
        input,
        output,
        value_info: infos(graph, &inner, false),
        ..GraphProto::default()
    };
    (before.encode_to_vec(), after.encode_to_vec())
}

/// Name, type and shape. A dimension derived from a symbol is left unset, since some runtimes drop names
/// that are not plain identifiers. Without `named` every symbolic one is: tract 0.23 does not unify a name in
/// between, such as `batch`, with the number that its caller gives for the input.
fn value_info(value: &Value, named: bool) -> ValueInfoProto {
    let dim = |dim: &Dim| Dimension {
        denotation: None,
        value: match dim {
            Dim::Fixed(extent) => Some(dimension::Value::DimValue(
                i64::try_from(*extent).expect("a dimension fits 63 bits"),
            )),
            other => other
                .name()
                .filter(|_| named)
                .map(|name| dimension::Value::DimParam(name.to_owned())),
        },
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(element::number(value.r#type.element)),
        shape: Some(TensorShapeProto {
            dim: value.r#type.shape.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(value.name.clone()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
