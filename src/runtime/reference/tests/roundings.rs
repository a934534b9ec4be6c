//! Values that are rounded on request: all of them, the initializers, or one.

use super::*;

#[test]
fn values_are_rounded_to_their_type_only_on_request() {
    let constant = |name, value| floats(name, &[1], &[value]);
    let nodes = vec![
        node("Add", &["x", "large"], &["a"]),
        node("Sub", &["a", "large"], &["b"]),
        node("Mul", &["b", "third"], &["y"]),
    ];
    let plan = plan(
        model(
            nodes,
            vec![
                constant("large", 16_777_216.0),
                constant("third", 1.0 / 3.0),
            ],
        ),
        ".".into(),
        &[],
    );
    let plan = plan.expect("a plan");
    let input = NamedTensor {
        name: "x".to_owned(),
        shape: vec![1],
        element: Element::F32,
        data: vec![3.25].into(),
    };
    let run = |rounding: Option<Rounding>| {
        plan.run(std::slice::from_ref(&input), rounding.as_ref())
            .expect("a result")[0]
            .data[0]
    };
    let third = f64::from(1.0_f32 / 3.0);
    assert_eq!(run(None), 3.25 * third);
    // 2^24 + 3.25 is between two f32, and so is 4/3.
    let own_types = Some(Rounding::OwnTypes);
    assert_eq!(run(own_types), f64::from((4.0 * third) as f32));

    // 1/3 in f16; 2^24 and 2^24 + 3.25 are beyond it.
    let initializers = run(Some(Rounding::Initializers(Element::F16)));
    assert!(initializers.is_nan(), "{initializers}");
    let third_in_bf16 = Element::Bf16.nearest(third);
    let initializers = run(Some(Rounding::Initializers(Element::Bf16)));
    assert_eq!(initializers, 3.25 * third_in_bf16);
    let everything = run(Some(Rounding::Everything(Element::Bf16)));
    assert_eq!(everything, 0.0);
    // One value after the other: 3.25 is exact in f16, 2^24 + 3.25 and 3.25 / 3 are not.
    let one = |name: &str, element| Rounding::Value {
        name: name.to_owned(),
        element,
    };
    let roundings = [
        one("x", Element::F16),
        one("a", Element::F16),
        one("a", Element::Bf16),
        one("b", Element::F16),
        one("y", Element::F16),
        Rounding::OwnTypes,
    ];
    let mut found = Vec::new();
    let mut tell = |outputs: Vec<NamedTensor>| found.push(outputs[0].data[0]);
    plan.run_rounded(std::slice::from_ref(&input), &roundings, &mut tell)
        .expect("results");
    let exact = 3.25 * third;
    assert_eq!(
        found,
        [
            exact,
            f64::INFINITY,
            0.0,
            exact,
            Element::F16.nearest(exact),
            f64::from((4.0 * third) as f32)
        ]
    );
    let unknown = plan.run_rounded(&[input], &[one("z", Element::F16)], &mut |_| ());
    assert_eq!(unknown, Err("there is no value `z`".to_owned()));
}
