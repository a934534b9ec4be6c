//! Files that `emit` writes, and their graphs as text.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::emit::{Destination, Emitted, Tensors, emit};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::ops::TensorType;
use efficientnet_onnx::onnx::proto::attribute_proto::AttributeType;
use efficientnet_onnx::onnx::proto::tensor_proto::DataType;
use efficientnet_onnx::onnx::proto::{AttributeProto, ValueInfoProto};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::weights::Expected;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use tempfile::TempDir;

/// What the emitted files say about themselves.
pub const METADATA: [(&str, &str); 2] = [("second", "{\"a\": 1}"), ("first", "φ")];

/// The published variant with everything else at its default.
pub fn request(variant: &str) -> Request {
    Request::new(Blueprint::published(
        Variant::by_name(variant).expect("a published variant"),
    ))
}

/// Writes the model of a request, its weights drawn from a seed.
pub fn write(request: &Request, external_data: bool) -> (TempDir, PathBuf) {
    let metadata = METADATA.map(|(key, value)| (key.to_owned(), value.to_owned()));
    write_with(request, external_data, &metadata)
}

/// The same with other metadata.
pub fn write_with(
    request: &Request,
    external_data: bool,
    metadata: &[(String, String)],
) -> (TempDir, PathBuf) {
    write_drawn(request, Rule::Official, external_data, metadata)
}

/// The same with weights of another rule.
pub fn write_drawn(
    request: &Request,
    rule: Rule,
    external_data: bool,
    metadata: &[(String, String)],
) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    let parameters = request.parameters().expect("the request has parameters");
    let expected = Expected::as_named(&parameters);
    let source = SeededWeights::new(parameters, rule, 7);
    let destination = Destination {
        external_data,
        ..Destination::new_file(path.clone())
    };
    let weights = Tensors {
        source: &source,
        expected: &expected,
    };
    let emitted = emit(
        request,
        &weights,
        destination,
        &(),
        || Ok(metadata.to_vec()),
    );
    match emitted.expect("the model can be written") {
        Emitted::Staged(staged) => drop(staged.commit().expect("the model gets its name")),
        Emitted::Streamed => panic!("a file is not a stream"),
    }
    (folder, path)
}

/// The graph as text: one line for each input, node, output and initializer, in the file's order.
pub fn dump(file: &ModelFile) -> String {
    let contents = &file.contents;
    let infos = contents.outputs.iter().chain(&contents.value_info);
    let types: BTreeMap<_, _> = infos.map(|info| (info.name(), declared(info))).collect();
    let mut text = format!(
        "graph {} ir {:?}",
        contents.graph_name,
        contents.ir_version.expect("an IR version")
    );
    for import in &contents.opset_import {
        write!(text, " opset `{}` {}", import.domain(), import.version()).expect("text");
    }
    for info in &contents.inputs {
        write!(text, "\ninput {}: {}", info.name(), declared(info)).expect("text");
    }
    for node in &contents.nodes {
        let attributes: Vec<_> = node.attribute.iter().map(attribute).collect();
        let [output] = node.output.as_slice() else {
            panic!("a node has one result");
        };
        let line = node_line(
            node.name(),
            node.op_type(),
            &attributes,
            &node.input,
            output,
            &types[output.as_str()],
        );
        write!(text, "\n{line}").expect("text");
    }
    for info in &contents.outputs {
        write!(text, "\noutput {}: {}", info.name(), declared(info)).expect("text");
    }
    for initializer in &contents.initializers {
        let element = DataType::try_from(initializer.data_type).expect("an element type");
        let element = element.as_str_name().to_lowercase();
        write!(
            text,
            "\ninitializer {}: {element}{:?}",
            initializer.name, initializer.dims
        )
        .expect("text");
    }
    text.push('\n');
    text
}

/// A node's line.
pub fn node_line(
    name: &str,
    op_type: &str,
    attributes: &[String],
    inputs: &[String],
    output: &str,
    result: &str,
) -> String {
    let words = [
        vec![format!("{op_type}({})", inputs.join(", "))],
        attributes.to_vec(),
    ]
    .concat();
    format!("node {name}: {} -> {output}: {result}", words.join(" "))
}

fn attribute(attribute: &AttributeProto) -> String {
    let name = attribute.name();
    match attribute.r#type() {
        AttributeType::Int => format!("{name}={}", attribute.i()),
        AttributeType::Float => format!("{name}={:?}", attribute.f()),
        AttributeType::Ints => format!("{name}={:?}", attribute.ints),
        other => panic!("no operator here has attributes of type {other:?}"),
    }
}

fn declared(info: &ValueInfoProto) -> String {
    let declared: Option<TensorType> =
        TensorType::from_proto(info.r#type.as_ref()).expect("a legal type");
    declared.expect("a tensor with a shape").to_string()
}
