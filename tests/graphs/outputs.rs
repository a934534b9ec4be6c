//! Outputs other than logits: class activation maps, and feature maps of every level.

use crate::emitted::{request, write_drawn};
use efficientnet_onnx::form::{BatchNorms, Form};
use efficientnet_onnx::network::{FeatureLevel, Output};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::request::{Extent, Request};
use efficientnet_onnx::runtime::{self, OpenOptions, RuntimeName};
use efficientnet_onnx::tensor::{Element, NamedTensor, TensorSource};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::init::Rule;
use prost::Message;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A network of each family.
const NETWORKS: [&str; 5] = ["b0", "lite0", "edgetpu-s", "condconv-b0-4e", "v2-s"];

fn asking(variant: &str, size: [u64; 2], outputs: &[Output]) -> Request {
    Request {
        size: size.map(Extent::Fixed),
        outputs: outputs.to_vec(),
        ..request(variant)
    }
}

fn levels() -> Vec<Output> {
    FeatureLevel::ALL.map(Output::Features).to_vec()
}

/// What the reference computes of a picture of waves.
fn run(path: &Path, [height, width]: [u64; 2]) -> BTreeMap<String, NamedTensor> {
    let shape = [1, 3, height, width].map(|extent| usize::try_from(extent).expect("it fits"));
    let count: usize = shape.iter().product();
    let wave =
        |index: usize| f64::from(((index as f32) * 0.37).sin() + ((index as f32) * 0.011).cos());
    let data: Vec<f64> = (0..count).map(wave).collect();
    let input = NamedTensor {
        name: "input".to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
        data: data.into(),
    };
    let reference = runtime::open(RuntimeName::Reference, &OpenOptions::default());
    let reference = reference.expect("it is built");
    let mut session = reference.load(path).expect("a model");
    let outputs = session.run(&[input]).expect("outputs");
    let named = outputs
        .into_iter()
        .map(|output| (output.name.clone(), output));
    named.collect()
}

fn bias(path: &Path) -> Vec<f32> {
    let file = Checkpoint::open(path).expect("a checkpoint");
    let named = |tensor: &&_| -> bool {
        let tensor: &&efficientnet_onnx::tensor::TensorInfo = tensor;
        ["classifier.bias", "fc.bias"].contains(&tensor.name.as_str())
    };
    let found = file.tensors().iter().find(named).expect("a bias");
    let mut values = vec![0.0; usize::try_from(found.shape[0]).expect("it fits")];
    let reader = file.open(&found.name).expect("a bias");
    reader.fill(0, &mut values).expect("a bias");
    values
}

/// arXiv 1512.04150, equations 1 and 2: the class score is the sum of its map.
#[test]
fn the_mean_of_a_class_activation_map_and_the_bias_are_the_logit() {
    for (name, own) in NETWORKS
        .into_iter()
        .chain(["mobilenet-v1", "mobilenet-v2", "resnet-50"])
        .map(|name| (name, request(name)))
    {
        // Maps of 3 by 2, from an odd size.
        let request = Request {
            size: [Extent::Fixed(65), Extent::Fixed(64)],
            outputs: vec![Output::Cam, Output::Logits],
            form: Form {
                batch_norms: BatchNorms::Keep,
                ..Form::default()
            },
            ..own
        };
        let (_folder, path) = write_drawn(&request, Rule::Probe, false, &[]);
        let found = run(&path, [65, 64]);
        let (cam, logits) = (&found["cam"], &found["logits"]);
        assert_eq!(
            (&cam.shape[..], &logits.shape[..]),
            (&[1, 1000, 3, 2][..], &[1, 1000][..]),
            "{name}"
        );
        let largest = logits
            .data
            .iter()
            .fold(0.0, |largest: f64, logit| largest.max(logit.abs()));
        let bias = bias(&path);
        assert!(
            bias.iter().any(|bias| *bias != 0.0),
            "{name}: a bias that shows"
        );
        for (class, logit) in logits.data.iter().enumerate() {
            let mean = cam.data[class * 6..][..6].iter().sum::<f64>() / 6.0;
            let difference = (mean + f64::from(bias[class]) - logit).abs();
            assert!(
                difference <= 1e-5 * largest,
                "{name}: class {class}: {difference:e} of {largest}"
            );
        }
    }
}

/// An output computes what it does in a file of all of them, and its file has nothing besides.
#[test]
fn what_no_output_needs_is_not_in_the_file() {
    let size = [97, 65];
    let all = [
        &levels()[..],
        &[Output::Pooled, Output::Cam, Output::Logits],
    ]
    .concat();
    let (_folder, path) = write_drawn(&asking("b0", size, &all), Rule::Probe, false, &[]);
    let whole = run(&path, size);
    for (output, last, shape) in [
        ("features_1", "blocks.0", vec![1, 16, 49, 33]),
        ("features_2", "blocks.1", vec![1, 24, 25, 17]),
        ("features_3", "blocks.2", vec![1, 40, 13, 9]),
        ("features_4", "blocks.4", vec![1, 112, 7, 5]),
        ("features_5", "blocks.6", vec![1, 320, 4, 3]),
        ("pooled", "global_pool", vec![1, 1280]),
        ("cam", "cam", vec![1, 1000, 4, 3]),
        ("logits", "classifier", vec![1, 1000]),
    ] {
        let output = Output::by_name(output).expect("an output");
        let (_folder, path) = write_drawn(&asking("b0", size, &[output]), Rule::Probe, false, &[]);
        let found = run(&path, size);
        assert_eq!(found.len(), 1);
        let alone = &found[output.name()];
        assert_eq!(alone.shape, shape, "{}", output.name());
        assert!(
            alone.data[..] == whole[output.name()].data[..],
            "{}",
            output.name()
        );
        let file = ModelFile::open(&path).expect("a model");
        let node = file.contents.nodes.last().expect("a node");
        assert!(
            node.name().starts_with(last),
            "{}: {}",
            output.name(),
            node.name()
        );
        let used: Vec<&String> = file
            .contents
            .nodes
            .iter()
            .flat_map(|node| &node.input)
            .collect();
        for stored in &file.contents.initializers {
            assert!(
                used.contains(&&stored.name),
                "{}: `{}`",
                output.name(),
                stored.name
            );
        }
    }
}

/// The first level of ResNet's is the stem's activation; what comes after it is a max pool.
#[test]
fn the_first_level_of_resnet_is_before_the_max_pool() {
    let request = Request {
        size: [Extent::Fixed(64); 2],
        outputs: levels()[..2].to_vec(),
        ..request("resnet-50")
    };
    let (_folder, path) = write_drawn(&request, Rule::Probe, false, &[]);
    let found = run(&path, [64, 64]);
    assert_eq!(found["features_1"].shape, [1, 64, 32, 32]);
    assert_eq!(found["features_2"].shape, [1, 256, 16, 16]);
    let file = ModelFile::open(&path).expect("a model");
    let pools = file
        .contents
        .nodes
        .iter()
        .filter(|node| node.op_type() == "MaxPool");
    let operands: Vec<&str> = pools.map(|node| node.input[0].as_str()).collect();
    assert_eq!(operands, ["features_1"]);
    let alone = Request {
        outputs: levels()[..1].to_vec(),
        ..request
    };
    let (_folder, path) = write_drawn(&alone, Rule::Probe, false, &[]);
    let file = ModelFile::open(&path).expect("a model");
    assert!(
        file.contents
            .nodes
            .iter()
            .all(|node| node.op_type() != "MaxPool")
    );
}

/// The kernel is no parameter: beside the classifier's weight it is left out, alone it is that weight.
#[test]
fn maps_are_read_back_as_the_weight_of_the_classifier() {
    let kept = |outputs: &[Output]| Request {
        form: Form {
            batch_norms: BatchNorms::Keep,
            ..Form::default()
        },
        ..asking("b0", [32, 32], outputs)
    };
    let logits = kept(&[Output::Logits]);
    let both = kept(&[Output::Logits, Output::Cam]);
    let alone = kept(&[Output::Cam]);
    // Pixels 32 by 32 leave one place.
    let [with_maps, without] = [&both, &logits].map(|request| request.counts().expect("counts"));
    assert_eq!(with_maps.parameters, without.parameters);
    assert_eq!(with_maps.macs, without.macs + 1_280_000);
    let metadata = |request: &Request| {
        let counts = request.counts().expect("counts");
        let recipe = efficientnet_onnx::metadata::Recipe::new(request, counts, None);
        let recipe = serde_json::to_string(&recipe).expect("JSON");
        vec![("efficientnet.recipe".to_owned(), recipe)]
    };
    let tensors = |path: &Path| {
        let file = Checkpoint::open(path).expect("a checkpoint");
        let named = |tensor: &efficientnet_onnx::tensor::TensorInfo| {
            (tensor.name.clone(), tensor.shape.clone())
        };
        file.tensors().iter().map(named).collect::<BTreeMap<_, _>>()
    };
    let (_folder, path) = write_drawn(&logits, Rule::Probe, false, &metadata(&logits));
    let mut expected = tensors(&path);
    let (_folder, path) = write_drawn(&both, Rule::Probe, false, &metadata(&both));
    assert_eq!(tensors(&path), expected);
    let (_folder, cam) = write_drawn(&alone, Rule::Probe, false, &metadata(&alone));
    expected.remove("classifier.bias");
    assert_eq!(tensors(&cam), expected);
    let weight = |path: &Path| {
        let mut values = vec![0.0; 1000 * 1280];
        let file = Checkpoint::open(path).expect("a checkpoint");
        let reader = file.open("classifier.weight").expect("a weight");
        reader.fill(0, &mut values).expect("a weight");
        values
    };
    assert!(weight(&cam) == weight(&path));

    // One element of the kernel differs.
    let bytes = fs::read(&path).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    let initializers = &mut model.graph.as_mut().expect("a graph").initializer;
    let mut kernels = initializers
        .iter_mut()
        .filter(|stored| stored.name() == "cam.weight");
    let kernel = kernels.next().expect("a kernel");
    let mut elements = kernel.raw_data.take().expect("elements").to_vec();
    elements[4 * 777_777] ^= 1;
    kernel.raw_data = Some(elements.into());
    model
        .metadata_props
        .retain(|entry| entry.key() == "efficientnet.recipe");
    fs::write(&path, model.encode_to_vec()).expect("a file");
    let refused = Checkpoint::open(&path)
        .map(|_| ())
        .map_err(|error| error.to_string());
    let reason = "expected the elements of `classifier.weight` in `cam.weight`, found others";
    assert!(
        refused.as_ref().is_err_and(|error| error.contains(reason)),
        "{refused:?}"
    );
}
