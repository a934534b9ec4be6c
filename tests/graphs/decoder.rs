//! What `emit` writes, decoded by an implementation of protobuf and ONNX's schema that is not ours, and
//! compared with our own reader and with the graph that was asked for.

use crate::emitted::{METADATA, dump, node_line, request, write};
use efficientnet_onnx::form::{BatchNorms, Form};
use efficientnet_onnx::network::Output;
use efficientnet_onnx::onnx::file::{InitializerSource, ModelFile};
use efficientnet_onnx::request::{Extent, Request};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::tensor::shape::{self, Dim};
use onnx_protobuf::tensor_proto::{DataLocation, DataType};
use onnx_protobuf::tensor_shape_proto::dimension::Value;
use onnx_protobuf::{AttributeValue, GraphProto, Message, ModelProto, TensorProto, ValueInfoProto};
use protobuf::Enum;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Requests, and whether tensors go into a file of their own.
fn cases() -> [(Request, bool); 4] {
    let kept = Request {
        form: Form {
            batch_norms: BatchNorms::Keep,
            ..Form::default()
        },
        ..request("b0")
    };
    let symbolic = Request {
        size: [Extent::MultipleOf32, Extent::Fixed(95)],
        batch: Some(3),
        outputs: vec![Output::Pooled, Output::Probabilities],
        ..request("b0")
    };
    [
        (request("b0"), false),
        (kept, true),
        (symbolic, false),
        (request("lite0"), true),
    ]
}

#[test]
fn another_decoder_sees_what_ours_sees() {
    for (request, external) in cases() {
        let name = request.blueprint.name();
        let (folder, path) = write(&request, external);
        let theirs = ModelProto::parse_from_bytes(&fs::read(&path).expect("the file"))
            .expect("another decoder takes it");
        let ours = ModelFile::open(&path).expect("our decoder takes it");

        assert_eq!(dump(&ours), their_dump(&theirs), "{name}");
        assert_eq!(theirs.producer_name, ours.contents.producer_name);
        assert_eq!(theirs.producer_version, env!("CARGO_PKG_VERSION"));
        let entries = theirs.metadata_props.iter();
        let entries: Vec<_> = entries
            .map(|entry| (entry.key.as_str(), entry.value.as_str()))
            .collect();
        let (checksums, given) = entries.split_last().expect("metadata");
        assert_eq!(given, METADATA);
        assert_eq!(checksums.0, "efficientnet.checksums");
        assert_eq!(ours.metadata("first"), Some("φ"));
        assert_nothing_unknown(&theirs);

        let ours = InitializerSource::new(ours).expect("our decoder lists the initializers");
        for tensor in &theirs.graph.initializer {
            let bytes = their_bytes(folder.path(), tensor);
            let mut values = vec![0.0_f32; bytes.len() / 4];
            let reader = ours.open(&tensor.name).expect("our decoder finds it");
            reader.fill(0, &mut values).expect("our decoder reads it");
            let read: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            assert!(read == bytes, "{name}: `{}` has other bytes", tensor.name);
            assert!(
                bytes.len() < 64
                    || bytes.iter().any(|byte| *byte != bytes[0])
                    || tensor.dims.len() == 1,
                "{name}: `{}` is constant",
                tensor.name
            );
        }
    }
}

#[test]
fn the_file_is_the_graph_that_was_asked_for() {
    for (request, external) in cases() {
        let (_folder, path) = write(&request, external);
        let theirs = ModelProto::parse_from_bytes(&fs::read(&path).expect("the file"))
            .expect("another decoder takes it");
        let graph = request.graph().expect("the request has a graph");
        let types = their_types(&theirs.graph);
        assert_eq!(theirs.graph.node.len(), graph.nodes().len());
        for (node, expected) in theirs.graph.node.iter().zip(graph.nodes()) {
            assert_eq!(
                (node.name.as_str(), node.op_type.as_str()),
                (expected.name.as_str(), expected.operator.op_type())
            );
            let inputs: Vec<_> = expected
                .inputs
                .iter()
                .map(|id| &graph.value(*id).name)
                .collect();
            assert_eq!(node.input.iter().collect::<Vec<_>>(), inputs);
            let output = graph.value(expected.output);
            assert_eq!(node.output, std::slice::from_ref(&output.name));
            // Symbols are named at the graph's outputs only, and only where they are not divided.
            let is_output = graph.outputs().contains(&expected.output);
            let named = |dim: &Dim| match dim.fixed() {
                None if !is_output || dim.name().is_none() => Dim::Unset,
                _ => dim.clone(),
            };
            let shape: Vec<_> = output.r#type.shape.iter().map(named).collect();
            assert_eq!(
                types[&output.name],
                format!("float{}", shape::display(&shape))
            );
        }
        let stored = graph.stored_values();
        assert_eq!(theirs.graph.initializer.len(), stored.len());
        for (tensor, id) in theirs.graph.initializer.iter().zip(stored) {
            let value = graph.value(id);
            let dims: Vec<_> = tensor
                .dims
                .iter()
                .map(|dim| Dim::Fixed(dim.unsigned_abs()))
                .collect();
            assert_eq!(
                (&tensor.name, dims),
                (&value.name, value.r#type.shape.clone())
            );
        }
    }
}

/// Fields that their schema does not have: we would have invented them.
fn assert_nothing_unknown(model: &ModelProto) {
    let graph = &model.graph;
    let fields = [
        model.special_fields.unknown_fields(),
        graph.special_fields.unknown_fields(),
    ];
    let nodes = graph
        .node
        .iter()
        .map(|node| node.special_fields.unknown_fields());
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let attributes = attributes.map(|attribute| attribute.special_fields.unknown_fields());
    let tensors = graph
        .initializer
        .iter()
        .map(|tensor| tensor.special_fields.unknown_fields());
    for unknown in fields
        .into_iter()
        .chain(nodes)
        .chain(attributes)
        .chain(tensors)
    {
        assert_eq!(unknown.iter().count(), 0, "{unknown:?}");
    }
}

fn their_bytes(folder: &Path, tensor: &TensorProto) -> Vec<u8> {
    let elements: i64 = tensor.dims.iter().product();
    let length = usize::try_from(elements * 4).expect("a tensor fits memory");
    if tensor.data_location.enum_value() != Ok(DataLocation::EXTERNAL) {
        assert_eq!(tensor.raw_data.len(), length);
        return tensor.raw_data.clone();
    }
    let entries = tensor.external_data.iter();
    let entries: BTreeMap<_, _> = entries
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    let number = |key: &str| entries[key].parse::<usize>().expect("a number");
    assert_eq!(
        (entries["location"], number("length")),
        ("model.onnx.data", length)
    );
    assert_eq!(number("offset") % 4096, 0);
    let data = fs::read(folder.join(entries["location"])).expect("the external data");
    data[number("offset")..][..length].to_vec()
}

/// The same text as `dump`, from their messages.
fn their_dump(model: &ModelProto) -> String {
    let graph = &model.graph;
    let types = their_types(graph);
    let mut lines = vec![format!("graph {} ir {}", graph.name, model.ir_version)];
    for import in &model.opset_import {
        write!(lines[0], " opset `{}` {}", import.domain, import.version).expect("text");
    }
    let value =
        |kind: &str, info: &ValueInfoProto| format!("{kind} {}: {}", info.name, their_type(info));
    lines.extend(graph.input.iter().map(|info| value("input", info)));
    for node in &graph.node {
        let attribute = |attribute: &onnx_protobuf::AttributeProto| match attribute.as_value() {
            AttributeValue::Integer64(value) => format!("{}={value}", attribute.name),
            AttributeValue::Float32(value) => format!("{}={value:?}", attribute.name),
            AttributeValue::Integer64s(values) => format!("{}={values:?}", attribute.name),
            _ => panic!("`{}` has another type", attribute.name),
        };
        let attributes: Vec<_> = node.attribute.iter().map(attribute).collect();
        let output = &node.output[0];
        lines.push(node_line(
            &node.name,
            &node.op_type,
            &attributes,
            &node.input,
            output,
            &types[output],
        ));
    }
    lines.extend(graph.output.iter().map(|info| value("output", info)));
    for tensor in &graph.initializer {
        lines.push(format!(
            "initializer {}: {}{:?}",
            tensor.name,
            element(tensor.data_type),
            tensor.dims
        ));
    }
    lines.join("\n") + "\n"
}

fn their_types(graph: &GraphProto) -> BTreeMap<String, String> {
    let infos = graph.output.iter().chain(&graph.value_info);
    infos
        .map(|info| (info.name.clone(), their_type(info)))
        .collect()
}

fn their_type(info: &ValueInfoProto) -> String {
    let tensor = info.type_.tensor_type();
    let dim = |dim: &onnx_protobuf::tensor_shape_proto::Dimension| match &dim.value {
        Some(Value::DimValue(extent)) => extent.to_string(),
        Some(Value::DimParam(name)) => name.clone(),
        _ => "?".to_owned(),
    };
    let dims: Vec<_> = tensor.shape.dim.iter().map(dim).collect();
    format!("{}[{}]", element(tensor.elem_type), dims.join(", "))
}

fn element(data_type: i32) -> String {
    let element = DataType::from_i32(data_type).expect("an element type");
    format!("{element:?}").to_lowercase()
}
