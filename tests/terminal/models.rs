//! Every text of an ONNX file.

use crate::verify_support::toy::{
    graph_of, model, node, tensor, value, with_negating_function, write,
};
use crate::{Faults, texts};
use efficientnet_onnx::onnx::proto::{
    AttributeProto, ModelProto, OperatorSetIdProto, SparseTensorProto, StringStringEntryProto,
    TensorShapeProto, attribute_proto::AttributeType, tensor_shape_proto, type_proto,
};
use tensor_shape_proto::dimension::Value;

/// Makes a model with a text in one place.
type Made = fn(&str) -> ModelProto;

type Change = fn(&mut ModelProto, &str);

fn entry(key: &str, value: &str) -> StringStringEntryProto {
    StringStringEntryProto {
        key: Some(key.into()),
        value: Some(value.into()),
    }
}

/// Gives a value another name wherever it stands.
fn renamed(model: &mut ModelProto, from: &str, to: &str) {
    let graph = graph_of(model);
    for node in &mut graph.node {
        for name in node.input.iter_mut().chain(&mut node.output) {
            if name == from {
                *name = to.into();
            }
        }
    }
    let values = graph.input.iter_mut().chain(&mut graph.output);
    let names = values.map(|value| &mut value.name);
    let names = names.chain(graph.initializer.iter_mut().map(|tensor| &mut tensor.name));
    for name in names {
        if name.as_deref() == Some(from) {
            *name = Some(to.into());
        }
    }
}

fn symbol(model: &mut ModelProto, of_input: bool, text: &str) {
    let graph = graph_of(model);
    let value = if of_input {
        &mut graph.input[0]
    } else {
        &mut graph.output[0]
    };
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind
        && let Some(shape) = &mut tensor.shape
    {
        shape.dim[0].value = Some(Value::DimParam(text.into()));
    }
}

fn external(model: &mut ModelProto, entries: &[(&str, &str)]) {
    let weight = &mut graph_of(model).initializer[0];
    weight.raw_data = None;
    weight.data_location = Some(1);
    weight.external_data = entries
        .iter()
        .map(|(key, value)| entry(key, value))
        .collect();
}

const PLACES: [(&str, Change); 29] = [
    ("producer", |model, text| {
        model.producer_name = Some(text.into())
    }),
    ("producer's version", |model, text| {
        model.producer_version = Some(text.into())
    }),
    ("domain", |model, text| model.domain = Some(text.into())),
    ("doc string", |model, text| {
        model.doc_string = Some(text.into())
    }),
    ("metadata key", |model, text| {
        model.metadata_props.push(entry(text, "x"))
    }),
    ("metadata value", |model, text| {
        model.metadata_props.push(entry("x", text))
    }),
    ("graph", |model, text| {
        graph_of(model).name = Some(text.into())
    }),
    ("node", |model, text| {
        graph_of(model).node[1].name = Some(text.into())
    }),
    ("last node", |model, text| {
        graph_of(model).node[2].name = Some(text.into())
    }),
    ("every node", |model, text| {
        for node in &mut graph_of(model).node {
            node.name = Some(text.into());
        }
    }),
    ("operator", |model, text| {
        graph_of(model).node[1].op_type = Some(text.into())
    }),
    ("node's domain", |model, text| {
        graph_of(model).node[1].domain = Some(text.into())
    }),
    ("attribute", |model, text| {
        graph_of(model).node[2].attribute[0].name = Some(text.into())
    }),
    ("attribute's text", |model, text| {
        graph_of(model).node[1] = node("DepthToSpace", &["pooled"], "hidden");
        graph_of(model).node[1].attribute.push(AttributeProto {
            name: Some("mode".into()),
            r#type: Some(AttributeType::String as i32),
            s: Some(text.as_bytes().to_vec()),
            ..AttributeProto::default()
        });
    }),
    ("value", |model, text| renamed(model, "hidden", text)),
    ("initializer", |model, text| renamed(model, "weight", text)),
    ("input", |model, text| renamed(model, "input", text)),
    ("output", |model, text| renamed(model, "logits", text)),
    ("undefined value", |model, text| {
        graph_of(model).node[1].input[0] = text.into()
    }),
    ("unused initializer", |model, text| {
        graph_of(model)
            .initializer
            .push(tensor(text, &[1], [1.0].into_iter()));
    }),
    ("second input", |model, text| {
        graph_of(model).input.push(value(text, &[None, Some(3)]))
    }),
    ("input's dimension", |model, text| symbol(model, true, text)),
    ("output's dimension", |model, text| {
        symbol(model, false, text)
    }),
    ("value info", |model, text| {
        graph_of(model).value_info.push(value(text, &[Some(7)]))
    }),
    ("opset's domain", |model, text| {
        model.opset_import.push(OperatorSetIdProto {
            domain: Some(text.into()),
            version: Some(1),
        });
    }),
    ("external location", |model, text| {
        external(model, &[("location", text)])
    }),
    ("external path", |model, text| {
        external(model, &[("location", &format!("../{text}"))])
    }),
    ("external key", |model, text| {
        external(model, &[("location", "toy.data"), (text, "1")])
    }),
    ("external offset", |model, text| {
        external(model, &[("location", "toy.data"), ("offset", text)])
    }),
];

/// Runs every command that reads a model on `toy.onnx`.
fn commands(faults: &mut Faults, place: &str, folder: &std::path::Path) {
    let picture = "tests/fixtures/preprocessing/cat.png";
    let picture = format!("{}/{picture}", env!("CARGO_MANIFEST_DIR"));
    let all = [
        "check toy.onnx",
        "check --target all --json toy.onnx",
        "check --target all toy.onnx",
        "inspect toy.onnx",
        "inspect --json toy.onnx",
        "verify toy.onnx",
        "verify --runtime reference,tract --json toy.onnx",
        "verify --runtime reference,tract --html page.html --test-data data toy.onnx",
        "verify plain.onnx toy.onnx",
        "verify --self-test --runtime tract,reference toy.onnx",
        "verify --bisect --rtol 0 --atol 0 toy.onnx",
        "bench --runtime tract --runs 1 toy.onnx",
        "emit --variant lite0 --size 32 --weights toy.onnx -o out.onnx",
        "weights ls toy.onnx",
        "weights export toy.onnx -o out.safetensors",
    ];
    for command in all {
        let arguments: Vec<&str> = command.split(' ').collect();
        faults.run(place, folder, &arguments);
    }
    faults.run(place, folder, &["classify", "toy.onnx", &picture]);
    let library = crate::verify_support::ort_library();
    let library = library.to_str().expect("UTF-8");
    for command in [
        "verify --runtime ort-cpu toy.onnx",
        "verify --runtime tract,ort-cpu --json toy.onnx",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--ort-lib", library]).collect();
        faults.run(place, folder, &arguments);
    }
}

#[test]
fn no_text_of_a_model_reaches_a_terminal_as_it_is() {
    let mut faults = Faults::default();
    for (place, change) in PLACES {
        for text in texts() {
            let folder = tempfile::tempdir().expect("a folder");
            let mut hostile = model();
            change(&mut hostile, &text);
            write(&model(), folder.path());
            std::fs::rename(
                folder.path().join("toy.onnx"),
                folder.path().join("plain.onnx"),
            )
            .expect("a file");
            write(&hostile, folder.path());
            commands(&mut faults, place, folder.path());
        }
    }
    faults.assert_none();
}

#[test]
fn no_text_of_functions_sparse_tensors_and_ranks_does() {
    let mut faults = Faults::default();
    let changes: [(&str, Made); 5] = [
        ("function", |text| with_negating_function(text)),
        ("function's value", |text| {
            let mut model = with_negating_function("f");
            model.functions[0].output[0] = text.into();
            model
        }),
        ("function's domain", |text| {
            let mut model = with_negating_function("f");
            model.functions[0].domain = Some(text.into());
            graph_of(&mut model).node[1].domain = Some(text.into());
            model
        }),
        ("sparse tensor", |text| {
            let mut model = model();
            let values = Some(tensor(text, &[1], [1.0].into_iter()));
            let dims = vec![4];
            graph_of(&mut model)
                .sparse_initializer
                .push(SparseTensorProto {
                    values,
                    dims,
                    ..Default::default()
                });
            model
        }),
        ("rank", |text| {
            let mut model = model();
            let rank = text.len();
            let dim = tensor_shape_proto::Dimension {
                denotation: None,
                value: Some(Value::DimValue(1)),
            };
            let shape = TensorShapeProto {
                dim: vec![dim; rank],
            };
            let graph = graph_of(&mut model);
            for declared in [&mut graph.input[0], &mut graph.output[0]] {
                let kind = declared
                    .r#type
                    .as_mut()
                    .and_then(|kind| kind.value.as_mut());
                if let Some(type_proto::Value::TensorType(tensor)) = kind {
                    tensor.shape = Some(shape.clone());
                }
            }
            graph.initializer[0].dims = vec![1; rank];
            model
        }),
    ];
    for (place, make) in changes {
        for text in texts() {
            let folder = tempfile::tempdir().expect("a folder");
            write(&model(), folder.path());
            std::fs::rename(
                folder.path().join("toy.onnx"),
                folder.path().join("plain.onnx"),
            )
            .expect("a file");
            write(&make(&text), folder.path());
            commands(&mut faults, place, folder.path());
        }
    }
    faults.assert_none();
}
