//! `verify` on files: what agrees, what does not, and what no runtime gets to see.

use crate::verify_support::{emitted, folder, toy, verify};
use efficientnet_onnx::onnx::proto::{tensor_proto::DataType, type_proto};
use serde_json::{Value, json};

const BOTH: &[&str] = &["--json", "--runtime", "tract,ort-cpu"];

fn runtime<'a>(report: &'a Value, name: &str) -> &'a Value {
    let runtimes = report["runtimes"].as_array().expect("runtimes");
    let found = runtimes.iter().find(|runtime| runtime["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

fn failed_checks(report: &Value, name: &str) -> Vec<String> {
    let failures = runtime(report, name)["failures"]
        .as_array()
        .expect("failures");
    failures
        .iter()
        .map(|failure| failure["check"].as_str().expect("a check").to_owned())
        .collect()
}

#[test]
fn an_emitted_file_agrees_in_tract_and_onnx_runtime() {
    let folder = folder();
    let report = verify(&emitted(&folder, &[]), true, BOTH)
        .expect(0)
        .report();
    assert_eq!(report["schema"], 1);
    assert_eq!(
        (&report["verdict"], &report["base"]),
        (&json!("agree"), &json!("ort-cpu"))
    );
    let images: Vec<&Value> = report["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| &case["images"])
        .collect();
    assert_eq!(images, [&json!([0]), &json!([2]), &json!([0, 1, 2])]);
    for name in ["tract", "ort-cpu"] {
        let runtime = runtime(&report, name);
        assert_eq!(runtime["status"], "passed");
        assert!(
            runtime["version"]
                .as_str()
                .is_some_and(|version| version.contains('.'))
        );
        assert!(
            runtime["load_seconds"]
                .as_f64()
                .is_some_and(|seconds| seconds > 0.0)
        );
        assert!(
            runtime["run_seconds"]
                .as_f64()
                .is_some_and(|seconds| seconds > 0.0)
        );
        assert!(
            runtime["rows_smallest_factor"]
                .as_f64()
                .is_some_and(|factor| factor <= 1.0)
        );
    }
    let tract = runtime(&report, "tract");
    assert!(
        tract["smallest_factor"]
            .as_f64()
            .is_some_and(|factor| factor <= 1.0)
    );
    // Every logit of five rows was compared, however many of them are equal on this processor.
    let histogram = &tract["histogram"];
    let counts = histogram["counts"].as_array().expect("counts");
    let counted: u64 = counts.iter().filter_map(Value::as_u64).sum();
    assert_eq!(
        histogram["equal"].as_u64().map(|equal| equal + counted),
        Some(5000)
    );
    assert_eq!(tract["max_abs_index"].as_array().map(Vec::len), Some(2));
    assert_eq!(tract["top1"], json!({ "rows": 5, "of": 5 }));
}

#[test]
fn one_runtime_runs_and_is_not_compared() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    let report = verify(&file, false, &["--json", "--runtime", "tract"])
        .expect(0)
        .report();
    assert_eq!(report["verdict"], "ran_not_compared");
    assert_eq!(report["runtimes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn runtimes_that_differ_disagree_and_the_smallest_factor_would_pass() {
    let folder = folder();
    let file = emitted(&folder, &["--init", "probe"]);
    let strict = [BOTH, &["--rtol", "0", "--atol", "0"]].concat();
    let report = verify(&file, true, &strict).expect(1).report();
    assert_eq!(
        (&report["verdict"], &report["base"]),
        (&json!("disagree"), &json!("ort-cpu"))
    );
    assert_eq!(runtime(&report, "ort-cpu")["smallest_factor"], Value::Null);

    let (rtol, atol) = (1e-9, 1e-10);
    let with = |factor: f64| {
        let numbers = [rtol * factor, atol * factor].map(|number| number.to_string());
        let arguments = [BOTH, &["--rtol", &numbers[0], "--atol", &numbers[1]]].concat();
        verify(&file, true, &arguments)
    };
    let report = with(1.0).expect(1).report();
    let factor = runtime(&report, "tract")["smallest_factor"]
        .as_f64()
        .expect("a factor");
    // Rows of a batch have a factor of their own.
    let rows = |name| {
        runtime(&report, name)["rows_smallest_factor"]
            .as_f64()
            .expect("a factor")
    };
    let enough = factor.max(rows("tract")).max(rows("ort-cpu")) * 1.01;
    with(enough).expect(0);
    with(factor * 0.99).expect(1);
}

#[test]
fn a_runtime_that_refuses_is_its_own_result_and_the_other_reports() {
    let folder = folder();
    // A function that calls itself cannot be inlined.
    let mut endless = toy::with_negating_function("Endless");
    let mut again = toy::node("Endless", &["x"], "y");
    again.domain = Some("toy".into());
    endless.functions[0].node = vec![again];
    let file = toy::write(&endless, folder.path());
    let report = verify(&file, false, &["--json", "--runtime", "tract"])
        .expect(1)
        .report();
    assert_eq!(runtime(&report, "tract")["status"], "refused");
    let message = runtime(&report, "tract")["message"]
        .as_str()
        .expect("a message");
    assert!(
        message.contains("function `Endless` cannot be inlined"),
        "{message}"
    );

    let reshape = toy::node("Reshape", &["pooled", "shape"], "hidden");
    let mut model = toy::with_middle(reshape);
    let mut shape = toy::tensor("shape", &[2], std::iter::empty());
    (shape.data_type, shape.raw_data, shape.int64_data) = (Some(7), None, vec![2, 3]);
    toy::graph_of(&mut model).initializer.push(shape);
    let file = toy::write(&model, folder.path());
    let run = verify(&file, true, BOTH).expect(1);
    let report = run.report();
    for name in ["tract", "ort-cpu"] {
        let refused = runtime(&report, name);
        assert_eq!(refused["status"], "refused", "{report:#}");
        assert_eq!(refused["node"], "hidden", "{report:#}");
        let [message, summary] =
            ["message", "summary"].map(|key| refused[key].as_str().expect("a text"));
        assert!(summary.starts_with("in node `hidden`: "), "{summary}");
        assert!(
            summary.len() < message.len() && !summary.contains('\n'),
            "{summary}"
        );
        assert!(!summary.contains("onnxruntime_src"), "{summary}");
        let table = verify(&file, true, &["--runtime", "tract,ort-cpu"])
            .expect(1)
            .stdout;
        assert!(table.contains(&format!("{name}: {summary}")), "{table}");
    }
}

#[test]
fn nan_in_the_weights_fails_everywhere() {
    let folder = folder();
    let mut model = toy::model();
    let bias = [0.0, f32::NAN, 0.0, 0.0];
    toy::graph_of(&mut model).initializer[1] = toy::tensor("bias", &[4], bias.into_iter());
    let report = verify(&toy::write(&model, folder.path()), true, BOTH)
        .expect(1)
        .report();
    for name in ["tract", "ort-cpu"] {
        assert_eq!(runtime(&report, name)["status"], "failed_checks");
        assert_eq!(failed_checks(&report, name), ["finite", "finite", "finite"]);
    }
}

#[test]
fn constant_logits_fail_unless_the_weights_were_made_constant() {
    let folder = folder();
    let mut model = toy::model();
    toy::graph_of(&mut model).initializer[0] =
        toy::tensor("weight", &[4, 3], [0.0; 12].into_iter());
    toy::graph_of(&mut model).initializer[1] = toy::tensor("bias", &[4], [2.0; 4].into_iter());
    let report = verify(&toy::write(&model, folder.path()), true, BOTH)
        .expect(1)
        .report();
    assert_eq!(
        failed_checks(&report, "ort-cpu"),
        ["constant", "constant", "constant"]
    );

    let constant = emitted(&folder, &["--init", "constant"]);
    let report = verify(&constant, true, BOTH).expect(0).report();
    assert_eq!(
        report["notes"],
        json!(["the logits are constant, as the weights are"])
    );
}

#[test]
fn rows_that_depend_on_their_batch_fail_though_the_runtimes_agree() {
    let folder = folder();
    let mut model = toy::with_middle(toy::node("Sub", &["pooled", "mean"], "hidden"));
    let mean = toy::ints(toy::node("ReduceMean", &["pooled"], "mean"), "axes", &[0]);
    toy::graph_of(&mut model).node.insert(1, mean);
    let report = verify(&toy::write(&model, folder.path()), true, BOTH)
        .expect(1)
        .report();
    for name in ["tract", "ort-cpu"] {
        assert_eq!(failed_checks(&report, name), ["rows", "rows"], "{name}");
    }
    assert_eq!(runtime(&report, "tract")["beyond_tolerance"], 0);
}

#[test]
fn a_runtime_that_is_not_done_in_time_is_its_own_result() {
    let folder = folder();
    let file = toy::write(&toy::endless(), folder.path());
    // Loading a library takes a part of it: an emulated processor needs a second or two.
    let report = verify(&file, true, &[BOTH, &["--timeout", "5"]].concat())
        .expect(1)
        .report();
    for name in ["tract", "ort-cpu"] {
        assert_eq!(runtime(&report, name)["status"], "timed_out", "{report:#}");
        assert!(
            runtime(&report, name)["hint"]
                .as_str()
                .is_some_and(|hint| hint.contains("--timeout"))
        );
    }
}

#[test]
fn a_file_that_breaks_a_rule_is_shown_to_no_runtime() {
    let folder = folder();
    let mut backwards = toy::model();
    toy::graph_of(&mut backwards).node.swap(0, 1);
    let mut narrow = toy::with_middle(toy::node("Sigmoid", &["pooled"], "hidden"));
    toy::graph_of(&mut narrow).output[0] = toy::value("logits", &[None, Some(5)]);
    for (model, code, node) in [
        (&backwards, "order", "hidden"),
        (&narrow, "mismatch", "logits"),
    ] {
        let file = toy::write(model, folder.path());
        let report = verify(&file, true, BOTH).expect(1).report();
        assert_eq!(
            (&report["verdict"], &report["runtimes"]),
            (&json!("disagree"), &json!([]))
        );
        let problem = &report["problems"][0];
        assert_eq!(
            (&problem["code"], &problem["node"]),
            (&json!(code), &json!(node))
        );
        let table = verify(&file, true, &[]).expect(1).stdout;
        assert!(
            table.contains("nothing ran") && table.contains(&format!("({code})")),
            "{table}"
        );
    }

    let external = emitted(&folder, &["--external-data"]);
    std::fs::write(folder.path().join("b0.onnx.data"), "short").expect("a file");
    let report = verify(&external, true, BOTH).expect(1).report();
    assert_eq!(
        (&report["problems"][0]["code"], &report["runtimes"]),
        (&json!("external"), &json!([]))
    );
}

#[test]
fn another_shape_than_declared_fails_where_only_running_shows_it() {
    let folder = folder();
    let mut model = toy::model();
    toy::graph_of(&mut model).output[0] = toy::value("logits", &[None, Some(5)]);
    let report = verify(&toy::write(&model, folder.path()), true, BOTH)
        .expect(1)
        .report();
    for name in ["tract", "ort-cpu"] {
        assert_eq!(failed_checks(&report, name), ["shape", "shape", "shape"]);
    }
}

#[test]
fn what_cannot_be_read_or_tried_is_bad_input() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let mut texts = toy::model();
    let graph = toy::graph_of(&mut texts);
    let cast = toy::int(toy::node("Cast", &["texts"], "input"), "to", 1);
    graph.node.insert(0, cast);
    graph.input[0].name = Some("texts".into());
    let declared = graph.input[0]
        .r#type
        .as_mut()
        .and_then(|declared| declared.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = declared {
        tensor.elem_type = Some(DataType::String as i32);
    }
    for (path, part) in [
        (folder.path().join("missing.onnx"), "cannot read"),
        (folder.path().to_owned(), "cannot read"),
        (
            write("text.onnx", b"Not a model, but a text."),
            "cannot be decoded",
        ),
        (write("empty.onnx", b""), "cannot be decoded"),
        (
            toy::write(&texts, folder.path()),
            "input `texts` has element type string, expected a number or a bool",
        ),
    ] {
        let run = verify(&path, false, &[]).expect(2);
        assert!(
            run.stderr.starts_with("error: ") && run.stderr.contains(part),
            "{run:#?}"
        );
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn bad_usage_is_refused() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    for arguments in [
        &["--runtime", "onnx"][..],
        &["--timeout", "0"],
        &["--rtol", "-1"],
        &["--atol", "NaN"],
        &["--runtime", "tract", "--ort-lib", "libonnxruntime.so"],
    ] {
        verify(&file, false, arguments).expect(2);
    }
}
