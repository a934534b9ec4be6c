//! Parameters, activations, and what nodes hold: quantised weights, constants in nodes, functions and graphs of nodes.

use super::*;
use crate::onnx::proto::{FunctionProto, SparseTensorProto};

/// A constant of zeros of another type, whose elements take `bytes`.
fn typed(name: &str, dims: &[i64], data_type: DataType, bytes: i64) -> TensorProto {
    let count: i64 = dims.iter().product();
    TensorProto {
        data_type: Some(data_type.into()),
        raw_data: Some(vec![0; usize::try_from(count * bytes).expect("small")].into()),
        ..weight(name, dims)
    }
}

fn bytes(name: &str, dims: &[i64]) -> TensorProto {
    typed(name, dims, DataType::Int8, 1)
}

pub(super) fn parameters_of(model: &ModelProto) -> Parameters {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).expect("a file");
    parameters(&ModelFile::open(&path).expect("a model"))
}

/// A node with a graph as its attribute `name`.
fn running(text: &str, name: &str, graph: GraphProto) -> NodeProto {
    let mut node = node(text);
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Graph.into()),
        g: Some(Box::new(graph)),
        ..Default::default()
    });
    node
}

fn graph(nodes: &[&str], constants: Vec<TensorProto>, output: &str) -> GraphProto {
    GraphProto {
        node: nodes.iter().map(|text| node(text)).collect(),
        initializer: constants,
        output: vec![ValueInfoProto {
            name: Some(output.to_owned()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Node, constants, and how many of their elements are weights and biases.
#[test]
fn quantised_weights_are_parameters_and_scales_are_none() {
    let scale = || weight("s", &[]);
    let zero = |name: &str| bytes(name, &[]);
    let kernel = || bytes("w", &[6, 4, 3, 3]);
    let bias = || typed("b", &[6], DataType::Int32, 4);
    for (nodes, constants, wanted) in [
        (
            &["QLinearConv x s z w t y s z b -> y"][..],
            vec![
                scale(),
                zero("z"),
                kernel(),
                weight("t", &[6]),
                bytes("y", &[6]),
                bias(),
            ],
            216 + 6,
        ),
        (
            &[
                "DequantizeLinear w t y -> d",
                "DequantizeLinear b t -> e",
                "Conv x d e -> r",
            ],
            vec![kernel(), weight("t", &[6]), bytes("y", &[6]), bias()],
            216 + 6,
        ),
        (&["ConvInteger x w z -> y"], vec![kernel(), zero("z")], 216),
        (&["MatMulInteger x w -> y"], vec![bytes("w", &[12, 5])], 60),
        (
            &["QLinearMatMul x s z w s z s z -> y"],
            vec![scale(), zero("z"), bytes("w", &[12, 5])],
            60,
        ),
        // A statistic that is a weight elsewhere too is a weight.
        (
            &["BatchNormalization x g b m v -> y"],
            vec![
                weight("g", &[4]),
                weight("b", &[4]),
                weight("m", &[4]),
                weight("v", &[4]),
            ],
            8,
        ),
        (
            &["BatchNormalization x g b b v -> y"],
            vec![weight("g", &[4]), weight("b", &[4]), weight("v", &[4])],
            8,
        ),
        (
            &["Clip x low high -> c", "Add c w -> y"],
            vec![
                weight("low", &[]),
                weight("high", &[]),
                weight("w", &[4, 1, 1]),
                list("n", &[1, 2]),
            ],
            4,
        ),
    ] {
        let found = parameters_of(&model(nodes, constants));
        assert_eq!(found.count, wanted, "{nodes:?}");
        assert_eq!(found.uncounted, Vec::<String>::new(), "{nodes:?}");
    }
}

#[test]
fn parameters_in_nodes_functions_and_graphs_of_nodes_count() {
    let constant = |name: &str, dims: &[i64]| {
        let mut node = node(&format!("Constant -> {name}"));
        node.attribute.push(AttributeProto {
            name: Some("value".to_owned()),
            r#type: Some(AttributeType::Tensor.into()),
            t: Some(Box::new(weight("", dims))),
            ..Default::default()
        });
        node
    };
    let mut written = model(&["Conv x w -> c", "Mul c half -> y"], vec![]);
    let nodes = &mut written.graph.as_mut().expect("a graph").node;
    nodes.insert(0, constant("w", &[6, 4, 3, 3]));
    // A number of a formula.
    nodes.insert(1, constant("half", &[1]));
    assert_eq!(parameters_of(&written).count, 216);

    let mut written = model(&["p.Block x -> h", "p.Block h -> y"], vec![]);
    written.functions.push(FunctionProto {
        name: Some("Block".to_owned()),
        domain: Some("p".to_owned()),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node: vec![constant("w", &[4, 4, 1, 1]), node("Conv a w -> b")],
        ..Default::default()
    });
    // Once a call.
    assert_eq!(parameters_of(&written).count, 2 * 16);

    let mut written = model(&[], vec![weight("outer", &[5])]);
    let branch = |name: &str| graph(&["Conv x w -> r"], vec![weight("w", &[6, 4, 3, 3])], name);
    let mut choice = running("If c -> y", "then_branch", branch("r"));
    choice
        .attribute
        .extend(running("If c -> y", "else_branch", branch("r")).attribute);
    written.graph.as_mut().expect("a graph").node.push(choice);
    assert_eq!(parameters_of(&written).count, 5 + 2 * 216);

    let mut written = model(&["MatMul x w -> y"], vec![]);
    let sparse = SparseTensorProto {
        values: Some(weight("w", &[3])),
        indices: Some(list("", &[0, 5, 7])),
        dims: vec![12, 12],
    };
    written.graph.as_mut().expect("a graph").sparse_initializer = vec![sparse];
    let found = parameters_of(&written);
    assert_eq!((found.count, found.uncounted), (0, vec!["w".to_owned()]));
}

/// The values that are held while a node runs, by hand, for an input of 2 · 4 · 9 · 12 = 864 elements.
#[test]
fn activations_are_what_depends_on_an_input() {
    for (nodes, constants, wanted) in [
        (&["Relu x -> y"][..], vec![], 2 * 864),
        // A shape that another program spells with nodes is new.
        (
            &["Relu x -> a", "Flatten a -> b", "Relu b -> y"],
            vec![],
            2 * 864,
        ),
        // The shortcut is held.
        (
            &["Relu x -> a", "Relu a -> b", "Add b x -> y"],
            vec![],
            3 * 864,
        ),
        // A result that no node uses is held with its operands only.
        (
            &["Split x axis=1 -> a b c d", "Relu a -> y"],
            vec![],
            2 * 864,
        ),
        // What constants give is none, whatever nodes it passes.
        (
            &[
                "Identity w -> i",
                "DequantizeLinear i s -> d",
                "Conv x d -> y",
            ],
            vec![bytes("w", &[1, 4, 1, 1]), weight("s", &[])],
            864 + 2 * 9 * 12,
        ),
        // Kept to the end, for the file's users may have it.
        (
            &["Relu x -> y", "Relu y -> a", "Relu a -> b"],
            vec![],
            3 * 864,
        ),
    ] {
        let mut written = model(nodes, constants);
        written.graph.as_mut().expect("a graph").output = vec![ValueInfoProto {
            name: Some("y".to_owned()),
            ..Default::default()
        }];
        let count = counted(&written, &[2, 4, 9, 12]);
        assert_eq!(count.peak_activations, Some(wanted), "{nodes:?}");
        assert_eq!(count.unsized_nodes, Vec::<String>::new(), "{nodes:?}");
    }
}

/// What a node's own graphs do is not followed: it is named, and so is what uses values of unknown size.
#[test]
fn nodes_that_run_graphs_are_named() {
    let body = || graph(&["Conv x w -> r"], vec![weight("w", &[6, 4, 3, 3])], "r");
    for (text, attribute) in [
        ("If c -> y", "then_branch"),
        ("Loop n c x -> y", "body"),
        ("Scan x -> y", "body"),
        ("SequenceMap x -> y", "body"),
    ] {
        let mut written = model(&["Relu x -> z"], vec![list("n", &[3])]);
        let nodes = &mut written.graph.as_mut().expect("a graph").node;
        nodes.push(running(text, attribute, body()));
        let count = counted(&written, &[1, 4, 9, 12]);
        assert_eq!(count.uncounted, ["y"], "{text}");
        assert_eq!(count.peak_activations, None, "{text}");
        assert_eq!(count.unsized_nodes, ["y"], "{text}");
    }
    let nodes = [
        "Relu x -> a",
        "com.Magic a -> m",
        "Relu m -> n",
        "Relu n -> y",
    ];
    let count = counted(&model(&nodes, vec![]), &[3]);
    assert_eq!(count.unsized_nodes, ["m", "n", "y"]);
    assert_eq!(count.uncounted, ["m"]);
}

#[test]
fn equations_are_counted_by_their_labels() {
    let einsum = |equation: &str, operands: &str, constants| {
        let text = format!("Einsum {operands} equation={equation} -> y");
        counted(&model(&[&text], constants), &[2, 4, 9, 12])
    };
    let matrix = || vec![weight("w", &[4, 7])];
    let mixed = einsum("bchw,co->bohw", "x w", matrix());
    assert_eq!(mixed.macs, 2 * 4 * 9 * 12 * 7);
    assert_eq!(mixed.peak_activations, Some(864 + 2 * 7 * 108));
    // Of itself, and one that leaves the result out: its labels are `bdhw`.
    let own = einsum("bchw,bdhw->bcd", "x x", vec![]);
    assert_eq!(
        (own.macs, own.peak_activations),
        (2 * 4 * 4 * 108, Some(864 + 32))
    );
    let implied = einsum("bchw,cd", "x w", matrix());
    assert_eq!(implied.peak_activations, Some(864 + 2 * 7 * 108));
    // Only turned.
    let turned = einsum("bchw->bhwc", "x", vec![]);
    assert_eq!((turned.macs, turned.uncounted.len()), (0, 0));
    for (equation, operands) in [
        ("...c,co->...o", "x w"),
        ("bchw,co,oc->bh", "x w w"),
        ("bchw,ho->bo", "x w"),
        ("bch,co->bo", "x w"),
        ("bchw->bh", "x w"),
    ] {
        assert_eq!(
            einsum(equation, operands, matrix()).uncounted,
            ["y"],
            "{equation}"
        );
    }
}

/// Pads that another program computes with nodes: reversed pairs, as PyTorch's exporter writes them.
#[test]
fn pads_are_followed_through_matrices_and_bounds() {
    let nodes = [
        // From the last dimension on: one before and two behind, then three before and none behind.
        "Concat whole zeros axis=0 -> c",
        "Reshape c pairs -> m",
        "Slice m last first axes back -> r",
        "Transpose r perm=1,0 -> t",
        "Reshape t flat -> p",
        "Clip p none -> q",
        "Pad x q -> padded",
        "Conv padded w -> y",
    ];
    let constants = vec![
        list("whole", &[1, 2, 3, 0]),
        list("zeros", &[0, 0, -7, 0]),
        list("pairs", &[-1, 2]),
        list("last", &[-1]),
        list("first", &[i64::MIN]),
        list("axes", &[0]),
        list("back", &[-1]),
        list("flat", &[-1]),
        list("none", &[0]),
        weight("w", &[1, 4, 1, 1]),
    ];
    assert_eq!(macs(&nodes, constants), 2 * 4 * (9 + 3) * (12 + 3));
}
