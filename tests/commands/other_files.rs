//! `inspect` of files of other programs with parts that it cannot count: it names them.

use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::onnx::proto::attribute_proto::AttributeType;
use efficientnet_onnx::onnx::proto::tensor_proto::DataType;
use efficientnet_onnx::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, SparseTensorProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use prost::Message;
use serde_json::{Value, json};
use std::fs;

fn node(op_type: &str, name: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        name: Some(name.to_owned()),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |dim: &i64| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(*dim)),
        denotation: None,
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(DataType::Float.into()),
        shape: Some(TensorShapeProto {
            dim: dims.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            denotation: None,
        }),
        ..Default::default()
    }
}

fn tensor(name: &str, dims: &[i64], data_type: DataType, bytes: i64) -> TensorProto {
    let count = dims.iter().product::<i64>() * bytes;
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(data_type.into()),
        raw_data: Some(vec![0; usize::try_from(count).expect("small")].into()),
        ..Default::default()
    }
}

#[test]
fn what_is_not_counted_is_named() {
    let folder = folder();
    let folder = folder.path();
    let branch = GraphProto {
        node: vec![node("Conv", "", &["c", "w"], "r")],
        initializer: vec![tensor("w", &[6, 6, 1, 1], DataType::Float, 4)],
        output: vec![value("r", &[1, 6, 8, 8])],
        ..Default::default()
    };
    let mut choice = node("If", "choice", &["when"], "y");
    for name in ["then_branch", "else_branch"] {
        choice.attribute.push(AttributeProto {
            name: Some(name.to_owned()),
            r#type: Some(AttributeType::Graph.into()),
            g: Some(Box::new(branch.clone())),
            ..Default::default()
        });
    }
    let graph = GraphProto {
        name: Some("g".to_owned()),
        node: vec![
            node("ConvInteger", "whole", &["x", "k"], "i"),
            node("Cast", "float", &["i"], "c"),
            choice,
        ],
        initializer: vec![
            tensor("k", &[6, 4, 3, 3], DataType::Int8, 1),
            tensor("when", &[], DataType::Bool, 1),
        ],
        sparse_initializer: vec![SparseTensorProto {
            values: Some(tensor("few", &[1], DataType::Float, 4)),
            indices: Some(tensor("", &[1], DataType::Int64, 8)),
            dims: vec![9],
        }],
        input: vec![value("x", &[1, 4, 10, 10])],
        output: vec![value("y", &[1, 6, 8, 8])],
        ..Default::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..Default::default()
    };
    fs::write(folder.join("m.onnx"), model.encode_to_vec()).expect("room");
    let run = |flags: &[&str]| {
        let found = Run::of(
            program()
                .current_dir(folder)
                .arg("inspect")
                .arg("m.onnx")
                .args(flags),
        );
        found.expect(0).stdout
    };
    let text = run(&[]);
    for line in [
        "parameters  at least 288; not counted: few",
        "MACs        at least 13,824 of one image; not counted: choice",
        "activations not known; nodes whose results have no known size: choice",
    ] {
        assert!(text.lines().any(|found| found == line), "{text}");
    }
    let report: Value = serde_json::from_str(&run(&["--json"])).expect("JSON");
    let survey = &report["file"]["survey"];
    // Of the kernel of bytes, and of a branch's in each branch.
    assert_eq!(survey["parameters"], 6 * 4 * 9 + 2 * 36);
    assert_eq!(survey["uncounted_parameters"], json!(["few"]));
    assert_eq!(survey["macs"], 6 * 64 * 4 * 9);
    assert_eq!(survey["uncounted"], json!(["choice"]));
    assert_eq!(survey["unsized_nodes"], json!(["choice"]));
    assert_eq!(survey["peak_activation_elements"], Value::Null);
}
