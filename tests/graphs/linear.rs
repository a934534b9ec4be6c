//! Linear layers as MatMul and Add: the weight is transposed in the file, and read back as the parameter that it is.

use crate::emitted::{request, write};
use efficientnet_onnx::form::{BatchNorms, Form, Linear};
use efficientnet_onnx::metadata::Recipe;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::request::{Extent, Request};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use prost::Message;
use std::fs;
use std::path::Path;

#[test]
fn transposed_weights_are_read_back_as_the_parameters_that_they_are() {
    // Several linear layers; a weight that is square; a head of another name.
    for (mut request, classes, linear) in [
        (request("condconv-b0-4e"), 4, 9),
        (request("b0"), 1280, 1),
        (request("resnet-50"), 3, 1),
    ] {
        request.size = [Extent::Fixed(32); 2];
        request.options.classes = classes;
        request.form = Form {
            head: Some(Linear::MatMul),
            batch_norms: BatchNorms::Keep,
            ..Form::default()
        };
        let counts = request.counts().expect("counts");
        let recorded = Recipe::new(&request, counts, None).request();
        assert_eq!(recorded.expect("a recipe").form, request.form);
        let (_folder, path) = write(&request, false);
        let bytes = fs::read(&path).expect("a file");
        let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
        let nodes = &mut model.graph.as_mut().expect("a graph").node;
        assert!(nodes.iter().all(|node| node.op_type() != "Gemm"));
        let mut count = 0;
        for node in nodes
            .iter_mut()
            .filter(|node| node.name().ends_with(".product") && node.input[1].ends_with(".weight"))
        {
            node.op_type = Some("Gemm".to_owned());
            count += 1;
        }
        assert_eq!(count, linear);
        are_the_parameters(&path, &request);
        // What another program makes of it: the same product.
        fs::write(&path, model.encode_to_vec()).expect("a file");
        are_the_parameters(&path, &request);
    }
}

/// Whether a file, as a checkpoint, has what was drawn for the network.
fn are_the_parameters(path: &Path, request: &Request) {
    let parameters = request.parameters().expect("parameters");
    let seeded = SeededWeights::new(parameters, Rule::Official, 7);
    let read = Checkpoint::open(path).expect("a checkpoint");
    assert_eq!(read.tensors().len(), seeded.tensors().len());
    for expected in seeded.tensors() {
        let name = expected.name.as_str();
        let found = read.tensors().iter().find(|tensor| tensor.name == name);
        let shape = found.map(|found| &found.shape);
        assert_eq!(shape, Some(&expected.shape), "{name}");
        let elements: u64 = expected.shape.iter().product();
        let values = |source: &dyn TensorSource| {
            let mut values = vec![0.0; usize::try_from(elements).expect("it fits memory")];
            let reader = source.open(name).expect("a tensor");
            reader.fill(0, &mut values).expect("its elements");
            values
        };
        assert!(values(&seeded) == values(&read), "{name}");
    }
}
