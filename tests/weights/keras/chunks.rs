//! Chunks that lie, in a checkpoint that is whole otherwise, so that they are read.

use super::expect;
use super::writer::{Message, Writer, chunked, contiguous, dataspace, filter, key, link, single};
use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::internals::{from_torch, permuted};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::weights::names::{NameMap, Naming};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const CLASSIFIER: [u64; 2] = [1280, 1000];
const CLASSIFIER_BYTES: usize = 4 * 1280 * 1000;

/// Lite0 with zeros for weights, but for the classifier's kernel, which is what `make` makes.
fn lite0(make: impl FnOnce(&mut Writer) -> Vec<Message>) -> Vec<u8> {
    let variant = Variant::by_name("lite0").expect("a variant");
    let request = Request::new(Blueprint::published(variant));
    let parameters = request.parameters().expect("parameters");
    let names = parameters.iter().map(|parameter| parameter.name.as_str());
    let names = NameMap::new(Naming::Keras, names).expect("names");
    let mut file = Writer::new();
    let zeros = file.bytes(&vec![0; 4 << 20]);
    let classifier = make(&mut file);
    let mut links = Vec::new();
    for parameter in &parameters {
        let name = names.source_name(&parameter.name).expect("a name");
        let shape: Vec<u64> = parameter
            .shape
            .iter()
            .map(|extent| extent.fixed().expect("a number"))
            .collect();
        let axes = from_torch(Naming::Keras, name, shape.len());
        let shape = axes.map_or_else(|| shape.clone(), |axes| permuted(&shape, axes));
        let bytes = 4 * shape.iter().product::<u64>();
        let messages = if name == "predictions/kernel" {
            classifier.clone()
        } else {
            vec![dataspace(&shape), single(), contiguous(zeros, bytes)]
        };
        let (layer, weight) = name.split_once('/').expect("a layer and its weight");
        let dataset = file.object(&messages);
        links.push((layer.to_owned(), file.group(&[(weight, dataset)])));
    }
    let links: Vec<Message> = links
        .iter()
        .map(|(layer, group)| link(layer.as_bytes(), *group))
        .collect();
    let root = file.object(&links);
    file.finish(root)
}

/// Lite0 whose classifier is in one chunk of that content.
fn in_chunk(content: &[u8], filters: Option<u16>) -> Vec<u8> {
    lite0(|file| {
        let chunk = file.bytes(content);
        let tree = file.tree(1, 0, &[(key(content.len(), &[0, 0]), chunk)]);
        let layout = chunked(tree, &[1280, 1000]);
        let filters = filters.map(filter);
        [dataspace(&CLASSIFIER), single(), layout]
            .into_iter()
            .chain(filters)
            .collect()
    })
}

fn deflated(length: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for start in (0..length).step_by(zeros.len()) {
        encoder
            .write_all(&zeros[..zeros.len().min(length - start)])
            .expect("a chunk");
    }
    encoder.finish().expect("a chunk")
}

#[test]
fn bombs() {
    let refused = "a chunk inflates to more than its 5120000 bytes";
    expect(&in_chunk(&deflated(300 << 20), Some(1)), refused);
    expect(
        &in_chunk(&deflated(CLASSIFIER_BYTES - 4), Some(1)),
        "a chunk has 5119996 bytes, expected 5120000",
    );
    expect(
        &in_chunk(b"not deflated", Some(1)),
        "a chunk cannot be inflated",
    );
    expect(
        &in_chunk(&vec![0; CLASSIFIER_BYTES + 4], None),
        "a chunk has 5120004 bytes, expected 5120000",
    );
    expect(
        &in_chunk(&vec![1; CLASSIFIER_BYTES + 4], Some(3)),
        "a chunk does not have its checksum",
    );
    expect(
        &in_chunk(b"LZF", Some(32000)),
        "it went through filter 32000; only gzip (1)",
    );
    let contents = lite0(|file| {
        let tree = file.tree(1, 0, &[]);
        vec![
            dataspace(&CLASSIFIER),
            single(),
            chunked(tree, &[640, 1000]),
        ]
    });
    expect(&contents, "expected 2 chunks, each written once, found 0");
    let contents = lite0(|file| {
        let tree = file.tree(1, 0, &vec![(key(2_560_000, &[640, 0]), 48); 2]);
        vec![
            dataspace(&CLASSIFIER),
            single(),
            chunked(tree, &[640, 1000]),
        ]
    });
    expect(&contents, "expected 2 chunks, each written once, found 2");
    let contents = lite0(|file| {
        let tree = file.tree(1, 0, &[(key(5_120_000, &[1 << 40, 0]), 48)]);
        vec![
            dataspace(&CLASSIFIER),
            single(),
            chunked(tree, &[1280, 1000]),
        ]
    });
    expect(&contents, "a chunk lies outside the dataset");
}

#[test]
fn a_file_of_zeros_is_emitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.h5");
    fs::write(&file, in_chunk(&deflated(CLASSIFIER_BYTES), Some(1))).expect("a file");
    let status = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--quiet", "--weights"])
        .args([&file, Path::new("-o"), &folder.path().join("model.onnx")])
        .status()
        .expect("the binary");
    assert!(status.success(), "what the bombs differ from must pass");
}

#[test]
fn a_tree_that_leads_to_itself() {
    let contents = lite0(|file| {
        let here = file.here();
        file.tree(1, 1, &[(key(0, &[0, 0]), here)]);
        vec![
            dataspace(&CLASSIFIER),
            single(),
            chunked(here, &[1280, 1000]),
        ]
    });
    expect(
        &contents,
        "`predictions/kernel`: a tree has a node of level 1 in the wrong place",
    );
}
