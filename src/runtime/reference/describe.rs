//! A node as messages name it.

use crate::onnx::proto::NodeProto;

/// `conv1` (`Conv`), or the first result where a node has no name.
pub fn describe(node: &NodeProto) -> String {
    let name = match node.name.as_deref() {
        Some(name) if !name.is_empty() => name,
        _ => node.output.first().map_or("", String::as_str),
    };
    format!(
        "node `{name}` (`{}`)",
        node.op_type.as_deref().unwrap_or_default()
    )
}
