//! `.keras` archives: read as the whole model's `.h5` is, and refused where they lie.

use super::expect_of;
use super::whole::{BLOCKS, file, fixture, layer};
use efficientnet_onnx::onnx::file::ModelFile;
use serde_json::Value;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;
use zip::CompressionMethod::{self, Deflated, Stored};
use zip::write::SimpleFileOptions;

/// An archive with these members.
fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, contents) in members {
        zip.start_file(*name, options).expect("a member");
        zip.write_all(contents).expect("a member");
    }
    zip.finish().expect("an archive").into_inner()
}

/// The weights of the fixtures' network, with five classes, and its description.
fn model(config: &Value, method: CompressionMethod) -> Vec<u8> {
    let config = config.to_string();
    let members = [
        ("metadata.json", &b"{}"[..]),
        ("config.json", config.as_bytes()),
        ("model.weights.h5", &file(None, 5, "mine")),
    ];
    archive(&members, method)
}

/// Emits with an archive: the exit status, what was said, and the model.
fn emit(contents: &[u8], flags: &[&str]) -> (Option<i32>, String, Option<ModelFile>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("w.keras"), contents).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(["emit", "--blocks", BLOCKS, "--weights", "w.keras"])
        .args(["-o", "m.onnx"])
        .args(flags)
        .current_dir(folder.path())
        .output()
        .expect("the binary");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let model = folder.path().join("m.onnx");
    let status = output.status.code();
    assert_eq!(status == Some(0), model.exists(), "{message}");
    let written = (status == Some(0)).then(|| ModelFile::open(&model).expect("a model"));
    (status, message, written)
}

#[test]
fn an_archive_is_a_whole_model() {
    for method in [Stored, Deflated] {
        let config = fixture("keras_3_sequential.json");
        let (status, message, written) = emit(&model(&config, method), &[]);
        assert_eq!(status, Some(0), "{message}");
        assert!(
            message.contains("pictures are prepared as `config.json` records"),
            "{message}"
        );
        let written = written.expect("a model");
        let recipe = written.metadata("efficientnet.recipe").expect("a recipe");
        let recipe: Value = serde_json::from_str(recipe).expect("JSON");
        // The size of the description, and the padding that Keras computes from it.
        assert_eq!(recipe["size"], serde_json::json!(["64", "64"]));
    }
}

#[test]
fn a_description_in_an_archive_is_evidence() {
    let mut config = fixture("keras_3_sequential.json");
    layer(&mut config, "mine")["config"]["activation"] = "tanh".into();
    let (status, message, _) = emit(&model(&config, Stored), &[]);
    assert_eq!(status, Some(2), "{message}");
    assert!(
        message.contains("`config.json`") && message.contains("`mine` has the activation `tanh`"),
        "{message}"
    );
}

#[test]
fn what_is_wrong_with_a_member_is_said() {
    let weights = file(None, 5, "mine");
    let refused = |contents: &[u8], expected: &str| expect_of("w.keras", contents, expected);
    refused(
        &archive(&[("metadata.json", b"{}"), ("config.json", b"{}")], Stored),
        "it has no `model.weights.h5`",
    );
    refused(
        &archive(&[("model.weights.npz", b"")], Stored),
        "it keeps its weights in `model.weights.npz`",
    );
    refused(
        &archive(&[("model.weights.h5", b"no HDF5 in it")], Stored),
        "expected",
    );
    let whole = archive(&[("model.weights.h5", &weights)], Stored);
    for cut in [whole.len() / 2, whole.len() - 1] {
        // Without its directory it is not known to be Keras's.
        refused(&whole[..cut], "is not a readable PyTorch (zip) checkpoint");
    }
    // Zeros shrink to a thousandth.
    refused(
        &archive(&[("model.weights.h5", &vec![0; 80 << 20])], Deflated),
        "takes 83886080 bytes inflated, but the whole file has",
    );
    let mut deflated = archive(&[("model.weights.h5", &weights)], Deflated);
    // Data follow the header of 30 bytes and the name.
    deflated[30 + "model.weights.h5".len() + 40] ^= 0x55;
    refused(&deflated, "its `model.weights.h5` cannot be read");
    let config = archive(
        &[("config.json", b"["), ("model.weights.h5", &weights)],
        Stored,
    );
    refused(&config, "`config.json` is not JSON");
}

/// The directory and a member's own header tell its length and its place: both stay within the file.
#[test]
fn a_member_that_claims_more_than_the_file_has() {
    let contents = archive(&[("model.weights.h5", &file(None, 5, "mine"))], Stored);
    let directory = contents
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .expect("a directory");
    for (place, name) in [(20, "compressed"), (24, "plain")] {
        let mut changed = contents.clone();
        let field = directory + place..directory + place + 4;
        changed[field].copy_from_slice(&0x7fff_fff0u32.to_le_bytes());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("w.keras");
        fs::write(&path, &changed).expect("a file");
        assert!(is_refused(&path), "{name}");
    }
}

fn is_refused(path: &Path) -> bool {
    efficientnet_onnx::weights::checkpoint::Checkpoint::open(path).is_err()
}
