//! `weights export`: from a seed and from a file, and what it refuses.

#![cfg(feature = "cli")]

use efficientnet_onnx::weights::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::Naming;
use efficientnet_onnx::weights::names::conventions::{Known, resolve_conventions};
use std::path::Path;
use std::process::{Command, Output};

const SMALL: [&str; 6] = ["--width", "0.25", "--depth", "0.25", "--size", "32"];
const PROBE: [&str; 4] = ["--init", "probe", "--seed", "7"];

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary")
}

fn done(folder: &Path, arguments: &[&str]) {
    let output = run(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    message
}

fn export<'a>(from: &[&'a str], to: &'a str) -> Vec<&'a str> {
    [&["weights", "export"], from, &["-o", to]].concat()
}

#[test]
fn a_seed_and_a_file_of_that_seed_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let network = [
        &SMALL[..],
        &PROBE,
        &["--padding", "symmetric", "--bn-epsilon", "1e-5"],
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
fn the_file_says_what_its_names_do_not() {
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
    let known = Known::from_metadata(checkpoint.metadata()).expect("a recipe");
    let conventions =
        resolve_conventions(Known::default(), known, Naming::Timm, None).expect("conventions");
    assert_eq!(conventions.padding.name(), "symmetric");
    assert_eq!(conventions.batch_norm_epsilon, 2e-4);
    let stem = &checkpoint.tensors()[0];
    assert_eq!(
        (stem.name.as_str(), &stem.shape[..]),
        ("conv_stem.weight", &[8, 1, 3, 3][..])
    );
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
