//! Copies of a file with something changed.

use crate::verify_support::folder;
use efficientnet_onnx::onnx::proto::{ModelProto, StringStringEntryProto};
use prost::Message;
use std::path::{Path, PathBuf};

/// A copy of `file` that `change` was done to.
pub fn changed(
    file: &Path,
    name: &str,
    change: impl FnOnce(&mut ModelProto),
) -> (tempfile::TempDir, PathBuf) {
    let mut model =
        ModelProto::decode(std::fs::read(file).expect("a file").as_slice()).expect("a model");
    change(&mut model);
    let folder = folder();
    let path = folder.path().join(name);
    std::fs::write(&path, model.encode_to_vec()).expect("a folder");
    (folder, path)
}

/// Sets or removes a metadata entry.
pub fn set_metadata(model: &mut ModelProto, key: &str, value: Option<&str>) {
    model.metadata_props.retain(|entry| entry.key() != key);
    model
        .metadata_props
        .extend(value.map(|value| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        }));
}
