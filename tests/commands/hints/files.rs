//! Checkpoints and models that the cases start from, made once.

use super::whole;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// Puts the file that `arguments` make, with `-o`, into a folder under a name.
pub fn made(folder: &Path, name: &str, arguments: &str) {
    static MADE: OnceLock<(PathBuf, Mutex<Vec<String>>)> = OnceLock::new();
    let (store, known) =
        MADE.get_or_init(|| (crate::kept::folder("hints"), Mutex::new(Vec::new())));
    let mut known = known.lock().expect("no case fails here");
    let number = known
        .iter()
        .position(|known| known == arguments)
        .unwrap_or_else(|| {
            known.push(arguments.to_owned());
            let path = store.join((known.len() - 1).to_string());
            let done = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
                .args(arguments.split(' '))
                .arg("-o")
                .arg(&path)
                .output()
                .expect("the binary");
            assert!(
                done.status.success(),
                "{arguments}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
            known.len() - 1
        });
    fs::copy(store.join(number.to_string()), folder.join(name)).expect("a file");
}

/// A checkpoint of a Lite0 with three classes under timm's names, without metadata.
pub fn plain(folder: &Path) {
    weights(folder, "--variant lite0 --names timm", |_| true);
}

/// A checkpoint with three classes, without metadata, and only with the tensors that are wanted.
pub fn weights(folder: &Path, network: &str, wanted: impl Fn(&str) -> bool) {
    made(
        folder,
        "w",
        &format!("weights export {network} --classes 3 --init probe"),
    );
    let path = folder.join("w");
    let bytes = fs::read(&path).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(length).expect("a header");
    let header: Map<String, Value> = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    let mut kept = Map::new();
    let mut data = Vec::new();
    for (name, entry) in header {
        if name == "__metadata__" || !wanted(&name) {
            continue;
        }
        let offset = |index: usize| {
            let offset = entry["data_offsets"][index].as_u64().expect("an offset");
            end + usize::try_from(offset).expect("an offset")
        };
        let start = data.len();
        data.extend_from_slice(&bytes[offset(0)..offset(1)]);
        let mut entry = entry.clone();
        entry["data_offsets"] = serde_json::json!([start, data.len()]);
        kept.insert(name, entry);
    }
    let mut header = Value::Object(kept).to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], header.as_bytes(), &data].concat()).expect("a file");
}

/// Writes the tensors of the checkpoint again, each under all names that it is given.
pub fn renamed(folder: &Path, names: impl Fn(&str) -> Vec<String>) {
    plain(folder);
    let path = folder.join("w");
    let bytes = fs::read(&path).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let end = 8 + usize::try_from(length).expect("a header");
    let header: Map<String, Value> = serde_json::from_slice(&bytes[8..end]).expect("JSON");
    let (mut kept, mut data) = (Map::new(), Vec::new());
    for (name, entry) in &header {
        let range: [usize; 2] =
            serde_json::from_value(entry["data_offsets"].clone()).expect("a range");
        for name in names(name) {
            let start = data.len();
            data.extend_from_slice(&bytes[end + range[0]..end + range[1]]);
            let mut entry = entry.clone();
            entry["data_offsets"] = serde_json::json!([start, data.len()]);
            kept.insert(name, entry);
        }
    }
    let header = Value::Object(kept).to_string();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], header.as_bytes(), &data].concat()).expect("a file");
}

/// Two networks, neither of which is to be preferred.
pub fn two(folder: &Path) {
    renamed(folder, |name| {
        vec![format!("one.{name}"), format!("two.{name}")]
    });
}

/// The network of a teacher.
pub fn teacher(folder: &Path) {
    renamed(folder, |name| vec![format!("teacher.{name}")]);
}

/// The same, with one element that is not a number.
pub fn not_a_number(folder: &Path) {
    plain(folder);
    let path = folder.join("w");
    let mut bytes = fs::read(&path).expect("a file");
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(path, bytes).expect("a file");
}

/// The same with a number that f16 does not have.
pub fn too_large(folder: &Path) {
    plain(folder);
    let path = folder.join("w");
    let mut bytes = fs::read(&path).expect("a file");
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&1e30_f32.to_le_bytes());
    fs::write(path, bytes).expect("a file");
}

/// A folder `model` as timm publishes one.
pub fn published(folder: &Path, config: &str) {
    plain(folder);
    fs::create_dir(folder.join("model")).expect("a folder");
    fs::rename(folder.join("w"), folder.join("model/model.safetensors")).expect("a file");
    fs::write(folder.join("model/config.json"), config).expect("a file");
}

/// A picture.
pub fn picture(folder: &Path) {
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures/cmyk.jpg");
    fs::copy(picture, folder.join("p.jpg")).expect("a file");
}

/// A whole Keras model for images of 64 by 64, with another activation if one is named.
pub fn keras(folder: &Path, activation: Option<&str>) {
    let model = whole::fixture("keras_3_flat.json");
    let model = match activation {
        None => model,
        Some(activation) => {
            let text = model.to_string().replace("silu", activation);
            serde_json::from_str(&text).expect("JSON")
        }
    };
    fs::write(
        folder.join("w.h5"),
        whole::file(Some(&model), 1000, "predictions"),
    )
    .expect("a file");
}

/// A classifier that another tool wrote, without any record.
pub fn exported(folder: &Path) {
    let file = "tests/fixtures/third_party/timm_legacy.onnx";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::copy(file, folder.join("m.onnx")).expect("a file");
}
