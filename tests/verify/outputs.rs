//! Files of other tools in `verify` and `bench`: a batch that a node fixes, extents of −1, outputs that are no numbers or
//! of another type, and operators that the reference lacks.

use crate::verify_support::others::{
    ALL, BY_DEFAULT, DOUBLE, STRING, file, int64, notes, of_type, statuses, with,
};
use crate::verify_support::{Run, program, toy, verify};
use efficientnet_onnx::onnx::proto::{
    ModelProto, TensorProto, TypeProto, ValueInfoProto, type_proto,
};

#[test]
fn a_node_that_fixes_a_symbolic_batch_is_named_and_what_runs_is_compared() {
    let reshaped = |extents: &[i64]| {
        let node = toy::node("Reshape", &["pooled", "shape"], "hidden");
        file(&with(vec![node], vec![int64("shape", extents)], vec![]))
    };
    for extents in [[1, 3], [1, -1]] {
        let report = reshaped(&extents).report(ALL, 1);
        assert_eq!(statuses(&report), ["refused"; 3], "{report:#}");
        let fixed = &report["fixed_batch"];
        assert_eq!(
            (&fixed["ran"][0], &fixed["refused"]),
            (&1.into(), &3.into())
        );
        assert_eq!(fixed["agrees"], true, "{report:#}");
        let node = &fixed["nodes"][0];
        assert_eq!(
            (&node["node"], &node["batch"]),
            (&"hidden".into(), &1.into())
        );
        for runtime in report["runtimes"].as_array().expect("runtimes") {
            assert_eq!(runtime["cases_run"], 2, "{report:#}");
        }
        assert!(report["runtimes"][1]["max_abs"].is_number(), "{report:#}");
        assert!(
            notes(&report).contains("node `hidden` (`Reshape`) fixes the batch to 1; batch 1 ran, and the runtimes agree"),
            "{report:#}"
        );
    }
    let text = reshaped(&[1, 3]).verify(&["--runtime", "reference,ort-cpu"], 1);
    assert!(text.stdout.contains("refused batch 3"), "{text:#?}");
    assert!(text.stdout.contains("not every batch runs"), "{text:#?}");
    let report = reshaped(&[4, 3]).report(ALL, 1);
    assert_eq!(report["fixed_batch"]["nodes"][0]["batch"], 4, "{report:#}");
    assert_eq!(
        report["fixed_batch"]["ran"],
        serde_json::json!([]),
        "{report:#}"
    );
    // Run alone, the batch that it is made for passes, and any batch where the extent is left open.
    reshaped(&[1, 3]).report(&[ALL, &["--batch", "1"]].concat(), 0);
    for extents in [[-1, 3], [0, 3]] {
        let report = reshaped(&extents).report(ALL, 0);
        assert!(report["fixed_batch"].is_null(), "{report:#}");
    }
}

/// A constant row beside the image's fits a batch of 1 only, and no node says so by itself.
#[test]
fn a_batch_that_does_not_run_is_told_without_a_cause_too() {
    let nodes = vec![
        toy::int(toy::node("Concat", &["pooled", "row"], "wide"), "axis", 1),
        toy::node("MatMul", &["wide", "mix"], "hidden"),
    ];
    let constants = vec![
        toy::tensor("row", &[1, 1], [2.0].into_iter()),
        toy::tensor("mix", &[4, 3], (0..12).map(|at| (at % 5) as f32)),
    ];
    let report = file(&with(nodes, constants, vec![])).report(ALL, 1);
    assert_eq!(report["fixed_batch"]["refused"], 3, "{report:#}");
    assert_eq!(report["fixed_batch"]["nodes"], serde_json::json!([]));
    assert_eq!(report["fixed_batch"]["agrees"], true);
}

#[test]
fn a_negative_extent_is_a_symbolic_one_and_zero_is_refused_by_name() {
    let declared = |batch: i64| {
        let mut model = toy::model();
        let graph = toy::graph_of(&mut model);
        let side = Some(if batch == 0 { 8 } else { batch });
        graph.input = vec![toy::value("input", &[Some(batch), Some(3), side, side])];
        graph.output = vec![toy::value("logits", &[Some(batch), Some(4)])];
        file(&model)
    };
    for batch in [-1, -2] {
        let file = declared(batch);
        let report = file.report(ALL, 0);
        assert_eq!(report["verdict"], "agree", "{report:#}");
        assert_eq!(report["cases"][2]["batch"], 3, "{report:#}");
        assert_eq!(report["cases"][5]["width"], 96, "{report:#}");
        let checked = Run::of(program().arg("check").arg(&file.path)).expect(0);
        let warning = format!("`input` has an extent of {batch}, which is taken as unknown");
        assert!(checked.stdout.contains(&warning), "{checked:#?}");
        file.bench(&["--batch", "2", "--size", "16x24"], 0);
    }
    let refused = declared(0).verify(ALL, 2);
    assert!(
        refused.stderr.contains(
            "`input` is declared as [0, 3, 8, 8], so that it only takes a tensor without elements"
        ),
        "{refused:#?}"
    );
}

/// The toy with the name of the most probable class as its first output, and the class before it if asked for.
fn naming() -> ModelProto {
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    let class = toy::int(toy::node("ArgMax", &["logits"], "class"), "axis", 1);
    graph.node.push(toy::int(class, "keepdims", 0));
    graph
        .node
        .push(toy::node("Gather", &["names", "class"], "label"));
    graph.initializer.push(TensorProto {
        name: Some("names".into()),
        dims: vec![4],
        data_type: Some(STRING),
        string_data: ["a", "b", "c", "d"].map(Into::into).into(),
        ..TensorProto::default()
    });
    graph
        .output
        .insert(0, of_type(toy::value("label", &[None]), STRING));
    model
}

/// The toy with its logits in a sequence too.
fn in_sequence() -> ModelProto {
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    graph
        .node
        .push(toy::node("SplitToSequence", &["logits"], "sequence"));
    let tensor = TypeProto {
        value: toy::value("", &[]).r#type.and_then(|kind| kind.value),
        ..TypeProto::default()
    };
    let sequence = type_proto::Sequence {
        elem_type: Some(Box::new(tensor)),
    };
    graph.output.push(ValueInfoProto {
        name: Some("sequence".into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::SequenceType(Box::new(sequence))),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    });
    model
}

#[test]
fn outputs_that_are_no_numbers_are_left_out_and_the_others_compared() {
    for (model, named) in [
        (
            naming(),
            "output `label` is a tensor of string, so it is not compared",
        ),
        (
            in_sequence(),
            "output `sequence` is a sequence, so it is not compared",
        ),
    ] {
        let file = file(&model);
        let report = file.report(BY_DEFAULT, 0);
        assert_eq!(statuses(&report), ["passed"; 3], "{report:#}");
        assert!(notes(&report).contains(named), "{report:#}");
        let timed = file.bench(&["--json"], 0).report();
        assert_eq!(timed["rows"].as_array().map(Vec::len), Some(2), "{timed:#}");
        // Their copies and values in between too.
        let wrong = &["--bisect", "--rtol", "0", "--atol", "1e-30", "--json"][..];
        let searched = verify(&file.path, true, wrong).report();
        assert!(searched["bisect"].is_array(), "{searched:#}");
        assert!(
            !searched["bisect"].to_string().contains("did not"),
            "{searched:#}"
        );
        file.verify(&["--self-test", "--json"], 0);
        let data = file.folder.path().join("data");
        let data = data.to_str().expect("UTF-8");
        let refused = file.verify(&["--test-data", data], 2);
        assert!(
            refused.stderr.contains("would be incomplete"),
            "{refused:#?}"
        );
        assert!(!std::path::Path::new(data).exists());
        drop(file.folder);
    }
    let mut only_names = naming();
    toy::graph_of(&mut only_names).output.truncate(1);
    let only_names = file(&only_names);
    for refused in [only_names.verify(&[], 2), only_names.bench(&[], 2)] {
        assert!(
            refused.stderr.contains(
                "no output of the file can be compared: output `label` is a tensor of string"
            ),
            "{refused:#?}"
        );
    }
}

/// `Erf` is known everywhere, `Sinh` to ONNX Runtime and tract.
#[test]
fn the_reference_is_passed_over_where_it_lacks_an_operator_unless_it_is_named() {
    let model = with(
        vec![toy::node("Sinh", &["pooled"], "hidden")],
        vec![],
        vec![],
    );
    let report = file(&model).report(BY_DEFAULT, 0);
    assert_eq!(statuses(&report), ["passed"; 2], "{report:#}");
    assert!(
        notes(&report).contains("`reference` did not run"),
        "{report:#}"
    );
    assert!(notes(&report).contains("`Sinh`"), "{report:#}");
    let named = file(&model).report(ALL, 1);
    assert_eq!(named["runtimes"][0]["status"], "refused", "{named:#}");
}

#[test]
fn outputs_of_another_element_type_are_a_remark_of_a_pair() {
    let (first, mut second) = (file(&toy::model()), toy::model());
    let graph = toy::graph_of(&mut second);
    graph.node[2].output = vec!["single".into()];
    graph.node[2].name = Some("single".into());
    graph.node.push(toy::int(
        toy::node("Cast", &["single"], "logits"),
        "to",
        DOUBLE.into(),
    ));
    graph.output = vec![of_type(toy::value("logits", &[None, Some(4)]), DOUBLE)];
    let second = file(&second);
    let other = second.path.to_str().expect("UTF-8");
    let report = first.report(&[&[other], ALL].concat(), 0);
    assert!(
        notes(&report).contains("output `logits` is f32 in the first file and f64 in the second"),
        "{report:#}"
    );
}
