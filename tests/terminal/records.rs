//! Every text, and every key, of what a file says about itself.

use crate::verify_support::{Run, program};
use crate::{Faults, texts};
use efficientnet_onnx::onnx::proto::ModelProto;
use prost::Message;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A small network with every record.
fn made(folder: &Path) {
    fs::write(folder.join("names"), "one\ntwo\nthree\n").expect("a file");
    let emit = "emit --like timm/tf_efficientnet_lite0 --size 32 --classes 3 --labels names --init constant -o plain.onnx";
    Run::of(program().current_dir(folder).args(emit.split(' '))).expect(0);
}

/// Every variant of a JSON value in which one text or one key is another.
fn variants(value: &Value, text: &str) -> Vec<Value> {
    match value {
        Value::Array(items) => {
            let changed = items.iter().enumerate().take(1).flat_map(|(at, item)| {
                let place = move |variant| {
                    let mut items = items.clone();
                    items[at] = variant;
                    Value::Array(items)
                };
                variants(item, text).into_iter().map(place)
            });
            changed.collect()
        }
        Value::Object(entries) => {
            let mut all = Vec::new();
            for (key, item) in entries {
                for variant in variants(item, text) {
                    let mut entries = entries.clone();
                    entries[key] = variant;
                    all.push(Value::Object(entries));
                }
            }
            let mut more = entries.clone();
            more.insert(text.into(), Value::from(1));
            all.push(Value::Object(more));
            all
        }
        _ => vec![Value::from(text)],
    }
}

#[test]
fn no_text_of_a_record_reaches_a_terminal_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    made(folder);
    let model = fs::read(folder.join("plain.onnx")).expect("a file");
    let model = ModelProto::decode(model.as_slice()).expect("a model");
    let picture = format!(
        "{}/tests/fixtures/preprocessing/cat.png",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut faults = Faults::default();
    let mut records = 0;
    for (index, entry) in model.metadata_props.iter().enumerate() {
        let key = entry.key.clone().expect("a key");
        let value: Value = serde_json::from_str(entry.value()).expect("JSON");
        records += 1;
        for text in texts() {
            // Of the checksums of all weights a few are enough.
            let all = variants(&value, &text);
            let few = all
                .iter()
                .take(if text.len() > 1000 { 3 } else { 40 })
                .map(ToString::to_string);
            let raw = [
                text.clone(),
                format!("[\"{text}\"]"),
                format!("{{\"{text}\": 1}}"),
            ];
            for (number, changed) in few.chain(raw).enumerate() {
                let mut hostile = model.clone();
                hostile.metadata_props[index].value = Some(changed);
                fs::write(folder.join("hostile.onnx"), hostile.encode_to_vec()).expect("a file");
                let place = format!("{key} {number}");
                for command in [
                    "inspect hostile.onnx",
                    "inspect --json hostile.onnx",
                    "inspect --as-arch hostile.onnx",
                    "check hostile.onnx",
                    "emit --weights hostile.onnx -o out.onnx --force",
                    "weights export hostile.onnx -o out.safetensors --force",
                ] {
                    let arguments: Vec<&str> = command.split(' ').collect();
                    faults.run(&place, folder, &arguments);
                }
                faults.run(
                    &place,
                    folder,
                    &["classify", "--runtime", "tract", "hostile.onnx", &picture],
                );
            }
        }
    }
    assert_eq!(records, 6);
    faults.assert_none();
}
