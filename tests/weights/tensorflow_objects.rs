//! Checkpoints of objects, honest ones and others: variables are called as the object graph says.

use crate::limited::refused_for;
use crate::tensorflow_support::{Entry, bytes, checksum, header, sorted, varint};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::fs;
use std::path::{Path, PathBuf};

const VALUE: &str = "/.ATTRIBUTES/VARIABLE_VALUE";

/// A node with a variable: its name, and its key.
fn node(name: &str, key: &str) -> Vec<u8> {
    let attribute = [
        bytes(1, b"VARIABLE_VALUE"),
        bytes(2, name.as_bytes()),
        bytes(3, key.as_bytes()),
    ];
    bytes(1, &bytes(2, &attribute.concat()))
}

/// A text as a bundle has one: its length, a checksum of that, its bytes; and the checksum of all.
fn text(text: &[u8]) -> (Vec<u8>, u32) {
    let length = u32::try_from(text.len())
        .expect("a short text")
        .to_le_bytes();
    let of_lengths = checksum(&length).to_le_bytes();
    let data = [&varint(text.len() as u64)[..], &of_lengths, text].concat();
    (data, checksum(&[&length[..], &of_lengths, text].concat()))
}

/// Saves variables of one element, by their paths, and a graph.
fn save(folder: &Path, paths: &[&str], graph: &[u8], change: impl FnOnce(&mut Entry)) -> PathBuf {
    let (mut data, crc) = text(graph);
    let mut entry = Entry::new(&[], 0, &data);
    (entry.dtype, entry.checksum) = (7, crc);
    change(&mut entry);
    let mut entries = vec![
        (Vec::new(), header(1)),
        (b"_CHECKPOINTABLE_OBJECT_GRAPH".to_vec(), entry.message()),
    ];
    for path in paths {
        let value = 0.5f32.to_le_bytes();
        let entry = Entry::new(&[1], data.len() as u64, &value);
        entries.push((format!("{path}{VALUE}").into_bytes(), entry.message()));
        data.extend(value);
    }
    entries.sort();
    fs::write(folder.join("m.index"), sorted(&entries)).expect("a file");
    fs::write(folder.join("m.data-00000-of-00001"), data).expect("a file");
    folder.join("m")
}

/// A graph with these names of variables at these paths.
fn graph(variables: &[(&str, &str)]) -> Vec<u8> {
    let nodes = variables.iter();
    let nodes = nodes.map(|(path, name)| node(name, &format!("{path}{VALUE}")));
    nodes.flatten().collect()
}

const PATHS: [(&str, &str); 5] = [
    ("model/_operations/4/_kernel", "base/stem_conv/kernel"),
    ("model/_operations/7/kernel", "block1a_dwconv/kernel"),
    ("model/_operations/9/gamma", "stem_bn/gamma"),
    ("model/optimizer/_variables/3", "Adam/m/stem_bn/gamma"),
    (
        "model/_operations/9/gamma/.OPTIMIZER_SLOT/optimizer/m",
        "Adam/stem_bn/gamma/m",
    ),
];

#[test]
fn variables_have_the_names_of_their_layers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = save(
        folder.path(),
        &PATHS.map(|row| row.0),
        &graph(&PATHS),
        |_| {},
    );
    let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
    let names: Vec<&str> = checkpoint
        .tensors()
        .iter()
        .map(|tensor| tensor.name.as_str())
        .collect();
    let expected = [
        "block1a_dwconv/depthwise_kernel",
        "stem_bn/gamma",
        "stem_conv/kernel",
    ];
    assert_eq!(names, expected);
    let left_out = checkpoint.left_out().iter().flat_map(|group| &group.names);
    assert_eq!(left_out.count(), 2);
}

#[test]
fn what_is_wrong_with_a_graph_is_said() {
    let refused =
        |expected: &str, variables: &[(&str, &str)], graph: &[u8], change: fn(&mut Entry)| {
            let folder = tempfile::tempdir().expect("a folder");
            let paths: Vec<&str> = variables.iter().map(|row| row.0).collect();
            let path = save(folder.path(), &paths, graph, change);
            refused_for(expected, &path, "lite0", &[]);
        };
    let twice = [
        ("a/kernel", "stem_conv/kernel"),
        ("b/kernel", "base_2/stem_conv/kernel"),
    ];
    refused(
        "`a/kernel` and `b/kernel` are both `stem_conv/kernel`",
        &twice,
        &graph(&twice),
        |_| {},
    );
    let again = [twice[0], ("a/kernel", "stem_conv/bias")];
    refused(
        "`a/kernel` is named twice",
        &twice[..1],
        &graph(&again),
        |_| {},
    );
    let whole = graph(&PATHS);
    refused("checksum is wrong", &PATHS, &whole, |entry| {
        entry.checksum ^= 1
    });
    refused("expected one text", &PATHS, &whole, |entry| entry.dtype = 4);
    refused("its text", &PATHS, &whole, |entry| entry.size += 1);
    refused("it has", &PATHS, &whole, |entry| entry.size -= 1);
    refused("where only", &PATHS, &whole[..whole.len() - 1], |_| {});
    // Objects without names keep their paths, which no library has.
    refused("do not have the names", &PATHS, b"", |_| {});
}

#[test]
fn a_saved_model_without_variables_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("saved_model.pb"), b"\x08\x01").expect("a file");
    refused_for(
        "a SavedModel without variables",
        folder.path(),
        "lite0",
        &[],
    );
}
