//! What takes more than shapes to count, and sizes that do not fit.

use super::*;
use crate::onnx::proto::{FunctionProto, TensorShapeProto, tensor_shape_proto::Dimension};

#[test]
fn functions_are_looked_into_and_what_is_not_known_is_named() {
    let mut written = model(&["p.Head x -> y"], vec![]);
    written.functions.push(FunctionProto {
        name: Some("Head".to_owned()),
        domain: Some("p".to_owned()),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node: vec![
            node("Transpose a perm=0,1,3,2 -> t"),
            node("MatMul a t -> b"),
        ],
        ..Default::default()
    });
    assert_eq!(counted(&written, &[1, 1, 3, 5]).macs, 9 * 5);

    let weights = || vec![weight("w", &[1, 4, 1, 1])];
    let nodes = ["com.Magic x -> m", "Conv m w -> c", "Conv x w -> y"];
    let count = counted(&model(&nodes, weights()), &[1, 4, 2, 2]);
    assert_eq!(
        (count.macs, count.uncounted),
        (16, vec!["m".to_owned(), "c".to_owned()])
    );

    // What the file declares helps, names of dimensions included.
    let mut written = model(&nodes, weights());
    let named = |value| Dimension {
        value: Some(value),
        denotation: None,
    };
    let info = |name: &str, dims: Vec<dimension::Value>| ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: Some(1),
                shape: Some(TensorShapeProto {
                    dim: dims.into_iter().map(named).collect(),
                }),
            })),
            denotation: None,
        }),
        ..Default::default()
    };
    let (symbol, fixed) = (
        |name: &str| dimension::Value::DimParam(name.to_owned()),
        dimension::Value::DimValue,
    );
    let graph = written.graph.get_or_insert_default();
    graph.input = vec![info(
        "x",
        vec![symbol("n"), fixed(4), symbol("h"), fixed(2)],
    )];
    graph.value_info = vec![info(
        "m",
        vec![symbol("n"), fixed(4), symbol("h"), fixed(3)],
    )];
    let count = counted(&written, &[1, 4, 2, 2]);
    assert_eq!(
        (count.macs, count.uncounted),
        (4 * 6 + 16, vec!["m".to_owned()])
    );
    for heavy in [
        "Einsum x -> y",
        "Det x -> y",
        "LSTM x w w -> y",
        "If x -> y",
        "Unheard x -> y",
    ] {
        assert_eq!(
            counted(&model(&[heavy], weights()), &[1]).uncounted,
            ["y"],
            "{heavy}"
        );
    }
}

#[test]
fn sizes_that_do_not_fit_are_not_counted_and_nothing_overflows() {
    let nodes = ["MatMul x w -> y"];
    let count = counted(
        &model(&nodes, vec![weight("w", &[1, 1])]),
        &[u64::MAX, u64::MAX],
    );
    assert_eq!((count.macs, count.uncounted.len()), (0, 1));
    let huge = vec![list("to", &[i64::MAX, i64::MAX])];
    let count = counted(
        &model(&["Reshape x to -> r", "MatMul r r -> y"], huge),
        &[2, 2],
    );
    assert_eq!(count.uncounted, ["y"]);
    let far = vec![
        list("a", &[i64::MIN]),
        list("b", &[i64::MAX]),
        list("step", &[i64::MIN]),
    ];
    let count = counted(
        &model(&["Slice x a b a step -> r", "MatMul r r -> y"], far),
        &[2, 2],
    );
    assert_eq!(count.uncounted, ["y"]);
}
