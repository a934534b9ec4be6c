//! `verify --bisect` names the node with a wrong weight, and marked copies compute what the original does.

use crate::verify_support::{Run, emitted, folder, ort_library, program};
use efficientnet_onnx::internals::mark;
use efficientnet_onnx::metadata::CHECKSUMS_KEY;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::runtime::{OpenOptions, RuntimeName, open};
use efficientnet_onnx::verify::{noise, plan, read};
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;

/// A copy in which one element of a weight is wrong.
fn spoil(file: &Path, weight: &str, to: &Path) {
    let bytes = std::fs::read(file).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let graph = model.graph.as_mut().expect("a graph");
    let tensor = graph
        .initializer
        .iter_mut()
        .find(|tensor| tensor.name() == weight)
        .expect("a weight");
    let mut raw = tensor.raw_data().to_vec();
    let middle = raw.len() / 8 * 4;
    raw[middle..middle + 4].copy_from_slice(&1.5_f32.to_le_bytes());
    tensor.raw_data = Some(raw.into());
    // With its checksums it would be a damaged file, which nothing runs.
    model
        .metadata_props
        .retain(|entry| entry.key() != CHECKSUMS_KEY);
    std::fs::write(to, model.encode_to_vec()).expect("a file");
}

fn verify(arguments: &[&str], files: &[&Path]) -> Run {
    let mut command = program();
    command
        .arg("verify")
        .args(files)
        .args(arguments)
        .arg("--ort-lib")
        .arg(ort_library());
    Run::of(&mut command)
}

#[test]
fn one_wrong_weight_is_named() {
    let folder = folder();
    let right = emitted(&folder, &["--bn", "keep", "--init", "probe"]);
    let wrong = folder.path().join("wrong.onnx");
    spoil(&right, "blocks.3.1.conv_dw.weight", &wrong);
    let arguments = [
        "--bisect",
        "--json",
        "--runtime",
        "reference,ort-cpu",
        "--batch",
        "1",
    ];
    let report = verify(&arguments, &[&right, &wrong]).expect(1).report();
    assert_eq!(report["verdict"], "disagree");
    let searched = report["bisect"].as_array().expect("a list");
    assert_eq!(searched.len(), 2, "{report:#}");
    for (one, runtime) in searched.iter().zip(["reference", "ort-cpu"]) {
        assert_eq!(
            (&one["runtime"], &one["base"]),
            (&runtime.into(), &"reference".into())
        );
        assert_eq!(one["finding"], "found", "{one:#}");
        assert_eq!(one["first"]["node"], "blocks.3.1.conv_dw");
        assert_eq!(one["first"]["op_type"], "Conv");
        let inputs = one["inputs"].as_array().expect("a list");
        assert_eq!(
            (inputs.len(), &inputs[0]["node"]),
            (1, &"blocks.3.1.bn1.act".into())
        );
        assert_eq!(inputs[0]["beyond_tolerance"], 0);
        assert_eq!(one["marking_changed_verdict"], false);
        assert!(one["runs"].as_u64() <= Some(7), "{one:#}");
        assert_eq!(one["measured"], serde_json::json!([287, 287]));
        assert_eq!(one["worst"][0]["node"], "blocks.3.1.conv_dw");
    }
}

#[test]
fn a_folded_file_is_searched_by_the_values_that_both_have() {
    let (one, two) = (folder(), folder());
    let kept = emitted(&one, &["--bn", "keep", "--init", "probe"]);
    let folded = emitted(&two, &["--bn", "fold", "--init", "probe"]);
    let agree = verify(&["--bisect", "--runtime", "ort-cpu"], &[&kept, &folded]).expect(0);
    assert!(
        agree.stdout.contains("there is nothing to search"),
        "{}",
        agree.stdout
    );
    // The file without batch norms computes `blocks.3.1.bn2` in one convolution.
    let wrong = two.path().join("wrong.onnx");
    spoil(&folded, "blocks.3.1.conv_dw.weight", &wrong);
    let run = verify(&["--bisect", "--runtime", "ort-cpu"], &[&kept, &wrong]).expect(1);
    let found =
        "first node that differs while its inputs agree: blocks.3.1.bn2 (BatchNormalization)";
    assert!(run.stdout.contains(found), "{}", run.stdout);
}

#[test]
fn every_runtime_takes_a_marked_copy_and_computes_the_same() {
    let folder = folder();
    // Without declared types a value has only its name.
    let typed = emitted(&folder, &["--init", "probe"]);
    let untyped = folder.path().join("untyped.onnx");
    let mut model =
        ModelProto::decode(std::fs::read(&typed).expect("a file").as_slice()).expect("a model");
    model.graph.as_mut().expect("a graph").value_info.clear();
    std::fs::write(&untyped, model.encode_to_vec()).expect("a file");
    for name in [
        RuntimeName::Reference,
        RuntimeName::Tract,
        RuntimeName::OrtCpu,
    ] {
        if !name.is_built() {
            continue;
        }
        let options = OpenOptions {
            library: name.is_onnx_runtime().then(ort_library),
            ..OpenOptions::default()
        };
        // ONNX Runtime can be opened once in a process.
        let runtime = open(name, &options).expect("a runtime");
        for path in [&typed, &untyped] {
            let file = ModelFile::open(path).expect("a model");
            let facts = read::facts(&file);
            let case = plan::cases(&facts).expect("cases").remove(0);
            let inputs = noise::inputs(&facts, &case, 0).expect("inputs");
            let names: Vec<&str> = file
                .contents
                .nodes
                .iter()
                .map(|node| node.output[0].as_str())
                .collect();
            let copy = mark(&file, &names).expect("a copy");
            let [plain, marked] = [path.clone(), copy.path()].map(|path| {
                let mut session = runtime.load(&path).expect("a session");
                let outputs = session.run(&inputs).expect("outputs");
                outputs
                    .into_iter()
                    .map(|tensor| (tensor.name.clone(), tensor))
                    .collect::<BTreeMap<_, _>>()
            });
            assert_eq!((plain.len(), marked.len()), (1, names.len()), "{name}");
            assert!(
                names.iter().all(|name| marked.contains_key(*name)),
                "{name}"
            );
            let (one, two) = (&plain["logits"], &marked["logits"]);
            let scale = one
                .data
                .iter()
                .fold(0.0_f64, |most, value| most.max(value.abs()));
            let apart = one
                .data
                .iter()
                .zip(&two.data)
                .fold(0.0_f64, |most, (one, two)| most.max((one - two).abs()));
            assert!(apart <= 5e-5 * scale, "{name}: {apart} of {scale}");
        }
    }
}
