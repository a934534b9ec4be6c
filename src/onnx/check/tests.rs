//! One planted fault for every code, in a small model that is faultless without it.

use super::*;
use crate::onnx::ops::Operator;
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
        pads: [0, 0, 1, 1],
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
                    axes: vec![2, 3],
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

fn findings(model: &ModelProto) -> Vec<Finding> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    fs::write(&path, model.encode_to_vec()).expect("the file can be written");
    fs::write(folder.path().join("model.data"), [0; 500]).expect("the file can be written");
    check(&ModelFile::open(&path).expect("the model can be decoded"))
}

struct Case {
    code: &'static str,
    plant: fn(&mut ModelProto),
    message: &'static str,
    /// What it is in a file of another producer.
    elsewhere: Level,
}

fn case(code: &'static str, message: &'static str, plant: fn(&mut ModelProto)) -> Case {
    Case {
        code,
        plant,
        message,
        elsewhere: Level::Error,
    }
}

fn lenient(code: &'static str, message: &'static str, plant: fn(&mut ModelProto)) -> Case {
    Case {
        elsewhere: Level::Warning,
        ..case(code, message, plant)
    }
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

fn cases() -> Vec<Case> {
    vec![
        case("ir-version", "the model has no IR version", |model| {
            model.ir_version = None
        }),
        case(
            "ir-version",
            "opset 17 needs IR version 8 or later, found 7",
            |model| model.ir_version = Some(7),
        ),
        case(
            "opset",
            "does not import ONNX's own operator set",
            |model| model.opset_import.clear(),
        ),
        case("opset", "domain `` is imported twice", |model| {
            let again = OperatorSetIdProto {
                domain: Some("ai.onnx".to_owned()),
                version: Some(17),
            };
            model.opset_import.push(again);
        }),
        lenient("opset-unknown", "opset 18 are not known", |model| {
            model.opset_import[0].version = Some(18)
        }),
        case("metadata", "metadata key `k` is there twice", |model| {
            model.metadata_props = vec![entry("k", "1"), entry("k", "2")];
        }),
        lenient("function", "the model defines 1 functions", |model| {
            model.functions = vec![FunctionProto::default()]
        }),
        case(
            "name-missing",
            "an input or initializer has no name",
            |model| {
                graph(model).initializer.push(tensor("", &[]));
            },
        ),
        case("name-missing", "an output has no name", |model| {
            graph(model).output.push(info("", ""))
        }),
        case(
            "value-twice",
            "value `stem.bias` is defined twice",
            |model| {
                graph(model).initializer.push(tensor("stem.bias", &[4]));
            },
        ),
        case(
            "value-twice",
            "in node `again`: value `act` is defined twice",
            |model| {
                graph(model)
                    .node
                    .push(node(&Operator::Sigmoid, "again", &["stem"], "act"));
            },
        ),
        case(
            "node-twice",
            "in node `stem`: another node has the same name",
            |model| {
                graph(model).node[1].name = Some("stem".to_owned());
            },
        ),
        case(
            "order",
            "in node `act`: it uses `act.sigmoid`, which is made later",
            |model| graph(model).node.swap(1, 2),
        ),
        case(
            "order",
            "in node `act.sigmoid`: it uses `act`, which is made later",
            |model| {
                graph(model).node[1].input[0] = "act".to_owned();
            },
        ),
        case(
            "order",
            "it uses `act.sigmoid`, which is made later or by itself",
            |model| {
                graph(model).node[1].input[0] = "act.sigmoid".to_owned();
            },
        ),
        case(
            "undefined",
            "in node `pool`: it uses `absent`, which nothing makes",
            |model| {
                graph(model).node[3].input[0] = "absent".to_owned();
            },
        ),
        case("output", "the graph has no output", |model| {
            let output = graph(model).output.remove(0);
            graph(model).value_info.push(output);
        }),
        case("output", "nothing makes output `absent`", |model| {
            graph(model).output.push(info("absent", "1"))
        }),
        case("output", "output `logits` is listed twice", |model| {
            graph(model).output.push(info("logits", "batch 10"))
        }),
        case(
            "node",
            "in node `act`: `Mul`: attribute `x`: the operator has no such attribute",
            |model| {
                let extra = AttributeProto {
                    name: Some("x".to_owned()),
                    ..Default::default()
                };
                graph(model).node[2].attribute.push(extra);
            },
        ),
        case("node", "expected 1 operands, found 2", |model| {
            graph(model).node[1].input.push("stem".to_owned())
        }),
        lenient(
            "node-unknown",
            "in node `act.sigmoid`: operator `Erf`",
            |model| {
                graph(model).node[1].op_type = Some("Erf".to_owned());
            },
        ),
        case(
            "operand",
            "in node `stem`: `Conv`: operand `weight`: expected shape [?, 3, 3, 3], found [4, 3, 3, 1]",
            |model| {
                graph(model).initializer[0] = tensor("stem.weight", &[4, 3, 3, 1]);
            },
        ),
        case(
            "type",
            "the declared type of `stem`: an extent of -4 is negative",
            |model| {
                graph(model).value_info[0] = info("stem", "batch -4 4 ?");
            },
        ),
        case(
            "type",
            "the declared type of `input`: it has no type",
            |model| graph(model).input[0].r#type = None,
        ),
        case("type", "the type of `pool` is declared twice", |model| {
            graph(model).value_info.push(info("pool", "batch 4"))
        }),
        lenient(
            "type-missing",
            "in node `act.sigmoid`: its result `act.sigmoid` has no declared type",
            |model| {
                graph(model).value_info.remove(1);
            },
        ),
        lenient(
            "type-missing",
            "`logits` is not declared as a tensor with a shape",
            |model| {
                let tensor = type_proto::Tensor {
                    elem_type: Some(1),
                    shape: None,
                };
                let value = Some(type_proto::Value::TensorType(tensor));
                graph(model).output[0].r#type = Some(TypeProto {
                    value,
                    denotation: None,
                });
            },
        ),
        case(
            "mismatch",
            "in node `pool`: `pool` is declared as float[batch, 5], but it is float[batch, 4]",
            |model| {
                graph(model).value_info[3] = info("pool", "batch 5");
            },
        ),
        case(
            "mismatch",
            "`logits` is declared as float[batch, 10, 1], but it is float[batch, 10]",
            |model| {
                graph(model).output[0] = info("logits", "batch 10 1");
            },
        ),
        case(
            "mismatch",
            "`stem.bias` is declared as float[5], but it is float[4]",
            |model| {
                graph(model).value_info.push(info("stem.bias", "5"));
            },
        ),
        lenient(
            "symbol",
            "`pool` is declared as float[1, 4], but it is float[batch, 4]",
            |model| {
                graph(model).value_info[3] = info("pool", "1 4");
            },
        ),
        lenient(
            "symbol",
            "`logits` is declared as float[n, 10], but it is float[batch, 10]",
            |model| {
                graph(model).output[0] = info("logits", "n 10");
            },
        ),
        case(
            "initializer",
            "initializer `stem.bias`: it has no element type",
            |model| {
                graph(model).initializer[1].data_type = None;
            },
        ),
        case("initializer", "element type 77 does not exist", |model| {
            graph(model).initializer[1].data_type = Some(77)
        }),
        case("initializer", "its shape [-4] is impossible", |model| {
            graph(model).initializer[1].dims = vec![-4]
        }),
        case(
            "data",
            "4 elements of float take 16 bytes, found 15",
            |model| {
                graph(model).initializer[1].raw_data = Some(vec![0; 15].into());
            },
        ),
        case(
            "data",
            "4 elements are declared, but there is no data",
            |model| {
                graph(model).initializer[1].raw_data = None;
            },
        ),
        case(
            "data",
            "its data is in raw_data and float_data at once",
            |model| {
                graph(model).initializer[1].float_data = vec![0.0; 4];
            },
        ),
        case(
            "data",
            "float belongs into `float_data`, found `double_data`",
            |model| {
                let bias = &mut graph(model).initializer[1];
                (bias.raw_data, bias.double_data) = (None, vec![0.0; 4]);
            },
        ),
        case(
            "data",
            "4 elements of float are declared, `float_data` has 3 values",
            |model| {
                let bias = &mut graph(model).initializer[1];
                (bias.raw_data, bias.float_data) = (None, vec![0.0; 3]);
            },
        ),
        case(
            "external",
            "`external_data` entry `location`: missing",
            |model| external(model, &[]),
        ),
        case(
            "external",
            "external data `../x` is outside the model's folder",
            |model| {
                external(model, &[("location", "../x")]);
            },
        ),
        case("external", "cannot read external data `absent`", |model| {
            external(model, &[("location", "absent")])
        }),
        case(
            "external",
            "should reach byte 532, but has only 500 bytes",
            |model| {
                external(
                    model,
                    &[
                        ("location", "model.data"),
                        ("offset", "100"),
                        ("length", "432"),
                    ],
                );
            },
        ),
        case(
            "data",
            "108 elements of float take 432 bytes, found 490",
            |model| {
                external(model, &[("location", "model.data"), ("offset", "10")]);
            },
        ),
        case(
            "domain",
            "in node `act.sigmoid`: its domain `com.example` is not imported",
            |model| {
                graph(model).node[1].domain = Some("com.example".to_owned());
            },
        ),
    ]
}

#[test]
fn a_faultless_model_has_no_findings() {
    assert_eq!(findings(&model()), []);
}

#[test]
fn every_planted_fault_is_found() {
    for Case {
        code,
        plant,
        message,
        elsewhere,
    } in cases()
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
    let findings = findings(&model);
    assert_eq!(
        findings
            .iter()
            .map(|finding| finding.code)
            .collect::<Vec<_>>(),
        ["type-unused", "unused"]
    );
    assert!(
        findings
            .iter()
            .all(|finding| finding.level == Level::Warning)
    );
}

#[test]
fn every_code_of_the_table_has_a_fault() {
    let documented = include_str!("mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    let mut planted: Vec<_> = cases()
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
    let allowed: [fn(&mut ModelProto); 5] = [
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
    graph(&mut model).node[3].input[0] = format!("\u{1b}[2J{}", "x".repeat(5000));
    let finding = findings(&model)
        .into_iter()
        .find(|finding| finding.code == "undefined")
        .expect("undefined");
    assert!(!finding.message.contains('\u{1b}'));
    assert!(finding.message.chars().count() <= LONGEST_MESSAGE + 1);

    let many =
        (0..1500).map(|index| node(&Operator::Sigmoid, "same", &["stem"], &format!("v{index}")));
    graph(&mut model).node.extend(many);
    let findings = findings(&model);
    assert_eq!(findings.len(), MOST_FINDINGS + 1);
    let last = findings.last().expect("findings");
    assert_eq!((last.code, last.level), ("more", Level::Error));
}
