//! `emit --islands auto --images`: what an audit in f32 finds too large for f16 stays in f32, and the file computes what the
//! one in f32 does.

use crate::verify_support::{Run, folder, grey_pictures, program, verify};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const NETWORK: [&str; 8] = [
    "--width",
    "0.2",
    "--depth",
    "0.3",
    "--size",
    "32",
    "--classes",
    "10",
];

/// Weights of a small network, drawn and then changed: the last batch norm times `by`, and the classifier over it, which
/// makes the same logits of features that are so much larger.
fn weights(folder: &Path, by: f32) -> PathBuf {
    let drawn = folder.join("drawn.safetensors");
    let mut export = program();
    export.args(["weights", "export", "--init", "probe", "--quiet"]);
    export.args(
        NETWORK
            .iter()
            .filter(|word| !["--size", "32"].contains(word)),
    );
    Run::of(export.arg("-o").arg(&drawn)).expect(0);
    let bytes = std::fs::read(&drawn).expect("a checkpoint");
    let tensors = SafeTensors::deserialize(&bytes).expect("a checkpoint");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a checkpoint");
    let factor = |name: &str| match name {
        "bn2.weight" | "bn2.bias" => by,
        "classifier.weight" => 1.0 / by,
        _ => 1.0,
    };
    let mut changed = BTreeMap::new();
    for (name, tensor) in tensors.iter() {
        let (values, _) = tensor.data().as_chunks::<4>();
        let values = values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes) * factor(name));
        let data: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
        changed.insert(name.to_owned(), (tensor.shape().to_vec(), data));
    }
    let views = changed.iter().map(|(name, (shape, data))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), data);
        (name, view.expect("a tensor"))
    });
    let path = folder.join("changed.safetensors");
    safetensors::serialize_to_file(views, metadata.metadata().clone(), &path).expect("a file");
    path
}

fn emit(weights: &Path, path: &Path, arguments: &[&str]) -> Run {
    let mut command = program();
    command
        .arg("emit")
        .args(NETWORK)
        .arg("--weights")
        .arg(weights);
    Run::of(command.args(arguments).arg("-o").arg(path))
}

fn list(value: &Value) -> Vec<&str> {
    let names = value.as_array().expect("a list").iter();
    names.map(|name| name.as_str().expect("a name")).collect()
}

/// The nodes that read or write the large values: the last convolution, what it feeds, and the classifier.
const LARGE: [&str; 5] = [
    "conv_head",
    "bn2.act.sigmoid",
    "bn2.act",
    "global_pool",
    "classifier.product",
];

#[test]
fn what_the_audit_finds_too_large_is_computed_in_f32() {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    let pictures = place("pictures");
    grey_pictures(&pictures, &[0, 90, 255]);
    let shown = pictures.to_str().expect("UTF-8");
    // The weights fit f16, and what is computed from them does not.
    let weights = weights(folder.path(), 7e4);
    let [single, usual, audited] = ["single.onnx", "usual.onnx", "audited.onnx"].map(place);
    emit(&weights, &single, &["--quiet"]).expect(0);
    emit(
        &weights,
        &usual,
        &["--quiet", "--dtype", "f16", "--keep-io"],
    )
    .expect(0);
    let range = ["--range", "--json", "--images", shown];
    let report = verify(&usual, false, &range).expect(1).report();
    assert_eq!(report["verdict"], "exceeds_own_type");

    let auto = [
        "--dtype",
        "f16",
        "--keep-io",
        "--islands",
        "auto",
        "--images",
        shown,
    ];
    let run = emit(&weights, &audited, &[&auto[..], &["--json"]].concat()).expect(0);
    let report = run.report();
    let found = report["islands"].as_array().expect("a list");
    let nodes = found
        .iter()
        .map(|one| one["node"].as_str().expect("a name"));
    let nodes: Vec<&str> = nodes.collect();
    assert_eq!(nodes, LARGE);
    let reason = &found[0]["reasons"][0]["value"];
    assert_eq!(reason["value"], "bn2", "{reason:#}");
    assert!(reason["largest"].as_f64() > Some(65504.0), "{reason:#}");
    // The pools that are islands anyway are recorded with them.
    let recorded = list(&report["recipe"]["islands"]);
    assert!(
        nodes.iter().all(|node| recorded.contains(node)),
        "{recorded:?}"
    );
    assert!(recorded.len() > nodes.len(), "{recorded:?}");
    assert!(
        run.stderr.contains("5 nodes by the audit on 3 pictures"),
        "{run:#?}"
    );

    // It fits, and it is the network in f32, in both runtimes. Without the audit it is not.
    verify(&audited, false, &range).expect(0);
    let compared = |other: &Path, status| {
        let other = other.to_str().expect("UTF-8");
        verify(&single, true, &[other, "--runtime", "ort-cpu"]).expect(status)
    };
    compared(&audited, 0);
    compared(&usual, 1);
}

#[test]
fn weights_that_are_too_large_stay_in_f32_with_their_nodes() {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    grey_pictures(&place("pictures"), &[90]);
    let pictures = place("pictures");
    let weights = weights(folder.path(), 1e6);
    let [single, audited] = ["single.onnx", "audited.onnx"].map(place);
    let half = ["--dtype", "f16", "--keep-io", "--quiet"];
    let refused = emit(&weights, &audited, &half).expect(2);
    assert!(refused.stderr.contains("beyond f16"), "{refused:#?}");
    let shown = pictures.to_str().expect("UTF-8");
    let auto = ["--islands", "auto", "--images", shown, "--json"];
    let report = emit(&weights, &audited, &[&half[..], &auto].concat())
        .expect(0)
        .report();
    let reasons = report["islands"][0]["reasons"].as_array().expect("a list");
    let of_initializers = reasons
        .iter()
        .filter_map(|reason| reason["initializer"]["name"].as_str());
    let names: Vec<&str> = of_initializers.collect();
    assert_eq!(names, ["conv_head.weight", "conv_head.bias"]);
    emit(&weights, &single, &["--quiet"]).expect(0);
    let other = audited.to_str().expect("UTF-8");
    verify(&single, true, &[other, "--runtime", "reference,ort-cpu"]).expect(0);
}

#[test]
fn where_all_is_well_the_file_is_that_without_an_audit() {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    grey_pictures(&place("pictures"), &[128]);
    let shown = place("pictures");
    let shown = shown.to_str().expect("UTF-8");
    let weights = weights(folder.path(), 1.0);
    let half = ["--dtype", "bf16", "--quiet"];
    emit(&weights, &place("usual.onnx"), &half).expect(0);
    let audited = place("audited.onnx");
    let auto = ["--islands", "auto", "--images", shown];
    let with = [&half[..], &auto].concat();
    emit(&weights, &audited, &with).expect(0);
    let bytes = |name: &str| std::fs::read(place(name)).expect("a file");
    assert!(bytes("usual.onnx") == bytes("audited.onnx"));

    // What cannot be written is said before the audit, and leaves the file as it is.
    std::fs::remove_dir_all(place("pictures")).expect("a folder");
    let refused = emit(&weights, &audited, &with).expect(2);
    assert!(refused.stderr.contains("exists"), "{refused:#?}");
    let refused = emit(&weights, &audited, &[&with[..], &["--force"]].concat()).expect(2);
    assert!(refused.stderr.contains("cannot read"), "{refused:#?}");
    assert!(bytes("usual.onnx") == bytes("audited.onnx"));
}
