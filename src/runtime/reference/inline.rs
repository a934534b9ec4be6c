//! Model-local functions, put in the place of the nodes that call them.
//!
//! Source: ONNX's `docs/IR.md`, Functions. Values of a body are renamed after the call, so that none clash.

use super::describe::describe;
use crate::onnx::proto::{
    AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto,
};
use std::collections::BTreeMap;

/// Bodies that call each other double a file's nodes with every level.
const MOST_NODES: usize = 1 << 20;

/// Functions may not be recursive; no file needs as many levels.
const DEEPEST: usize = 32;

/// Every node of the graph in order, with the version of ONNX's own operators that it counts on; 0 where there is none.
pub fn inline(model: &ModelProto) -> Result<Vec<(NodeProto, i64)>, String> {
    let Some(graph) = &model.graph else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let version = own_version(&model.opset_import).unwrap_or(0);
    for node in &graph.node {
        expand(model, node.clone(), version, 0, &mut found)?;
    }
    Ok(found)
}

fn own_version(imports: &[OperatorSetIdProto]) -> Option<i64> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    imports
        .iter()
        .find(|import| own(import.domain.as_deref().unwrap_or_default()))
        .map(|import| import.version.unwrap_or(0))
}

fn expand(
    model: &ModelProto,
    node: NodeProto,
    version: i64,
    depth: usize,
    found: &mut Vec<(NodeProto, i64)>,
) -> Result<(), String> {
    let called = model.functions.iter().find(|function| {
        function.name.as_deref() == Some(node.op_type.as_deref().unwrap_or_default())
            && function.domain.as_deref().unwrap_or_default()
                == node.domain.as_deref().unwrap_or_default()
            && function.overload.as_deref().unwrap_or_default()
                == node.overload.as_deref().unwrap_or_default()
    });
    if found.len() >= MOST_NODES || depth >= DEEPEST {
        let node = describe(&node);
        return Err(format!("{node}: functions are nested too deep to inline"));
    }
    let Some(function) = called else {
        found.push((node, version));
        return Ok(());
    };
    let version = own_version(&function.opset_import).unwrap_or(version);
    let prefix = format!("{}#{}", node.output.first().map_or("", |n| n), found.len());
    let mut names = bind(function, &node, version, found)?;
    for inner in &function.node {
        let mut inner = inner.clone();
        for name in inner.input.iter_mut().chain(&mut inner.output) {
            if name.is_empty() {
                continue;
            }
            let renamed = names
                .entry(name.clone())
                .or_insert_with(|| format!("{prefix}/{name}"));
            name.clone_from(renamed);
        }
        inner.name = Some(format!(
            "{}/{}",
            node.name.as_deref().unwrap_or_default(),
            inner.name.as_deref().unwrap_or_default()
        ));
        inner.attribute = attributes(function, &node, inner.attribute);
        expand(model, inner, version, depth + 1, found)?;
    }
    Ok(())
}

/// What the body's operands and results are called outside. A result that is an operand is copied.
fn bind(
    function: &FunctionProto,
    node: &NodeProto,
    version: i64,
    found: &mut Vec<(NodeProto, i64)>,
) -> Result<BTreeMap<String, String>, String> {
    if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
        let node = describe(node);
        return Err(format!(
            "{node}: the function has fewer operands or results"
        ));
    }
    let mut names = BTreeMap::new();
    for (index, formal) in function.input.iter().enumerate() {
        let actual = node.input.get(index).cloned().unwrap_or_default();
        names.insert(formal.clone(), actual);
    }
    for (formal, actual) in function.output.iter().zip(&node.output) {
        if actual.is_empty() {
            continue;
        }
        if let Some(passed) = names.get(formal) {
            let copy = NodeProto {
                op_type: Some("Identity".to_owned()),
                name: node.name.clone(),
                input: vec![passed.clone()],
                output: vec![actual.clone()],
                ..NodeProto::default()
            };
            found.push((copy, version));
        } else {
            names.insert(formal.clone(), actual.clone());
        }
    }
    Ok(names)
}

/// Attributes of an inner node, those that refer to the call's replaced by what the call says, or by the default.
fn attributes(
    function: &FunctionProto,
    node: &NodeProto,
    inner: Vec<AttributeProto>,
) -> Vec<AttributeProto> {
    let mut found = Vec::new();
    for attribute in inner {
        let Some(reference) = attribute.ref_attr_name.as_deref().filter(|r| !r.is_empty()) else {
            found.push(attribute);
            continue;
        };
        let given = node
            .attribute
            .iter()
            .chain(&function.attribute_proto)
            .find(|given| given.name.as_deref() == Some(reference));
        // One that nobody gives is left out: the operator's own default holds.
        if let Some(given) = given {
            let mut given = given.clone();
            given.name = attribute.name;
            found.push(given);
        }
    }
    found
}
