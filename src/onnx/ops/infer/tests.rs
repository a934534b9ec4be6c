//! Shape rules, by tables.

mod heads;

use super::*;
use crate::tensor::Element;

/// Parses `batch 3 ? 224`: a number, a name, or `?`; floats, unless `i64` comes first.
pub(super) fn tensor(shape: &str) -> TensorType {
    if let Some(shape) = shape.strip_prefix("i64 ") {
        return TensorType {
            element: Element::I64,
            ..tensor(shape)
        };
    }
    let dim = |word: &str| match word.parse() {
        Ok(extent) => Dim::Fixed(extent),
        Err(_) if word == "?" => Dim::Unset,
        Err(_) => Dim::symbol(word, 1),
    };
    TensorType {
        element: Element::F32,
        shape: shape.split_whitespace().map(dim).collect(),
    }
}

fn infer(operator: &Operator, shapes: &[&str]) -> Result<TensorType, OpError> {
    operator.infer(
        &shapes.iter().map(|shape| tensor(shape)).collect::<Vec<_>>(),
        &[],
    )
}

fn conv(kernel: u64, stride: u64, [before, after]: [u64; 2], group: u64) -> Operator {
    let pads = [before, before, after, after];
    Operator::Conv {
        kernel_shape: [kernel; 2],
        strides: [stride; 2],
        pads: ConvPads::Explicit(pads),
        group,
    }
}

fn max_pool(kernel: u64, stride: u64, [before, after]: [u64; 2]) -> Operator {
    let pads = [before, before, after, after];
    Operator::MaxPool {
        kernel_shape: [kernel; 2],
        strides: [stride; 2],
        pads,
    }
}

fn mean(axes: &[i64], keep_dims: bool) -> Operator {
    Operator::ReduceMean {
        axes: Axes::Attribute(axes.to_vec()),
        keep_dims,
    }
}

pub(super) fn mean_over_operand(keep_dims: bool) -> Operator {
    Operator::ReduceMean {
        axes: Axes::Operand,
        keep_dims,
    }
}

#[test]
fn results() {
    let norm = Operator::BatchNormalization { epsilon: 1e-3 };
    let gemm = Operator::Gemm { trans_b: true };
    let flatten = |axis| Operator::Flatten { axis };
    let same = |stride| Operator::Conv {
        kernel_shape: [3; 2],
        strides: [stride; 2],
        pads: ConvPads::SameUpper,
        group: 1,
    };
    let cases: &[(Operator, &[&str], &str)] = &[
        (
            Operator::GlobalAveragePool,
            &["batch 32 height 7"],
            "batch 32 1 1",
        ),
        (same(2), &["1 3 223 224", "8 3 3 3"], "1 8 112 112"),
        (same(1), &["1 3 height 7", "8 3 3 3"], "1 8 height 7"),
        (same(2), &["1 3 ? 7", "8 3 3 3"], "1 8 ? 4"),
        (flatten(1), &["batch 1280 1 1"], "batch 1280"),
        (flatten(1), &["2 3 4 5"], "2 60"),
        (flatten(-1), &["2 3 4 5"], "24 5"),
        (flatten(0), &["2 3"], "1 6"),
        (flatten(2), &["2 3"], "6 1"),
        (flatten(1), &["batch 3 height 5"], "batch ?"),
        (
            conv(3, 2, [0, 1], 1),
            &["batch 3 224 224", "32 3 3 3", "32"],
            "batch 32 112 112",
        ),
        (
            conv(5, 1, [2, 2], 240),
            &["1 240 28 29", "240 1 5 5"],
            "1 240 28 29",
        ),
        (conv(1, 1, [0, 0], 1), &["n ? ? 7", "8 4 1 1"], "n 8 ? 7"),
        (
            conv(3, 2, [0, 1], 1),
            &["n 3 height ?", "8 3 3 3"],
            "n 8 ? ?",
        ),
        (max_pool(3, 2, [1, 1]), &["n 64 112 ?"], "n 64 56 ?"),
        (max_pool(3, 2, [0, 1]), &["1 64 7 8"], "1 64 3 4"),
        (norm.clone(), &["n 8 ? 7", "8", "8", "8", "8"], "n 8 ? 7"),
        (norm, &["n ? 7", "8", "8", "8", "8"], "n ? 7"),
        (Operator::Sigmoid, &["n 8 1 1"], "n 8 1 1"),
        (Operator::Mul, &["n 8 14 14", "n 8 1 1"], "n 8 14 14"),
        (Operator::Mul, &["8 1", "2 1 5"], "2 8 5"),
        (Operator::Mul, &["", "n 3"], "n 3"),
        (Operator::Add, &["n 8 ? ?", "n 8 ? ?"], "n 8 ? ?"),
        (Operator::Add, &["a ? 4", "b 5 ?"], "? 5 4"),
        (Operator::Clip, &["n 8 7 7", "", ""], "n 8 7 7"),
        (Operator::Clip, &["n 8 7 7"], "n 8 7 7"),
        (mean(&[2, 3], true), &["n 8 ? 7"], "n 8 1 1"),
        (mean(&[-1, -2], false), &["n 8 ? 7"], "n 8"),
        (mean(&[], false), &["n 8 ? 7"], ""),
        (mean_over_operand(true), &["n 8 ? 7", "i64 2"], "? ? ? ?"),
        (mean_over_operand(false), &["n 8 ? 7", "i64 2"], "? ?"),
        (mean_over_operand(false), &["n 8 ? 7", "i64 0"], ""),
        (mean_over_operand(true), &["n 8", "i64 ?"], "? ?"),
        (Operator::Swish, &["n 8 1 1"], "n 8 1 1"),
        (gemm.clone(), &["n 1280", "1000 1280", "1000"], "n 1000"),
        (gemm.clone(), &["n 1280", "1000 1280"], "n 1000"),
        (gemm, &["n 1280", "1000 1280", ""], "n 1000"),
        (
            Operator::Gemm { trans_b: false },
            &["2 4", "4 3", "2 1"],
            "2 3",
        ),
        (Operator::Softmax { axis: -2 }, &["n 1000"], "n 1000"),
        (Operator::MatMul, &["n 1 2 3", "5 3 4"], "n 5 2 4"),
        (Operator::MatMul, &["3", "3"], ""),
        (Operator::MatMul, &["n 3", "3"], "n"),
        (Operator::MatMul, &["3", "n 3 4"], "n 4"),
    ];
    for (operator, shapes, expected) in cases {
        assert_eq!(
            infer(operator, shapes),
            Ok(tensor(expected)),
            "{operator:?} {shapes:?}"
        );
    }
}

#[test]
fn a_known_multiple_survives_a_stride() {
    let mut x = tensor("batch 3 7 7");
    x.shape[2] = Dim::symbol("height", 32);
    let result = conv(3, 2, [0, 1], 1)
        .infer(&[x, tensor("8 3 3 3")], &[])
        .expect("the window fits");
    assert_eq!(shape::display(&result.shape), "[batch, 8, height/2, 3]");
}

#[test]
fn operands_that_are_refused() {
    let norm = Operator::BatchNormalization { epsilon: 1e-3 };
    let gemm = Operator::Gemm { trans_b: true };
    let cases: &[(Operator, &[&str], &str)] = &[
        (
            conv(3, 1, [1, 1], 1),
            &["1 3 8", "8 3 3 3"],
            "`x`: expected 4 dimensions, found float[1, 3, 8]",
        ),
        (
            conv(3, 1, [1, 1], 1),
            &["1 3 8 8", "8 4 3 3"],
            "expected shape [?, 3, 3, 3], found [8, 4, 3, 3]",
        ),
        (
            conv(3, 1, [1, 1], 1),
            &["1 3 8 8", "8 3 3 5"],
            "found [8, 3, 3, 5]",
        ),
        (
            max_pool(3, 2, [1, 1]),
            &["1 3 8"],
            "`x`: expected 4 dimensions, found float[1, 3, 8]",
        ),
        (
            conv(3, 1, [1, 1], 2),
            &["1 3 8 8", "8 1 3 3"],
            "`x`: expected a multiple of 2 channels, found 3",
        ),
        (
            conv(3, 1, [1, 1], 3),
            &["1 3 8 8", "8 1 3 3"],
            "`weight`: expected a multiple of 3 filters, found 8",
        ),
        (
            conv(3, 1, [1, 1], 1),
            &["1 3 8 8", "8 3 3 3", "7"],
            "`bias`: expected shape [8], found [7]",
        ),
        (
            conv(5, 1, [1, 1], 1),
            &["1 3 2 8", "8 3 5 5"],
            "does not fit an extent of 2",
        ),
        (
            norm.clone(),
            &["", "8", "8", "8", "8"],
            "`x`: expected 2 dimensions or more",
        ),
        (
            norm,
            &["1 8", "8", "8", "8", "9"],
            "`variance`: expected shape [8], found [9]",
        ),
        (
            Operator::Mul,
            &["1 8 2", "1 4 2"],
            "expected a shape that stretches to [1, 8, 2], found [1, 4, 2]",
        ),
        (Operator::Add, &["1 8"], "expected 2 operands, found 1"),
        (
            Operator::Clip,
            &["1 8", "2"],
            "`bound`: expected shape [], found [2]",
        ),
        (
            Operator::MatMul,
            &["1 8", ""],
            "`b`: expected 1 dimension or more, found float[]",
        ),
        (
            Operator::MatMul,
            &["8", "7 2"],
            "`b`: expected 8 rows, found float[7, 2]",
        ),
        (
            mean(&[4], true),
            &["1 8 7 7"],
            "expected a dimension 4, found only 4 dimensions",
        ),
        (mean(&[-5], true), &["1 8 7 7"], "expected a dimension -5"),
        (
            gemm.clone(),
            &["1 8 1", "4 8"],
            "`a`: expected 2 dimensions",
        ),
        (
            gemm.clone(),
            &["1 8", "8 4"],
            "`b`: expected shape [?, 8], found [8, 4]",
        ),
        (
            gemm,
            &["1 8", "4 8", "8"],
            "`c`: expected a shape that stretches to [1, 4]",
        ),
        (
            Operator::Softmax { axis: i64::MIN },
            &["1 8"],
            "expected a dimension -9223372036854775808",
        ),
    ];
    for (operator, shapes, expected) in cases {
        let error = infer(operator, shapes).expect_err(expected);
        assert!(error.is_illegal());
        assert!(
            error.to_string().contains(expected),
            "{error} has no {expected}"
        );
    }
}

/// ONNX has the use, or does not forbid it.
#[test]
fn uses_that_are_not_known() {
    let norm = Operator::BatchNormalization { epsilon: 1e-3 };
    let cases: &[(Operator, &[&str], &str)] = &[
        (
            Operator::Clip,
            &["1 8", "?"],
            "a bound that is a list, float[?],",
        ),
        (
            norm,
            &["8", "1", "1", "1", "1"],
            "an `x` of one dimension, float[8],",
        ),
        (
            mean(&[3, -1], true),
            &["1 8 7 7"],
            "reducing dimension 3 twice",
        ),
        (
            Operator::Reshape,
            &["1 8", "i64 9"],
            "a `shape` that is int64[9], not a list of at most 8,",
        ),
        (
            Operator::Reshape,
            &["1 8", "i64 ?"],
            "a `shape` that is int64[?], not a list of at most 8,",
        ),
    ];
    for (operator, shapes, expected) in cases {
        let error = infer(operator, shapes).expect_err(expected);
        assert!(!error.is_illegal(), "{error}");
        assert!(
            error.to_string().contains(expected),
            "{error} has no {expected}"
        );
    }
}

#[test]
fn element_types_must_fit() {
    for (operator, shapes, expected) in [
        (
            Operator::Reshape,
            ["2 3", "1"],
            "a list of integers, found float[1]",
        ),
        (
            Operator::MatMul,
            ["i64 2 3", "3 4"],
            "elements of int64, found float[3, 4]",
        ),
    ] {
        let error = infer(&operator, &shapes).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let integer = TensorType {
        element: Element::I64,
        ..tensor("2 3")
    };
    let error = Operator::Sigmoid
        .infer(std::slice::from_ref(&integer), &[])
        .expect_err("an integer");
    assert!(
        error
            .to_string()
            .contains("expected a real number, found int64[2, 3]"),
        "{error}"
    );
    let error = Operator::Mul
        .infer(&[tensor("2 3"), integer.clone()], &[])
        .expect_err("a mixture");
    assert!(
        error
            .to_string()
            .contains("expected elements of float, found int64[2, 3]"),
        "{error}"
    );
    assert_eq!(
        Operator::Add.infer(&[integer.clone(), integer.clone()], &[]),
        Ok(integer)
    );
}

#[test]
fn a_cast_has_its_own_element_type_and_the_shape_of_its_operand() {
    let pixels = TensorType {
        element: Element::U8,
        ..tensor("batch 224 ? 3")
    };
    let cast = Operator::Cast { to: Element::F32 };
    let inputs = [pixels.clone()];
    let found = cast.infer(&inputs, &[]).expect("a cast of bytes");
    assert_eq!(found, tensor("batch 224 ? 3"));
    cast.check_written(&inputs).expect("a cast that is written");
    let back = Operator::Cast { to: Element::U8 };
    assert_eq!(back.infer(&[found], &[]), Ok(pixels.clone()));
    let transposed = Operator::Transpose {
        perm: vec![0, 3, 1, 2],
    };
    assert!(
        transposed.check_written(&[pixels]).is_err(),
        "not written of bytes"
    );
    let found = infer(&Operator::Sub, &["batch 3 ? 224", "1 3 1 1"]);
    assert_eq!(found, Ok(tensor("batch 3 ? 224")));
    assert!(infer(&Operator::Sub, &["1 3 8 8", "1 4 1 1"]).is_err());
}
