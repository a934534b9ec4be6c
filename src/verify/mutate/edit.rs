//! The edits that a mutation is made of: small, named, and each on one node or one tensor.

use super::tensor::{TensorChange, change};
use super::{MutateError, Mutation};
use crate::onnx::element;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};
use crate::tensor::Element;
use std::path::Path;

/// What the name of a changed copy ends in.
pub const COPIED: &str = ".mutated";

/// One change of a model. Nodes are named by their index.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Gives an attribute these integers.
    Integers(usize, &'static str, Vec<i64>),
    /// Gives an attribute this integer.
    Integer(usize, &'static str, i64),
    /// Gives an attribute this number.
    Float(usize, &'static str, f32),
    /// Gives an attribute this text.
    Text(usize, &'static str, &'static str),
    /// Gives an input this value; an empty one leaves it out.
    Input(usize, usize, String),
    /// Gives an input a new initializer of these integers, with the name of the old one and `COPIED`.
    List(usize, usize, Vec<i64>),
    /// Makes a node this operator of ONNX's own domain, with these inputs and no attributes.
    Operator(usize, &'static str, Vec<String>),
    /// Makes a node this operator, with inputs and attributes as they are.
    Rename(usize, &'static str),
    /// Changes the elements of an initializer.
    Tensor(String, TensorChange),
    /// Adds a changed copy of an initializer, with its name and `COPIED`.
    Copy(String, TensorChange),
    /// Removes every declared type of values in between, since some have another shape now.
    ForgetTypes,
}

/// Makes the edits of a mutation. External data is read below `folder`; a tensor that is changed lies in the model then.
pub fn apply(
    model: &mut ModelProto,
    mutation: &Mutation,
    folder: &Path,
) -> Result<(), MutateError> {
    let graph = model.graph.get_or_insert_default();
    mutation
        .edits
        .iter()
        .try_for_each(|edit| one(graph, edit, folder))
}

fn one(graph: &mut GraphProto, edit: &Edit, folder: &Path) -> Result<(), MutateError> {
    match edit {
        Edit::Integers(node, name, ints) => {
            set(graph, *node, name, AttributeType::Ints, |attribute| {
                attribute.ints.clone_from(ints)
            });
        }
        Edit::Integer(node, name, i) => {
            set(graph, *node, name, AttributeType::Int, |attribute| {
                attribute.i = Some(*i)
            });
        }
        Edit::Float(node, name, f) => {
            set(graph, *node, name, AttributeType::Float, |attribute| {
                attribute.f = Some(*f)
            });
        }
        Edit::Text(node, name, text) => {
            set(graph, *node, name, AttributeType::String, |attribute| {
                attribute.s = Some(text.as_bytes().to_vec())
            });
        }
        Edit::Input(node, input, value) => {
            if let Some(node) = graph.node.get_mut(*node) {
                node.input[*input].clone_from(value);
                while node.input.last().is_some_and(String::is_empty) {
                    node.input.pop();
                }
            }
        }
        Edit::List(node, input, integers) => {
            if let Some(node) = graph.node.get_mut(*node) {
                let name = format!("{}{COPIED}", node.input[*input]);
                let bytes = integers.iter().flat_map(|integer| integer.to_le_bytes());
                graph.initializer.push(TensorProto {
                    dims: vec![i64::try_from(integers.len()).unwrap_or_default()],
                    data_type: Some(element::number(Element::I64)),
                    name: Some(name.clone()),
                    raw_data: Some(bytes.collect::<Vec<u8>>().into()),
                    ..TensorProto::default()
                });
                node.input[*input] = name;
            }
        }
        Edit::Operator(node, op_type, inputs) => {
            if let Some(node) = graph.node.get_mut(*node) {
                *node = NodeProto {
                    name: node.name.take(),
                    op_type: Some((*op_type).to_owned()),
                    input: inputs.clone(),
                    output: std::mem::take(&mut node.output),
                    ..NodeProto::default()
                };
            }
        }
        Edit::Rename(node, op_type) => {
            if let Some(node) = graph.node.get_mut(*node) {
                node.op_type = Some((*op_type).to_owned());
            }
        }
        Edit::Tensor(name, how) => {
            if let Some(tensor) = graph
                .initializer
                .iter_mut()
                .find(|tensor| tensor.name() == name)
            {
                change(tensor, *how, folder)?;
            }
        }
        Edit::Copy(name, how) => {
            let copied = graph
                .initializer
                .iter()
                .find(|tensor| tensor.name() == name)
                .cloned();
            if let Some(mut tensor) = copied {
                change(&mut tensor, *how, folder)?;
                tensor.name = Some(format!("{name}{COPIED}"));
                graph.initializer.push(tensor);
            }
        }
        Edit::ForgetTypes => graph.value_info.clear(),
    }
    Ok(())
}

fn set(
    graph: &mut GraphProto,
    node: usize,
    name: &str,
    r#type: AttributeType,
    give: impl Fn(&mut AttributeProto),
) {
    let Some(node) = graph.node.get_mut(node) else {
        return;
    };
    node.attribute.retain(|attribute| attribute.name() != name);
    let mut attribute = AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(r#type.into()),
        ..AttributeProto::default()
    };
    give(&mut attribute);
    node.attribute.push(attribute);
}
