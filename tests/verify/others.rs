//! Files of other tools in `verify`: inputs without rows, rows that a node mixes by its definition, and random numbers.

use crate::verify_support::others::{
    ALL, BOOL, file, notes, of_type, scalar, statuses, truth, with,
};
use crate::verify_support::toy;
use efficientnet_onnx::onnx::proto::ModelProto;

/// tract may take the name of a dimension in between for another than the number that is given.
const WITHOUT_TRACT: &[&str] = &["--json", "--runtime", "reference,ort-cpu"];

#[test]
fn an_input_without_a_batch_has_one_value_in_every_case() {
    let extents = |extents: &[i64]| extents.iter().copied().map(Some).collect::<Vec<_>>();
    let scale = |shape: &[i64]| toy::value("scale", &extents(shape));
    let flag = of_type(toy::value("flag", &[]), BOOL);
    for (what, model) in [
        (
            "a scalar",
            with(
                vec![toy::node("Mul", &["pooled", "scale"], "hidden")],
                vec![],
                vec![scale(&[])],
            ),
        ),
        (
            "as many elements as the larger batch has images",
            with(
                vec![toy::node("Sub", &["pooled", "scale"], "hidden")],
                vec![],
                vec![scale(&[3])],
            ),
        ),
        (
            "a divisor of which a root is taken",
            with(
                vec![
                    toy::node("Sqrt", &["scale"], "root"),
                    toy::node("Div", &["pooled", "root"], "hidden"),
                ],
                vec![],
                vec![scale(&[1, 3])],
            ),
        ),
        (
            "a switch",
            with(
                vec![toy::node("Where", &["flag", "zero", "pooled"], "hidden")],
                vec![scalar("zero", 0.5)],
                vec![flag],
            ),
        ),
    ] {
        let report = file(&model).report(ALL, 0);
        assert_eq!(report["verdict"], "agree", "{what}: {report:#}");
        assert!(
            notes(&report).contains("one value in every case"),
            "{what}: {report:#}"
        );
        // The rows of the images are still checked.
        assert!(
            report["runtimes"][0]["rows_smallest_factor"].is_number(),
            "{what}"
        );
    }
}

#[test]
fn the_image_may_be_another_input_than_the_first() {
    let mut model = with(
        vec![toy::node("Mul", &["pooled", "scale"], "hidden")],
        vec![],
        vec![toy::value("scale", &[])],
    );
    toy::graph_of(&mut model).input.reverse();
    let report = file(&model).report(ALL, 0);
    assert_eq!(report["cases"][2]["batch"], 3, "{report:#}");
    assert_eq!(report["cases"][2]["height"], 8, "{report:#}");
}

/// What the rows of `hidden` come to when a batch normalisation is in training mode.
fn in_training() -> ModelProto {
    let mut bn = toy::int(
        toy::node(
            "BatchNormalization",
            &["pooled", "s", "s", "s", "s"],
            "hidden",
        ),
        "training_mode",
        1,
    );
    bn.output.extend(["mean".to_owned(), "variance".to_owned()]);
    let ones = toy::tensor("s", &[3], [1.0; 3].into_iter());
    with(vec![bn], vec![ones], vec![])
}

#[test]
fn rows_that_a_node_mixes_by_its_definition_are_a_note_with_its_name() {
    let reduced = vec![
        toy::int(toy::node("ReduceMax", &["pooled"], "top"), "keepdims", 0),
        toy::node("Div", &["pooled", "top"], "hidden"),
    ];
    let over_batch = vec![
        toy::ints(toy::node("ReduceMean", &["pooled"], "mean"), "axes", &[0]),
        toy::node("Sub", &["pooled", "mean"], "hidden"),
    ];
    let mut quantise = toy::node("DynamicQuantizeLinear", &["pooled"], "q");
    quantise.output.extend(["s".to_owned(), "z".to_owned()]);
    let quantised = vec![
        quantise,
        toy::node("DequantizeLinear", &["q", "s", "z"], "hidden"),
    ];
    let mut declared = with(over_batch, vec![], vec![]);
    let pooled = toy::value("pooled", &[None, Some(3)]);
    toy::graph_of(&mut declared).value_info.push(pooled);
    let ort: &[&str] = &["--json", "--runtime", "ort-cpu"];
    for (model, arguments, named) in [
        (
            with(reduced, vec![], vec![]),
            ALL,
            "node `top` (`ReduceMax`) reduces over the batch",
        ),
        (
            declared,
            WITHOUT_TRACT,
            "node `mean` (`ReduceMean`) reduces over the batch",
        ),
        (
            with(quantised, vec![], vec![]),
            ort,
            "node `q` (`DynamicQuantizeLinear`) quantises with the range of the whole batch",
        ),
        (
            in_training(),
            ort,
            "node `hidden` (`BatchNormalization`) is in training mode",
        ),
    ] {
        let report = file(&model).report(arguments, 0);
        assert!(notes(&report).contains(named), "{report:#}");
        assert!(
            report["runtimes"][0]["rows_smallest_factor"].is_null(),
            "{report:#}"
        );
    }
}

/// A softmax over what was the batch before a transposition: no definition says that this is meant.
#[test]
fn rows_that_are_mixed_otherwise_are_a_failure() {
    let nodes = vec![
        toy::ints(
            toy::node("Transpose", &["pooled"], "turned"),
            "perm",
            &[1, 0],
        ),
        toy::int(toy::node("Softmax", &["turned"], "mixed"), "axis", 1),
        toy::ints(
            toy::node("Transpose", &["mixed"], "hidden"),
            "perm",
            &[1, 0],
        ),
    ];
    let report = file(&with(nodes, vec![], vec![])).report(ALL, 1);
    assert_eq!(statuses(&report), ["failed_checks"; 3], "{report:#}");
    assert_eq!(report["runtimes"][0]["failures"][0]["check"], "rows");
}

#[test]
fn outputs_that_do_not_depend_on_what_is_mixed_keep_their_check() {
    let mut model = with(
        vec![
            toy::int(toy::node("ReduceMax", &["pooled"], "top"), "keepdims", 0),
            toy::node("Identity", &["pooled"], "hidden"),
            toy::node("Div", &["pooled", "top"], "scaled"),
        ],
        vec![],
        vec![],
    );
    let scaled = toy::value("scaled", &[None, Some(3)]);
    toy::graph_of(&mut model).output.push(scaled);
    let report = file(&model).report(ALL, 0);
    assert!(
        notes(&report).contains("rows of output `scaled`"),
        "{report:#}"
    );
    assert!(
        !notes(&report).contains("rows of output `logits`"),
        "{report:#}"
    );
    assert!(
        report["runtimes"][0]["rows_smallest_factor"].is_number(),
        "{report:#}"
    );
}

/// The toy with a dropout in training mode before its linear layer.
fn dropping() -> ModelProto {
    let drop = toy::node("Dropout", &["pooled", "half", "yes"], "hidden");
    with(vec![drop], vec![scalar("half", 0.5), truth("yes")], vec![])
}

#[test]
fn outputs_that_depend_on_random_numbers_are_left_out_by_name() {
    let dropped =
        "output `logits` depends on random numbers: node `hidden` (`Dropout`) is in training mode";
    let refused = file(&dropping()).verify(ALL, 2);
    assert!(refused.stderr.contains(dropped), "{refused:#?}");
    assert!(refused.stderr.contains("evaluation mode"), "{refused:#?}");

    let mut with_features = dropping();
    let features = toy::value("pooled", &[None, Some(3)]);
    toy::graph_of(&mut with_features).output.push(features);
    let mut noisy = toy::model();
    let graph = toy::graph_of(&mut noisy);
    graph
        .node
        .push(toy::node("Bernoulli", &["pooled"], "drawn"));
    graph.output.push(toy::value("drawn", &[None, Some(3)]));
    let drawn =
        "output `drawn` depends on random numbers: node `drawn` (`Bernoulli`) draws random numbers";
    for (model, named) in [(with_features, dropped), (noisy, drawn)] {
        let report = file(&model).report(&["--json", "--runtime", "reference,ort-cpu"], 0);
        assert_eq!(report["verdict"], "agree", "{report:#}");
        assert!(notes(&report).contains(named), "{report:#}");
        // To be timed, it need not be compared.
        let timed = file(&model).bench(&["--json", "--runtime", "ort-cpu"], 0);
        assert!(timed.report()["rows"][0]["seconds"]["median"].is_number());
    }
    // A dropout that drops nothing is no such node.
    let drop = toy::node("Dropout", &["pooled", "none", "yes"], "hidden");
    let nothing = with(vec![drop], vec![scalar("none", 0.0), truth("yes")], vec![]);
    let report = file(&nothing).report(&["--json", "--runtime", "ort-cpu"], 0);
    assert!(!notes(&report).contains("random"), "{report:#}");
}
