//! Where in a file the rules strike.

use super::Trigger;
use crate::onnx::check::graph::node_name;
use crate::onnx::element;
use crate::onnx::file::{Contents, Data};
use crate::onnx::opset::{FIRST_SWISH, is_after};
use crate::onnx::proto::tensor_shape_proto::dimension::Value;
use crate::onnx::proto::{AttributeProto, NodeProto, ValueInfoProto, type_proto};
use crate::tensor::Element;

/// How often a rule strikes.
pub struct Sites {
    /// The first node, if nodes are what it strikes at.
    pub node: Option<String>,
    /// How many nodes.
    pub count: usize,
}

/// Where a trigger is met; none if nowhere.
pub fn find(trigger: Trigger, contents: &Contents) -> Option<Sites> {
    let nodes = |meets: &dyn Fn(&NodeProto) -> bool| {
        let mut met = contents
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| meets(node));
        let (index, node) = met.next()?;
        Some(Sites {
            node: Some(node_name(index, node)),
            count: 1 + met.count(),
        })
    };
    let whole = |met: bool| {
        met.then_some(Sites {
            node: None,
            count: 0,
        })
    };
    match trigger {
        Trigger::Always => whole(true),
        Trigger::Operator(op_type) => nodes(&|node| is(node, op_type)),
        Trigger::Domain(domain) => nodes(&|node| node.domain().starts_with(domain)),
        Trigger::ForeignDomain => nodes(&|node| !own_domain(node)),
        Trigger::Bfloat16 => whole(has(contents, Element::Bf16)),
        Trigger::Half => whole(has(contents, Element::F16)),
        Trigger::HalfGemm if has(contents, Element::F16) => nodes(&|node| is(node, "Gemm")),
        Trigger::AutoPad => nodes(&auto_pad),
        Trigger::AutoPadOfAnySize if sides(contents).contains(&false) => nodes(&auto_pad),
        Trigger::AutoPadOfFixedSize if sides(contents) != [false; 2] => nodes(&auto_pad),
        Trigger::AxesOperand => nodes(&|node| is(node, "ReduceMean") && node.input.len() > 1),
        Trigger::ComputedPads => nodes(&|node| {
            let pads = node.input.get(1);
            is(node, "Pad") && pads.is_some_and(|pads| !is_constant(contents, pads))
        }),
        Trigger::PadMode => nodes(&|node| is(node, "Pad") && attribute(node, "mode").is_some()),
        Trigger::Quantised => nodes(&quantised),
        Trigger::QuantisedBefore(opset) if !is_after(own_opset(contents), opset - 1) => {
            nodes(&quantised)
        }
        Trigger::External => whole(
            contents
                .initializers
                .iter()
                .any(|tensor| matches!(tensor.data, Data::External(_))),
        ),
        Trigger::Functions => whole(contents.function_count > 0),
        Trigger::OpsetAfter(opset) => whole(is_after(own_opset(contents), opset)),
        Trigger::IrAfter(version) => whole(is_after(contents.ir_version.unwrap_or(0), version)),
        Trigger::FirstSwish if !is_after(own_opset(contents), FIRST_SWISH) => {
            nodes(&|node| is(node, "Swish"))
        }
        Trigger::LateSwish if is_after(own_opset(contents), FIRST_SWISH) => {
            nodes(&|node| is(node, "Swish"))
        }
        // The guards of these did not hold.
        Trigger::HalfGemm
        | Trigger::AutoPadOfAnySize
        | Trigger::AutoPadOfFixedSize
        | Trigger::QuantisedBefore(_)
        | Trigger::FirstSwish
        | Trigger::LateSwish => None,
    }
}

fn own_domain(node: &NodeProto) -> bool {
    matches!(node.domain(), "" | "ai.onnx")
}

fn is(node: &NodeProto, op_type: &str) -> bool {
    own_domain(node) && node.op_type() == op_type
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name() == name)
}

fn auto_pad(node: &NodeProto) -> bool {
    attribute(node, "auto_pad").is_some_and(|attribute| attribute.s().starts_with(b"SAME"))
}

fn quantised(node: &NodeProto) -> bool {
    is(node, "QuantizeLinear") || is(node, "DequantizeLinear")
}

fn own_opset(contents: &Contents) -> i64 {
    let own = contents
        .opset_import
        .iter()
        .find(|import| matches!(import.domain(), "" | "ai.onnx"));
    own.map_or(0, crate::onnx::proto::OperatorSetIdProto::version)
}

fn is_constant(contents: &Contents, name: &str) -> bool {
    let made_by_constant =
        |node: &NodeProto| is(node, "Constant") && node.output.iter().any(|output| output == name);
    contents
        .initializers
        .iter()
        .any(|tensor| tensor.name == name)
        || contents.nodes.iter().any(made_by_constant)
}

/// Whether a constant, an input or an output is of that type.
fn has(contents: &Contents, element: Element) -> bool {
    let value_is = |info: &ValueInfoProto| {
        let declared = info
            .r#type
            .as_ref()
            .and_then(|declared| declared.value.as_ref());
        matches!(declared, Some(type_proto::Value::TensorType(tensor)) if tensor.elem_type() == element::number(element))
    };
    contents
        .initializers
        .iter()
        .any(|tensor| tensor.element() == Some(element))
        || contents
            .inputs
            .iter()
            .chain(&contents.outputs)
            .any(value_is)
}

/// For each side of an image whether it is fixed; none where the first input is no tensor of a known rank.
fn sides(contents: &Contents) -> Vec<bool> {
    let declared = contents
        .inputs
        .first()
        .and_then(|input| input.r#type.as_ref()?.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = declared else {
        return Vec::new();
    };
    let extents = tensor
        .shape
        .iter()
        .flat_map(|shape| shape.dim.iter().skip(2));
    extents
        .map(|extent| matches!(extent.value, Some(Value::DimValue(_))))
        .collect()
}
