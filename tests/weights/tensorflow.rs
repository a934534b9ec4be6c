//! TensorFlow's own checkpoints: those that TensorFlow wrote, and whole networks in its names.

use crate::tensorflow_support::save;
use efficientnet_onnx::metadata::ORIGIN_KEY;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::tensor::{Element, TensorSource};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::{NameMap, Naming};
use prost::Message;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints/tensorflow")
}

fn open(path: &Path) -> Checkpoint {
    Checkpoint::open(path).unwrap_or_else(|error| panic!("{error}"))
}

fn values(source: &dyn TensorSource, name: &str) -> Vec<f32> {
    let tensor = source
        .tensors()
        .iter()
        .find(|tensor| tensor.name == name)
        .unwrap_or_else(|| panic!("`{name}` is not on offer"));
    let elements = usize::try_from(tensor.shape.iter().product::<u64>()).expect("it fits memory");
    let mut values = vec![f32::NAN; elements];
    let reader = source.open(name).expect("a readable tensor");
    reader.fill(0, &mut values).expect("a readable tensor");
    values
}

/// `ramp` of `tensorflow_make.py`, as its transposes see it.
fn ramp(places: impl IntoIterator<Item = usize>) -> Vec<f32> {
    places.into_iter().map(|place| place as f32 / 8.0).collect()
}

/// Height, width, in, out of 3, 3, 2, 4 as out, in, height, width.
fn kernel() -> Vec<f32> {
    let place = |flat: usize| {
        let (out, channel, height, width) = (flat / 18, flat / 9 % 2, flat / 3 % 3, flat % 3);
        ((height * 3 + width) * 2 + channel) * 4 + out
    };
    ramp((0..72).map(place))
}

/// In, out of 4, 3 as out, in.
fn dense() -> Vec<f32> {
    ramp((0..12).map(|flat| flat % 4 * 3 + flat / 4))
}

#[test]
fn a_trained_checkpoint_gives_its_averages_by_any_of_its_names() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(fixtures()).expect("fixtures") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.path().join(file.file_name())).expect("a copy");
    }
    for name in [
        "model.ckpt",
        "model.ckpt.index",
        "model.ckpt.data-00000-of-00001",
        "checkpoint",
        "",
    ] {
        let checkpoint = open(&folder.path().join(name));
        let names: Vec<_> = checkpoint
            .tensors()
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect();
        let expected = [
            "head/dense/bias",
            "head/dense/kernel",
            "stem/conv2d/kernel",
            "stem/tpu_batch_normalization/moving_mean",
        ];
        assert_eq!(names, expected, "`{name}`");
        assert_eq!(checkpoint.naming(), Some(Naming::TensorFlow));
        assert_eq!(checkpoint.nest(), Some("ExponentialMovingAverage"));
        assert_eq!(checkpoint.name(), "model.ckpt.index");
        // The averages are what the variables were before the step.
        assert_eq!(values(&checkpoint, "stem/conv2d/kernel"), kernel());
        assert_eq!(values(&checkpoint, "head/dense/kernel"), dense());
        let mean = "stem/tpu_batch_normalization/moving_mean";
        assert_eq!(values(&checkpoint, mean), ramp(0..4));
        // It has no average, and each element has gone down.
        let bias = values(&checkpoint, "head/dense/bias");
        assert!(bias.iter().zip(ramp(0..3)).all(|(a, b)| *a < b), "{bias:?}");
        let mut hasher = Sha256::new();
        for part in ["index", "data-00000-of-00001"] {
            hasher.update(
                fs::read(folder.path().join(format!("model.ckpt.{part}"))).expect("a file"),
            );
        }
        let digest = checkpoint.sha256().expect("a digest");
        let bytes = (0..64).step_by(2).map(|place| &digest[place..place + 2]);
        let bytes: Vec<u8> = bytes
            .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"))
            .collect();
        assert_eq!(bytes, hasher.finalize()[..]);
    }
}

/// A folder that comes from a stranger names no other file of this machine.
#[test]
fn a_checkpoint_names_files_of_its_folder_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |place: &str| folder.path().join(place);
    for place in ["own", "other"] {
        fs::create_dir(at(place)).expect("a folder");
    }
    let parts = ["index", "data-00000-of-00001"].map(|part| format!("model.ckpt.{part}"));
    for part in &parts {
        fs::copy(fixtures().join(part), at("other").join(part)).expect("a copy");
    }
    let absolute = at("other/model.ckpt").display().to_string();
    let pointer = at("own/checkpoint");
    for named in ["../other/model.ckpt", &absolute] {
        fs::write(&pointer, format!("model_checkpoint_path: \"{named}\"\n")).expect("a file");
        for opened in ["own", "own/checkpoint"] {
            let error = Checkpoint::open(&at(opened))
                .err()
                .expect(named)
                .to_string();
            let place = at("own").join(named);
            let reason = format!(
                "`{}` names `{}.index`, which is outside its folder",
                pointer.display(),
                place.display()
            );
            assert_eq!(error, reason);
        }
    }
    // Links lead out as well, from the index and from a data file.
    for (linked, copied, pointed) in [(0, 1, true), (1, 0, false)] {
        let link = at("own").join(&parts[linked]);
        std::os::unix::fs::symlink(at("other").join(&parts[linked]), &link).expect("a link");
        fs::copy(
            fixtures().join(&parts[copied]),
            at("own").join(&parts[copied]),
        )
        .expect("a copy");
        fs::write(&pointer, "model_checkpoint_path: \"model.ckpt\"\n").expect("a file");
        let opened = if pointed {
            &pointer
        } else {
            &at("own").join(&parts[0])
        };
        let error = Checkpoint::open(opened).err().expect("refused").to_string();
        assert!(error.contains("which is outside its folder"), "{error}");
        for part in &parts {
            fs::remove_file(at("own").join(part)).expect("removed");
        }
    }
    // A folder that was copied as a whole has the checkpoint beside the pointer, wherever that was before.
    fs::write(&pointer, format!("model_checkpoint_path: \"{absolute}\"\n")).expect("a file");
    for part in &parts {
        fs::copy(fixtures().join(part), at("own").join(part)).expect("a copy");
    }
    assert_eq!(open(&pointer).tensors().len(), 4);
}

#[test]
fn several_data_files_and_every_element_type() {
    let checkpoint = open(&fixtures().join("sharded.ckpt"));
    let found: Vec<_> = checkpoint
        .tensors()
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor.shape.clone(), tensor.element))
        .collect();
    let expected = [
        ("head/brain", vec![4], Element::Bf16),
        ("head/dense/kernel", vec![3, 4], Element::F32),
        ("head/double", vec![4], Element::F64),
        ("head/scalar", vec![], Element::F32),
        ("stem/conv2d/kernel", vec![4, 2, 3, 3], Element::F32),
        ("stem/half", vec![4], Element::F16),
    ];
    assert_eq!(found, expected);
    assert_eq!(checkpoint.nest(), None);
    for name in ["head/brain", "stem/half"] {
        assert_eq!(values(&checkpoint, name), ramp(0..4), "{name}");
    }
    let thirds: Vec<f32> = ramp(0..4).iter().map(|value| value / 3.0).collect();
    assert_eq!(values(&checkpoint, "head/double"), thirds);
    assert_eq!(values(&checkpoint, "head/scalar"), [2.5]);
    assert_eq!(values(&checkpoint, "head/dense/kernel"), dense());
    assert_eq!(values(&checkpoint, "stem/conv2d/kernel"), kernel());
}

#[test]
fn other_formats_of_tensorflow_say_what_to_do() {
    for (file, expected) in [
        (
            "v1.ckpt",
            "it is in TensorFlow's V1 format, expected V2; read it in TensorFlow and save it again",
        ),
        (
            "sliced.ckpt",
            "`head/dense/kernel`: it is a partitioned variable of 2 slices, expected one piece; save it from a graph without a partitioner",
        ),
    ] {
        let path = fixtures().join(file);
        let error = Checkpoint::open(&path).map(drop).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn pointers_that_lead_nowhere() {
    for (text, expected) in [
        ("", "it has no `model_checkpoint_path`"),
        (
            "model_checkpoint_path: model.ckpt",
            "is not a plain path in quotes",
        ),
        ("model_checkpoint_path: \"", "is not a plain path in quotes"),
        (
            "model_checkpoint_path: \"gs://bucket/model.ckpt-7\"",
            "model.ckpt-7.index`: No such file",
        ),
        ("model_checkpoint_path: \"..\"", ".index`: No such file"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint");
        fs::write(&path, text).expect("a file");
        for path in [folder.path(), &path] {
            let error = Checkpoint::open(path).map(drop).unwrap_err().to_string();
            assert!(
                error.contains(expected),
                "expected `{expected}`, found: {error}"
            );
        }
    }
}

/// Exported from a seed, and saved in TensorFlow's names with other values beside them: the seed's own file.
#[test]
fn a_whole_network_comes_back_from_its_averages() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let network = ["--width", "0.1", "--depth", "0.1", "--size", "32"];
    let seed = ["--classes", "3", "--init", "probe", "--seed", "3", "-o"];
    let run = |command: &[&str], rest: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
            .args(command.iter().chain(&network).chain(rest))
            .current_dir(folder)
            .output()
            .expect("the binary");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{message}");
        message
    };
    run(&["emit"], &[&seed[..], &["seed.onnx"]].concat());
    run(&["weights", "export"], &[&seed[..], &["timm"]].concat());
    let timm = open(&folder.join("timm"));
    let names = timm.tensors().iter().map(|tensor| tensor.name.as_str());
    let map = NameMap::new(Naming::TensorFlow, names).expect("names for all");
    let mut tensors = vec![("beta1_power".to_owned(), vec![], vec![7.0])];
    for tensor in timm.tensors() {
        let name = map.source_name(&tensor.name).expect("a name");
        let (shape, values) = to_tensorflow(name, &tensor.shape, &values(&timm, &tensor.name));
        let name = format!("efficientnet-b0/{name}");
        let other = vec![9.0; values.len()];
        tensors.push((format!("{name}/RMSProp"), shape.clone(), other.clone()));
        // Some have no average.
        if name.contains("blocks_3/") && name.contains("moving_") {
            tensors.push((name, shape, values));
        } else {
            let average = format!("{name}/ExponentialMovingAverage");
            tensors.push((average, shape.clone(), values));
            tensors.push((name, shape, other));
        }
    }
    let prefix = save(folder, &tensors, 3).display().to_string();
    let message = run(&["emit"], &["--weights", &prefix, "-o", "back.onnx"]);
    let note = "the checkpoint's weights are its `ExponentialMovingAverage`";
    assert!(message.contains(note), "{message}");
    assert!(but_for_origin(&folder.join("back.onnx")) == but_for_origin(&folder.join("seed.onnx")));

    // The same with another classifier, and its own from a file.
    let classifier = ["weight", "bias"].map(|name| {
        let values = values(&timm, &format!("classifier.{name}"));
        (
            name,
            values
                .into_iter()
                .flat_map(f32::to_le_bytes)
                .collect::<Vec<u8>>(),
        )
    });
    let features = classifier[0].1.len() / classifier[1].1.len();
    let shapes = [vec![3, features], vec![3]];
    let views = classifier.iter().zip(shapes).map(|((name, bytes), shape)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, bytes);
        (*name, view.expect("a tensor"))
    });
    let head = safetensors::serialize(views, None).expect("a file");
    fs::write(folder.join("head.safetensors"), head).expect("a file");
    for (name, _, values) in &mut tensors {
        if name.contains("/head/dense/") {
            values.fill(9.0);
        }
    }
    fs::create_dir(folder.join("other")).expect("a folder");
    let prefix = save(&folder.join("other"), &tensors, 3)
        .display()
        .to_string();
    let own = ["--classifier", "head.safetensors", "-o", "other.onnx"];
    run(&["emit"], &[&["--weights", &prefix][..], &own].concat());
    assert!(
        but_for_origin(&folder.join("other.onnx")) == but_for_origin(&folder.join("seed.onnx"))
    );
}

/// The model's bytes without the metadata key that tells where its weights are from.
fn but_for_origin(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).expect("a file");
    let mut model = ModelProto::decode(&bytes[..]).expect("a model");
    model
        .metadata_props
        .retain(|entry| entry.key.as_deref() != Some(ORIGIN_KEY));
    model.encode_to_vec()
}

/// A kernel in TensorFlow's layout.
fn to_tensorflow(name: &str, shape: &[u64], values: &[f32]) -> (Vec<u64>, Vec<f32>) {
    let extents: Vec<usize> = shape
        .iter()
        .map(|extent| usize::try_from(*extent).expect("small"))
        .collect();
    let axes: &[usize] = match (name.rsplit('/').next(), extents.len()) {
        (Some("depthwise_kernel"), 4) => &[2, 3, 0, 1],
        (Some("kernel"), 4) => &[2, 3, 1, 0],
        (Some("kernel"), 2) => &[1, 0],
        _ => return (shape.to_vec(), values.to_vec()),
    };
    let stride = |axis: usize| extents[axis + 1..].iter().product::<usize>();
    let mut out = vec![0.0; values.len()];
    for (flat, value) in values.iter().enumerate() {
        let mut place = 0;
        for &axis in axes {
            place = place * extents[axis] + flat / stride(axis) % extents[axis];
        }
        out[place] = *value;
    }
    (axes.iter().map(|&axis| shape[axis]).collect(), out)
}
