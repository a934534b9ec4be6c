//! One planted fault and more for every code.

use super::*;

/// A fault.
pub struct Case {
    /// Under which code it is found.
    pub code: &'static str,
    /// Plants it.
    pub plant: fn(&mut ModelProto),
    /// What the finding says.
    pub message: &'static str,
    /// What it is in a file of another producer.
    pub elsewhere: Level,
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

/// At least one for every code.
pub fn cases() -> Vec<Case> {
    vec![
        case("ir-version", "the model has no IR version", |model| {
            model.ir_version = None
        }),
        lenient(
            "ir-version",
            "opset 17 needs IR version 8 or later, found 7",
            |model| model.ir_version = Some(7),
        ),
        case(
            "opset",
            "does not import ONNX's own operator set",
            |model| model.opset_import.clear(),
        ),
        case(
            "opset",
            "does not import ONNX's own operator set",
            |model| {
                model.opset_import[0].domain = Some("ai.onnx.ml".to_owned());
            },
        ),
        lenient(
            "opset",
            "does not import ONNX's own operator set",
            |model| {
                let domain = Some("ai.onnx.ml".to_owned());
                model.opset_import[0].domain.clone_from(&domain);
                for node in &mut graph(model).node {
                    node.domain.clone_from(&domain);
                }
            },
        ),
        lenient("opset", "domain `` is imported twice", |model| {
            import(model, "ai.onnx", 17)
        }),
        case("opset", "domain `` is imported twice", |model| {
            import(model, "ai.onnx", 16)
        }),
        lenient("opset-unknown", "opset 29 are not known", |model| {
            model.opset_import[0].version = Some(29)
        }),
        case("metadata", "metadata key `k` is there twice", |model| {
            model.metadata_props = vec![entry("k", "1"), entry("k", "2")];
        }),
        lenient(
            "checksum",
            "is not a record of checksums: expected",
            |model| {
                model.metadata_props = vec![entry("efficientnet.checksums", "damaged")];
            },
        ),
        lenient("function", "the model defines a function, which", |model| {
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
        lenient(
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
            "in node `act.sigmoid`: operator `Silu`",
            |model| {
                graph(model).node[1].op_type = Some("Silu".to_owned());
            },
        ),
        case(
            "node",
            "in node `act.sigmoid`: `Gelu` is not an operator of opset 17",
            |model| {
                graph(model).node[1].op_type = Some("Gelu".to_owned());
            },
        ),
        case(
            "operand",
            "in node `stem`: `Conv`: operand `weight`: expected shape [?, 3, 3, 3], found [4, 3, 3, 1]",
            |model| {
                graph(model).initializer[0] = tensor("stem.weight", &[4, 3, 3, 1]);
            },
        ),
        lenient(
            "node-unknown",
            "in node `clip`: `Clip`: a bound that is a list, float[1], is not supported here",
            |model| {
                graph(model).initializer.push(tensor("low", &[1]));
                let clip = node(&Operator::Clip, "clip", &["act", "low"], "clip");
                graph(model).node.push(clip);
            },
        ),
        lenient(
            "type",
            "`stem` has an extent of -4, which is taken as unknown",
            |model| {
                graph(model).value_info[0] = info("stem", "batch -4 4 ?");
            },
        ),
        case(
            "type",
            "the declared type of `input`: it has no type",
            |model| graph(model).input[0].r#type = None,
        ),
        lenient(
            "type",
            "the declared type of `act`: it has no type",
            |model| graph(model).value_info[2].r#type = None,
        ),
        lenient("type", "the type of `pool` is declared twice", |model| {
            graph(model).value_info.push(info("pool", "batch 4"))
        }),
        lenient("type", "the type of `logits` is declared twice", |model| {
            graph(model).value_info.push(info("logits", "? 10"))
        }),
        case("type", "the type of `pool` is declared twice", |model| {
            graph(model).value_info.push(info("pool", "batch 5"))
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
            "`logits` is not declared as a tensor of known dimensions, 8 at most",
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
        case(
            "mismatch",
            "`pool` is declared as float16[batch, 4], but it is float[batch, 4]",
            |model| {
                let declared = graph(model).value_info[3].r#type.as_mut();
                if let Some(type_proto::Value::TensorType(tensor)) =
                    declared.and_then(|declared| declared.value.as_mut())
                {
                    tensor.elem_type = Some(DataType::Float16.into());
                }
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
