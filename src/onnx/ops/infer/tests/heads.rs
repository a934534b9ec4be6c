//! Operators of heads: activations, pools, norms, and operands that are joined.

use super::{infer, tensor};
use crate::onnx::ops::{Axes, Operator};

fn norm(axes: &[i64], keep_dims: bool) -> Operator {
    Operator::ReduceL2 {
        axes: Axes::Attribute(axes.to_vec()),
        keep_dims,
    }
}

#[test]
fn results() {
    let concat = |axis| Operator::Concat { axis };
    let over_operand = Operator::ReduceL2 {
        axes: Axes::Operand,
        keep_dims: true,
    };
    let cases: &[(Operator, &[&str], &str)] = &[
        (Operator::Tanh, &["n 8"], "n 8"),
        (Operator::Erf, &["n ? 3"], "n ? 3"),
        (Operator::Sqrt, &["n 1"], "n 1"),
        (Operator::Elu { alpha: 1.0 }, &["n 8"], "n 8"),
        (Operator::LeakyRelu { alpha: 0.2 }, &["n 8"], "n 8"),
        (Operator::Div, &["n 8", "n 1"], "n 8"),
        (Operator::Div, &["8 1", "2 1 5"], "2 8 5"),
        (Operator::Pow, &["n 8 7 7", ""], "n 8 7 7"),
        (Operator::Pow, &["n 8", "i64 1"], "n 8"),
        (Operator::Max, &["n 8"], "n 8"),
        (Operator::Max, &["n 8", ""], "n 8"),
        (Operator::Max, &["8 1", "3", "2 1 1"], "2 8 3"),
        (Operator::GlobalMaxPool, &["n 8 ? 7"], "n 8 1 1"),
        (norm(&[1], true), &["n 8"], "n 1"),
        (norm(&[-1], false), &["n 8"], "n"),
        (norm(&[], false), &["n 8"], ""),
        (over_operand, &["n 8", "i64 1"], "? ?"),
        (concat(1), &["n 8", "n 16"], "n 24"),
        (concat(-1), &["n 8", "n 16", "n 1"], "n 25"),
        (concat(1), &["? 8", "4 ?"], "4 ?"),
        (concat(0), &["2 8"], "2 8"),
    ];
    for (operator, shapes, expected) in cases {
        let found = infer(operator, shapes);
        assert_eq!(found, Ok(tensor(expected)), "{operator:?} {shapes:?}");
    }
}

#[test]
fn operands_that_are_refused() {
    let cases: &[(Operator, &[&str], &str)] = &[
        (
            Operator::GlobalMaxPool,
            &["n 8"],
            "`GlobalMaxPool`: operand `x`: expected 4 dimensions, found float[n, 8]",
        ),
        (
            Operator::Div,
            &["n 8", "n 4"],
            "expected a shape that stretches to [n, 8], found [n, 4]",
        ),
        (
            Operator::Max,
            &["1 8", "1 8", "1 3"],
            "expected a shape that stretches to [1, 8], found [1, 3]",
        ),
        (Operator::Max, &[], "expected at least 1 operands, found 0"),
        (Operator::Pow, &["1 8"], "expected 2 operands, found 1"),
        (
            norm(&[2], true),
            &["1 8"],
            "`ReduceL2`: operand `x`: expected a dimension 2, found only 2 dimensions",
        ),
        (
            Operator::Concat { axis: 1 },
            &["2 8", "3 8"],
            "`every operand`: expected shape [2, ?], found [3, 8]",
        ),
        (
            Operator::Concat { axis: 1 },
            &["2 8", "2 8 1"],
            "`every operand`: expected shape [2, ?], found [2, 8, 1]",
        ),
        (
            Operator::Concat { axis: 2 },
            &["2 8", "2 8"],
            "expected a dimension 2, found only 2 dimensions",
        ),
        (
            Operator::Concat { axis: 1 },
            &["2 8", "i64 2 8"],
            "expected elements of float, found int64[2, 8]",
        ),
        (
            Operator::Sqrt,
            &["i64 2 8"],
            "expected a real number, found int64[2, 8]",
        ),
        (
            Operator::Tanh,
            &["i64 2 8"],
            "expected a real number, found int64[2, 8]",
        ),
    ];
    for (operator, shapes, expected) in cases {
        let error = infer(operator, shapes).expect_err(expected);
        assert!(error.is_illegal(), "{error}");
        assert!(
            error.to_string().contains(expected),
            "{error} has no {expected}"
        );
    }
}
