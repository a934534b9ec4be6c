//! From a seed to a checkpoint in each library's names and layout, and back to the same file.

use crate::command_line::{done, run};
use efficientnet_onnx::metadata::ORIGIN_KEY;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::Naming;
use prost::Message;
use std::path::Path;
use std::process::Command;

pub const NETWORK: [&str; 10] = [
    "--width", "0.25", "--depth", "0.5", "--size", "32", "--init", "probe", "--seed", "7",
];

/// The model's bytes without the metadata key that tells where its weights are from.
pub fn but_for_origin(path: &Path) -> Vec<u8> {
    let (model, removed) = but_for_metadata(path, |key| key == ORIGIN_KEY);
    assert_eq!(removed, 1);
    model
}

/// The model's bytes without some metadata keys, and how many it had of them.
fn but_for_metadata(path: &Path, remove: impl Fn(&str) -> bool) -> (Vec<u8>, usize) {
    let bytes = std::fs::read(path).expect("a file");
    let mut model = ModelProto::decode(&bytes[..]).expect("a model");
    let entries = model.metadata_props.len();
    model
        .metadata_props
        .retain(|entry| !entry.key.as_deref().is_some_and(&remove));
    let removed = entries - model.metadata_props.len();
    (model.encode_to_vec(), removed)
}

#[test]
fn every_naming_comes_back_to_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    done(
        folder,
        &[&["emit"], &NETWORK[..], &["-o", "seed.onnx"]].concat(),
    );
    done(
        folder,
        &[
            &["emit"],
            &NETWORK[..],
            &["--bn", "keep", "-o", "kept.onnx"],
        ]
        .concat(),
    );
    let seed = but_for_origin(&folder.join("seed.onnx"));
    for (names, naming) in [
        ("timm", Naming::Timm),
        ("torchvision", Naming::Torchvision),
        ("lukemelas", Naming::Lukemelas),
        ("keras", Naming::Keras),
    ] {
        let weights = format!("{names}.safetensors");
        let back = format!("{names}.onnx");
        let export = ["weights", "export", "--names", names, "-o", &weights];
        done(folder, &[&export, &NETWORK[..]].concat());
        let checkpoint = Checkpoint::open(&folder.join(&weights)).expect("a checkpoint");
        assert_eq!(checkpoint.naming(), Some(naming));
        let emit = ["emit", "--weights", &weights, "--size", "32", "-o", &back];
        done(folder, &emit);
        assert!(but_for_origin(&folder.join(&back)) == seed, "{names}");
        // The same from the file.
        let again = format!("{names}-again.safetensors");
        let export = ["weights", "export", "kept.onnx", "--names", names];
        done(folder, &[&export[..], &["-o", &again]].concat());
        let bytes = |name: &str| {
            let path = folder.join(name);
            let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
            checkpoint.tensors().to_vec()
        };
        assert_eq!(bytes(&weights), bytes(&again), "{names}");
    }
}

/// Keras has its kernels as height, width, in, out.
#[test]
fn keras_gets_its_own_layout() {
    let folder = tempfile::tempdir().expect("a folder");
    let export = ["weights", "export", "--names", "keras", "-o", "k"];
    done(folder.path(), &[&export, &NETWORK[..]].concat());
    let bytes = std::fs::read(folder.path().join("k")).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(length).expect("a header");
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    let shape = |name: &str| header[name]["shape"].to_string();
    assert_eq!(shape("stem_conv/kernel"), "[3,3,3,8]");
    assert_eq!(shape("block1a_dwconv/depthwise_kernel"), "[3,3,8,1]");
    assert_eq!(shape("predictions/kernel"), "[320,1000]");
    assert_eq!(shape("top_bn/moving_mean"), "[320]");
}

#[test]
fn an_emitted_file_is_a_checkpoint_if_its_batch_norms_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (bn, kept) in [("keep", "kept.onnx"), ("fold", "folded.onnx")] {
        done(
            folder,
            &[&["emit"], &NETWORK[..], &["--bn", bn, "-o", kept]].concat(),
        );
    }
    let external = ["--bn", "keep", "--external-data", "-o", "far.onnx"];
    done(folder, &[&["emit"], &NETWORK[..], &external].concat());
    let expected = but_for_origin(&folder.join("folded.onnx"));
    for old in ["kept.onnx", "far.onnx"] {
        let back = format!("again-{old}");
        done(
            folder,
            &["emit", "--weights", old, "--size", "32", "-o", &back],
        );
        assert!(but_for_origin(&folder.join(&back)) == expected, "{old}");
    }
    let emit = ["emit", "--weights", "folded.onnx", "-o", "refused.onnx"];
    let (status, message) = run(folder, &emit);
    assert_eq!(status, Some(2), "{message}");
    assert!(message.contains("has its batch norms folded into the convolutions"));
    assert!(message.contains("hint: emit it again with `--bn keep`"));
}

/// Writes a checkpoint without its metadata.
fn strip(from: &Path, to: &Path) {
    let bytes = std::fs::read(from).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(length).expect("a header");
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    header
        .as_object_mut()
        .expect("an object")
        .remove("__metadata__");
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    let bare = [&length[..], header.as_bytes(), &bytes[end..]].concat();
    std::fs::write(to, bare).expect("a file");
}

/// Names and shapes tell a MobileNet or a ResNet with its padding and its epsilon; of a ResNet, that others have the same.
#[test]
fn the_papers_other_networks_are_recognised_under_every_librarys_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let seed = ["--size", "64", "--init", "probe", "--seed", "7"];
    let force = ["--force", "-o"];
    for (variant, names, naming) in [
        ("mobilenet-v1", "timm", Naming::Timm),
        ("mobilenet-v2-110d", "timm", Naming::Timm),
        ("mobilenet-v2-050", "torchvision", Naming::MobileNetV2),
        ("resnet-50", "torchvision", Naming::Resnet),
        ("resnet-50", "timm", Naming::Resnet),
    ] {
        let own = ["--variant", variant];
        done(
            folder,
            &[&["emit"], &own[..], &seed, &force, &["seed.onnx"]].concat(),
        );
        let kept = ["--bn", "keep"];
        done(
            folder,
            &[&["emit"], &own[..], &seed, &kept, &force, &["kept.onnx"]].concat(),
        );
        let export = ["weights", "export", "--names", names];
        done(folder, &[&export[..], &own, &seed, &force, &["w"]].concat());
        strip(&folder.join("w"), &folder.join("bare"));
        let checkpoint = Checkpoint::open(&folder.join("bare")).expect("a checkpoint");
        assert_eq!(checkpoint.naming(), Some(naming), "{variant}");
        let graph = |name: &str| but_for_metadata(&folder.join(name), |_| true).0;
        for weights in ["bare", "kept.onnx"] {
            let emit = ["emit", "--weights", weights, "--size", "64"];
            let (status, said) = run(folder, &[&emit[..], &force, &["back.onnx"]].concat());
            assert_eq!(status, Some(0), "{said}");
            assert!(
                graph("back.onnx") == graph("seed.onnx"),
                "{variant} {names} {weights}"
            );
            let is_bare = weights == "bare";
            let recognised = format!("recognised {variant} by its tensors' names and shapes");
            assert_eq!(said.contains(&recognised), is_bare, "{said}");
            let is_resnet = naming == Naming::Resnet;
            assert_eq!(
                said.contains("resnetblur50"),
                is_bare && is_resnet,
                "{said}"
            );
        }
    }
    // The classifier and the first convolution are found under names of their own.
    let emit = [
        "emit",
        "--weights",
        "bare",
        "--reset-classifier",
        "7",
        "--in-channels",
        "1",
    ];
    done(folder, &[&emit[..], &force, &["fresh.onnx"]].concat());
    let fresh = Checkpoint::open(&folder.join("fresh.onnx")).expect("a checkpoint");
    let shape = |name: &str| {
        let mut tensors = fresh.tensors().iter();
        let found = tensors.find(|tensor| tensor.name == name);
        found.expect("a tensor").shape.clone()
    };
    assert_eq!(shape("fc.weight"), [7, 2048]);
    assert_eq!(shape("conv1.weight"), [64, 1, 7, 7]);
}

/// The metadata of a real checkpoint tells nothing, so its tensors have to.
#[test]
fn a_checkpoint_without_metadata_is_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let lite0 = ["--variant", "lite0", "--classes", "5"];
    let export = ["weights", "export", "--names", "lukemelas", "-o", "w"];
    done(folder, &[&export[..], &lite0].concat());
    strip(&folder.join("w"), &folder.join("bare"));
    let (status, message) = run(folder, &["emit", "--weights", "bare", "-o", "bare.onnx"]);
    assert_eq!(status, Some(0), "{message}");
    let note = "recognised efficientnet-lite0 by its tensors' names and shapes";
    assert!(message.contains(note), "{message}");
    done(
        folder,
        &[
            &["emit"],
            &lite0[..],
            &["--padding", "static:224", "-o", "seed.onnx"],
        ]
        .concat(),
    );
    let listed = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["weights", "ls", "bare"])
        .current_dir(folder)
        .output()
        .expect("the binary");
    let listed = String::from_utf8(listed.stdout).expect("text");
    assert_eq!(listed.lines().count(), 247);
    let line = |name: &str| {
        let mut lines = listed.lines();
        let line = lines.find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("_blocks.0._project_conv.weight"),
        "_blocks.0._project_conv.weight f32 [16, 32, 1, 1] blocks.0.0.conv_pw.weight"
    );
    assert_eq!(line("_fc.bias"), "_fc.bias f32 [5] classifier.bias");
    let (bare, seed) = (folder.join("bare.onnx"), folder.join("seed.onnx"));
    assert!(but_for_origin(&bare) == but_for_origin(&seed));
}

/// `inspect --as-arch` of a published model, and the same model from that file, from a checkpoint, and from itself.
#[test]
fn an_architecture_file_stands_for_its_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let model = |name: &str| but_for_metadata(&folder.join(name), |_| true).0;
    for variant in ["lite3", "edgetpu-s", "condconv-b0-4e", "v2-b0"] {
        let printed = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
            .args(["inspect", "--variant", variant, "--as-arch"])
            .output()
            .expect("the binary");
        std::fs::write(folder.join("own.toml"), printed.stdout).expect("a file");
        let (published, own) = (format!("{variant}.onnx"), format!("own-{variant}.onnx"));
        done(folder, &["emit", "--variant", variant, "-o", &published]);
        done(folder, &["emit", "--arch", "own.toml", "-o", &own]);
        assert!(model(&published) == model(&own), "{variant}");
    }
    let own = ["--arch", "own.toml", "--seed", "3"];
    let kept = ["--bn", "keep", "-o", "kept.onnx"];
    done(folder, &[&["emit"], &own[..], &kept].concat());
    done(
        folder,
        &[&["emit"], &own[..], &["-o", "seed.onnx"]].concat(),
    );
    done(folder, &["weights", "export", "kept.onnx", "-o", "w"]);
    // The file that was emitted, and the checkpoint that it gave, know the architecture themselves.
    for (weights, back) in [("kept.onnx", "a.onnx"), ("w", "b.onnx")] {
        done(folder, &["emit", "--weights", weights, "-o", back]);
        let (seed, back) = (folder.join("seed.onnx"), folder.join(back));
        assert!(but_for_origin(&seed) == but_for_origin(&back), "{weights}");
    }
    std::fs::write(folder.join("own.toml"), "stem_filters = 0\n").expect("a file");
    let emit = ["emit", "--arch", "own.toml", "-o", "refused.onnx"];
    let (status, message) = run(folder, &emit);
    assert_eq!(status, Some(2), "{message}");
    assert!(
        message.contains("`own.toml`, line 1: missing field `head_filters`"),
        "{message}"
    );
    let both = [
        "emit",
        "--arch",
        "own.toml",
        "--phi",
        "1",
        "-o",
        "refused.onnx",
    ];
    assert_eq!(run(folder, &both).0, Some(2));
}

#[test]
fn models_that_are_no_checkpoints_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    // Field 7, the graph, with more bytes than there are; then a graph of nothing.
    for (contents, expected) in [
        (
            &b"\x08\x08\x3a\xff\xff\xff\xff\x0f"[..],
            "should have 4294967295 bytes, but only 0 follow",
        ),
        (b"\x08\x08\x3a\x00", "found no tensors"),
    ] {
        std::fs::write(folder.path().join("bad.onnx"), contents).expect("a file");
        let emit = ["emit", "--weights", "bad.onnx", "-o", "out.onnx"];
        let (status, message) = run(folder.path(), &emit);
        assert_eq!(status, Some(2), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
