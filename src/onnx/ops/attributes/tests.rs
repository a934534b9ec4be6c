//! Attributes of operators, by tables.

use super::*;
use crate::tensor::Element;

fn node(op_type: &str, operands: usize, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        input: (0..operands).map(|index| format!("x{index}")).collect(),
        output: vec!["y".to_owned()],
        attribute,
        ..Default::default()
    }
}

fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        s: Some(value.into()),
        ..attribute(name, AttributeType::String)
    }
}

fn conv() -> Operator {
    Operator::Conv {
        kernel_shape: [5, 3],
        strides: [2, 1],
        pads: ConvPads::Explicit([1, 2, 3, 4]),
        group: 32,
    }
}

#[test]
fn what_is_written_is_read_back() {
    let Operator::Conv {
        kernel_shape,
        strides,
        group,
        ..
    } = conv()
    else {
        unreachable!("it is a convolution");
    };
    let operators = [
        conv(),
        Operator::Conv {
            kernel_shape,
            strides,
            pads: ConvPads::SameUpper,
            group,
        },
        Operator::MaxPool {
            kernel_shape: [5, 3],
            strides: [2, 1],
            pads: [4, 2, 3, 1],
        },
        Operator::BatchNormalization { epsilon: 1e-3 },
        Operator::Sigmoid,
        Operator::Mul,
        Operator::Add,
        Operator::Sub,
        Operator::Cast { to: Element::F32 },
        Operator::Clip,
        Operator::ReduceMean {
            axes: Axes::Attribute(vec![2, 3]),
            keep_dims: true,
        },
        Operator::ReduceMean {
            axes: Axes::Attribute(vec![]),
            keep_dims: false,
        },
        Operator::ReduceMean {
            axes: Axes::Operand,
            keep_dims: false,
        },
        Operator::Swish,
        Operator::GlobalAveragePool,
        Operator::Flatten { axis: 2 },
        Operator::Gemm { trans_b: true },
        Operator::Gemm { trans_b: false },
        Operator::Softmax { axis: 1 },
        Operator::Tanh,
        Operator::Erf,
        Operator::Sqrt,
        Operator::Elu { alpha: 0.5 },
        Operator::LeakyRelu { alpha: 0.2 },
        Operator::Div,
        Operator::Pow,
        Operator::Max,
        Operator::Concat { axis: -1 },
        Operator::GlobalMaxPool,
        Operator::ReduceL2 {
            axes: Axes::Attribute(vec![1]),
            keep_dims: true,
        },
    ];
    for operator in operators {
        let attributes = operator.attributes();
        let names: Vec<_> = attributes
            .iter()
            .map(|attribute| attribute.name().to_owned())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        let node = node(
            operator.op_type(),
            (*operator.operand_count().end()).min(5),
            attributes,
        );
        assert_eq!(Operator::from_node(&node), Ok(operator));
    }
}

#[test]
fn onnx_defaults_are_honoured() {
    let cases = [
        (
            "BatchNormalization",
            5,
            vec![],
            Operator::BatchNormalization { epsilon: 1e-5 },
        ),
        (
            "ReduceMean",
            1,
            vec![],
            Operator::ReduceMean {
                axes: Axes::Attribute(vec![]),
                keep_dims: true,
            },
        ),
        (
            "Gemm",
            2,
            vec![float("alpha", 1.0)],
            Operator::Gemm { trans_b: false },
        ),
        ("Swish", 1, vec![float("alpha", 1.0)], Operator::Swish),
        (
            "ReduceMean",
            2,
            vec![int("noop_with_empty_axes", 0)],
            Operator::ReduceMean {
                axes: Axes::Operand,
                keep_dims: true,
            },
        ),
        ("Softmax", 1, vec![], Operator::Softmax { axis: -1 }),
        ("Elu", 1, vec![], Operator::Elu { alpha: 1.0 }),
        ("LeakyRelu", 1, vec![], Operator::LeakyRelu { alpha: 0.01 }),
        ("Flatten", 1, vec![], Operator::Flatten { axis: 1 }),
        (
            "Conv",
            2,
            vec![
                ints("kernel_shape", vec![3, 3]),
                ints("dilations", vec![1, 1]),
                string("auto_pad", "NOTSET"),
            ],
            Operator::Conv {
                kernel_shape: [3, 3],
                strides: [1, 1],
                pads: ConvPads::Explicit([0; 4]),
                group: 1,
            },
        ),
    ];
    for (op_type, operands, attributes, operator) in cases {
        assert_eq!(
            Operator::from_node(&node(op_type, operands, attributes)),
            Ok(operator),
            "{op_type}"
        );
    }
}

#[test]
fn what_onnx_forbids_is_illegal() {
    let kernel = || ints("kernel_shape", vec![3, 3]);
    let untyped = AttributeProto {
        r#type: None,
        ..float("epsilon", 1.0)
    };
    let referring = AttributeProto {
        ref_attr_name: Some("e".to_owned()),
        ..float("epsilon", 1.0)
    };
    let cases = [
        (
            "ReduceMean",
            2,
            vec![ints("axes", vec![2, 3])],
            "`axes`: the operator has no such attribute",
        ),
        (
            "Sigmoid",
            1,
            vec![float("alpha", 1.0)],
            "`alpha`: the operator has no such attribute",
        ),
        (
            "Conv",
            2,
            vec![kernel(), kernel()],
            "`kernel_shape`: given twice",
        ),
        (
            "Conv",
            2,
            vec![kernel(), ints("pads", vec![1, 1])],
            "`pads`: expected 4 values, found 2",
        ),
        (
            "Conv",
            2,
            vec![kernel(), ints("pads", vec![1, 1, -1, 1])],
            "found -1",
        ),
        (
            "Conv",
            2,
            vec![kernel(), ints("strides", vec![0, 1])],
            "found 0",
        ),
        (
            "Conv",
            2,
            vec![kernel(), ints("strides", vec![1 << 40, 1])],
            "found 1099511627776",
        ),
        (
            "Conv",
            2,
            vec![kernel(), int("group", 0)],
            "`group`: expected 1 to",
        ),
        (
            "Conv",
            2,
            vec![kernel(), string("auto_pad", "SOME")],
            "found `SOME`",
        ),
        (
            "Conv",
            1,
            vec![kernel()],
            "expected 2 to 3 operands, found 1",
        ),
        (
            "Conv",
            4,
            vec![kernel()],
            "expected 2 to 3 operands, found 4",
        ),
        (
            "BatchNormalization",
            5,
            vec![int("epsilon", 1)],
            "expected type `FLOAT`, found `INT`",
        ),
        (
            "BatchNormalization",
            5,
            vec![untyped],
            "expected type `FLOAT`, found no type",
        ),
        (
            "BatchNormalization",
            5,
            vec![referring],
            "outside a function",
        ),
        (
            "BatchNormalization",
            4,
            vec![],
            "expected 5 operands, found 4",
        ),
        (
            "Cast",
            1,
            vec![],
            "`to`: expected an element type, found none",
        ),
        (
            "Cast",
            1,
            vec![int("to", 99)],
            "`to`: element type 99 does not exist",
        ),
        (
            "ReduceMean",
            1,
            vec![int("keepdims", 2)],
            "`keepdims`: expected 0 or 1, found 2",
        ),
    ];
    for (op_type, operands, attributes, expected) in cases {
        let error = Operator::from_node(&node(op_type, operands, attributes)).expect_err(expected);
        assert!(error.is_illegal(), "{error}");
        assert!(
            error.to_string().contains(expected),
            "{error} has no {expected}"
        );
    }
}

#[test]
fn what_onnx_allows_beyond_this_project_is_not_illegal() {
    let kernel = || ints("kernel_shape", vec![3, 3]);
    let cases = [
        ("Sin", 1, vec![]),
        ("Reshape", 2, vec![int("allowzero", 1)]),
        ("Transpose", 1, vec![]),
        ("Conv", 2, vec![]),
        ("Conv", 2, vec![ints("kernel_shape", vec![3])]),
        ("Conv", 2, vec![kernel(), ints("dilations", vec![2, 2])]),
        ("Conv", 2, vec![kernel(), string("auto_pad", "SAME_LOWER")]),
        (
            "Conv",
            2,
            vec![
                kernel(),
                string("auto_pad", "SAME_UPPER"),
                ints("pads", vec![0; 4]),
            ],
        ),
        (
            "MaxPool",
            1,
            vec![kernel(), string("auto_pad", "SAME_UPPER")],
        ),
        ("MaxPool", 1, vec![]),
        ("MaxPool", 1, vec![kernel(), int("ceil_mode", 1)]),
        ("MaxPool", 1, vec![kernel(), ints("dilations", vec![2, 2])]),
        ("BatchNormalization", 5, vec![int("training_mode", 1)]),
        ("Gemm", 3, vec![float("beta", 0.5)]),
        ("Gemm", 3, vec![int("transA", 1)]),
    ];
    for (op_type, operands, attributes) in cases {
        let error = Operator::from_node(&node(op_type, operands, attributes)).expect_err(op_type);
        assert!(!error.is_illegal(), "{error}");
    }
    let foreign = NodeProto {
        domain: Some("com.example".to_owned()),
        ..node("Mul", 2, vec![])
    };
    assert!(matches!(
        Operator::from_node(&foreign),
        Err(OpError::Unknown { .. })
    ));
    let named = NodeProto {
        domain: Some("ai.onnx".to_owned()),
        ..node("Mul", 2, vec![])
    };
    assert_eq!(Operator::from_node(&named), Ok(Operator::Mul));
}

#[test]
fn names_that_must_be_there_are() {
    let mut without_weight = node("Conv", 3, conv().attributes());
    without_weight.input[1].clear();
    assert!(Operator::from_node(&without_weight).is_err());
    let mut without_bias = node("Conv", 3, conv().attributes());
    without_bias.input[2].clear();
    assert_eq!(Operator::from_node(&without_bias), Ok(conv()));
    for outputs in [
        vec![],
        vec![String::new()],
        vec!["y".to_owned(), "z".to_owned()],
    ] {
        let node = NodeProto {
            output: outputs,
            ..node("Mul", 2, vec![])
        };
        assert!(
            Operator::from_node(&node)
                .expect_err("results")
                .is_illegal()
        );
    }
}

#[test]
fn a_max_pool_may_have_indices_and_its_pads_are_smaller_than_its_window() {
    let kernel = ints("kernel_shape", vec![3, 2]);
    let mut with_indices = node("MaxPool", 1, vec![kernel.clone()]);
    with_indices.output.push("indices".to_owned());
    let error = Operator::from_node(&with_indices).expect_err("a second result");
    assert!(!error.is_illegal(), "{error}");
    let pads = ints("pads", vec![2, 1, 2, 2]);
    let wide = node("MaxPool", 1, vec![kernel, pads]);
    let error = Operator::from_node(&wide).expect_err("a pad as wide as the window");
    assert!(error.is_illegal(), "{error}");
    assert!(
        error.to_string().contains("expected 0 to 1, found 2"),
        "{error}"
    );
}
