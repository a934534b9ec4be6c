//! Files of a few nodes, written with the generated messages alone: a mean over the positions of an image, and
//! a linear layer to four logits.

use efficientnet_onnx::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_shape_proto, type_proto,
};
use prost::Message;
use std::path::{Path, PathBuf};
use tensor_shape_proto::dimension::Value;

/// An image of 8 × 8 pixels in a symbolic batch.
pub fn model() -> ModelProto {
    let opset = OperatorSetIdProto {
        domain: None,
        version: Some(17),
    };
    let graph = GraphProto {
        name: Some("toy".into()),
        node: vec![
            ints(node("ReduceMean", &["input"], "pooled"), "axes", &[2, 3]),
            int(
                node("Gemm", &["hidden", "weight", "bias"], "logits"),
                "transB",
                1,
            ),
        ],
        initializer: vec![
            tensor(
                "weight",
                &[4, 3],
                (0..12).map(|at| (at * 5 % 7) as f32 - 3.0),
            ),
            tensor("bias", &[4], (0..4).map(|at| at as f32)),
        ],
        input: vec![value("input", &[None, Some(3), Some(8), Some(8)])],
        output: vec![value("logits", &[None, Some(4)])],
        ..GraphProto::default()
    };
    let mut model = ModelProto {
        ir_version: Some(8),
        opset_import: vec![opset],
        graph: Some(graph),
        ..ModelProto::default()
    };
    int_attribute(&mut graph_of(&mut model).node[0], "keepdims", 0);
    insert(&mut model, node("Identity", &["pooled"], "hidden"));
    model
}

/// The model with its middle node replaced.
pub fn with_middle(middle: NodeProto) -> ModelProto {
    let mut model = model();
    graph_of(&mut model).node[1] = middle;
    model
}

/// The model whose middle is a call of a function `name` of the model's own that negates.
pub fn with_negating_function(name: &str) -> ModelProto {
    let mut call = node(name, &["pooled"], "hidden");
    call.domain = Some("toy".into());
    let mut model = with_middle(call);
    let opset = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.into()),
        version: Some(version),
    };
    model.opset_import.push(opset("toy", 1));
    model.functions.push(FunctionProto {
        name: Some(name.into()),
        domain: Some("toy".into()),
        input: vec!["x".into()],
        output: vec!["y".into()],
        node: vec![node("Neg", &["x"], "y")],
        opset_import: vec![opset("", 17)],
        ..FunctionProto::default()
    });
    model
}

/// A model that computes for minutes in little memory: a wide convolution over and over, with the same weights.
pub fn endless() -> ModelProto {
    let mut model = model();
    let (channels, pixels) = (512, 256);
    let graph = graph_of(&mut model);
    let first = (0..channels * 3).map(|at| (at % 3) as f32);
    let second = (0..channels * channels * 9).map(|at| (at % 5) as f32 * 1e-4);
    graph.initializer = vec![
        tensor("first", &[channels, 3, 1, 1], first),
        tensor("second", &[channels, channels, 3, 3], second),
    ];
    graph.input = vec![value(
        "input",
        &[Some(1), Some(3), Some(pixels), Some(pixels)],
    )];
    graph.output = vec![value("pooled", &[Some(1), Some(channels)])];
    graph.node.truncate(1);
    graph.node[0].input = vec!["wide16".into()];
    let mut convolutions = vec![node("Conv", &["input", "first"], "wide0")];
    for step in 1..=16 {
        let (from, to) = (format!("wide{}", step - 1), format!("wide{step}"));
        convolutions.push(ints(
            node("Conv", &[&from, "second"], &to),
            "pads",
            &[1, 1, 1, 1],
        ));
    }
    graph.node.splice(0..0, convolutions);
    model
}

pub fn write(model: &ModelProto, folder: &Path) -> PathBuf {
    let path = folder.join("toy.onnx");
    std::fs::write(&path, model.encode_to_vec()).expect("a file");
    path
}

/// The model in a file.
pub fn read(path: &Path) -> ModelProto {
    ModelProto::decode(std::fs::read(path).expect("a file").as_slice()).expect("a model")
}

/// A model as a file has it.
pub fn bytes(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

pub fn graph_of(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().expect("a graph")
}

pub fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: Some(output.into()),
        op_type: Some(op_type.into()),
        input: inputs.iter().map(|&input| input.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

pub fn ints(mut node: NodeProto, name: &str, values: &[i64]) -> NodeProto {
    node.attribute.push(AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.to_vec(),
        ..AttributeProto::default()
    });
    node
}

pub fn int(mut node: NodeProto, name: &str, value: i64) -> NodeProto {
    int_attribute(&mut node, name, value);
    node
}

fn int_attribute(node: &mut NodeProto, name: &str, value: i64) {
    node.attribute.push(AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    });
}

fn insert(model: &mut ModelProto, middle: NodeProto) {
    graph_of(model).node.insert(1, middle);
}

pub fn tensor(name: &str, dims: &[i64], values: impl Iterator<Item = f32>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(1),
        raw_data: Some(
            values
                .flat_map(f32::to_le_bytes)
                .collect::<Vec<u8>>()
                .into(),
        ),
        ..TensorProto::default()
    }
}

/// A declared f32 tensor; no extent is the symbol `batch`.
pub fn value(name: &str, shape: &[Option<i64>]) -> ValueInfoProto {
    let dimension = |extent: &Option<i64>| tensor_shape_proto::Dimension {
        denotation: None,
        value: Some(extent.map_or_else(|| Value::DimParam("batch".into()), Value::DimValue)),
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(1),
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(dimension).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            denotation: None,
            value: Some(type_proto::Value::TensorType(tensor)),
        }),
        ..ValueInfoProto::default()
    }
}
