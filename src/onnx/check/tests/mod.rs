//! A small model that is faultless; planted faults are found.

mod faults;
mod others;
mod places;

use super::*;
use crate::onnx::ops::{Axes, ConvPads, Operator};
use crate::onnx::proto::tensor_proto::{DataLocation, DataType};
use crate::onnx::proto::tensor_shape_proto::{Dimension, dimension};
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    SparseTensorProto, StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use prost::Message;
use std::fs;

/// A value of float elements and a shape such as `batch 3 ? 8`.
fn info(name: &str, shape: &str) -> ValueInfoProto {
    let dim = |word: &str| Dimension {
        denotation: None,
        value: match word.parse() {
            Ok(extent) => Some(dimension::Value::DimValue(extent)),
            Err(_) if word == "?" => None,
            Err(_) => Some(dimension::Value::DimParam(word.to_owned())),
        },
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(DataType::Float.into()),
        shape: Some(TensorShapeProto {
            dim: shape.split_whitespace().map(dim).collect(),
        }),
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value,
            denotation: None,
        }),
        ..Default::default()
    }
}

fn tensor(name: &str, dims: &[i64]) -> TensorProto {
    let count: i64 = dims.iter().product();
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::Float.into()),
        raw_data: Some(vec![0; usize::try_from(count * 4).expect("a small tensor")].into()),
        ..Default::default()
    }
}

fn node(operator: &Operator, name: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: Some(name.to_owned()),
        op_type: Some(operator.op_type().to_owned()),
        attribute: operator.attributes(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

fn entry(key: &str, value: &str) -> StringStringEntryProto {
    StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    }
}

/// Convolution, swish, pool, classifier.
fn model() -> ModelProto {
    let conv = Operator::Conv {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: ConvPads::Explicit([0, 0, 1, 1]),
        group: 1,
    };
    let graph = GraphProto {
        name: Some("tiny".to_owned()),
        node: vec![
            node(
                &conv,
                "stem",
                &["input", "stem.weight", "stem.bias"],
                "stem",
            ),
            node(&Operator::Sigmoid, "act.sigmoid", &["stem"], "act.sigmoid"),
            node(&Operator::Mul, "act", &["stem", "act.sigmoid"], "act"),
            node(
                &Operator::ReduceMean {
                    axes: Axes::Attribute(vec![2, 3]),
                    keep_dims: false,
                },
                "pool",
                &["act"],
                "pool",
            ),
            node(
                &Operator::Gemm { trans_b: true },
                "head",
                &["pool", "head.weight", "head.bias"],
                "logits",
            ),
        ],
        initializer: vec![
            tensor("stem.weight", &[4, 3, 3, 3]),
            tensor("stem.bias", &[4]),
            tensor("head.weight", &[10, 4]),
            tensor("head.bias", &[10]),
        ],
        input: vec![info("input", "batch 3 8 width")],
        output: vec![info("logits", "batch 10")],
        value_info: vec![
            info("stem", "batch 4 4 ?"),
            info("act.sigmoid", "batch 4 4 ?"),
            info("act", "batch 4 4 ?"),
            info("pool", "batch 4"),
        ],
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        producer_name: Some(PRODUCER.to_owned()),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(17),
        }],
        graph: Some(graph),
        ..Default::default()
    }
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().expect("the model has a graph")
}

fn import(model: &mut ModelProto, domain: &str, version: i64) {
    model.opset_import.push(OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    });
}

fn findings(model: &ModelProto) -> Vec<Finding> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    fs::write(&path, model.encode_to_vec()).expect("the file can be written");
    fs::write(folder.path().join("model.data"), [0; 500]).expect("the file can be written");
    check(&ModelFile::open(&path).expect("the model can be decoded"))
}

fn external(model: &mut ModelProto, entries: &[(&str, &str)]) {
    let weight = &mut graph(model).initializer[0];
    weight.raw_data = None;
    weight.data_location = Some(DataLocation::External.into());
    weight.external_data = entries
        .iter()
        .map(|(key, value)| entry(key, value))
        .collect();
}

#[test]
fn a_faultless_model_has_no_findings() {
    assert_eq!(findings(&model()), []);
}

#[test]
fn every_planted_fault_is_found() {
    for faults::Case {
        code,
        plant,
        message,
        elsewhere,
    } in faults::cases()
    {
        for (producer, level) in [(PRODUCER, Level::Error), ("another", elsewhere)] {
            let mut model = model();
            model.producer_name = Some(producer.to_owned());
            plant(&mut model);
            let findings = findings(&model);
            let found = findings.iter().any(|finding| {
                (finding.code, finding.level) == (code, level)
                    && finding.to_string().contains(message)
            });
            assert!(found, "{code} by {producer}: {message}: {findings:#?}");
        }
    }
}

#[test]
fn what_is_only_worth_knowing_is_a_warning() {
    let mut model = model();
    graph(&mut model).initializer.push(tensor("left", &[2]));
    graph(&mut model).value_info.push(info("nothing", "1"));
    let found = findings(&model);
    assert_eq!(
        found.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        ["type-unused", "unused"]
    );
    assert!(found.iter().all(|finding| finding.level == Level::Warning));
    // What a nested graph uses is not known.
    graph(&mut model).node[1].attribute.push(AttributeProto {
        g: Some(Box::default()),
        ..Default::default()
    });
    assert!(
        findings(&model)
            .iter()
            .all(|finding| finding.code != "unused")
    );
}

/// Lengths of the raw data of five elements as `onnx.numpy_helper.from_array` of onnx 1.23.2 writes them, and the field of
/// the elements that `onnx.helper.make_tensor` fills.
#[test]
fn every_type_has_the_bytes_and_the_field_that_onnx_gives_it() {
    for (data_type, bytes, field) in [
        (1, 20, "float_data"),
        (2, 5, "int32_data"),
        (3, 5, "int32_data"),
        (4, 10, "int32_data"),
        (5, 10, "int32_data"),
        (6, 20, "int32_data"),
        (7, 40, "int64_data"),
        (9, 5, "int32_data"),
        (10, 10, "int32_data"),
        (11, 40, "double_data"),
        (12, 20, "uint64_data"),
        (13, 40, "uint64_data"),
        (14, 40, "float_data"),
        (15, 80, "double_data"),
        (16, 10, "int32_data"),
        (17, 5, "int32_data"),
        (21, 3, "int32_data"),
        (22, 3, "int32_data"),
        (23, 3, "int32_data"),
        (24, 5, "int32_data"),
        (25, 2, "int32_data"),
        (26, 2, "int32_data"),
        (27, 4, "int32_data"),
        (28, 4, "int32_data"),
    ] {
        let codes = |raw: usize, field: &str| {
            let mut stored = TensorProto {
                data_type: Some(data_type),
                ..tensor("x", &[5])
            };
            stored.raw_data = (raw > 0).then(|| vec![0; raw].into());
            let count = if matches!(data_type, 14 | 15) { 10 } else { 5 };
            match field {
                "float_data" => stored.float_data = vec![0.0; count],
                "double_data" => stored.double_data = vec![0.0; count],
                "int64_data" => stored.int64_data = vec![0; count],
                "uint64_data" => stored.uint64_data = vec![0; count],
                "int32_data" => stored.int32_data = vec![0; count],
                _ => {}
            }
            let mut model = model();
            graph(&mut model).initializer.push(stored);
            let codes = findings(&model).into_iter().map(|finding| finding.code);
            codes.collect::<Vec<_>>()
        };
        assert_eq!(codes(bytes, ""), ["unused"], "{data_type}");
        assert_eq!(codes(bytes + 1, ""), ["unused", "data"], "{data_type}");
        assert_eq!(codes(0, field), ["unused"], "{data_type}");
    }
}

#[test]
fn where_the_operators_are_not_known_nothing_is_inferred() {
    let mut model = model();
    model.opset_import[0].version = Some(29);
    graph(&mut model).node[1].input.push("stem".to_owned());
    graph(&mut model).value_info[3] = info("pool", "batch 5");
    let codes: Vec<_> = findings(&model)
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, ["opset-unknown"]);
}

#[test]
fn every_code_of_the_table_has_a_fault() {
    let documented = include_str!("../mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    let mut planted: Vec<_> = faults::cases()
        .iter()
        .map(|case| case.code)
        .chain(["type-unused", "unused", "more"])
        .collect();
    planted.sort_unstable();
    planted.dedup();
    let mut documented: Vec<_> = documented.collect();
    documented.sort_unstable();
    assert_eq!(documented, planted);
}

#[test]
fn what_onnx_allows_is_no_finding() {
    let allowed: [fn(&mut ModelProto); 7] = [
        |model| graph(model).node[1].domain = Some("ai.onnx".to_owned()),
        |model| {
            graph(model).initializer.push(tensor("constant", &[2]));
            graph(model).output.push(info("constant", "2"));
        },
        |model| graph(model).input.push(info("stem.bias", "4")),
        |model| graph(model).output.push(info("input", "batch 3 8 width")),
        |model| graph(model).value_info[0] = info("stem", "? ? ? ?"),
        |model| {
            external(
                model,
                &[
                    ("location", "./model.data"),
                    ("offset", "68"),
                    ("length", "432"),
                ],
            )
        },
        |model| {
            let values = Some(tensor("sparse", &[1]));
            graph(model).sparse_initializer.push(SparseTensorProto {
                values,
                ..Default::default()
            });
        },
    ];
    for (index, allow) in allowed.into_iter().enumerate() {
        let mut model = model();
        allow(&mut model);
        assert_eq!(findings(&model), [], "{index}");
    }
}

#[test]
fn names_cannot_command_a_terminal_and_findings_end() {
    let mut model = model();
    graph(&mut model).node[3].name = Some("\u{1b}[2J".to_owned());
    graph(&mut model).node[3].input[0] = format!("\u{1b}[2J{}", "x".repeat(5000));
    let finding = findings(&model)
        .into_iter()
        .find(|finding| finding.code == "undefined")
        .expect("undefined");
    assert!(!finding.to_string().contains('\u{1b}'));
    assert!(finding.message.contains(" more characters "), "{finding}");

    let many =
        (0..1500).map(|index| node(&Operator::Sigmoid, "same", &["stem"], &format!("v{index}")));
    graph(&mut model).node.extend(many);
    // The last finding is a warning; what is not listed has errors all the same.
    graph(&mut model).initializer.push(tensor("left", &[2]));
    let findings = findings(&model);
    assert_eq!(findings.len(), MOST_FINDINGS + 1);
    let last = findings.last().expect("findings");
    assert_eq!((last.code, last.level), ("more", Level::Error));
}
