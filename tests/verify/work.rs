//! Multiply-adds of files: counted on the graph alone they are what `emit` recorded, and decide which runtimes run.

use crate::verify_support::{Run, emitted, folder, program, toy, verify};
use efficientnet_onnx::onnx::cost::count;
use efficientnet_onnx::onnx::file::ModelFile;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn recorded(file: &ModelFile) -> u64 {
    let recipe = file.metadata("efficientnet.recipe").expect("a recipe");
    let recipe: Value = serde_json::from_str(recipe).expect("JSON");
    recipe["macs"].as_u64().expect("a number")
}

#[test]
fn what_is_counted_on_the_graph_is_what_emit_recorded() {
    for arguments in [
        &["--variant", "b0", "--size", "64"][..],
        &["--variant", "b1", "--size", "75", "--batch", "3"],
        &["--variant", "lite0", "--size", "dynamic:32"],
        &["--variant", "edgetpu-s", "--size", "96x64"],
        &["--variant", "v2-b0", "--size", "64", "--bn", "keep"],
        &[
            "--variant",
            "b2",
            "--size",
            "64",
            "--outputs",
            "probabilities,pooled",
        ],
    ] {
        let folder = folder();
        let path = folder.path().join("model.onnx");
        let mut emit = program();
        emit.args(["emit", "--quiet", "-o"])
            .arg(&path)
            .args(arguments);
        Run::of(&mut emit).expect(0);
        let file = ModelFile::open(&path).expect("a model");
        let recipe = file.metadata("efficientnet.recipe").expect("a recipe");
        let recipe: Value = serde_json::from_str(recipe).expect("JSON");
        let size = recipe["default_size"].as_array().expect("a size");
        let pixels = |axis: usize| size[axis].as_u64().expect("a number");
        let batch = if arguments.contains(&"3") { 3 } else { 1 };
        let shape = vec![batch, 3, pixels(0), pixels(1)];
        let counted = count(&file, &[("input".to_owned(), shape)]).expect("counted");
        assert_eq!(counted.uncounted, Vec::<String>::new(), "{arguments:?}");
        assert_eq!(counted.macs, batch * recorded(&file), "{arguments:?}");
    }
}

/// A file without what this program says of it.
fn anonymous(path: &Path) {
    let mut model = toy::read(path);
    model.metadata_props.clear();
    model.producer_name = None;
    fs::write(path, toy::bytes(&model)).expect("written");
}

#[test]
fn files_of_others_are_counted_so_that_the_reference_runs() {
    let folder = folder();
    let file = emitted(&folder, &[]);
    let expected = recorded(&ModelFile::open(&file).expect("a model"));
    anonymous(&file);
    let report = verify(&file, false, &["--json"]).expect(0).report();
    assert_eq!(
        (&report["macs"], &report["base"]),
        (&json!(expected), &json!("reference"))
    );

    // A batch and a size that the file fixes count for one image.
    let toy = toy::write(&toy::endless(), folder.path());
    let short = ["--json", "--timeout", "1", "--runtime", "tract"];
    let report = verify(&toy, false, &short).report();
    let each = 256 * 256 * (512 * 3 + 16 * 512 * 512 * 9_u64);
    assert_eq!(report["macs"], json!(each));
    let run = verify(&toy, false, &["--timeout", "1"]);
    assert!(
        run.stderr
            .contains("2474.0 GMACs an image are more than the 2"),
        "{run:#?}"
    );
}

/// Wide convolutions of a size that only runs tell: too much to be done in a second.
#[test]
fn where_work_cannot_be_counted_the_time_of_the_reference_is_no_verdict() {
    let folder = folder();
    let mut model = toy::endless();
    let graph = toy::graph_of(&mut model);
    graph.input[0] = toy::value("input", &[Some(1), Some(3), Some(8), Some(8)]);
    graph
        .initializer
        .push(toy::tensor("one", &[], [1.0].into_iter()));
    // The largest of a tanh is at most 1, so that this is a stretch by what no shape tells.
    let float_list = |name: &str, values: [f32; 4]| toy::tensor(name, &[4], values.into_iter());
    graph
        .initializer
        .push(float_list("factors", [1.0, 1.0, 48.0, 48.0]));
    let nodes = [
        toy::node("Exp", &["nought"], "exact"),
        toy::node("Mul", &["factors", "exact"], "scales"),
        toy::node("Cast", &["scales"], "whole"),
        toy::node("Tile", &["input", "whole"], "large"),
    ];
    graph
        .initializer
        .push(toy::tensor("nought", &[], [0.0].into_iter()));
    let mut nodes = nodes.to_vec();
    nodes[2] = toy::int(nodes[2].clone(), "to", 7);
    graph.node[0].input[0] = "large".into();
    graph.node.splice(0..0, nodes);
    let file = toy::write(&model, folder.path());
    let unasked = verify(&file, false, &["--timeout", "1", "--json"]);
    let report = unasked.report();
    assert_eq!(report["macs"], Value::Null, "{report:#}");
    let ran: Vec<&Value> = report["runtimes"]
        .as_array()
        .expect("runtimes")
        .iter()
        .map(|runtime| &runtime["name"])
        .collect();
    assert_eq!(ran, ["tract"], "{report:#}");
    let told = "`reference` was not done after 1 s and does not count: the multiply-adds of 17 of the file's nodes are not known, the first is `wide0`";
    assert!(report["notes"].to_string().contains(told), "{report:#}");
    // Named, it counts.
    let named = ["--timeout", "1", "--json", "--runtime", "reference"];
    let report = verify(&file, false, &named).expect(1).report();
    assert_eq!(report["runtimes"][0]["status"], "timed_out");
}
