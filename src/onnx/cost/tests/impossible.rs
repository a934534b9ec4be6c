//! Nodes that cannot run: they are named, and what they would give is not known.

use super::*;
use crate::onnx::proto::{FunctionProto, SparseTensorProto};

/// Asserts that node `r` of these is named as not counted and of no known size, and that nothing else is.
fn is_named(nodes: &[&str], constants: Vec<TensorProto>) {
    let count = counted(&model(nodes, constants), &[2, 4, 9, 12]);
    assert_eq!(count.peak_activations, None, "{nodes:?}");
    assert_eq!(count.unsized_nodes.first().map(String::as_str), Some("r"));
}

#[test]
fn values_that_nothing_makes_in_time_are_not_followed() {
    for nodes in [
        // Two that feed each other, one that feeds itself, one that is made later, one that nothing makes.
        &["Add x b -> r", "Relu r -> b"][..],
        &["Add x r -> r"],
        &["Relu later -> r", "Relu x -> later"],
        &["Add x nowhere -> r"],
        &["Relu nowhere -> r"],
    ] {
        is_named(nodes, vec![]);
        let count = counted(&model(nodes, vec![]), &[2, 4, 9, 12]);
        assert_eq!(count.uncounted, ["r"], "{nodes:?}");
    }
    // The same in a function, which `check` does not look into.
    let mut calls = model(&["p.Loop x -> y"], vec![]);
    calls.functions.push(FunctionProto {
        name: Some("Loop".to_owned()),
        domain: Some("p".to_owned()),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node: vec![node("Add a c -> b"), node("Relu b -> c")],
        ..Default::default()
    });
    let count = counted(&calls, &[2]);
    assert_eq!((count.uncounted.len(), count.peak_activations), (1, None));
    // A sparse constant is there, though nothing is known of it.
    let mut sparse = model(&["Relu x -> y", "MatMul y s -> z"], vec![]);
    let values = TensorProto {
        name: Some("s".to_owned()),
        ..weight("s", &[1])
    };
    let graph = sparse.graph.get_or_insert_default();
    graph.sparse_initializer = vec![SparseTensorProto {
        values: Some(values),
        ..Default::default()
    }];
    assert_eq!(counted(&sparse, &[2, 2]).uncounted, ["z"]);
}

#[test]
fn operands_that_do_not_fit_are_not_counted() {
    for (call, dims) in [
        ("Conv x w group=0 -> r", &[6, 4, 3, 3][..]),
        ("Conv x w group=-1 -> r", &[6, 4, 3, 3]),
        ("Conv x w group=2 -> r", &[6, 4, 3, 3]),
        ("Conv x w group=4 -> r", &[6, 1, 3, 3]),
        ("Conv x w -> r", &[6, 3, 3, 3]),
        ("Conv x w kernel_shape=1,1 -> r", &[6, 4, 3, 3]),
        ("Conv x w kernel_shape=3,3 -> r", &[6, 4, 3]),
        ("ConvInteger x w group=0 -> r", &[6, 4, 3, 3]),
        ("QLinearConv x s s w group=0 -> r", &[6, 4, 3, 3]),
        ("ConvTranspose x w group=0 -> r", &[4, 6, 3, 3]),
        ("ConvTranspose x w group=3 -> r", &[4, 6, 3, 3]),
        ("ConvTranspose x w -> r", &[3, 6, 3, 3]),
        ("MatMul x w -> r", &[9, 12]),
        ("MatMul w x -> r", &[9, 12]),
        ("QLinearMatMul x s s w -> r", &[9, 12]),
        ("Gemm x w -> r", &[12, 3]),
        ("Einsum x x equation=abcd,abcd->aaaaaaaaa -> r", &[]),
        ("Einsum x x equation=abcd,abcd->abe -> r", &[]),
        ("Einsum x equation=abcd->aab -> r", &[]),
        ("Einsum x x equation=abcd,abcd->z -> r", &[]),
    ] {
        let constants = || vec![weight("w", dims), weight("s", &[])];
        is_named(&[call], constants());
        let count = counted(&model(&[call], constants()), &[2, 4, 9, 12]);
        assert_eq!(
            (count.macs, count.uncounted),
            (0, vec!["r".to_owned()]),
            "{call}"
        );
    }
    let inner = ["Flatten x -> f", "Gemm f w transB=1 -> r"];
    let count = counted(&model(&inner, vec![weight("w", &[5, 431])]), &[2, 4, 9, 12]);
    assert_eq!(count.uncounted, ["r"]);
}

#[test]
fn moves_that_do_not_fit_give_no_known_shape() {
    for call in [
        "Reshape x to -> r",
        "Transpose x perm=0,0,1,2 -> r",
        "Transpose x perm=0,1,2 -> r",
        "Concat x w axis=1 -> r",
        "Concat x to axis=0 -> r",
        "Squeeze x axes=1 -> r",
        "Unsqueeze x axes=0,0 -> r",
        "Split x axis=3 split=5,8 -> r b",
        "Split x axis=3 split=5,7 -> r",
        "Tile x to -> r",
        "DepthToSpace x blocksize=3 -> r",
        "SpaceToDepth x blocksize=2 -> r",
        "Resize x _ _ to -> r",
    ] {
        let constants = vec![list("to", &[-1, -1, 0]), weight("w", &[2, 1, 9, 11])];
        is_named(&[call], constants);
    }
    for to in [[-1, 0, -1], [-2, 4, 108], [7, -1, 1]] {
        is_named(&["Reshape x to -> r"], vec![list("to", &to)]);
    }
}

#[test]
fn parameters_of_impossible_shapes_are_named() {
    let claims = |dims: &[i64]| TensorProto {
        raw_data: Some(vec![0; 4].into()),
        dims: dims.to_vec(),
        ..weight("w", &[])
    };
    for dims in [&[1 << 40, 1 << 40][..], &[-4, -1], &[i64::MAX, 3], &[2, -1]] {
        let mut held = node("Constant -> c");
        held.attribute.push(AttributeProto {
            name: Some("value".to_owned()),
            r#type: Some(AttributeType::Tensor.into()),
            t: Some(Box::new(claims(dims))),
            ..Default::default()
        });
        let mut written = model(&["Add x w -> y"], vec![claims(dims), weight("b", &[5])]);
        written.graph.get_or_insert_default().node.push(held);
        let found = super::inside::parameters_of(&written);
        assert_eq!(
            (found.count, found.uncounted),
            (5, vec!["w".to_owned(), "c".to_owned()])
        );
    }
    // Two that fit one by one, but not together; and one without a name.
    let mut last = claims(&[-1]);
    last.name = None;
    let half = || claims(&[1 << 31, 1 << 32]);
    let found = super::inside::parameters_of(&model(&[], vec![half(), half(), last]));
    assert_eq!(found.count, 1 << 63);
    assert_eq!(found.uncounted, ["w", "a constant without a name"]);
}

#[test]
fn nodes_without_names_are_named_by_result_or_operator() {
    let mut bare = model(&["Magic x -> _"], vec![]);
    bare.graph.get_or_insert_default().node[0].output.clear();
    assert_eq!(
        counted(&bare, &[1]).uncounted,
        ["a node Magic without a name"]
    );
    bare.graph.get_or_insert_default().node[0].output = vec![String::new(), "second".to_owned()];
    assert_eq!(counted(&bare, &[1]).uncounted, ["second"]);
}
