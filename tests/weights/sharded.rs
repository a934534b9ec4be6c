//! Checkpoints in several files with an index, and NumPy's archives.

use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file of a safetensors checkpoint with vectors of two elements, each the number given.
fn safetensors(tensors: &[(&str, f32)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, value) in tensors {
        let start = data.len();
        data.extend([value.to_le_bytes(), value.to_le_bytes()].concat());
        let entry = json!({"dtype": "F32", "shape": [2], "data_offsets": [start, data.len()]});
        header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    [&(header.len() as u64).to_le_bytes(), &header[..], &data].concat()
}

const FIRST: &str = "model-00001-of-00002.safetensors";
const SECOND: &str = "model-00002-of-00002.safetensors";

/// A folder with two shards, and an index with these entries.
fn shards(map: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at(FIRST), safetensors(&[("a", 1.0), ("c", 3.0)])).expect("a file");
    fs::write(at(SECOND), safetensors(&[("b", 2.0)])).expect("a file");
    let map: serde_json::Map<_, _> = map
        .iter()
        .map(|(tensor, file)| ((*tensor).to_owned(), json!(file)))
        .collect();
    let index = json!({"metadata": {"total_size": 24}, "weight_map": map});
    let path = at("model.safetensors.index.json");
    fs::write(&path, index.to_string()).expect("a file");
    (folder, path)
}

fn value(checkpoint: &Checkpoint, name: &str) -> f32 {
    let mut values = [f32::NAN; 2];
    let reader = checkpoint.open(name).expect("a tensor");
    reader.fill(0, &mut values).expect("its values");
    assert_eq!(values[0].to_bits(), values[1].to_bits());
    values[0]
}

fn refusal(path: &Path) -> String {
    match Checkpoint::open(path) {
        Ok(_) => panic!("`{}` was read", path.display()),
        Err(error) => error.to_string(),
    }
}

const WHOLE: [(&str, &str); 3] = [("a", FIRST), ("b", SECOND), ("c", FIRST)];

#[test]
fn every_tensor_is_read_from_its_shard() {
    let (_folder, path) = shards(&WHOLE);
    let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
    assert_eq!(checkpoint.tensors().len(), 3);
    for (name, expected) in [("a", 1.0), ("b", 2.0), ("c", 3.0)] {
        assert!(
            (value(&checkpoint, name) - expected).abs() < f32::EPSILON,
            "{name}"
        );
    }
    assert_eq!(checkpoint.files().count(), 3);
    assert_eq!(checkpoint.name(), "model.safetensors.index.json");
}

#[test]
fn shards_of_pytorch_are_read_too() {
    let (folder, path) = shards(&[]);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints/zip.pth");
    let shard = "pytorch_model-00001-of-00002.bin";
    fs::copy(&fixture, folder.path().join(shard)).expect("a copy");
    let whole = Checkpoint::open(&fixture).expect("a checkpoint");
    let names = whole.tensors().iter().map(|tensor| tensor.name.clone());
    let integers = whole.integers().iter().cloned();
    let all = names.chain(integers);
    let mut map: serde_json::Map<_, _> = all.map(|name| (name, json!(shard))).collect();
    map.insert("b".to_owned(), json!(SECOND));
    fs::write(&path, json!({ "weight_map": map }).to_string()).expect("a file");
    let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
    assert_eq!(checkpoint.tensors().len(), whole.tensors().len() + 1);
}

#[test]
fn shards_that_differ_from_their_index_are_refused_by_name() {
    for (map, expected) in [
        (
            &[("a", SECOND), ("b", SECOND), ("c", FIRST)][..],
            "`a` is in `model-00001-of-00002.safetensors`, but the index has it in `model-00002-of-00002.safetensors`",
        ),
        (
            &[("a", FIRST), ("b", SECOND)],
            "`c` is in `model-00001-of-00002.safetensors`, but the index has it in no file",
        ),
        (
            &[("a", FIRST), ("b", SECOND), ("c", FIRST), ("d", SECOND)],
            "`d` should be in `model-00002-of-00002.safetensors`, which lacks it",
        ),
        (&[("a", "model-00003-of-00002.safetensors")], "No such file"),
        (
            &[("a", "../a.safetensors")],
            "names `../a.safetensors`, which is outside its folder",
        ),
        (
            &[("a", "/etc/hostname")],
            "names `/etc/hostname`, which is outside its folder",
        ),
        (&[], "it names 0 files"),
    ] {
        let (_folder, path) = shards(map);
        let message = refusal(&path);
        assert!(message.contains(expected), "{message}");
    }
    let (folder, path) = shards(&WHOLE);
    // The same tensor in both.
    fs::write(
        folder.path().join(SECOND),
        safetensors(&[("b", 2.0), ("c", 3.5)]),
    )
    .expect("a file");
    let message = refusal(&path);
    assert!(
        message.contains(
            "`c` is in `model-00002-of-00002.safetensors`, but the index has it in `model-00001"
        ),
        "{message}"
    );
    for text in ["{\"weight_map\": [1]}", "{\"a\": 1}", "{ not JSON"] {
        fs::write(&path, text).expect("a file");
        let message = refusal(&path);
        assert!(
            message.contains("JSON with a `weight_map` from tensors to files"),
            "{message}"
        );
    }
}

#[test]
fn one_of_several_shards_names_the_index() {
    let (folder, path) = shards(&WHOLE);
    let message = refusal(&folder.path().join(FIRST));
    assert!(
        message.contains("it is one of several files; the index of all of them is `"),
        "{message}"
    );
    assert!(
        message.contains("model.safetensors.index.json"),
        "{message}"
    );
    fs::remove_file(path).expect("removed");
    Checkpoint::open(&folder.path().join(FIRST)).expect("a file by itself");
}

/// An array of two elements as NumPy writes it.
fn npy(descr: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}\n");
    let length = u16::try_from(header.len()).expect("short").to_le_bytes();
    [
        b"\x93NUMPY\x01\x00",
        &length[..],
        header.as_bytes(),
        elements,
    ]
    .concat()
}

/// An array of one element.
fn single(value: f32) -> Vec<u8> {
    let mut array = npy("<f4", &value.to_le_bytes());
    let extent = array.windows(4).position(|bytes| bytes == b"(2,)");
    array[extent.expect("a shape") + 1] = b'1';
    array
}

fn npz(method: zip::CompressionMethod, arrays: &[(&str, Vec<u8>)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, contents) in arrays {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{name}.npy"), options)
            .expect("an entry");
        zip.write_all(contents).expect("an entry");
    }
    let bytes = zip.finish().expect("an archive").into_inner();
    file.write_all(&bytes).expect("written");
    file
}

#[test]
fn arrays_of_numpy_are_tensors() {
    use zip::CompressionMethod::{Deflated, Stored};
    let arrays = [
        ("little", npy("<f4", &[1.5f32.to_le_bytes(); 2].concat())),
        ("big", npy(">f8", &[2.5f64.to_be_bytes(); 2].concat())),
        (
            "pair",
            npy("<f4", &[4.0f32, 5.0].map(f32::to_le_bytes).concat()),
        ),
        ("counter", npy("<i8", &[3i64.to_le_bytes(); 2].concat())),
    ];
    for method in [Stored, Deflated] {
        let file = npz(method, &arrays);
        let checkpoint = Checkpoint::open(file.path()).expect("a checkpoint");
        assert!((value(&checkpoint, "little") - 1.5).abs() < f32::EPSILON);
        assert!((value(&checkpoint, "big") - 2.5).abs() < f32::EPSILON);
        let pair = checkpoint.open("pair").expect("a tensor");
        let mut second = [f32::NAN];
        pair.fill(1, &mut second).expect("its second value");
        assert_eq!(second, [5.0]);
        assert_eq!(checkpoint.integers(), ["counter"]);
    }
    let object = npz(Stored, &[("arr_0", npy("|O", b"\x80\x04N."))]);
    let message = refusal(object.path());
    assert!(
        message.contains("expected numbers or bools, found the type `|O`"),
        "{message}"
    );
}

#[test]
fn averages_that_have_averaged_nothing_are_refused_in_arrays_too() {
    let kernel = npy("<f4", &[0; 8]);
    for (counted, is_read) in [(0.0, false), (1.0, true)] {
        let file = npz(
            zip::CompressionMethod::Stored,
            &[
                ("model.conv_stem.weight", kernel.clone()),
                ("swa.module.conv_stem.weight", kernel.clone()),
                ("swa.n_averaged", single(counted)),
            ],
        );
        let checkpoint = Checkpoint::open(file.path()).expect("a checkpoint");
        let refusal = checkpoint.refusal().map(ToString::to_string);
        let is_idle = refusal.is_some_and(|said| said.contains("`swa.n_averaged` is 0"));
        assert_eq!(is_idle, !is_read);
    }
}
