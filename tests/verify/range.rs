//! `verify --range`: how large values are, which do not fit f16, and what rounding one of them moves in the outputs.

use crate::verify_support::{Run, folder, grey_pictures, program, toy, verify};
use efficientnet_onnx::onnx::proto::{AttributeProto, ModelProto, NodeProto};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The audit as JSON; `library` as for [`verify`].
fn audit(file: &Path, library: bool, arguments: &[&str], status: i32) -> Value {
    let all = [&["--range", "--json"], arguments].concat();
    verify(file, library, &all).expect(status).report()
}

fn list<'a>(report: &'a Value, key: &str) -> &'a [Value] {
    report[key].as_array().expect("a list")
}

/// What the audit says of a value.
fn value<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut values = list(report, "values").iter();
    let found = values.find(|one| one["value"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// The name of the value with the largest number under `key`; what is not finite is the largest.
fn largest_by(report: &Value, key: fn(&Value) -> &Value) -> String {
    let number = |value: &&Value| key(value).as_f64().unwrap_or(f64::INFINITY);
    let values = list(report, "values").iter();
    let largest = values.max_by(|one, two| number(one).total_cmp(&number(two)));
    largest.expect("a value")["value"]
        .as_str()
        .expect("a name")
        .to_owned()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is a number"))
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-6 * expected.abs()
}

/// The toy with the elements of `weight` multiplied.
fn scaled(by: f32) -> ModelProto {
    let mut model = toy::model();
    let weights = (0..12).map(|at| ((at * 5 % 7) as f32 - 3.0) * by);
    toy::graph_of(&mut model).initializer[0] = toy::tensor("weight", &[4, 3], weights);
    model
}

#[test]
fn a_value_beyond_f16_is_named_and_its_file_is_right_all_the_same() {
    let folder = folder();
    let of = |by| toy::write(&scaled(by), folder.path());
    let fits = audit(&of(1.0), false, &["--runtime", "reference"], 0);
    assert_eq!(fits["verdict"], "fits_f16");
    assert_eq!(fits["schema"], 1);
    assert_eq!(list(&fits, "cases").len(), 3);

    let report = audit(&of(1e6), false, &["--runtime", "reference"], 0);
    assert_eq!(report["verdict"], "exceeds_f16", "{report:#}");
    let logits = value(&report, "logits");
    assert!(number(&logits["share_f16"]) > 1.0, "{logits:#}");
    assert!(number(&logits["overflows_f16"]) > 0.0);
    assert!(number(&logits["share_bf16"]) < 1e-30);
    assert_eq!(logits["overflows_bf16"], 0);
    // Infinite logits have moved by no number.
    assert_eq!(logits["move_f16"]["relative"], Value::Null);
    assert!(number(&logits["move_bf16"]["relative"]) < 0.01);
    for before in ["input", "pooled", "hidden"] {
        let one = value(&report, before);
        assert!(number(&one["share_f16"]) < 0.001, "{one:#}");
    }
    let weight = &list(&report, "initializers")[0];
    assert_eq!(
        (&weight["name"], &weight["overflows_f16"]),
        (&"weight".into(), &10.into())
    );
    // What depends on them alone: of the Gemm its inner extent, of the mean its 64 pixels.
    assert_eq!(logits["reduction_depth"], 3);
    assert_eq!(value(&report, "pooled")["reduction_depth"], 64);
    assert_eq!(value(&report, "hidden")["reduction_depth"], Value::Null);

    let shown = verify(&of(1e6), false, &["--range", "--runtime", "reference"])
        .expect(0)
        .stdout;
    let lines: Vec<&str> = shown.lines().collect();
    let verdict = "1 value and 1 initializer exceed f16's range, the first is `logits`; all fit their own types";
    assert!(lines[0].ends_with(verdict), "{shown}");
    // The worst value comes first.
    assert!(lines[4].ends_with("Gemm        logits"), "{shown}");
    assert!(lines[4].contains("not finite"), "{shown}");
}

#[test]
fn what_does_not_fit_its_own_type_is_status_1() {
    let folder = folder();
    // 2^120 times 2^10: beyond f32 in every runtime, though not in the reference's f64.
    let mut model = scaled(1.0);
    let huge = toy::node("Mul", &["pooled", "huge"], "large");
    let graph = toy::graph_of(&mut model);
    graph.node[1] = huge;
    graph
        .node
        .insert(2, toy::node("Mul", &["large", "thousand"], "hidden"));
    graph
        .initializer
        .push(toy::tensor("huge", &[], [2.0_f32.powi(127)].into_iter()));
    graph
        .initializer
        .push(toy::tensor("thousand", &[], [1024.0].into_iter()));
    let file = toy::write(&model, folder.path());
    let report = audit(&file, false, &["--runtime", "reference"], 1);
    assert_eq!(report["verdict"], "exceeds_own_type");
    let shown = verify(&file, false, &["--range", "--runtime", "reference"])
        .expect(1)
        .stdout;
    assert!(
        shown.contains(
            "2 values exceed THE RANGE OF THEIR OWN TYPES or are not finite, the first is `hidden`"
        ),
        "{shown}"
    );
    assert_eq!(value(&report, "hidden")["not_finite"], 0);
    // ONNX Runtime computes it in f32.
    let report = audit(&file, true, &["--runtime", "ort-cpu"], 1);
    let hidden = value(&report, "hidden");
    assert!(number(&hidden["not_finite"]) > 0.0, "{hidden:#}");
    assert_eq!(report["moves"], Value::Null);
}

/// The middle of the toy adds a large number and takes it away again: what f16 has of the sum is coarse.
fn lossy() -> ModelProto {
    let mut model = toy::with_middle(toy::node("Add", &["pooled", "large"], "sum"));
    let graph = toy::graph_of(&mut model);
    graph
        .node
        .insert(2, toy::node("Sub", &["sum", "large"], "hidden"));
    graph
        .initializer
        .push(toy::tensor("large", &[], [512.0].into_iter()));
    model
}

fn cast(from: &str, name: &str, element: i64) -> NodeProto {
    toy::int(toy::node("Cast", &[from], name), "to", element)
}

/// Places two Casts behind a value: to f16 or bf16, and back to f32; everything that read the value reads what is left.
fn with_casts(mut model: ModelProto, value: &str, element: i64) -> ModelProto {
    let graph = toy::graph_of(&mut model);
    for node in &mut graph.node {
        for input in node.input.iter_mut().filter(|input| *input == value) {
            *input = "back".into();
        }
    }
    let after = graph.node.iter().position(|node| node.output[0] == value);
    let at = after.map_or(0, |index| index + 1);
    graph.node.insert(at, cast(value, "narrow", element));
    graph.node.insert(at + 1, cast("narrow", "back", 1));
    model
}

#[test]
fn rounding_moves_the_outputs_as_casts_in_the_file_do() {
    let folder = folder();
    let file = toy::write(&lossy(), folder.path());
    let report = audit(&file, false, &["--batch", "2"], 0);
    let relative = |value: &Value, key: &str| number(&value[key]["relative"]);
    assert_eq!(
        largest_by(&report, |value| &value["move_f16"]["relative"]),
        "sum"
    );
    assert!(
        relative(value(&report, "sum"), "move_f16") > 0.05,
        "{report:#}"
    );
    assert!(relative(value(&report, "hidden"), "move_f16") < 0.001);
    for (name, element, key) in [
        ("input", 10, "move_f16"),
        ("sum", 10, "move_f16"),
        ("hidden", 10, "move_f16"),
        ("sum", 16, "move_bf16"),
        ("pooled", 16, "move_bf16"),
    ] {
        let place = folder.path().join("casts");
        std::fs::create_dir_all(&place).expect("a folder");
        let other = toy::write(&with_casts(lossy(), name, element), &place);
        let other = other.to_str().expect("UTF-8");
        let arguments = [other, "--runtime", "reference", "--batch", "2", "--json"];
        let compared = verify(&file, false, &arguments);
        let compared = compared.report();
        let runtime = &list(&compared, "runtimes")[1];
        let moved = number(&runtime["max_abs"]) / number(&value(&report, "logits")["largest"]);
        let found = relative(value(&report, name), key);
        assert!(close(found, moved), "{name} {key}: {found} {moved}");
    }
    // All at once: at least what the coarse sum does.
    let all = |key: &str| number(&report["moves"][key][0]["relative"]);
    assert!(
        all("everything") > 0.05 && all("initializers") < 0.001,
        "{report:#}"
    );
    assert_eq!(
        report["moves"]["each_value"],
        serde_json::json!(["f16", "bf16"])
    );
}

/// A network of a few blocks.
fn small(folder: &TempDir, arguments: &[&str]) -> PathBuf {
    let path = folder.path().join("small.onnx");
    let network = [
        "emit", "--width", "0.2", "--depth", "0.3", "--init", "probe",
    ];
    let mut command = program();
    command.args(network).args(arguments);
    Run::of(command.args(["--quiet", "-o"]).arg(&path)).expect(0);
    path
}

#[test]
fn every_runtime_gives_the_same_magnitudes() {
    let folder = folder();
    let file = small(&folder, &["--size", "32"]);
    let of = |runtime: &str| {
        let arguments = ["--runtime", runtime, "--batch", "1"];
        audit(&file, runtime == "ort-cpu", &arguments, 0)
    };
    let reference = of("reference");
    let names = |report: &Value| -> Vec<Value> {
        let values = list(report, "values").iter();
        values.map(|value| value["value"].clone()).collect()
    };
    assert_eq!(reference["runtime"], "reference");
    for runtime in ["ort-cpu", "tract"] {
        let report = of(runtime);
        assert_eq!(report["runtime"], runtime);
        assert_eq!(names(&report), names(&reference));
        let pairs = list(&report, "values")
            .iter()
            .zip(list(&reference, "values"));
        for (found, expected) in pairs {
            let [one, two] = [found, expected].map(|value| number(&value["largest"]));
            assert!((one - two).abs() <= 1e-3 * two, "{found:#} {expected:#}");
            assert_eq!(found["reduction_depth"], expected["reduction_depth"]);
        }
        let notes = list(&report, "notes");
        let told = "what rounding moves in the outputs is not measured: `reference` is not among the runtimes; add it to `--runtime`";
        assert!(notes.iter().any(|note| note == told), "{notes:?}");
    }
}

#[test]
fn another_runtime_gives_the_values_where_the_reference_lacks_an_operator() {
    let folder = folder();
    let mut middle = toy::node("LRN", &["input"], "normalised");
    middle.attribute.push(AttributeProto {
        name: Some("size".into()),
        r#type: Some(2),
        i: Some(3),
        ..AttributeProto::default()
    });
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    graph.node[0].input = vec!["normalised".into()];
    graph.node.insert(0, middle);
    let file = toy::write(&model, folder.path());
    let report = audit(&file, true, &[], 0);
    assert_eq!(report["runtime"], "ort-cpu");
    assert_eq!(report["moves"], Value::Null);
    assert!(number(&value(&report, "normalised")["largest"]) > 1.0);
    let notes = list(&report, "notes").iter().filter_map(Value::as_str);
    let notes: Vec<&str> = notes.collect();
    let has = |end: &str| notes.iter().any(|note| note.contains(end));
    assert!(has("the reference interpreter lacks: `LRN`"), "{notes:?}");
    assert!(
        has("not measured: `reference` did not run the file"),
        "{notes:?}"
    );
    // Named, it is no pass.
    let named = verify(&file, false, &["--range", "--runtime", "reference"]).expect(1);
    assert!(named.stderr.contains("no runtime runs"), "{named:#?}");
}

#[test]
fn pictures_are_run_one_by_one_or_as_many_as_the_batch_is_fixed_to() {
    let folder = folder();
    let pictures = folder.path().join("pictures");
    grey_pictures(&pictures.join("dark"), &[0, 40, 120]);
    grey_pictures(&pictures, &[130, 255]);
    let shown = pictures.to_str().expect("UTF-8").to_owned();
    let with = ["--runtime", "reference", "--images", &shown];

    let alone = audit(&small(&folder, &["--size", "32"]), false, &with, 0);
    let names = |report: &Value| -> Vec<Vec<String>> {
        let cases = list(report, "cases").iter();
        let of = |picture: &Value| {
            let path = PathBuf::from(picture.as_str().expect("a path"));
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        };
        let of_case = |case: &Value| list(case, "pictures").iter().map(of).collect();
        cases.map(of_case).collect()
    };
    assert_eq!(names(&alone), [["130"], ["255"], ["000"], ["040"], ["120"]]);
    assert_eq!(alone["pictures"], 5);
    // White is the farthest from the mean of the preprocessing, in case 2.
    let input = value(&alone, "input");
    assert_eq!(
        (&input["case"], &input["elements"]),
        (&1.into(), &(5 * 3 * 32 * 32).into())
    );

    let fixed = small(&folder, &["--size", "32", "--batch", "2", "--force"]);
    let together = audit(&fixed, false, &with, 0);
    assert_eq!(
        names(&together),
        [vec!["130", "255"], vec!["000", "040"], vec!["120"]]
    );
    for (one, other) in list(&alone, "values").iter().zip(list(&together, "values")) {
        assert!(
            close(number(&one["largest"]), number(&other["largest"])),
            "{one:#} {other:#}"
        );
    }
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let arguments = ["--range", "--images", empty.to_str().expect("UTF-8")];
    let refused = verify(&fixed, false, &arguments).expect(2);
    assert!(
        refused.stderr.contains("has no JPEG or PNG pictures"),
        "{refused:#?}"
    );
}

#[test]
fn the_audit_takes_no_second_file_and_no_expected_outputs() {
    let folder = folder();
    let file = toy::write(&toy::model(), folder.path());
    for more in [
        &["--bisect"][..],
        &["--self-test"],
        &["--html", "page.html"],
        &["--test-data", "data"],
        &["other.onnx"],
    ] {
        let run: Run = verify(&file, false, &[&["--range"], more].concat()).expect(2);
        assert!(run.stderr.contains("cannot be used with"), "{run:#?}");
    }
    let run = verify(&file, false, &["--all"]).expect(2);
    assert!(run.stderr.contains("--range"), "{run:#?}");
}
