//! Functions that cannot be inlined, and how long it takes to say so.

use super::*;

#[test]
fn what_cannot_be_inlined_is_refused_and_said_why() {
    let endless = function("F", &["a"], &["b"], vec![node("p.F a -> b")]);
    let refused = refusal(&caller(vec![node("p.F x -> y")], vec![endless]));
    assert!(
        refused.contains("function `F` cannot be inlined: its calls are nested"),
        "{refused}"
    );

    let fine = function("F", &["a"], &["b"], vec![node("Relu a -> b")]);
    let refused = refusal(&caller(vec![node("p.F x x -> y")], vec![fine.clone()]));
    assert!(
        refused.contains("has 2 operands, expected at most 1"),
        "{refused}"
    );

    // Relu is the same in opsets 14 and 17, Softmax is not the same in 12 and 17.
    let mut older = fine.clone();
    older.opset_import = vec![opset("", 14)];
    assert_eq!(
        nodes(&caller(vec![node("p.F x -> y")], vec![older])),
        ["Relu x -> y"]
    );
    let mut oldest = function("F", &["a"], &["b"], vec![node("Softmax a -> b")]);
    oldest.opset_import = vec![opset("", 12)];
    let refused = refusal(&caller(vec![node("p.F x -> y")], vec![oldest]));
    assert!(
        refused.contains(
            "its `Softmax` is that of version 12 of domain ``, and the model has version 17"
        ),
        "{refused}"
    );

    // Thirty-one levels of two calls each would be two thousand million nodes.
    let mut wide: Vec<_> = (0..31)
        .map(|level| {
            let next = format!("p.F{}", level + 1);
            let calls = [format!("{next} a -> t"), format!("{next} t -> b")];
            function(
                &format!("F{level}"),
                &["a"],
                &["b"],
                calls.iter().map(|call| node(call)).collect(),
            )
        })
        .collect();
    wide.push(function("F31", &["a"], &["b"], vec![node("Relu a -> b")]));
    let start = std::time::Instant::now();
    let refused = refusal(&caller(vec![node("p.F0 x -> y")], wide));
    assert!(refused.contains("bytes"), "{refused}");
    assert!(start.elapsed().as_secs() < 60);
}
