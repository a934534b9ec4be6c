//! Whether a disagreement is a runtime's or the weights': what rounding alone does, and what is said of weights that
//! amplify it.

use crate::verify_support::{emitted, folder, toy, verify};
use efficientnet_onnx::onnx::proto::ModelProto;
use serde_json::Value;

/// What the report says of a runtime.
fn runtime<'a>(report: &'a Value, name: &str) -> &'a Value {
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    let found = runtimes.iter().find(|runtime| runtime["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[test]
fn a_disagreement_is_held_against_what_rounding_alone_does() {
    let folder = folder();
    let all = ["--runtime", "reference,tract,ort-cpu", "--json"];
    let with = |model| verify(&toy::write(&model, folder.path()), true, &all);
    let note = |report: &Value| {
        let notes = report["notes"].as_array().expect("notes").iter();
        let mut notes = notes.filter_map(Value::as_str);
        notes
            .find(|note| note.contains("rounding every value to f32"))
            .map(str::to_owned)
    };

    let agreed = with(toy::model()).expect(0).report();
    assert_eq!((&agreed["rounding"], note(&agreed)), (&Value::Null, None));

    // Every f32 runtime loses what the mean has below 1/16.
    let mut lossy = toy::with_middle(toy::node("Add", &["pooled", "large"], "sum"));
    let back = toy::node("Sub", &["sum", "large"], "hidden");
    let large = toy::tensor("large", &[], [1_048_576.0].into_iter());
    toy::graph_of(&mut lossy).node.insert(2, back);
    toy::graph_of(&mut lossy).initializer.push(large);
    let report = with(lossy).expect(1).report();
    let rounding = &report["rounding"];
    assert!(
        rounding["smallest_factor"]
            .as_f64()
            .is_some_and(|factor| factor > 10.0)
    );
    for name in ["tract", "ort-cpu"] {
        let [alone, found] = [rounding, runtime(&report, name)];
        let [alone, found] = [alone, found].map(|one| one["max_abs"].as_f64().expect("a number"));
        assert!((alone - found).abs() < 1e-5, "{name}: {report:#}");
    }
    let told = note(&report).expect("a note");
    assert!(
        told.contains("no runtime in f32 can be expected to agree"),
        "{told}"
    );

    // Within one sum only, which the reference makes without rounding: of 63 numbers near 2^27 and one that takes them back.
    let report = with(lost_within_a_sum()).expect(1).report();
    assert_eq!(report["rounding"]["beyond_tolerance"], 0);
    let told = note(&report).expect("a note");
    assert!(
        told.ends_with("so a runtime that disagrees does not only round"),
        "{told}"
    );
}

#[test]
fn a_disagreement_on_untrained_weights_says_that_they_are() {
    for (rule, told) in [("official", true), ("probe", false)] {
        let folder = folder();
        let data = folder.path().join("data");
        let arguments = ["--runtime", "ort-cpu", "--json", "--test-data"];
        let arguments = [&arguments[..], &[data.to_str().expect("UTF-8")]].concat();
        // What another network computes is wrong by far more than any processor rounds.
        let other = emitted(&folder, &["--init", rule, "--seed", "1"]);
        verify(&other, true, &arguments).expect(0);
        let file = emitted(&folder, &["--init", rule, "--force"]);
        let report = verify(&file, true, &arguments).expect(1).report();
        assert_eq!(
            runtime(&report, "ort-cpu")["status"],
            "disagrees",
            "{report:#}"
        );
        let notes = report["notes"].to_string();
        assert_eq!(
            notes.contains("with which training starts"),
            told,
            "{notes}"
        );
    }
}

/// The mean of numbers that cancel almost wholly is added to the features. Every number is a single, and so is the mean;
/// whatever the order, a sum in singles loses far more than is allowed.
#[expect(clippy::cast_possible_truncation, reason = "the sum is a single")]
fn lost_within_a_sum() -> ModelProto {
    let terms: Vec<f32> = (0..63_u32)
        .map(|at| (67_108_864 + (at * 7_919 % 4_001) * 8_009 / 8 * 8) as f32)
        .collect();
    let sum: f64 = terms.iter().copied().map(f64::from).sum();
    let terms = terms.into_iter().chain([-sum as f32]);
    let mut model = toy::with_middle(toy::node("Add", &["pooled", "mean"], "hidden"));
    let mean = toy::ints(toy::node("ReduceMean", &["terms"], "mean"), "axes", &[1]);
    // Of zeros and the features, so that no runtime computes it while it loads.
    let nodes = [
        toy::node("MatMul", &["pooled", "zeros"], "nought"),
        toy::node("Add", &["nought", "constant"], "terms"),
        mean,
    ];
    let graph = toy::graph_of(&mut model);
    graph.node.splice(1..1, nodes);
    let zeros = std::iter::repeat_n(0.0, 192);
    graph
        .initializer
        .push(toy::tensor("zeros", &[3, 64], zeros));
    graph
        .initializer
        .push(toy::tensor("constant", &[64], terms));
    model
}
