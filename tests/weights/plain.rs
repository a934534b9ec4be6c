//! Arrays of NumPy in pickles, and TorchScript modules, as NumPy and PyTorch wrote them (`make_containers.py`).

use efficientnet_onnx::graph::Activation;
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::evidence::{FinalActivation, Pads};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/checkpoints")
        .join(name)
}

fn ramp(range: std::ops::Range<u8>) -> Vec<f32> {
    range.map(|index| f32::from(index) / 8.0 - 1.0).collect()
}

/// Elements of a tensor of these dimensions.
fn values(checkpoint: &Checkpoint, name: &str, shape: &[u64]) -> Vec<f32> {
    let tensors = checkpoint.tensors();
    let tensor = tensors.iter().find(|tensor| tensor.name == name);
    let tensor = tensor.unwrap_or_else(|| panic!("`{name}` in {tensors:?}"));
    assert_eq!(tensor.shape, shape, "{name}");
    let elements = usize::try_from(shape.iter().product::<u64>()).expect("few");
    let mut values = vec![f32::NAN; elements];
    let reader = checkpoint.open(name).expect("a readable tensor");
    let (first, second) = values.split_at_mut(elements / 3);
    reader.fill(0, first).expect("its first elements");
    reader.fill(first.len(), second).expect("the others");
    values
}

fn refusal(path: &Path) -> String {
    match Checkpoint::open(path) {
        Ok(_) => panic!("`{}` was read", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn arrays_in_pickles_of_every_protocol_are_tensors() {
    for file in [
        "arrays_2.pkl",
        "arrays_4.pkl",
        "arrays_5.pkl",
        "arrays.pth",
        "arrays_legacy.pth",
    ] {
        let checkpoint = Checkpoint::open(&fixture(file)).expect(file);
        for name in ["contiguous", "fortran"] {
            let found = values(&checkpoint, &format!("model.{name}"), &[2, 3, 4]);
            assert_eq!(found, ramp(0..24), "{file}: {name}");
        }
        assert_eq!(
            values(&checkpoint, "model.half", &[3, 4]),
            ramp(0..12),
            "{file}"
        );
        assert_eq!(
            values(&checkpoint, "model.big", &[3, 4]),
            ramp(12..24),
            "{file}"
        );
        let large: Vec<f32> = (0..=255u8).map(f32::from).collect();
        assert_eq!(values(&checkpoint, "model.large", &[256]), large, "{file}");
        assert_eq!(checkpoint.tensors().len(), 5, "{file}");
        assert_eq!(checkpoint.integers(), ["model.counter"], "{file}");
    }
}

#[test]
fn an_array_beside_tensors_is_not_dropped() {
    let checkpoint = Checkpoint::open(&fixture("arrays_and_tensors.pth")).expect("a checkpoint");
    for name in ["tensor", "array"] {
        assert_eq!(values(&checkpoint, name, &[2, 3, 4]), ramp(0..24));
    }
}

#[test]
fn tensors_of_a_traced_module_have_its_names() {
    for (file, prefix, constants) in [("traced.pt", "", 0), ("constants.pt", "model.", 1)] {
        let checkpoint = Checkpoint::open(&fixture(file)).expect(file);
        let found = values(&checkpoint, &format!("{prefix}conv.weight"), &[2, 1, 3, 4]);
        assert_eq!(found, ramp(0..24), "{file}");
        assert_eq!(
            values(&checkpoint, &format!("{prefix}short"), &[3, 4]),
            ramp(0..12)
        );
        let ones = values(&checkpoint, &format!("{prefix}bn.running_var"), &[2]);
        assert_eq!(ones, [1.0; 2]);
        // What the code computes with is offered too, so that it is not dropped.
        let tensors = checkpoint.tensors().iter();
        let own = tensors.filter(|tensor| tensor.name.starts_with("constants"));
        assert_eq!(own.count(), constants, "{file}");
        let evidence = checkpoint.evidence().expect("a record");
        assert!(evidence.notes[0].contains("TorchScript's code is not read"));
    }
    let checkpoint = Checkpoint::open(&fixture("constants.pt")).expect("a checkpoint");
    let constants = checkpoint.tensors().iter();
    let mut constants = constants.filter(|tensor| tensor.name.starts_with("constants"));
    let name = &constants.next().expect("one").name;
    assert_eq!(values(&checkpoint, name, &[1]), [0.25]);
}

#[test]
fn a_frozen_module_says_how_to_save_it() {
    let message = refusal(&fixture("frozen.pt"));
    assert!(message.contains("it was frozen or optimised"), "{message}");
    assert!(
        message.contains("`torch.save(model.state_dict(), \"model.pth\")`"),
        "{message}"
    );
}

/// The pickle of a dictionary with one array, `w`, of this state: version, shape, type, order, elements.
fn array(shape: &[u8], kind: &str, fortran: bool, elements: &[u8]) -> Vec<u8> {
    let text = |text: &str| {
        [
            &[0x8c, u8::try_from(text.len()).expect("short")],
            text.as_bytes(),
        ]
        .concat()
    };
    let mut pickle = b"\x80\x04}\x8c\x01wcnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01(".to_vec();
    for extent in shape {
        pickle.extend([b'K', *extent]);
    }
    pickle.extend(b"tcnumpy\ndtype\n");
    pickle.extend(text(kind));
    pickle.extend(b"\x89\x88\x87R");
    pickle.push(if fortran { 0x88 } else { 0x89 });
    pickle.push(b'B');
    pickle.extend(u32::try_from(elements.len()).expect("few").to_le_bytes());
    pickle.extend(elements);
    pickle.extend(b"tbs.");
    pickle
}

#[test]
fn arrays_that_lie_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("arrays.pkl");
    let floats = [1f32.to_le_bytes(), 2f32.to_le_bytes()].concat();
    std::fs::write(&path, array(&[2], "f4", false, &floats)).expect("a file");
    let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
    assert_eq!(values(&checkpoint, "w", &[2]), [1.0, 2.0]);
    for (pickle, expected) in [
        (
            array(&[3], "f4", false, &floats),
            "`w`: its shape [3] needs other bytes than the 8 that are there",
        ),
        (
            array(
                &[255, 255, 255, 255, 255, 255, 255, 255, 255],
                "f4",
                true,
                &floats,
            ),
            "`w`: its shape is too large",
        ),
        (
            array(&[2], "c8", false, &floats),
            "expected numbers or bools, found the type `c8`",
        ),
        (
            array(&[2], "f4", false, &floats)[..60].to_vec(),
            "it ends inside its pickle",
        ),
        (
            b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81.".to_vec(),
            "`joblib.dump` wrote it",
        ),
        (
            b"\x80\x04csklearn.linear_model\nLogisticRegression\n)\x81.".to_vec(),
            "it is a model of scikit-learn",
        ),
        (
            b"\x80\x04ctorch._utils\n_rebuild_tensor_v2\n.".to_vec(),
            "it has tensors of PyTorch",
        ),
        (
            b"\x80\x02ctorch._utils\n_rebuild_qtensor\n.".to_vec(),
            "it has quantised tensors",
        ),
        (
            b"\x80\x02ctorch._utils\n_rebuild_meta_tensor_no_storage\n.".to_vec(),
            "its tensors are on the device `meta`",
        ),
    ] {
        std::fs::write(&path, pickle).expect("a file");
        let message = refusal(&path);
        assert!(message.contains(expected), "{message}");
    }
}

/// A tuple in a tuple, 60 times, each twice: 2^60 ways to an array, or to nothing.
#[test]
fn values_that_are_shared_without_end_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shared.pkl");
    let one = array(&[0], "f4", false, b"");
    for (shared, expected) in [
        (
            &one[2..one.len() - 1],
            "the names of its tensors have more than 16777216 bytes",
        ),
        (&b"]"[..], "it has more than 2000000 values"),
    ] {
        let pickle = [b"\x80\x04", shared, &b"2\x86".repeat(60), b"."].concat();
        std::fs::write(&path, pickle).expect("a file");
        let message = refusal(&path);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn files_that_are_known_and_not_read_say_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    for (start, expected) in [
        (&b"GGUF\x03\x00\x00\x00"[..], "it is a GGUF file"),
        (
            b"\x1c\x00\x00\x00ET12\x00\x00",
            "it is a program of ExecuTorch",
        ),
        (
            b"\x1c\x00\x00\x00ORTM\x00\x00",
            "in ONNX Runtime's own format",
        ),
        (
            b"\x81\xa6params\x80",
            "it is a MessagePack file, as Flax writes",
        ),
        (b"\x78\x9c\x00\x00", "it is compressed with zlib"),
        (b"nothing known", "it starts like none of them"),
    ] {
        std::fs::write(&path, start).expect("a file");
        let message = refusal(&path);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn an_exported_program_has_weights_and_tells_of_its_graph() {
    let checkpoint = Checkpoint::open(&fixture("exported.pt2")).expect("a checkpoint");
    assert_eq!(
        values(&checkpoint, "conv.weight", &[2, 1, 3, 4]),
        ramp(0..24)
    );
    assert_eq!(values(&checkpoint, "short", &[3, 4]), ramp(0..12));
    assert_eq!(values(&checkpoint, "bn.running_var", &[2]), [1.0; 2]);
    let evidence = checkpoint.evidence().expect("a record");
    assert_eq!(evidence.batch_norm_epsilon, Some(2e-3));
    let convolution = evidence.convolutions["conv"];
    assert_eq!(convolution.stride, Some([2; 2]));
    assert_eq!(convolution.groups, Some(1));
    assert_eq!(convolution.pads, Some(Pads::Explicit([1; 4])));
    assert_eq!(evidence.activations["bn"], Some(Activation::Swish));
    assert_eq!(evidence.unsupported, []);
}

/// The exported program with every `from` in its graph made a `to`.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(fixture("exported.pt2")).expect("a fixture");
    // PyTorch writes an end of 76 bytes before the plain one, of 22, which the crate takes for a part of the directory.
    let end = bytes.len() - 22;
    bytes.drain(end - 76..end);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let name = entry.name().expect("a name").into_owned();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).expect("its bytes");
        if name.ends_with("models/model.json") {
            let graph = String::from_utf8(contents).expect("text");
            assert!(graph.contains(from), "`{from}` in the graph");
            contents = graph.replace(from, to).into_bytes();
        }
        zip.start_file(name, stored).expect("an entry");
        zip.write_all(&contents).expect("its bytes");
    }
    zip.finish().expect("an archive").into_inner()
}

#[test]
fn what_a_graph_does_besides_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exported.pt2");
    for (from, to, expected) in [
        (
            "aten.silu.default",
            "aten.flip.default",
            "aten.flip.default",
        ),
        // A softmax over something else than the classes; a transposed picture.
        (
            "aten.silu.default\", \"inputs\": [",
            "aten.softmax.int\", \"inputs\": [{\"name\": \"dim\", \"arg\": {\"as_int\": 0}}, ",
            "aten.softmax.int",
        ),
        (
            "aten.silu.default\", \"inputs\": [",
            "aten.permute.default\", \"inputs\": [{\"name\": \"dims\", \"arg\": {\"as_ints\": [0, 1, 3, 2]}}, ",
            "aten.permute.default",
        ),
        // Of no feature map and its gate, or no two feature maps.
        ("aten.silu.default", "aten.mul.Tensor", "aten.mul.Tensor"),
        ("aten.silu.default", "aten.add.Tensor", "aten.add.Tensor"),
        // A feature map and itself.
        (
            "aten.silu.default\", \"inputs\": [",
            "aten.add.Tensor\", \"inputs\": [{\"name\": \"other\", \"arg\": {\"as_tensor\": {\"name\": \"batch_norm\"}}}, ",
            "aten.add.Tensor",
        ),
        // Of a weight that has no name.
        (
            "aten.silu.default",
            "aten.conv2d.default",
            "aten.conv2d.default",
        ),
        (
            "\"as_bool\": false",
            "\"as_bool\": true",
            "aten.batch_norm.default",
        ),
    ] {
        std::fs::write(&path, changed(from, to)).expect("a file");
        let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
        let evidence = checkpoint.evidence().expect("a record");
        let unsupported = evidence.unsupported.first().expect(expected);
        assert!(unsupported.what.contains(expected), "{unsupported:?}");
    }
}

#[test]
fn a_softmax_over_the_classes_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exported.pt2");
    for dimension in ["1", "-1"] {
        let softmax = format!(
            "aten.softmax.int\", \"inputs\": [{{\"name\": \"dim\", \"arg\": {{\"as_int\": {dimension}}}}}, "
        );
        let from = "aten.silu.default\", \"inputs\": [";
        std::fs::write(&path, changed(from, &softmax)).expect("a file");
        let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
        let evidence = checkpoint.evidence().expect("a record");
        assert_eq!(evidence.unsupported, []);
        assert_eq!(evidence.final_activation, Some(FinalActivation::Softmax));
    }
}
