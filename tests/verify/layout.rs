//! Where height and width are in the inputs of other tools' files: channels last, and pictures without a batch.

use crate::verify_support::{Run, folder, ort_library, program, toy, verify};
use efficientnet_onnx::onnx::proto::tensor_shape_proto::{Dimension, dimension};
use efficientnet_onnx::onnx::proto::{ModelProto, ValueInfoProto, type_proto};
use serde_json::json;

const UINT8: i32 = 2;

/// The toy behind a transposition of channels to the front, with an input of these extents.
fn channels_last(extents: &[&str]) -> ModelProto {
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    let mut transpose = toy::node("Transpose", &["image"], "input");
    transpose = toy::ints(transpose, "perm", &[0, 3, 1, 2]);
    graph.node.insert(0, transpose);
    graph.input = vec![declared(extents)];
    model
}

/// An input `image`; an extent is a number, a name, or `?`.
fn declared(extents: &[&str]) -> ValueInfoProto {
    let mut value = toy::value("image", &[]);
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        let dims = &mut tensor.shape.as_mut().expect("a shape").dim;
        dims.extend(extents.iter().map(|extent| Dimension {
            denotation: None,
            value: match extent.parse() {
                Ok(number) => Some(dimension::Value::DimValue(number)),
                Err(_) if *extent == "?" => None,
                Err(_) => Some(dimension::Value::DimParam((*extent).to_owned())),
            },
        }));
    }
    value
}

/// The sizes of all cases, each once.
fn sizes(model: &ModelProto, arguments: &[&str]) -> Vec<[u64; 2]> {
    let folder = folder();
    let path = toy::write(model, folder.path());
    let arguments = [&["--json"], arguments].concat();
    let report = verify(&path, true, &arguments).expect(0).report();
    assert_eq!(report["verdict"], "agree", "{report:#}");
    let cases = report["cases"].as_array().expect("cases").iter();
    let mut sizes: Vec<[u64; 2]> = cases
        .map(|case| ["height", "width"].map(|side| case[side].as_u64().expect("a side")))
        .collect();
    sizes.dedup();
    sizes
}

#[test]
fn height_and_width_are_found_before_the_channels() {
    for extents in [
        &["batch", "h", "w", "3"][..],
        &["batch", "?", "?", "3"],
        &["?", "?", "?", "3"],
    ] {
        let model = channels_last(extents);
        assert_eq!(sizes(&model, &[]), [[224, 224], [64, 96]], "{extents:?}");
        assert_eq!(
            sizes(&model, &["--size", "32x48"]),
            [[32, 48]],
            "{extents:?}"
        );
    }
    let fixed = channels_last(&["2", "8", "16", "3"]);
    assert_eq!(sizes(&fixed, &[]), [[8, 16]]);
    // As many channels as columns: only the transposition tells.
    assert_eq!(
        sizes(&channels_last(&["batch", "3", "4", "3"]), &[]),
        [[3, 4]]
    );
}

#[test]
fn bytes_of_pictures_are_made_pixel_by_pixel_and_timed() {
    let mut model = channels_last(&["batch", "h", "w", "3"]);
    let graph = toy::graph_of(&mut model);
    let mut cast = toy::int(toy::node("Cast", &["image"], "floats"), "to", 1);
    cast.name = Some("cast".into());
    graph.node.insert(0, cast);
    graph.node[1].input = vec!["floats".into()];
    let kind = graph.input[0]
        .r#type
        .as_mut()
        .and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        tensor.elem_type = Some(UINT8);
    }
    let arguments = ["--noise", "image,normal", "--size", "64x96"];
    assert_eq!(sizes(&model, &arguments), [[64, 96]]);
    let folder = folder();
    let path = toy::write(&model, folder.path());
    let mut bench = program();
    bench
        .arg("bench")
        .arg(&path)
        .arg("--ort-lib")
        .arg(ort_library());
    let timed = Run::of(bench.args(["--size", "64x96", "--runs", "1", "--json"]));
    assert_eq!(timed.expect(0).report()["size"], json!([64, 96]));
}

#[test]
fn a_picture_without_a_batch_is_one() {
    let mut model = toy::model();
    let graph = toy::graph_of(&mut model);
    let transpose = toy::node("Transpose", &["image"], "first");
    graph
        .node
        .insert(0, toy::ints(transpose, "perm", &[2, 0, 1]));
    let axes = efficientnet_onnx::onnx::proto::TensorProto {
        name: Some("axes".into()),
        dims: vec![1],
        data_type: Some(7),
        int64_data: vec![0],
        ..Default::default()
    };
    graph.initializer.push(axes);
    graph
        .node
        .insert(1, toy::node("Unsqueeze", &["first", "axes"], "input"));
    graph.input = vec![declared(&["rows", "columns", "3"])];
    graph.output = vec![toy::value("logits", &[Some(1), Some(4)])];
    assert_eq!(sizes(&model, &["--size", "40x24"]), [[40, 24]]);
}
