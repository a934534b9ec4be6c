//! `weights export`: from a seed and from a file, and what it refuses.

use crate::command_line::{done, refused};
use efficientnet_onnx::metadata::{ORIGIN_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::proto::ModelProto;
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::Naming;
use prost::Message;
use std::path::Path;

const SMALL: [&str; 6] = ["--width", "0.25", "--depth", "0.25", "--size", "32"];
const PROBE: [&str; 4] = ["--init", "probe", "--seed", "7"];

fn export<'a>(from: &[&'a str], to: &'a str) -> Vec<&'a str> {
    [&["weights", "export"], from, &["-o", to]].concat()
}

#[test]
fn a_seed_and_a_file_of_that_seed_give_the_same_bytes() {
    a_file_of_a_seed_gives_its_bytes("v1");
}

/// The file has the experts of a depthwise kernel side by side.
#[test]
fn experts_come_back_in_their_order() {
    a_file_of_a_seed_gives_its_bytes("condconv");
}

fn a_file_of_a_seed_gives_its_bytes(family: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let network = [
        &SMALL[..],
        &PROBE,
        &["--padding", "symmetric", "--bn-epsilon", "1e-5"],
        &["--family", family],
    ]
    .concat();
    done(folder, &export(&network, "seed.safetensors"));
    done(folder, &export(&network, "again.safetensors"));
    done(
        folder,
        &[
            &["emit"],
            &network[..],
            &["--bn", "keep", "-o", "kept.onnx"],
        ]
        .concat(),
    );
    done(folder, &export(&["kept.onnx"], "file.safetensors"));
    done(
        folder,
        &[
            &["emit"],
            &network[..],
            &["--bn", "keep", "--external-data", "-o", "far.onnx"],
        ]
        .concat(),
    );
    done(folder, &export(&["far.onnx"], "far.safetensors"));
    let bytes = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    let seed = bytes("seed.safetensors");
    for name in ["again.safetensors", "file.safetensors", "far.safetensors"] {
        assert!(bytes(name) == seed, "{name} differs");
    }
    // The data starts aligned, whatever the header's length.
    assert_eq!(
        u64::from_le_bytes(seed[..8].try_into().expect("8 bytes")) % 8,
        0
    );
}

#[test]
fn names_and_shapes_are_timms() {
    let folder = tempfile::tempdir().expect("a folder");
    let network = [
        &SMALL[..],
        &[
            "--padding",
            "symmetric",
            "--bn-epsilon",
            "2e-4",
            "--classes",
            "7",
        ],
    ]
    .concat();
    let network = [&network[..], &["--in-channels", "1"]].concat();
    done(folder.path(), &export(&network, "w.safetensors"));
    let checkpoint = Checkpoint::open(&folder.path().join("w.safetensors")).expect("a checkpoint");
    assert_eq!(checkpoint.naming(), Some(Naming::Timm));
    assert_eq!(checkpoint.classes(Naming::Timm), Some(7));
    assert_eq!(checkpoint.in_channels(Naming::Timm), Some(1));
    let stem = &checkpoint.tensors()[0];
    assert_eq!(
        (stem.name.as_str(), &stem.shape[..]),
        ("conv_stem.weight", &[8, 1, 3, 3][..])
    );
}

/// The recipe of a model file; it stands there as JSON.
fn recipe(path: &Path) -> serde_json::Value {
    let file = ModelFile::open(path).expect("a model");
    serde_json::from_str(file.metadata(RECIPE_KEY).expect("a recipe")).expect("JSON")
}

#[test]
fn emit_takes_what_the_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let network = [
        &SMALL[..],
        &PROBE,
        &["--padding", "symmetric", "--bn-epsilon", "2e-4"],
    ]
    .concat();
    let network = [&network[..], &["--classes", "7", "--in-channels", "1"]].concat();
    done(folder, &export(&network, "w.safetensors"));
    done(
        folder,
        &[&["emit"], &network[..], &["-o", "seed.onnx"]].concat(),
    );
    done(
        folder,
        &[
            "emit",
            "--weights",
            "w.safetensors",
            "--size",
            "32",
            "-o",
            "file.onnx",
        ],
    );
    let (seed, file) = (
        recipe(&folder.join("seed.onnx")),
        recipe(&folder.join("file.onnx")),
    );
    assert_eq!(seed, file);
    assert_eq!(
        (&file["padding"], &file["bn_epsilon"]),
        (&"symmetric".into(), &2e-4.into())
    );
    assert_eq!(
        (&file["classes"], &file["in_channels"]),
        (&7.into(), &1.into())
    );
    // Flags come first.
    let flags = [
        "--padding",
        "same",
        "--bn-epsilon",
        "1e-3",
        "-o",
        "flags.onnx",
    ];
    done(
        folder,
        &[&["emit", "--weights", "w.safetensors"], &flags[..]].concat(),
    );
    let flags = recipe(&folder.join("flags.onnx"));
    assert_eq!(
        (&flags["padding"], &flags["bn_epsilon"]),
        (&"same".into(), &1e-3.into())
    );
}

#[test]
fn a_seed_and_a_checkpoint_of_that_seed_give_the_same_graph() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let network = [&SMALL[..], &PROBE].concat();
    done(folder, &export(&network, "w.safetensors"));
    done(
        folder,
        &[&["emit"], &network[..], &["-o", "seed.onnx"]].concat(),
    );
    done(
        folder,
        &[
            &["emit", "--weights", "w.safetensors"],
            &SMALL[..],
            &["-o", "file.onnx"],
        ]
        .concat(),
    );
    // All but the entry that says where the weights are from.
    let without_origin = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).expect("a file");
        let mut model = ModelProto::decode(&bytes[..]).expect("a model");
        let before = model.metadata_props.len();
        model
            .metadata_props
            .retain(|entry| entry.key() != ORIGIN_KEY);
        assert_eq!(model.metadata_props.len(), before - 1, "{name}");
        // The metadata ends the file; the recipe is its first entry.
        let metadata = bytes
            .windows(RECIPE_KEY.len())
            .rposition(|window| window == RECIPE_KEY.as_bytes());
        (
            bytes[..metadata.expect("a recipe") - 8].to_vec(),
            model.encode_to_vec(),
        )
    };
    assert!(without_origin("seed.onnx") == without_origin("file.onnx"));
}

#[test]
fn the_safetensors_crate_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    done(
        folder.path(),
        &export(&[&SMALL[..], &PROBE].concat(), "w.safetensors"),
    );
    let path = folder.path().join("w.safetensors");
    let bytes = std::fs::read(&path).expect("a file");
    let theirs = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
    let ours = Checkpoint::open(&path).expect("a checkpoint");
    assert_eq!(theirs.len(), ours.tensors().len());
    for tensor in ours.tensors() {
        let view = theirs.tensor(&tensor.name).expect("the same tensor");
        let mut values = vec![0.0; view.data().len() / 4];
        ours.open(&tensor.name)
            .and_then(|reader| reader.fill(0, &mut values))
            .expect("values");
        let encoded: Vec<u8> = values
            .iter()
            .flat_map(|value: &f32| value.to_le_bytes())
            .collect();
        assert_eq!(encoded, view.data(), "{}", tensor.name);
    }
}

#[test]
fn a_library_that_computes_otherwise_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let lite = ["emit", "--variant", "b0", "--bn", "keep"];
    done(folder, &[&lite[..], &["-o", "k.onnx"]].concat());
    for (names, expected) in [("torchvision", true), ("timm", false), ("keras", false)] {
        let export = [&export(&["k.onnx"], names)[..], &["--names", names]].concat();
        let notes = done(folder, &export);
        let note = "torchvision computes with padding symmetric and epsilon 1e-5, but these weights are for \
                    padding same and epsilon 1e-3";
        assert_eq!(notes.contains(note), expected, "{notes}");
    }
}

#[test]
fn what_cannot_be_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    done(
        folder,
        &[&["emit"], &SMALL[..], &["-o", "folded.onnx"]].concat(),
    );
    let message = refused(folder, &export(&["folded.onnx"], "w.safetensors"));
    assert!(
        message.contains("`folded.onnx` has its batch norms folded"),
        "{message}"
    );
    assert!(
        message.contains("hint: emit it again with `--bn keep`"),
        "{message}"
    );

    let pooled = ["--bn", "keep", "--outputs", "pooled", "-o", "pooled.onnx"];
    done(folder, &[&["emit"], &SMALL[..], &pooled].concat());
    let message = refused(folder, &export(&["pooled.onnx"], "w.safetensors"));
    assert!(
        message.contains("`classifier.weight`: expected [1000, 320], found nothing"),
        "{message}"
    );

    std::fs::write(folder.join("text.onnx"), "text").expect("a file");
    assert!(
        refused(folder, &export(&["text.onnx"], "w.safetensors")).contains("cannot be decoded")
    );
    assert!(
        refused(folder, &export(&["absent.onnx"], "w.safetensors"))
            .contains("cannot read `absent.onnx`")
    );
    refused(
        folder,
        &export(&["folded.onnx", "--variant", "b0"], "w.safetensors"),
    );
    refused(
        folder,
        &export(&["folded.onnx", "--padding", "same"], "w.safetensors"),
    );
    refused(
        folder,
        &export(&["folded.onnx", "--seed", "1"], "w.safetensors"),
    );
    refused(folder, &export(&[], "w.safetensors"));
    assert!(!folder.join("w.safetensors").exists());

    std::fs::write(folder.join("w.safetensors"), "mine").expect("a file");
    let message = refused(folder, &export(&SMALL, "w.safetensors"));
    assert!(
        message.contains("`w.safetensors` exists\nhint: `--force`"),
        "{message}"
    );
    assert_eq!(
        std::fs::read(folder.join("w.safetensors")).expect("a file"),
        b"mine"
    );
    done(
        folder,
        &export(&[&SMALL[..], &["--force"]].concat(), "w.safetensors"),
    );
}
