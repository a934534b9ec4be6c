//! `inspect` of files of other programs with parts that it cannot count: it names them.

use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::onnx::proto::attribute_proto::AttributeType;
use efficientnet_onnx::onnx::proto::tensor_proto::DataType;
use efficientnet_onnx::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    SparseTensorProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_shape_proto, type_proto,
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

/// The same value with elements of another type.
fn of_type(mut value: ValueInfoProto, element: DataType) -> ValueInfoProto {
    let found = value.r#type.as_mut().and_then(|found| found.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = found {
        tensor.elem_type = Some(element.into());
    }
    value
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

/// A model of opset 17.
fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..Default::default()
    }
}

/// `x` through these nodes to `y`.
fn through(nodes: Vec<NodeProto>) -> ModelProto {
    model(GraphProto {
        name: Some("g".to_owned()),
        node: nodes,
        input: vec![value("x", &[1, 4, 8, 6])],
        output: vec![value("y", &[1, 4, 8, 6])],
        ..Default::default()
    })
}

/// What `inspect` prints of a file that breaks a rule, as text and as JSON.
fn broken(model: &ModelProto) -> (String, Value, String) {
    let folder = folder();
    fs::write(folder.path().join("m.onnx"), model.encode_to_vec()).expect("room");
    let run = |flags: &[&str]| {
        let mut program = program();
        program
            .current_dir(folder.path())
            .args(["inspect", "m.onnx"]);
        Run::of(program.args(flags)).expect(1)
    };
    let (text, report) = (run(&[]), run(&["--json"]));
    assert_eq!(text.stderr, report.stderr);
    let mut report: Value = serde_json::from_str(&report.stdout).expect("JSON");
    (text.stdout, report["file"].take(), text.stderr)
}

#[test]
fn graphs_that_cannot_run_have_no_figures() {
    let loops = || {
        vec![
            node("Add", "n1", &["x", "b"], "a"),
            node("Relu", "n2", &["a"], "b"),
            node("Relu", "n3", &["b"], "y"),
        ]
    };
    let twice = || {
        vec![
            node("Relu", "", &["x"], "y"),
            node("Relu", "n2", &["x"], "y"),
        ]
    };
    for (nodes, code, reason) in [
        (
            loops(),
            "order",
            "in node `n1`: it uses `b`, which is made later or by itself",
        ),
        (
            vec![node("Add", "self", &["x", "y"], "y")],
            "order",
            "in node `self`: it uses `y`, which is made later or by itself",
        ),
        (
            vec![node("Relu", "", &["z"], "y")],
            "undefined",
            "in node `#0 (Relu)`: it uses `z`, which nothing makes",
        ),
        (
            twice(),
            "value-twice",
            "in node `n2`: value `y` is defined twice",
        ),
        (
            vec![node("Relu", "n", &["x"], "z")],
            "output",
            "nothing makes output `y`",
        ),
        (vec![], "output", "nothing makes output `y`"),
    ] {
        let (text, file, told) = broken(&through(nodes.clone()));
        let why = format!("not counted: the graph cannot run: {reason}");
        for line in [format!("MACs        {why}"), format!("activations {why}")] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
        assert!(
            told.starts_with(&format!("error[{code}]: {reason}\n")),
            "{told}"
        );
        assert!(told.contains("so figures of it may be wrong"), "{told}");
        assert_eq!(file["errors"][0]["code"], code);
        let survey = &file["survey"];
        assert_eq!(
            survey["not_counted"],
            format!("the graph cannot run: {reason}")
        );
        assert_eq!(survey["peak_activation_elements"], Value::Null);
        let named = survey["uncounted"].as_array().expect("names");
        assert_eq!(named.len(), nodes.len());
        assert!(named.iter().all(|name| name != ""), "{named:?}");
    }
}

#[test]
fn figures_of_broken_files_are_marked() {
    let mut written = through(vec![node("Relu", "n", &["x"], "y")]);
    let graph = written.graph.as_mut().expect("a graph");
    for (dims, shown) in [
        (
            [1_i64 << 40, 1 << 40],
            "parameters  at least 0; not counted: w",
        ),
        ([-4, -1], "parameters  at least 0; not counted: w"),
        ([8, 6], "parameters  48"),
    ] {
        graph.initializer = vec![TensorProto {
            dims: dims.to_vec(),
            ..tensor("w", &[1], DataType::Float, 4)
        }];
        let (text, file, told) = broken(&model(graph.clone()));
        assert!(text.lines().any(|line| line == shown), "{text}");
        assert!(text.contains("MACs        0 of one image\n"), "{text}");
        assert!(told.contains("initializer `w`"), "{told}");
        assert_eq!(file["errors"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn files_whose_costs_cannot_be_counted_tell_why() {
    let relu = || vec![node("Relu", "", &["x"], "y")];
    let mut headless = through(relu());
    headless.graph.as_mut().expect("a graph").output.clear();
    let (text, file, _) = broken(&headless);
    assert!(text.contains("outputs     none\n"), "{text}");
    assert!(
        text.contains("MACs        not counted: the graph cannot run: the graph has no output\n")
    );
    assert_eq!(file["survey"]["uncounted"], json!(["y"]));

    let tell = |model: &ModelProto| {
        let folder = folder();
        fs::write(folder.path().join("m.onnx"), model.encode_to_vec()).expect("room");
        let mut program = program();
        let found = Run::of(
            program
                .current_dir(folder.path())
                .args(["inspect", "m.onnx"]),
        );
        let shown = found.expect(0).stdout;
        assert!(!shown.contains(", by "), "{shown}");
        assert!(shown.lines().all(|line| line.trim_end() == line), "{shown}");
        let costs = |line: &&str| line.starts_with("MACs") || line.starts_with("activations");
        let costs: Vec<String> = shown.lines().filter(costs).map(str::to_owned).collect();
        for line in &costs {
            assert!(line.contains("not counted: "), "{line}");
        }
        costs[0].clone()
    };
    let mut huge = through(relu());
    let graph = huge.graph.as_mut().expect("a graph");
    graph.input = vec![value("x", &[1 << 40, 1 << 40])];
    graph.output = vec![value("y", &[1 << 40, 1 << 40])];
    assert!(tell(&huge).contains("`x`"), "{}", tell(&huge));

    let mut words = through(vec![node("Identity", "", &["x"], "y")]);
    let graph = words.graph.as_mut().expect("a graph");
    graph.input = vec![of_type(value("x", &[1, 4]), DataType::String)];
    graph.output = vec![of_type(value("y", &[1, 4]), DataType::String)];
    assert!(tell(&words).contains("string"), "{}", tell(&words));

    let call = |name: &str, from: &str, to: &str| NodeProto {
        domain: Some("p".to_owned()),
        ..node(name, "", &[from], to)
    };
    let mut recursive = through(vec![call("F", "x", "y")]);
    recursive.opset_import.push(OperatorSetIdProto {
        domain: Some("p".to_owned()),
        version: Some(1),
    });
    for (name, called) in [("F", "G"), ("G", "F")] {
        recursive.functions.push(FunctionProto {
            name: Some(name.to_owned()),
            domain: Some("p".to_owned()),
            input: vec!["a".to_owned()],
            output: vec!["b".to_owned()],
            node: vec![call(called, "a", "b")],
            opset_import: recursive.opset_import.clone(),
            ..Default::default()
        });
    }
    assert!(
        tell(&recursive).contains("function `"),
        "{}",
        tell(&recursive)
    );
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
    let mut float = node("Cast", "float", &["i"], "c");
    float.attribute.push(AttributeProto {
        name: Some("to".to_owned()),
        r#type: Some(AttributeType::Int.into()),
        i: Some(i64::from(i32::from(DataType::Float))),
        ..Default::default()
    });
    let graph = GraphProto {
        name: Some("g".to_owned()),
        node: vec![
            node("ConvInteger", "whole", &["x", "k"], "i"),
            float,
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
        input: vec![of_type(value("x", &[1, 4, 10, 10]), DataType::Uint8)],
        output: vec![value("y", &[1, 6, 8, 8])],
        ..Default::default()
    };
    let model = model(graph);
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
