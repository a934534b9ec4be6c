//! What becomes of the rows of a batch in small graphs, as following the values tells: no file is run.

use efficientnet_onnx::internals::{Traced, channels_last, trace};
use efficientnet_onnx::onnx::file::{Contents, ModelFile};
use efficientnet_onnx::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};
use efficientnet_onnx::verify::facts::{Declared, DeclaredExtent, FileFacts};

use prost::Message;
use tensor_shape_proto::dimension::Value;

fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        name: Some(format!("the_{}", outputs[0])),
        op_type: Some(op_type.to_owned()),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: outputs.iter().map(|&name| name.to_owned()).collect(),
        ..NodeProto::default()
    }
}

fn with_int(mut node: NodeProto, name: &str, value: i64) -> NodeProto {
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        ..AttributeProto::default()
    });
    node
}

fn with_ints(mut node: NodeProto, name: &str, values: &[i64]) -> NodeProto {
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        ..AttributeProto::default()
    });
    node
}

fn value(name: &str, first: Option<&str>) -> ValueInfoProto {
    let first = first.map(|name| tensor_shape_proto::Dimension {
        denotation: None,
        value: Some(Value::DimParam(name.to_owned())),
    });
    let tensor = type_proto::Tensor {
        elem_type: Some(1),
        shape: Some(TensorShapeProto {
            dim: first.into_iter().collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            denotation: None,
            value: Some(type_proto::Value::TensorType(tensor)),
        }),
        ..ValueInfoProto::default()
    }
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![i64::try_from(values.len()).expect("few")],
        data_type: Some(7),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// Follows `x`, whose first dimension is the batch, and the scalar `s` to the output `y`.
fn traced(nodes: Vec<NodeProto>) -> Traced {
    traced_of(nodes, Some("batch"))
}

fn traced_of(nodes: Vec<NodeProto>, first_of_output: Option<&str>) -> Traced {
    let model = ModelProto {
        graph: Some(GraphProto {
            node: nodes,
            input: vec![value("x", Some("batch")), value("s", None)],
            output: vec![value("y", first_of_output)],
            initializer: vec![
                integers("one_row", &[1, 8]),
                integers("any_row", &[-1, 8]),
                integers("axis0", &[0]),
                integers("axis1", &[1]),
            ],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.onnx");
    std::fs::write(&path, model.encode_to_vec()).expect("a file");
    let file = ModelFile::open(&path).expect("a model");
    let input = |name: &str, shape| Declared {
        name: name.to_owned(),
        element_type: "f32".to_owned(),
        shape: Some(shape),
    };
    let facts = FileFacts {
        inputs: vec![
            input("x", vec![DeclaredExtent::Named("batch".to_owned())]),
            input("s", vec![]),
        ],
        ..FileFacts::default()
    };
    trace(&file, &facts)
}

fn mixed(nodes: Vec<NodeProto>) -> Option<String> {
    let lineage = traced(nodes).lineage;
    lineage.mixed.get("y").map(ToString::to_string)
}

#[test]
fn what_mixes_rows_is_named_if_it_is_given_rows() {
    let bn = |outputs: &[&str]| node("BatchNormalization", &["x", "s", "s", "s", "s"], outputs);
    let reduce = |inputs: &[&str]| node("ReduceMax", inputs, &["y"]);
    for (node, mixes) in [
        (
            node("DynamicQuantizeLinear", &["x"], &["y", "scale", "zero"]),
            true,
        ),
        (
            node("DynamicQuantizeLinear", &["s"], &["y", "scale", "zero"]),
            false,
        ),
        (bn(&["y"]), false),
        (bn(&["y", "mean", "variance"]), true),
        (with_int(bn(&["y"]), "training_mode", 1), true),
        (
            with_int(bn(&["y", "mean", "variance"]), "training_mode", 0),
            false,
        ),
        (with_int(bn(&["y"]), "is_test", 1), false),
        (node("MeanVarianceNormalization", &["x"], &["y"]), true),
        (
            with_ints(
                node("MeanVarianceNormalization", &["x"], &["y"]),
                "axes",
                &[2, 3],
            ),
            false,
        ),
        (reduce(&["x"]), true),
        (with_int(reduce(&["x"]), "noop_with_empty_axes", 1), false),
        (reduce(&["x", "axis0"]), true),
        (reduce(&["x", "axis1"]), false),
        (reduce(&["x", "computed"]), false),
        (with_ints(reduce(&["x"]), "axes", &[0, 1]), true),
        (with_ints(reduce(&["x"]), "axes", &[1]), false),
        (node("Relu", &["x"], &["y"]), false),
    ] {
        let found = mixed(vec![node.clone()]);
        assert_eq!(found.is_some(), mixes, "{node:?}");
        assert!(found.is_none_or(|found| found.starts_with("node `the_y` (`")));
    }
    // Downstream too, and through the graph of an attribute; what is known of a shape alone mixes nothing.
    let quantise = node("DynamicQuantizeLinear", &["x"], &["q", "scale", "zero"]);
    let then = |op_type: &str| vec![quantise.clone(), node(op_type, &["q"], &["y"])];
    assert!(mixed(then("Relu")).is_some_and(|found| found.starts_with("node `the_q`")));
    assert_eq!(mixed(then("Shape")), None);
    let mut branch = node("If", &["s"], &["y"]);
    branch.attribute.push(AttributeProto {
        name: Some("then_branch".to_owned()),
        g: Some(Box::new(GraphProto {
            node: vec![quantise],
            output: vec![value("q", None)],
            ..GraphProto::default()
        })),
        ..AttributeProto::default()
    });
    assert!(mixed(vec![branch]).is_some());
}

#[test]
fn random_numbers_are_followed_whatever_the_rows() {
    let random = |nodes| traced(nodes).random.contains_key("y");
    let constant =
        |name: &str, value: i64| with_int(node("Constant", &[], &[name]), "value_int", value);
    let flags = || vec![constant("yes", 1), constant("no", 0)];
    let dropout = |inputs: &[&str]| {
        let mut nodes = flags();
        nodes.push(node("Dropout", inputs, &["y"]));
        nodes
    };
    assert!(random(vec![node("RandomNormalLike", &["s"], &["y"])]));
    assert!(random(vec![
        node("RandomUniform", &[], &["r"]),
        node("Add", &["x", "r"], &["y"])
    ]));
    assert!(random(dropout(&["x", "yes", "yes"])));
    assert!(!random(dropout(&["x", "yes", "no"])));
    assert!(!random(dropout(&["x", "no", "yes"])));
    assert!(!random(dropout(&["x"])));
    // Whoever gives the flag decides.
    assert!(!random(dropout(&["x", "yes", "s"])));
    assert!(random(vec![with_int(
        node("Dropout", &["x"], &["y"]),
        "is_test",
        0
    )]));
}

#[test]
fn outputs_without_rows_and_nodes_that_fix_the_batch_are_told() {
    let without = |nodes, first| traced_of(nodes, first).lineage.without_rows.contains("y");
    assert!(without(vec![node("Exp", &["s"], &["y"])], Some("batch")));
    assert!(!without(vec![node("Exp", &["x"], &["y"])], None));
    // As many rows as are found, unless they are declared as those of the batch.
    let found = || {
        vec![
            node("NonZero", &["x"], &["n"]),
            node("Transpose", &["n"], &["y"]),
        ]
    };
    assert!(without(found(), Some("found")));
    assert!(!without(found(), Some("batch")));
    let fixes = |inputs: &[&str]| {
        traced(vec![node("Reshape", inputs, &["y"])])
            .lineage
            .fixes_batch
    };
    let [site] = fixes(&["x", "one_row"]).try_into().expect("one");
    assert_eq!(
        site.to_string(),
        "node `the_y` (`Reshape`) fixes the batch to 1"
    );
    assert_eq!(fixes(&["x", "any_row"]), []);
    assert_eq!(fixes(&["s", "one_row"]), []);
}

#[test]
fn the_layout_is_told_by_a_transposition_or_a_convolution() {
    let transpose =
        |from: &str, perm: &[i64]| with_ints(node("Transpose", &[from], &["t"]), "perm", perm);
    let cast = || node("Cast", &["x"], &["c"]);
    for (nodes, expected) in [
        (vec![transpose("x", &[0, 3, 1, 2])], Some(true)),
        (vec![cast(), transpose("c", &[0, 3, 1, 2])], Some(true)),
        (vec![transpose("x", &[0, 2, 3, 1])], Some(false)),
        (vec![cast(), node("Conv", &["c", "w"], &["t"])], Some(false)),
        (
            vec![node("Relu", &["x"], &["c"]), transpose("c", &[0, 3, 1, 2])],
            None,
        ),
        (vec![transpose("x", &[1, 0])], None),
    ] {
        let contents = Contents {
            inputs: vec![value("x", Some("batch"))],
            nodes,
            ..Default::default()
        };
        let found = channels_last(&contents);
        assert_eq!(found.get("x").copied(), expected, "{:?}", contents.nodes);
    }
}
