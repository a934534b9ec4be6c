//! Files of a few hundred bytes, each legal, that end the process which runs them: by defects of tract 0.23.9 and
//! ONNX Runtime 1.32.0, or by how much memory these take for what others do in little.
//!
//! Each computes what [`super::toy::model`] does, plus a number that comes of the part that is meant for one runtime.

use super::toy::{graph_of, int, model, node, tensor};
use efficientnet_onnx::onnx::proto::{ModelProto, NodeProto, TensorProto};

/// The numbers of `TensorProto.DataType`.
const FLOAT: i32 = 1;
const INT32: i32 = 6;
const INT64: i32 = 7;

/// Overflows tract's stack: for a length n that is known only when it runs it simplifies (n + 1) / 2^63, which comes of
/// three divisions by 2^21, for ever, because 2^63 is negative in its signed arithmetic.
pub fn endless_simplification() -> ModelProto {
    let mut nodes = vec![
        int(node("ReduceMax", &["input"], "top"), "keepdims", 0),
        node("Mul", &["top", "nought"], "low"),
        cast("low", "none", INT64),
        node("Add", &["none", "three"], "end"),
        node("Range", &["zero", "end", "one"], "row"),
        node("Shape", &["row"], "shape"),
        node("Gather", &["shape", "zero"], "length"),
        node("Add", &["length", "one"], "part0"),
    ];
    for step in 1..=3 {
        let (from, to) = (format!("part{}", step - 1), format!("part{step}"));
        nodes.push(node("Div", &[&from, "divisor"], &to));
    }
    nodes.push(cast("part3", "number", FLOAT));
    let constants = vec![
        int64("zero", &[], &[0]),
        int64("one", &[], &[1]),
        int64("three", &[], &[3]),
        int64("divisor", &[], &[1 << 21]),
        tensor("nought", &[], [0.0].into_iter()),
    ];
    plus_number(nodes, constants)
}

/// Traps ONNX Runtime on x86-64: the least i32 by -1. It looks for a divisor of zero only.
pub fn trapping_division() -> ModelProto {
    let nodes = vec![
        node("Div", &["least", "minus_one"], "quotient"),
        cast("quotient", "float", FLOAT),
        node("Mul", &["float", "nought"], "number"),
    ];
    let constants = vec![
        int32("least", i32::MIN),
        int32("minus_one", -1),
        tensor("nought", &[], [0.0].into_iter()),
    ];
    plus_number(nodes, constants)
}

/// Enlarges to 2^23 rows of one pixel: 96 MiB. tract resizes one dimension after the other, so that it first asks for
/// 768 MiB, in a way that aborts when refused.
pub fn tall_picture() -> ModelProto {
    let nodes = vec![
        node("Resize", &["input", "", "", "sizes"], "tall"),
        int(node("ReduceMax", &["tall"], "number"), "keepdims", 0),
    ];
    plus_number(nodes, vec![int64("sizes", &[4], &[1, 3, 1 << 23, 1])])
}

/// Repeats a dimension 2^24 times: 128 MiB. tract computes with dimensions in 32 bytes an element: twice 512 MiB, and
/// panics when the second is refused.
pub fn wide_dimensions() -> ModelProto {
    let nodes = vec![
        node("Shape", &["input"], "shape"),
        node("Gather", &["shape", "ones"], "channels"),
        node("Expand", &["channels", "many"], "wide"),
        node("Gather", &["wide", "zero"], "first"),
        cast("first", "number", FLOAT),
    ];
    let constants = vec![
        int64("zero", &[], &[0]),
        int64("ones", &[1], &[1]),
        int64("many", &[1], &[1 << 24]),
    ];
    plus_number(nodes, constants)
}

/// Pads by 3 · 2^28 elements: 3 GiB in every runtime, or twice that.
pub fn endless_row() -> ModelProto {
    let nodes = vec![
        node("Pad", &["pooled", "pads"], "long"),
        node("Gather", &["long", "zero"], "first"),
        int(node("ReduceMax", &["first"], "number"), "keepdims", 0),
    ];
    let constants = vec![
        int64("zero", &[], &[0]),
        int64("pads", &[4], &[0, 0, 0, 3 << 28]),
    ];
    plus_number(nodes, constants)
}

/// The model with `number`, which the nodes compute, added to its middle.
fn plus_number(mut nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelProto {
    let mut model = model();
    let graph = graph_of(&mut model);
    nodes.push(node("Add", &["pooled", "number"], "hidden"));
    graph.node.splice(1..2, nodes);
    graph.initializer.extend(constants);
    model
}

fn cast(from: &str, to: &str, element: i32) -> NodeProto {
    int(node("Cast", &[from], to), "to", element.into())
}

fn int32(name: &str, value: i32) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(INT32),
        int32_data: vec![value],
        ..TensorProto::default()
    }
}

fn int64(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(INT64),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}
