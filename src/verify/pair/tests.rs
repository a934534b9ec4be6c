//! Two files whose inputs and outputs have other names.

use super::*;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{CaseOutcome, Outcome};
use crate::verify::plan::cases;
use crate::verify::report::Verdict;
use crate::verify::tolerance::Limits;

fn facts(names: [&str; 2], batch: DeclaredExtent) -> FileFacts {
    let declared = |name: &str, shape: Vec<DeclaredExtent>| Declared {
        name: name.to_owned(),
        element_type: "f32".to_owned(),
        shape: Some(shape),
    };
    FileFacts {
        inputs: vec![declared(
            names[0],
            vec![batch.clone(), DeclaredExtent::Fixed(2)],
        )],
        outputs: vec![declared(names[1], vec![batch, DeclaredExtent::Fixed(2)])],
        ..FileFacts::default()
    }
}

fn run(name: &str, values: [f64; 2]) -> Run {
    let output = NamedTensor {
        name: name.to_owned(),
        shape: vec![1, 2],
        element: Element::F32,
        data: values.to_vec().into(),
    };
    Run {
        runtime: RuntimeName::Tract,
        library: None,
        passed_over: Vec::new(),
        changes: Vec::new(),
        outcome: Outcome {
            cases: vec![CaseOutcome {
                prepare_seconds: 0.0,
                run_seconds: 0.0,
                outputs: vec![output],
            }],
            done: true,
            ..Outcome::default()
        },
    }
}

#[test]
fn values_of_other_names_are_paired_by_order_and_fixed_extents_win() {
    let first = facts(
        ["input", "logits"],
        DeclaredExtent::Named("batch".to_owned()),
    );
    let pair = Pair::new(&first, facts(["x", "648"], DeclaredExtent::Fixed(1))).expect("a pair");
    let cases = cases(&pair.planned).expect("cases");
    assert_eq!(cases.len(), 1);
    let input = NamedTensor::single("input", vec![1, 2], &[0.0, 1.0]);
    assert_eq!(pair.for_second(&[input]).expect("copies")[0].name, "x");

    let settings = VerifySettings {
        file: "a".to_owned(),
        seed: 0,
        limits: Limits::default(),
    };
    let judge = |values| {
        let base = run("logits", [1.0, 2.0]);
        pair.judge(
            &settings,
            ["a", "b"],
            &cases,
            &base,
            vec![run("648", values)],
        )
    };
    let same = judge([1.0, 2.0]);
    assert_eq!(same.verdict, Verdict::Agree, "{same:?}");
    assert_eq!(same.reference.as_deref(), Some("tract of a"));
    assert_eq!(same.runtimes[1].max_abs, Some(0.0));
    assert_eq!(judge([1.0, 2.1]).verdict, Verdict::Disagree);
}

#[test]
fn inputs_are_told_by_name_and_the_less_precise_type_decides() {
    let mut first = facts(["input", "logits"], DeclaredExtent::Fixed(1));
    first.inputs.push(Declared {
        name: "mask".to_owned(),
        ..first.inputs[0].clone()
    });
    let mut second = first.clone();
    second.inputs.reverse();
    second.precision = Element::F16;
    for (one, two) in [(&first, &second), (&second, &first)] {
        let pair = Pair::new(one, two.clone()).expect("a pair");
        assert_eq!(pair.planned.precision, Element::F16);
    }
    let pair = Pair::new(&first, second).expect("a pair");
    let inputs = ["input", "mask"]
        .map(|name| NamedTensor::single(name, vec![1, 2], &[name.len() as f32, 0.0]));
    let [mask, input] = pair
        .for_second(&inputs)
        .expect("copies")
        .try_into()
        .expect("two");
    assert_eq!((mask.name.as_str(), mask.data[0]), ("mask", 4.0));
    assert_eq!((input.name.as_str(), input.data[0]), ("input", 5.0));
}

#[test]
fn files_that_take_no_common_input_are_refused() {
    let first = facts(["input", "logits"], DeclaredExtent::Fixed(2));
    let second = facts(["input", "logits"], DeclaredExtent::Fixed(1));
    assert!(matches!(
        Pair::new(&first, second),
        Err(PairError::Input { .. })
    ));
    let mut second = first.clone();
    second.outputs.push(second.outputs[0].clone());
    assert!(matches!(
        Pair::new(&first, second),
        Err(PairError::Count {
            kind: "outputs",
            ..
        })
    ));
}
