//! `efficientnet.checksums`: damage to a weight is found wherever it lies, and what other programs rewrote is no damage.

use efficientnet_onnx::metadata::{CHECKSUMS_KEY, RECIPE_KEY};
use efficientnet_onnx::onnx::check::{Finding, Level, check};
use efficientnet_onnx::onnx::file::{Data, Initializer, ModelFile};
use efficientnet_onnx::onnx::proto::tensor_proto::DataType;
use efficientnet_onnx::onnx::proto::{ModelProto, TensorProto};
use efficientnet_onnx::request::{Extent, Request};
use prost::Message;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

fn small(variant: &str) -> Request {
    let mut request = crate::emitted::request(variant);
    request.size = [Extent::Fixed(32); 2];
    request
}

/// What `check` says of checksums, and whether it is an error.
fn findings(path: &Path) -> Vec<(Level, String)> {
    let file = ModelFile::open(path).expect("a model");
    let (about, others): (Vec<Finding>, Vec<Finding>) = check(&file)
        .into_iter()
        .partition(|finding| finding.code == "checksum");
    let errors = others
        .iter()
        .filter(|finding| finding.level == Level::Error);
    assert_eq!(errors.count(), 0, "{others:?}");
    about
        .into_iter()
        .map(|finding| (finding.level, finding.message))
        .collect()
}

/// Where an initializer's bytes lie: in which file, and from where to where.
fn place(path: &Path, name: &str) -> (PathBuf, Range<u64>) {
    let file = ModelFile::open(path).expect("a model");
    let initializer = file.initializer(name).expect("an initializer");
    match &initializer.data {
        Data::Raw(range) => (path.to_owned(), range.clone()),
        Data::Typed(typed) => (path.to_owned(), typed.range.clone().expect("one piece")),
        Data::External(_) => {
            let external = initializer.external().expect("entries").expect("external");
            let length = external.length.expect("a length");
            (
                path.with_file_name(external.location),
                external.offset..external.offset + length,
            )
        }
        other => panic!("{other:?}"),
    }
}

/// Changes one bit; done twice, none.
fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[usize::try_from(at).expect("a place")] ^= 1;
    fs::write(path, bytes).expect("a file");
}

/// The last initializer's name.
fn last(path: &Path) -> String {
    let file = ModelFile::open(path).expect("a model");
    let last = file.contents.initializers.last().expect("an initializer");
    last.name.clone()
}

fn change(path: &Path, change: impl FnOnce(&mut ModelProto)) {
    let bytes = fs::read(path).expect("a file");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("a model");
    change(&mut model);
    fs::write(path, model.encode_to_vec()).expect("a file");
}

fn tensor<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut TensorProto {
    let graph = model.graph.as_mut().expect("a graph");
    let mut tensors = graph.initializer.iter_mut();
    tensors
        .find(|tensor| tensor.name() == name)
        .expect("an initializer")
}

/// Bit by bit, as the polynomial says (Castagnoli, 1993; reflected).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

#[test]
fn the_record_has_every_initializer_in_order_wherever_its_bytes_lie() {
    let (_folder, inline) = crate::emitted::write(&small("lite0"), false);
    let (_other, external) = crate::emitted::write(&small("lite0"), true);
    let record = |path: &Path| {
        let file = ModelFile::open(path).expect("a model");
        let text = file.metadata(CHECKSUMS_KEY).expect("a record").to_owned();
        let last = file.contents.metadata_props.last().expect("metadata");
        assert_eq!(last.0, CHECKSUMS_KEY);
        let checksums: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["crc32c"]
                .as_object()
                .expect("an object")
                .clone();
        assert_eq!(
            checksums.keys().collect::<Vec<_>>(),
            file.contents
                .initializers
                .iter()
                .map(|tensor| &tensor.name)
                .collect::<Vec<_>>()
        );
        for (name, found) in &checksums {
            let (path, range) = place(path, name);
            let bytes = fs::read(path).expect("a file");
            let range =
                range.start.try_into().expect("small")..range.end.try_into().expect("small");
            assert_eq!(found, &format!("{:08x}", crc32c(&bytes[range])), "{name}");
        }
        text
    };
    assert_eq!(record(&inline), record(&external));
}

#[test]
fn one_flipped_bit_anywhere_is_an_error_that_names_the_tensor() {
    for (variant, external, names) in [
        (
            "lite0",
            false,
            &[
                "conv_stem.weight",
                "blocks.3.1.conv_dw.bias",
                "classifier.bias",
            ][..],
        ),
        (
            "lite0",
            true,
            &["conv_stem.weight", "classifier.weight", "classifier.bias"],
        ),
        // The constants of clips, and the shapes of experts, which are integers.
        ("lite0", false, &["relu6.min", "relu6.max"]),
        ("condconv-b0-4e", false, &["int64"]),
    ] {
        let (_folder, path) = crate::emitted::write(&small(variant), external);
        assert_eq!(findings(&path), []);
        let file = ModelFile::open(&path).expect("a model");
        let find = |wanted: &&str| {
            let mut tensors = file.contents.initializers.iter();
            let is_wanted = |tensor: &&Initializer| {
                tensor.name == **wanted
                    || *wanted == "int64" && tensor.data_type == DataType::Int64 as i32
            };
            tensors
                .find(is_wanted)
                .expect("an initializer")
                .name
                .clone()
        };
        let mut names: Vec<String> = names.iter().map(find).collect();
        names.push(last(&path));
        for name in names {
            let (holder, range) = place(&path, &name);
            for at in [
                range.start,
                range.start + (range.end - range.start) / 2,
                range.end - 1,
            ] {
                flip(&holder, at);
                let found = findings(&path);
                let [(Level::Error, message)] = found.as_slice() else {
                    panic!("{variant} {name} at {at}: {found:?}");
                };
                assert!(
                    message.contains(&format!("`{name}` has other bytes")),
                    "{message}"
                );
                flip(&holder, at);
            }
        }
        assert_eq!(findings(&path), []);
    }
}

/// Another program may move every tensor into its typed field: the numbers are the same.
#[test]
fn typed_fields_have_the_same_checksums() {
    let (_folder, path) = crate::emitted::write(&small("condconv-b0-4e"), false);
    let mut integers = 0;
    change(&path, |model| {
        for tensor in &mut model.graph.as_mut().expect("a graph").initializer {
            let raw = tensor.raw_data.take().expect("raw data");
            match tensor.data_type() {
                1 => {
                    let (values, _) = raw.as_chunks::<4>();
                    tensor.float_data = values
                        .iter()
                        .map(|value| f32::from_le_bytes(*value))
                        .collect();
                }
                _ => {
                    let (values, _) = raw.as_chunks::<8>();
                    tensor.int64_data = values
                        .iter()
                        .map(|value| i64::from_le_bytes(*value))
                        .collect();
                    integers += 1;
                }
            }
        }
    });
    assert!(integers > 0);
    assert_eq!(findings(&path), []);
    let (holder, range) = place(&path, "conv_head.weight");
    flip(&holder, range.start + 8);
    let found = findings(&path);
    assert!(
        matches!(&found[..], [(Level::Error, message)] if message.contains("`conv_head.weight` has other bytes")),
        "{found:?}"
    );
    flip(&holder, range.start + 8);
    change(&path, |model| {
        let graph = model.graph.as_mut().expect("a graph");
        let shape = graph
            .initializer
            .iter_mut()
            .find(|tensor| !tensor.int64_data.is_empty());
        shape.expect("a shape").int64_data[0] = -1;
    });
    let found = findings(&path);
    assert!(matches!(&found[..], [(Level::Error, _)]), "{found:?}");
}

type Change = fn(&mut ModelProto);

#[test]
fn what_another_program_rewrote_is_a_warning() {
    let (_folder, path) = crate::emitted::write(&small("b0"), false);
    let whole = fs::read(&path).expect("a file");
    let spoil = |model: &mut ModelProto| {
        let mut bytes = tensor(model, "conv_stem.weight")
            .raw_data
            .take()
            .expect("raw data")
            .to_vec();
        bytes[5] ^= 0x40;
        tensor(model, "conv_stem.weight").raw_data = Some(bytes.into());
    };
    let cases: [(&str, Change, &str); 4] = [
        (
            "producer",
            |model| model.producer_name = Some("onnx.quantize".into()),
            "`conv_stem.weight` has other bytes",
        ),
        (
            "a constant more",
            |model| {
                let more = TensorProto {
                    name: Some("folded".into()),
                    dims: vec![1],
                    data_type: Some(1),
                    float_data: vec![1.0],
                    ..TensorProto::default()
                };
                model
                    .graph
                    .as_mut()
                    .expect("a graph")
                    .initializer
                    .push(more);
            },
            "`folded` is not recorded",
        ),
        (
            "a renamed weight",
            |model| {
                let graph = model.graph.as_mut().expect("a graph");
                for node in &mut graph.node {
                    for input in node
                        .input
                        .iter_mut()
                        .filter(|input| *input == "conv_stem.bias")
                    {
                        *input = "fused".into();
                    }
                }
                tensor(model, "conv_stem.bias").name = Some("fused".into());
            },
            "`conv_stem.bias` is missing; `fused` is not recorded",
        ),
        (
            "another version of the producer",
            |model| model.producer_version = Some("0.0.0".into()),
            "`conv_stem.weight` has other bytes",
        ),
    ];
    for (what, rewrite, expected) in cases {
        fs::write(&path, &whole).expect("a file");
        change(&path, |model| {
            spoil(model);
            rewrite(model);
        });
        let found = findings(&path);
        let [(Level::Warning, message)] = found.as_slice() else {
            panic!("{what}: {found:?}");
        };
        assert!(
            message.starts_with("another program has rewritten") && message.contains(expected),
            "{what}: {message}"
        );
    }
    // To move initializers is to rewrite nothing.
    fs::write(&path, &whole).expect("a file");
    change(&path, |model| {
        model.graph.as_mut().expect("a graph").initializer.reverse()
    });
    assert_eq!(findings(&path), []);
    change(&path, spoil);
    assert!(matches!(&findings(&path)[..], [(Level::Error, _)]));
    // Whoever changes weights on purpose removes the record.
    change(&path, |model| {
        model
            .metadata_props
            .retain(|entry| entry.key() != CHECKSUMS_KEY)
    });
    assert_eq!(findings(&path), []);
    // Of a file that tells of itself, it is missed.
    change(&path, |model| {
        model.metadata_props[0].key = Some(RECIPE_KEY.into())
    });
    let found = findings(&path);
    assert!(
        matches!(&found[..], [(Level::Warning, message)] if message.contains("no checksums")),
        "{found:?}"
    );
}

#[test]
fn a_damaged_record_is_an_error() {
    let (_folder, path) = crate::emitted::write(&small("b0"), false);
    let whole = fs::read(&path).expect("a file");
    for (from, to, expected) in [
        (
            "{\"version\":1",
            "{\"version\":2",
            "expected version 1, found 2",
        ),
        ("\"crc32c\"", "\"crc32d\"", "missing field `crc32c`"),
        (
            "{\"conv_stem.weight\":\"",
            "{\"conv_stem.weighs\":\"",
            "`conv_stem.weighs` is missing; `conv_stem.weight` is not recorded",
        ),
        (
            "{\"conv_stem.weight\":\"",
            "{\"conv_stem.weight\":[",
            "is not a record of checksums",
        ),
        (
            "{\"conv_stem.weight\":\"",
            "{\"conv_stem.weight\":\"x",
            "is not a record of checksums",
        ),
    ] {
        fs::write(&path, &whole).expect("a file");
        change(&path, |model| {
            let entry = model
                .metadata_props
                .iter_mut()
                .find(|entry| entry.key() == CHECKSUMS_KEY);
            let text = entry.expect("a record").value.as_mut().expect("text");
            assert!(text.contains(from));
            *text = text.replacen(from, to, 1);
        });
        let found = findings(&path);
        assert!(
            matches!(&found[..], [(Level::Error, message)] if message.contains(expected)),
            "{to}: {found:?}"
        );
    }
}
