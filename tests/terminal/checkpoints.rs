//! Every text of a checkpoint, in each format.

use crate::tensorflow_support::{Entry, header, save, sorted};
use crate::writer::{Writer, contiguous, dataspace, link, single};
use crate::{Faults, texts};
use std::fs;
use std::io::Write;
use std::path::Path;

const EMIT: [&str; 3] = [
    "emit --variant lite0 --size 32 --padding same --bn-epsilon 1e-3 -o out.onnx --weights",
    "emit --size 32 -o out.onnx --json --weights",
    "weights ls",
];

fn commands(faults: &mut Faults, place: &str, folder: &Path, file: &str) {
    for command in EMIT {
        let arguments: Vec<&str> = command.split(' ').chain([file]).collect();
        faults.run(place, folder, &arguments);
    }
}

/// Writes a file of these bytes and runs the commands on it.
fn tried(faults: &mut Faults, place: &str, name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), bytes).expect("a file");
    commands(faults, place, folder.path(), name);
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn no_text_of_safetensors_reaches_a_terminal_as_it_is() {
    let mut faults = Faults::default();
    for text in texts() {
        let quoted = serde_json::to_string(&text).expect("JSON");
        let one = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
        let rank = vec!["1"; 50_000].join(",");
        for (place, header) in [
            ("name", format!("{{{quoted}:{one}}}")),
            (
                "names",
                format!(
                    "{{\"conv_stem.weight\":{one},{quoted}:{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}}}"
                ),
            ),
            (
                "prefix",
                format!(
                    "{{\"{}.conv_stem.weight\":{one}}}",
                    quoted.trim_matches('"')
                ),
            ),
            (
                "metadata key",
                format!("{{\"__metadata__\":{{{quoted}:\"x\"}},\"a\":{one}}}"),
            ),
            (
                "recipe",
                format!("{{\"__metadata__\":{{\"efficientnet.recipe\":{quoted}}},\"a\":{one}}}"),
            ),
            (
                "dtype",
                format!("{{\"a\":{{\"dtype\":{quoted},\"shape\":[1],\"data_offsets\":[0,4]}}}}"),
            ),
            (
                "key",
                format!(
                    "{{\"a\":{{{quoted}:1,\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}}}"
                ),
            ),
            ("JSON", format!("{{\"a\":{text}}}")),
            (
                "rank",
                format!(
                    "{{\"conv_stem.weight\":{{\"dtype\":\"F32\",\"shape\":[{rank}],\"data_offsets\":[0,4]}}}}"
                ),
            ),
        ] {
            let data = if place == "names" { 8 } else { 4 };
            tried(
                &mut faults,
                place,
                "model.safetensors",
                &safetensors(&header, data),
            );
        }
    }
    faults.assert_none();
}

/// A pickled text.
fn pickled(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_le_bytes();
    [b"X", &length[..], text.as_bytes()].concat()
}

/// `torch.save` of a dictionary from `key` to a tensor.
fn state_dict(key: &str, storage: &str, entry: &str) -> Vec<u8> {
    let pickle = [
        b"\x80\x02}(".as_slice(),
        &pickled(key),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &pickled("storage"),
        b"ctorch\nFloatStorage\n",
        &pickled(storage),
        &pickled("cpu"),
        b"K\x01tQK\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRu.",
    ]
    .concat();
    archive(&[("archive/data.pkl", &pickle), (entry, &[0; 4])])
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, contents) in entries {
        zip.start_file(*name, stored).expect("an entry");
        zip.write_all(contents).expect("an entry");
    }
    zip.finish().expect("an archive").into_inner()
}

#[test]
fn no_text_of_a_pickle_reaches_a_terminal_as_it_is() {
    let mut faults = Faults::default();
    for text in texts() {
        // The name of a class is one line.
        let class = text.replace('\n', "");
        let global = |code: &str| [b"\x80\x02c".as_slice(), code.as_bytes(), b"\n)R."].concat();
        let whole = |pickle: Vec<u8>| archive(&[("archive/data.pkl", &pickle)]);
        for (place, bytes) in [
            ("key", state_dict(&text, "0", "archive/data/0")),
            (
                "prefix",
                state_dict(&format!("{text}.conv_stem.weight"), "0", "archive/data/0"),
            ),
            (
                "storage",
                state_dict("conv_stem.weight", &text, "archive/data/0"),
            ),
            (
                "entry",
                state_dict("conv_stem.weight", &text, &format!("archive/data/{text}")),
            ),
            (
                "other entry",
                state_dict("conv_stem.weight", "0", &format!("archive/{text}")),
            ),
            (
                "module of a class",
                whole(global(&format!("{class}\nname"))),
            ),
            ("name of a class", whole(global(&format!("torch\n{class}")))),
            (
                "beside",
                whole(
                    [
                        b"\x80\x02}(".as_slice(),
                        &pickled("epoch"),
                        &pickled(&text),
                        &pickled(&text),
                        b"K\x01u.",
                    ]
                    .concat(),
                ),
            ),
            (
                "legacy",
                [b"\x80\x02c".as_slice(), class.as_bytes(), b"\nname\n)R."].concat(),
            ),
        ] {
            tried(&mut faults, place, "model.pth", &bytes);
        }
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_cksum();
        if tar.append_data(&mut header, &text, &b"abcd"[..]).is_ok() {
            tried(
                &mut faults,
                "tar",
                "model.pth",
                &tar.into_inner().expect("an archive"),
            );
        }
    }
    faults.assert_none();
}

#[test]
fn no_text_of_keras_reaches_a_terminal_as_it_is() {
    let mut faults = Faults::default();
    let of = |group: &str, dataset: &str| {
        let mut file = Writer::new();
        let data = file.bytes(&[0; 4]);
        let values = file.object(&[dataspace(&[1]), single(), contiguous(data, 4)]);
        let inner = file.group(&[(dataset, values)]);
        file.finish_with(group, inner)
    };
    for text in texts() {
        for (place, bytes) in [
            ("group", of(&text, "kernel:0")),
            ("dataset", of("stem_conv", &text)),
        ] {
            tried(&mut faults, place, "model.h5", &bytes);
        }
        let mut file = Writer::new();
        let nothing = file.bytes(&[0; 4]);
        let root = file.object(&[link(text.as_bytes(), nothing)]);
        tried(&mut faults, "damaged", "model.h5", &file.finish(root));
    }
    faults.assert_none();
}

#[test]
fn no_text_of_tensorflow_reaches_a_terminal_as_it_is() {
    let mut faults = Faults::default();
    for text in texts() {
        for name in [
            text.clone(),
            format!("{text}/stem/conv2d/kernel"),
            format!("efficientnet-b0/{text}/kernel"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            save(folder.path(), &[(name, vec![1], vec![0.0])], 1);
            for file in ["model.ckpt", "model.ckpt.index", "."] {
                commands(&mut faults, "name", folder.path(), file);
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        save(folder.path(), &[("a".into(), vec![1], vec![0.0])], 1);
        for pointer in [
            format!("model_checkpoint_path: {text:?}"),
            format!("model_checkpoint_path: \"{text}\""),
            text.clone(),
        ] {
            fs::write(folder.path().join("checkpoint"), pointer).expect("a file");
            commands(&mut faults, "pointer", folder.path(), ".");
        }
        let mut entry = Entry::new(&[1], 0, &[0; 4]);
        entry.dtype = 99;
        let rows = [
            (Vec::new(), header(1)),
            (text.clone().into_bytes(), entry.message()),
        ];
        fs::write(folder.path().join("model.ckpt.index"), sorted(&rows)).expect("a file");
        commands(&mut faults, "type", folder.path(), "model.ckpt");
        let rows = [
            (Vec::new(), header(1)),
            (
                [b"\xff\x1b[31m\n", text.as_bytes()].concat(),
                entry.message(),
            ),
        ];
        fs::write(folder.path().join("model.ckpt.index"), sorted(&rows)).expect("a file");
        commands(&mut faults, "not UTF-8", folder.path(), "model.ckpt");
    }
    faults.assert_none();
}
