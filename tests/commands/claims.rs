//! What a file says about itself and its graph does not bear out: it is named, and nothing is decided by it.

use crate::verify_support::{Run, folder, program};
use efficientnet_onnx::metadata::claims::Claims;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::{AttributeProto, ModelProto};
use prost::Message;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn run(folder: &Path, command: &str) -> Run {
    Run::of(program().current_dir(folder).args(command.split(' ')))
}

fn emitted(folder: &Path, arguments: &str) {
    run(folder, &format!("emit {arguments} --force -o model.onnx")).expect(0);
}

/// Every form that is written is the one that its own recipe describes.
#[test]
fn honest_files_are_described_by_their_recipes() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("names"), "a\nb\n").expect("a file");
    for arguments in [
        "--variant b0 --init constant",
        "--variant b0 --size 64x96 --batch 2 --bn keep",
        "--variant b1 --size dynamic:32 --padding symmetric --bn-epsilon 1e-5",
        "--variant lite0 --size 32 --classes 2 --labels names --outputs probabilities,pooled",
        "--variant lite0 --size 32 --classes 1 --outputs logits,probabilities",
        "--variant lite0 --size 32 --activation sigmoid --outputs probabilities",
        "--variant lite0 --size 64 --padding static:99",
        "--variant lite0 --size 32 --in-channels 1 --outputs pooled",
        "--like torchvision/efficientnet_b0 --size 64",
        "--like timm/tf_efficientnet_lite0",
        "--variant condconv-b0-4e --size 64",
        "--variant edgetpu-s --size 64",
        "--variant v2-b0 --size 64",
        "--phi 0.5 --size 64",
        "--width 0.5 --depth 0.5 --size 64",
        "--variant condconv-b0-4e --size dynamic --opset 18",
        "--variant lite0 --size dynamicx64 --opset 28 --bn keep",
        "--variant b0 --size 64 --input-format nhwc --in-channels 5",
        "--variant b0 --size dynamic:32 --normalize --opset 13",
        "--variant condconv-b0-4e --size dynamic --input-format uint8-nhwc --opset 28",
        "--like tf/efficientnet-b0 --input-format nhwc --normalize --bn keep --batch 2",
        "--variant lite0 --size 64 --input-format uint8-nhwc --bn keep --outputs pooled",
        "--variant condconv-b0-4e --size dynamic --dtype f16 --keep-io --outputs probabilities,pooled",
        "--variant lite0 --size 32 --dtype bf16 --bn keep --islands none --init constant",
        "--variant lite0 --size 32 --dtype bf16 --input-format uint8-nhwc",
        "--variant lite0 --size 32 --dtype f16 --keep-io --normalize",
        "--variant condconv-b0-4e --size dynamic --opset 25 --form swish=swish-op,pool=reduce-mean,head=matmul,ir=14",
        "--variant condconv-b0-4e --size 64 --opset 24 --form swish=swish-op,pool=reduce-mean --dtype f16",
        "--variant b0 --size 32 --form pool=global-average,head=gemm,ir=9 --bn keep --dtype f16",
        "--variant condconv-b0-4e --size 32 --skeleton --opset 20 --form pool=reduce-mean --bn keep",
        "--variant lite0 --size dynamic --skeleton --dtype f16 --bn keep --input-format uint8-nhwc --opset 28",
    ] {
        emitted(folder, arguments);
        let file = ModelFile::open(&folder.join("model.onnx")).expect("a model");
        let claims = Claims::read(&file);
        assert_eq!(claims.contradictions, [], "{arguments}");
        assert!(
            claims.is_described && claims.recipe.is_some(),
            "{arguments}"
        );
        run(folder, "inspect model.onnx").expect(0);
    }
}

/// Changes one value of a record.
fn change(model: &mut ModelProto, record: &str, pointer: &str, value: &Value) {
    let key = format!("efficientnet.{record}");
    let entries = &mut model.metadata_props;
    let entry = entries
        .iter_mut()
        .find(|entry| entry.key() == key)
        .expect("a record");
    let mut json: Value = serde_json::from_str(entry.value()).expect("JSON");
    match json.pointer_mut(pointer) {
        Some(field) => *field = value.clone(),
        None => json[&pointer[1..]] = value.clone(),
    }
    entry.value = Some(json.to_string());
}

#[test]
fn a_claim_that_the_graph_does_not_bear_out_is_named() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("names"), "a\nb\nc\n").expect("a file");
    emitted(
        folder,
        "--like timm/tf_efficientnet_lite0 --size 32 --classes 3 --labels names --init probe --bn keep --outputs logits,probabilities",
    );
    let bytes = fs::read(folder.join("model.onnx")).expect("a file");
    let model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let honest = run(folder, "verify --runtime tract --json model.onnx")
        .expect(0)
        .report();
    let picture = format!(
        "{}/tests/fixtures/preprocessing/cat.png",
        env!("CARGO_MANIFEST_DIR")
    );
    let all = u64::MAX;
    for (record, pointer, value, expected) in [
        (
            "recipe",
            "/macs",
            json!(all),
            "has `macs` 18446744073709551615, but its network has ",
        ),
        (
            "recipe",
            "/parameters",
            json!(1),
            "has `parameters` 1, but its network has 3374851",
        ),
        (
            "recipe",
            "/default_size",
            json!([all, all]),
            "has `default_size` ",
        ),
        (
            "recipe",
            "/size/0",
            json!("64"),
            "has `size` 64, but that side of input `input` is 32",
        ),
        (
            "recipe",
            "/size/1",
            json!("dynamic:32"),
            "has `size` dynamic:32, but that side of input `input` is 32",
        ),
        (
            "recipe",
            "/in_channels",
            json!(4),
            "has `in_channels` 4, but input `input` has 3 channels",
        ),
        (
            "recipe",
            "/classes",
            json!(1000),
            "has `classes` 1000, but output `logits` has 3",
        ),
        (
            "recipe",
            "/outputs",
            json!(["logits"]),
            "has `outputs` logits, but the outputs are logits, probabilities",
        ),
        (
            "recipe",
            "/padding",
            json!("symmetric"),
            "has `padding` symmetric, but node `",
        ),
        (
            "recipe",
            "/bn_epsilon",
            json!(0.5),
            "has `bn_epsilon` 5e-1, but a batch norm has 1e-3",
        ),
        (
            "recipe",
            "/variant",
            json!("lite1"),
            "has `variant` lite1, but its width, depth and resolution are those of no such model",
        ),
        (
            "recipe",
            "/like",
            json!("timm/tf_efficientnet_b7"),
            "has `like` timm/tf_efficientnet_b7, but ",
        ),
        (
            "recipe",
            "/depth",
            json!(2.0),
            "has `variant` lite0, but its width, depth and resolution are those of no such model",
        ),
        (
            "preprocessing",
            "/size",
            json!([64, 32]),
            "has `size` 64, but that side of input `input` is 32",
        ),
        (
            "preprocessing",
            "/std/1",
            json!(0.0),
            "nothing can be divided by it",
        ),
        (
            "labels",
            "",
            json!(["a", "b"]),
            "has `names` 2, but output `logits` has 3 classes",
        ),
        (
            "head",
            "/activation",
            json!("sigmoid"),
            "has `activation` sigmoid, but `probabilities` are made by Softmax",
        ),
        (
            "origin",
            "/rule",
            json!("constant"),
            "has `rule` constant, but `",
        ),
    ] {
        let place = format!("{record}{pointer}");
        let mut changed = model.clone();
        change(&mut changed, record, pointer, &value);
        fs::write(folder.join("model.onnx"), changed.encode_to_vec()).expect("a file");
        let inspected = run(folder, "inspect --json model.onnx").expect(1);
        assert!(
            inspected.stderr.contains(expected),
            "{place}: {inspected:#?}"
        );
        let listed = inspected.report()["file"]["contradictions"]
            .as_array()
            .map_or(0, Vec::len);
        assert!(listed > 0, "{place}");
        // The library's model that a recipe names decides nothing.
        if pointer != "/like" {
            let verified = run(folder, "verify --runtime tract --json model.onnx").expect(0);
            assert!(verified.stderr.contains(expected), "{place}: {verified:#?}");
            let report = verified.report();
            assert_eq!(
                (&report["macs"], &report["cases"]),
                (&honest["macs"], &honest["cases"]),
                "{place}"
            );
        }
        let classified =
            Run::of(
                program()
                    .current_dir(folder)
                    .args(["classify", "model.onnx", &picture]),
            );
        if ["preprocessing", "labels", "head"].contains(&record) {
            classified.expect(2);
        } else if pointer != "/like" {
            assert!(classified.expect(0).stderr.contains(expected), "{place}");
        }
        let of_weights = [
            "/padding",
            "/bn_epsilon",
            "/variant",
            "/classes",
            "/in_channels",
        ];
        if of_weights.contains(&pointer) {
            let exported =
                run(folder, "weights export model.onnx --force -o x.safetensors").expect(2);
            assert!(exported.stderr.contains(expected), "{place}: {exported:#?}");
        }
    }
}

/// What other programs change without changing what is computed is no false claim.
#[test]
fn defaults_that_are_written_or_left_out_are_the_same() {
    let folder = folder();
    let folder = folder.path();
    emitted(
        folder,
        "--variant lite0 --size 64 --bn keep --padding symmetric --bn-epsilon 1e-5 --init probe",
    );
    let bytes = fs::read(folder.join("model.onnx")).expect("a file");
    let model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let rewritten = |keep: &dyn Fn(&str, &[i64]) -> bool, epsilon: f64, explicit: bool| {
        let mut model = model.clone();
        let graph = model.graph.as_mut().expect("a graph");
        for node in &mut graph.node {
            let keep = |one: &AttributeProto| keep(one.name(), &one.ints);
            node.attribute.retain(keep);
            if explicit && node.op_type() == "Conv" {
                node.attribute.push(AttributeProto {
                    name: Some("auto_pad".to_owned()),
                    r#type: Some(3),
                    s: Some(b"NOTSET".to_vec()),
                    ..AttributeProto::default()
                });
            }
        }
        change(&mut model, "recipe", "/bn_epsilon", &json!(epsilon));
        fs::write(folder.join("model.onnx"), model.encode_to_vec()).expect("a file");
        run(folder, "inspect model.onnx")
    };
    let zero = |name: &str, ints: &[i64]| name != "pads" || ints.iter().any(|pad| *pad != 0);
    rewritten(&|_, _| true, 1e-5, true).expect(0);
    rewritten(&zero, 1e-5, false).expect(0);
    // ONNX's own epsilon is 1e-5.
    let no_epsilon = |name: &str, _: &[i64]| name != "epsilon";
    rewritten(&no_epsilon, 1e-5, false).expect(0);
    let refused = rewritten(&no_epsilon, 1e-3, false).expect(1);
    let expected = "has `bn_epsilon` 1e-3, but a batch norm has 1e-5";
    assert!(refused.stderr.contains(expected), "{refused:#?}");
    let no_pads = |name: &str, _: &[i64]| name != "pads";
    let refused = rewritten(&no_pads, 1e-5, false).expect(1);
    let expected = "has `padding` symmetric, but node `";
    assert!(refused.stderr.contains(expected), "{refused:#?}");
}

/// A graph that computes otherwise is not taken for the recipe's without a word.
#[test]
fn weights_of_a_changed_graph_are_read_with_a_note() {
    let folder = folder();
    let folder = folder.path();
    emitted(folder, "--variant b0 --size 64 --bn keep --init probe");
    let export = "emit --weights model.onnx --size 64 --force -o again.onnx";
    let note = "another program has changed the graph";
    let told = run(folder, export).expect(0).stderr;
    assert!(!told.contains(note), "{told}");
    let bytes = fs::read(folder.join("model.onnx")).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let nodes = &mut model.graph.as_mut().expect("a graph").node;
    let sigmoid = nodes.iter_mut().find(|node| node.op_type() == "Sigmoid");
    sigmoid.expect("a gate").op_type = Some("HardSigmoid".to_owned());
    model.producer_name = Some("another".to_owned());
    fs::write(folder.join("model.onnx"), model.encode_to_vec()).expect("a file");
    let told = run(folder, export).expect(0).stderr;
    assert!(told.contains(note), "{told}");
}

/// Kernels that cannot be looked at bear no claim out, and a recipe of any width is read without a panic.
#[test]
fn claims_that_cannot_be_checked_are_false() {
    let folder = folder();
    let folder = folder.path();
    emitted(folder, "--variant lite0 --size 32 --init constant");
    let bytes = fs::read(folder.join("model.onnx")).expect("a file");
    let model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let inspected = |model: &ModelProto| {
        fs::write(folder.join("model.onnx"), model.encode_to_vec()).expect("a file");
        run(folder, "inspect model.onnx")
    };
    inspected(&model).expect(0);
    let mut doubles = model.clone();
    let graph = doubles.graph.as_mut().expect("a graph");
    for tensor in &mut graph.initializer {
        let elements: i64 = tensor.dims.iter().product();
        let bytes = vec![0; 8 * usize::try_from(elements).expect("few")];
        (tensor.data_type, tensor.raw_data) = (Some(11), Some(bytes.into()));
    }
    let seen = inspected(&doubles).expect(1);
    let expected = "has `rule` constant, but `conv_stem.weight` is stored as f64";
    assert!(seen.stderr.contains(expected), "{seen:#?}");
    for (record, pointer, value, expected) in [
        ("recipe", "/width", json!(1e20), "at most 10000"),
        ("recipe", "/depth", json!(1e300), "at most 10000"),
        (
            "preprocessing",
            "/std/0",
            json!(1e-320),
            "nothing can be divided by it",
        ),
        (
            "preprocessing",
            "/mean/0",
            json!(1e39),
            "it is no number of 32 bits",
        ),
    ] {
        let mut changed = model.clone();
        change(&mut changed, record, pointer, &value);
        // A recipe that cannot be read is no input.
        let status = if record == "recipe" { 2 } else { 1 };
        let seen = inspected(&changed).expect(status);
        assert!(seen.stderr.contains(expected), "{pointer}: {seen:#?}");
    }
}

/// 2^64 − 1 multiply-adds are claimed of a file that has few.
#[test]
fn a_recipe_does_not_lift_the_time_limit() {
    let folder = folder();
    let folder = folder.path();
    emitted(folder, "--variant lite0 --size 32 --init constant");
    let bytes = fs::read(folder.join("model.onnx")).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    change(&mut model, "recipe", "/macs", &json!(u64::MAX));
    fs::write(folder.join("model.onnx"), model.encode_to_vec()).expect("a file");
    let file = ModelFile::open(&folder.join("model.onnx")).expect("a model");
    let facts = efficientnet_onnx::verify::read::facts(&file);
    let cases = efficientnet_onnx::verify::plan::cases(&facts).expect("cases");
    assert!(facts.work < 20_000_000, "{}", facts.work);
    assert_eq!(
        efficientnet_onnx::verify::plan::default_seconds(&facts, &cases),
        60
    );
}
