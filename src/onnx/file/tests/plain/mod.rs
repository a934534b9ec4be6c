//! Plain copies: functions inlined, symbolic dimensions in between cleared, and nothing else.

mod refused;

use super::*;
use crate::onnx::file::mark;
use crate::onnx::file::plain::{ChangeKind, plain};
use crate::onnx::proto::tensor_shape_proto::{Dimension, dimension};
use crate::onnx::proto::{TensorShapeProto, attribute_proto::AttributeType};

fn info(name: &str, dims: &[Dim]) -> ValueInfoProto {
    let dim = dims.iter().map(|dim| Dimension {
        value: match dim {
            Dim::Named(name) => Some(dimension::Value::DimParam(name.clone())),
            Dim::Fixed(extent) => Some(dimension::Value::DimValue(*extent)),
            Dim::Open => None,
        },
        denotation: None,
    });
    let tensor = type_proto::Tensor {
        elem_type: Some(1),
        shape: Some(TensorShapeProto { dim: dim.collect() }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn named(name: &str) -> Dim {
    Dim::Named(name.to_owned())
}

fn fixed(extent: i64) -> Dim {
    Dim::Fixed(extent)
}

/// A declared dimension.
enum Dim {
    Named(String),
    Fixed(i64),
    Open,
}

/// `Op in … -> out …`; `_` is left out, and `pkg.Op` is of a domain.
fn node(text: &str) -> NodeProto {
    let (call, outputs) = text.split_once(" -> ").expect("an arrow");
    let mut words = call.split(' ');
    let op_type = words.next().expect("an operator");
    let (domain, op_type) = op_type.split_once('.').unwrap_or(("", op_type));
    let name = |word: &str| {
        if word == "_" {
            String::new()
        } else {
            word.to_owned()
        }
    };
    NodeProto {
        op_type: Some(op_type.to_owned()),
        domain: Some(domain.to_owned()),
        input: words.map(name).collect(),
        output: outputs.split(' ').map(name).collect(),
        ..Default::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Float.into()),
        f: Some(value),
        ..Default::default()
    }
}

fn reference(name: &str, to: &str) -> AttributeProto {
    AttributeProto {
        f: None,
        ref_attr_name: Some(to.to_owned()),
        ..float(name, 0.0)
    }
}

fn with(mut node: NodeProto, attribute: AttributeProto) -> NodeProto {
    node.attribute.push(attribute);
    node
}

fn opset(domain: &str, version: i64) -> OperatorSetIdProto {
    OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    }
}

fn function(name: &str, inputs: &[&str], outputs: &[&str], nodes: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        name: Some(name.to_owned()),
        domain: Some("p".to_owned()),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: outputs.iter().map(|&name| name.to_owned()).collect(),
        node: nodes,
        opset_import: vec![opset("", 17), opset("p", 1)],
        ..Default::default()
    }
}

fn caller(nodes: Vec<NodeProto>, functions: Vec<FunctionProto>) -> ModelProto {
    let mut written = model(vec![TensorProto {
        raw_data: Some(bytes_of(&[1.0, 2.0]).into()),
        ..tensor("w", &[2])
    }]);
    written.opset_import = vec![opset("", 17), opset("p", 1)];
    written.functions = functions;
    let graph = written.graph.get_or_insert_default();
    graph.node = nodes;
    graph.input = vec![info("x", &[named("batch"), fixed(2)])];
    graph.output = vec![info("y", &[named("batch"), fixed(2)])];
    written
}

/// The copy, decoded as a whole, and what it says of its changes.
fn copied(written: &ModelProto) -> Option<(ModelProto, String)> {
    let (_folder, path) = write(&written.encode_to_vec());
    let file = ModelFile::open(&path).expect("a model");
    let copy = plain(&file).expect("no error")?;
    let bytes = std::fs::read(copy.copy.path()).expect("bytes");
    let changes: Vec<String> = copy.changes.iter().map(ToString::to_string).collect();
    let read = ModelProto::decode(bytes.as_slice()).expect("a model");
    Some((read, changes.join(", ")))
}

/// The nodes of the copy as `node` takes them, with their attributes that are numbers.
fn nodes(written: &ModelProto) -> Vec<String> {
    let (read, _) = copied(written).expect("a copy");
    assert!(read.functions.is_empty());
    let graph = read.graph.expect("a graph");
    graph.node.iter().map(line).collect()
}

fn line(node: &NodeProto) -> String {
    let names = |names: &[String]| -> Vec<String> {
        let blank = |name: &String| {
            if name.is_empty() {
                "_".to_owned()
            } else {
                name.clone()
            }
        };
        names.iter().map(blank).collect()
    };
    let attributes = node
        .attribute
        .iter()
        .map(|one| format!(" {}={}", one.name(), one.f()));
    format!(
        "{} {} -> {}{}",
        node.op_type(),
        names(&node.input).join(" "),
        names(&node.output).join(" "),
        attributes.collect::<String>()
    )
}

fn refusal(written: &ModelProto) -> String {
    let (_folder, path) = write(&written.encode_to_vec());
    let file = ModelFile::open(&path).expect("a model");
    plain(&file).expect_err("refused").to_string()
}

#[test]
fn a_file_without_functions_and_symbols_in_between_needs_no_copy() {
    let mut written = caller(vec![node("Relu x -> y")], vec![]);
    written.graph.get_or_insert_default().value_info = vec![info("a", &[Dim::Open, fixed(2)])];
    assert_eq!(copied(&written), None);
    // A function that nothing calls does no harm either.
    written.functions = vec![function("F", &["a"], &["b"], vec![node("Neg a -> b")])];
    assert_eq!(copied(&written), None);
}

#[test]
fn symbolic_dimensions_in_between_are_cleared_and_nothing_else_changes() {
    let mut written = caller(vec![node("Relu x -> a"), node("Neg a -> y")], vec![]);
    let graph = written.graph.get_or_insert_default();
    graph.value_info = vec![
        info("a", &[named("batch"), fixed(2)]),
        info("b", &[fixed(1), Dim::Open]),
    ];
    let inner = GraphProto {
        value_info: vec![info("c", &[named("rows")])],
        node: vec![node("Neg a -> c")],
        ..Default::default()
    };
    let branch = AttributeProto {
        name: Some("then_branch".to_owned()),
        r#type: Some(AttributeType::Graph.into()),
        g: Some(Box::new(inner)),
        ..Default::default()
    };
    graph.node.push(with(node("If a -> c"), branch));
    let (read, changes) = copied(&written).expect("a copy");
    assert_eq!(
        changes,
        "symbolic dimensions of 2 values in `value_info` cleared"
    );
    let graph = written.graph.get_or_insert_default();
    graph.value_info[0] = info("a", &[Dim::Open, fixed(2)]);
    let branch = graph.node[2].attribute[0].g.as_mut().expect("a graph");
    branch.value_info[0] = info("c", &[Dim::Open]);
    assert_eq!(read, written);
}

#[test]
fn calls_are_replaced_by_the_bodies_with_names_of_their_own() {
    let scaled = with(node("Elu a -> t"), reference("alpha", "by"));
    let mut outer = function(
        "Outer",
        &["a", "b"],
        &["c", "extra"],
        vec![
            scaled,
            with(node("p.Inner t b -> u"), reference("beta", "by")),
            node("Neg u -> c"),
            node("Abs u -> extra"),
        ],
    );
    outer.attribute_proto = vec![float("by", 0.5)];
    let mut inner = function(
        "Inner",
        &["a", "b"],
        &["c"],
        vec![
            with(node("Clip a b -> t"), reference("gamma", "nobody")),
            with(node("Selu t -> c"), reference("gamma", "beta")),
        ],
    );
    inner.attribute = vec!["beta".to_owned()];
    let written = caller(
        vec![
            // Both names that a first call would take are taken.
            node("Relu x -> h/t"),
            node("p.Outer x -> h"),
            with(node("p.Outer h x -> y k"), float("by", 2.0)),
        ],
        vec![outer, inner],
    );
    assert_eq!(
        nodes(&written),
        [
            "Relu x -> h/t",
            "Elu x -> h#1/t alpha=0.5",
            "Clip h#1/t _ -> h#1/p.Inner/t"
                .replace("p.Inner", "Inner")
                .as_str(),
            "Selu h#1/Inner/t -> h#1/u gamma=0.5",
            "Neg h#1/u -> h",
            "Abs h#1/u -> h#1/extra",
            "Elu h -> y/t alpha=2",
            "Clip y/t x -> y/Inner/t",
            "Selu y/Inner/t -> y/u gamma=2",
            "Neg y/u -> y",
            "Abs y/u -> k",
        ]
    );
    let (_, changes) = copied(&written).expect("a copy");
    assert_eq!(changes, "4 calls of local functions inlined");
}

#[test]
fn a_name_of_an_operator_an_overload_and_a_result_that_is_an_operand_are_the_functions_own() {
    let mut wide = function("Relu", &["a"], &["b"], vec![node("Neg a -> b")]);
    wide.overload = Some("wide".to_owned());
    let narrow = function("Relu", &["a"], &["b"], vec![node("Abs a -> b")]);
    let pass = function("Pass", &["a"], &["a"], vec![]);
    let mut call = node("p.Relu x -> s");
    call.overload = Some("wide".to_owned());
    let written = caller(
        vec![
            call,
            node("p.Relu s -> t"),
            node("p.Pass t -> u"),
            node("Relu u -> y"),
        ],
        vec![narrow, wide, pass],
    );
    let expected = ["Neg x -> s", "Abs s -> t", "Identity t -> u", "Relu u -> y"];
    assert_eq!(nodes(&written), expected);
}

#[test]
fn graphs_within_nodes_are_followed_both_ways() {
    let graph = |nodes: Vec<NodeProto>, output: &str| AttributeProto {
        name: Some("then_branch".to_owned()),
        r#type: Some(AttributeType::Graph.into()),
        g: Some(Box::new(GraphProto {
            node: nodes,
            output: vec![info(output, &[])],
            ..Default::default()
        })),
        ..Default::default()
    };
    let bend = with(node("Elu a -> r"), reference("alpha", "by"));
    let mut choose = function(
        "Choose",
        &["a", "if"],
        &["b"],
        vec![with(node("If if -> b"), graph(vec![bend], "r"))],
    );
    choose.attribute = vec!["by".to_owned()];
    let call = with(node("p.Choose x c -> s"), float("by", 3.0));
    let written = caller(
        vec![
            node("Relu x -> c"),
            with(node("If c -> y"), graph(vec![call], "s")),
        ],
        vec![choose],
    );
    let (read, _) = copied(&written).expect("a copy");
    let nodes = read.graph.expect("a graph").node;
    let within = |node: &NodeProto| node.attribute[0].g.clone().expect("a graph");
    let branch = within(&nodes[1]);
    assert_eq!(
        (line(&branch.node[0]).as_str(), branch.output[0].name()),
        ("If c -> s then_branch=0", "s")
    );
    let inner = within(&branch.node[0]);
    assert_eq!(
        (line(&inner.node[0]).as_str(), inner.output[0].name()),
        ("Elu x -> s/r alpha=3", "s/r")
    );
}

#[test]
fn a_domain_that_only_a_function_imports_is_imported_then() {
    let mut foreign = function("F", &["a"], &["b"], vec![node("q.Relu a -> b")]);
    foreign.opset_import.push(opset("q", 3));
    let (read, _) = copied(&caller(vec![node("p.F x -> y")], vec![foreign])).expect("a copy");
    assert_eq!(
        read.opset_import,
        [opset("", 17), opset("p", 1), opset("q", 3)]
    );
}

#[test]
fn a_marked_copy_can_be_copied_too_and_external_data_is_beside_it() {
    let mut written = caller(
        vec![node("p.F x -> h"), node("Add h w -> y")],
        vec![function("F", &["a"], &["b"], vec![node("Relu a -> b")])],
    );
    written.graph.get_or_insert_default().initializer =
        vec![external("w", &[2], "w.bin", "0", "8")];
    let (folder, path) = write(&written.encode_to_vec());
    std::fs::write(folder.path().join("w.bin"), bytes_of(&[3.0, 4.0])).expect("a file");
    let marked = mark(&ModelFile::open(&path).expect("a model"), &["h"]).expect("a copy");
    let marked_file = ModelFile::open(&marked.path()).expect("a model");
    let copy = plain(&marked_file).expect("no error").expect("a copy");
    assert_eq!(copy.changes[0].change, ChangeKind::FunctionsInlined);
    let read = ModelFile::open(&copy.copy.path()).expect("a model");
    let outputs: Vec<_> = read
        .contents
        .outputs
        .iter()
        .map(ValueInfoProto::name)
        .collect();
    assert_eq!(outputs, ["y", "h"]);
    let source = InitializerSource::new(read).expect("tensors");
    let mut value = [0.0; 2];
    let tensor = source.open("w").expect("a tensor");
    tensor.fill(0, &mut value).expect("its elements");
    assert_eq!(value, [3.0, 4.0]);
}
