//! Models written by prost are read back; what is not a model is refused.

use super::*;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::tensor_proto::{DataLocation, DataType};
use crate::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, SparseTensorProto, StringStringEntryProto, TensorProto,
    TypeProto, type_proto,
};
use crate::tensor::{SourceError, TensorSource};
use prost::Message;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn write(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).expect("the file can be written");
    (folder, path)
}

fn open(bytes: &[u8]) -> Result<ModelFile, FileError> {
    let (_folder, path) = write(bytes);
    ModelFile::open(&path)
}

fn refusal(bytes: &[u8]) -> String {
    match open(bytes).expect_err("not a model") {
        FileError::Undecodable { reason, .. } => reason,
        error @ FileError::Io { .. } => panic!("{error}"),
    }
}

fn tensor(name: &str, dims: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::Float.into()),
        ..Default::default()
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn entries(pairs: &[(&str, &str)]) -> Vec<StringStringEntryProto> {
    let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
        key: Some((*key).to_owned()),
        value: Some((*value).to_owned()),
    };
    pairs.iter().map(entry).collect()
}

fn external(name: &str, dims: &[i64], location: &str, offset: &str, length: &str) -> TensorProto {
    TensorProto {
        data_location: Some(DataLocation::External.into()),
        external_data: entries(&[
            ("location", location),
            ("offset", offset),
            ("length", length),
        ]),
        ..tensor(name, dims)
    }
}

fn model(initializer: Vec<TensorProto>) -> ModelProto {
    let graph = GraphProto {
        name: Some("g".to_owned()),
        initializer,
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        ..Default::default()
    }
}

#[test]
fn everything_but_tensor_data_is_read() {
    let node = NodeProto {
        input: vec!["x".to_owned(), "w".to_owned()],
        output: vec!["y".to_owned()],
        op_type: Some("Mul".to_owned()),
        attribute: vec![AttributeProto {
            name: Some("a".to_owned()),
            r#type: Some(AttributeType::Int.into()),
            i: Some(-3),
            ..Default::default()
        }],
        ..Default::default()
    };
    let info = |name: &str| ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor::default())),
            ..Default::default()
        }),
        ..Default::default()
    };
    let sparse = SparseTensorProto {
        values: Some(tensor("s", &[1])),
        ..Default::default()
    };
    let opset = OperatorSetIdProto {
        domain: Some(String::new()),
        version: Some(17),
    };
    let written = ModelProto {
        producer_name: Some("p".to_owned()),
        producer_version: Some("1.2".to_owned()),
        doc_string: Some("nobody asks".to_owned()),
        opset_import: vec![opset.clone()],
        metadata_props: entries(&[("b", "2"), ("a", "1")]),
        functions: vec![Default::default(), Default::default()],
        graph: Some(GraphProto {
            node: vec![node.clone()],
            name: Some("g".to_owned()),
            initializer: vec![TensorProto {
                raw_data: Some(bytes_of(&[1.0, 2.0]).into()),
                ..tensor("w", &[2])
            }],
            input: vec![info("x")],
            output: vec![info("y")],
            value_info: vec![info("v")],
            sparse_initializer: vec![sparse],
            ..Default::default()
        }),
        ..model(vec![])
    };
    let file = open(&written.encode_to_vec()).expect("a model");
    let Data::Raw(range) = &file.contents.initializers[0].data else {
        panic!("raw data")
    };
    let initializer = Initializer {
        name: "w".to_owned(),
        dims: vec![2],
        data_type: 1,
        data: Data::Raw(range.clone()),
    };
    let expected = Contents {
        ir_version: Some(8),
        producer_name: "p".to_owned(),
        producer_version: "1.2".to_owned(),
        opset_import: vec![opset],
        metadata_props: vec![
            ("b".to_owned(), "2".to_owned()),
            ("a".to_owned(), "1".to_owned()),
        ],
        function_count: 2,
        graph_name: "g".to_owned(),
        nodes: vec![node],
        inputs: vec![info("x")],
        outputs: vec![info("y")],
        value_info: vec![info("v")],
        initializers: vec![initializer],
        sparse_initializers: vec!["s".to_owned()],
    };
    assert_eq!(file.contents, expected);
    assert_eq!(file.metadata("a"), Some("1"));
}

#[test]
fn elements_are_read_wherever_they_are() {
    let values: Vec<f32> = (0..200_000_u32)
        .map(|index| f32::from_bits(0x3f80_0000 + index * 7))
        .collect();
    let count = i64::try_from(values.len()).expect("few values");
    let (folder, path) = write(
        &model(vec![
            TensorProto {
                raw_data: Some(bytes_of(&values).into()),
                ..tensor("raw", &[count])
            },
            TensorProto {
                float_data: values.clone(),
                ..tensor("typed", &[2, count / 2])
            },
            external(
                "other",
                &[count],
                "model.data",
                "3",
                &(values.len() * 4).to_string(),
            ),
            TensorProto {
                raw_data: Some(bytes_of(&[9.0]).into()),
                ..tensor("scalar", &[])
            },
            TensorProto {
                int64_data: vec![-1, 300],
                data_type: Some(7),
                ..tensor("shape", &[2])
            },
            tensor("nothing", &[0, 3]),
        ])
        .encode_to_vec(),
    );
    std::fs::write(
        folder.path().join("model.data"),
        [b"abc".to_vec(), bytes_of(&values)].concat(),
    )
    .expect("data");
    let source =
        InitializerSource::new(ModelFile::open(&path).expect("a model")).expect("initializers");
    for name in ["raw", "typed", "other"] {
        let reader = source.open(name).expect(name);
        let mut whole = vec![0.0; values.len()];
        reader.fill(0, &mut whole).expect(name);
        assert_eq!(whole, values, "{name}");
        let mut last = [0.0; 3];
        reader.fill(values.len() - 3, &mut last).expect(name);
        assert_eq!(last, values[values.len() - 3..], "{name}");
        assert!(reader.fill(values.len() - 2, &mut last).is_err(), "{name}");
    }
    let mut one = [0.0];
    source
        .open("scalar")
        .expect("a scalar")
        .fill(0, &mut one)
        .expect("an element");
    assert_eq!(one, [9.0]);
    source
        .open("nothing")
        .expect("no elements")
        .fill(0, &mut [])
        .expect("no elements");
    let error = source.open("shape").map(drop).expect_err("integers");
    assert!(
        error
            .to_string()
            .contains("expected elements of float, found int64"),
        "{error}"
    );
    assert!(matches!(
        source.open("absent").map(drop),
        Err(SourceError::Missing(_))
    ));
    let Data::Typed(typed) = &source.file().contents.initializers[4].data else {
        panic!("typed data")
    };
    assert_eq!((typed.field, typed.values), ("int64_data", 2));
}

#[test]
fn data_that_does_not_fit_is_refused() {
    let raw = |bytes: usize| Some(vec![0; bytes].into());
    let cases = [
        (
            TensorProto {
                raw_data: raw(7),
                ..tensor("w", &[2])
            },
            "its shape [2] does not fit its 7 bytes",
        ),
        (
            TensorProto {
                raw_data: raw(8),
                ..tensor("w", &[1 << 62, 4])
            },
            "does not fit its 8 bytes",
        ),
        (
            TensorProto {
                raw_data: raw(4),
                float_data: vec![1.0],
                ..tensor("w", &[1])
            },
            "raw_data and float_data",
        ),
        (
            TensorProto {
                int32_data: vec![1],
                ..tensor("w", &[1])
            },
            "floats cannot be in `int32_data`",
        ),
        (
            external("w", &[1], "/etc/hostname", "0", "4"),
            "outside the model's folder",
        ),
        (
            external("w", &[1], "../model.data", "0", "4"),
            "outside the model's folder",
        ),
        (
            external("w", &[1], "..\\model.data", "0", "4"),
            "outside the model's folder",
        ),
        (
            external("w", &[1], "link", "0", "4"),
            "outside the model's folder",
        ),
        (
            external("w", &[1], "absent", "0", "4"),
            "cannot read external data `absent`",
        ),
        (external("w", &[1], ".", "0", "4"), "not a regular file"),
        (
            external("w", &[1], "model.onnx", "1000", "4"),
            "should reach byte 1004, but has only",
        ),
        (
            external("w", &[1], "model.onnx", "18446744073709551615", "4"),
            "byte 18446744073709551619",
        ),
        (
            external("w", &[1], "model.onnx", "-1", "4"),
            "entry `offset`: expected a number of bytes, found `-1`",
        ),
        (
            external("w", &[1], "", "0", "4"),
            "entry `location`: missing",
        ),
        (
            external("w", &[2], "model.onnx", "0", "4"),
            "its shape [2] does not fit its 4 bytes",
        ),
    ];
    for (tensor, expected) in cases {
        let (folder, path) = write(&model(vec![tensor]).encode_to_vec());
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).expect("a link");
        let source =
            InitializerSource::new(ModelFile::open(&path).expect("a model")).expect("initializers");
        let error = source.open("w").map(drop).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error} has no {expected}");
        drop(folder);
    }
    let negative = open(&model(vec![tensor("w", &[-1])]).encode_to_vec()).expect("a model");
    assert!(
        InitializerSource::new(negative)
            .expect_err("negative")
            .to_string()
            .contains("negative extent")
    );
    let twice =
        open(&model(vec![tensor("w", &[]), tensor("w", &[])]).encode_to_vec()).expect("a model");
    assert!(
        InitializerSource::new(twice)
            .expect_err("twice")
            .to_string()
            .contains("`w` is there twice")
    );
}

#[test]
fn what_is_not_a_model_is_refused() {
    let mut truncated = model(vec![TensorProto {
        raw_data: Some(vec![0; 99].into()),
        ..tensor("w", &[])
    }])
    .encode_to_vec();
    truncated.pop();
    let cases: [(&[u8], &str); 12] = [
        (b"", "it is empty"),
        (b"\xff\xd8\xff\xe0....JFIF", "it looks like a JPEG picture"),
        (b"PK\x03\x04....", "perhaps a PyTorch checkpoint"),
        (
            b"# A heading\n\nSome text.\n",
            "at byte 0: wire type 3 is not used in ONNX",
        ),
        (b"{\"a\": 1}", "at byte 0"),
        (b"\0\0\0\0", "at byte 0: field number 0 does not exist"),
        (b"\x0a\x02ab", "field 1 of `ModelProto` cannot be bytes"),
        (b"\x08\x08", "it has no graph"),
        (b"\x3a\x00\x08", "at byte 3: a number is cut off"),
        (
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "does not fit 64 bits",
        ),
        (
            b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "should have 18446744073709551615 bytes, but only 0 follow",
        ),
        (&truncated, "it may be truncated"),
    ];
    for (bytes, expected) in cases {
        let reason = refusal(bytes);
        assert!(reason.contains(expected), "{reason} has no {expected}");
    }
    assert!(matches!(
        ModelFile::open(Path::new("/nonexistent.onnx")),
        Err(FileError::Io { .. })
    ));
    let folder = ModelFile::open(&std::env::temp_dir()).expect_err("a folder");
    assert!(
        folder.to_string().contains("it is not a regular file"),
        "{folder}"
    );
}

#[test]
fn noise_and_damage_never_panic() {
    let good = model(vec![TensorProto {
        raw_data: Some(vec![1; 40].into()),
        ..tensor("w", &[10])
    }])
    .encode_to_vec();
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    let mut refused = 0;
    for round in 0..400_usize {
        let bytes: Vec<u8> = if round.is_multiple_of(2) {
            (0..random() % 200)
                .map(|_| random().to_le_bytes()[0])
                .collect()
        } else {
            let mut bytes = good.clone();
            let index = usize::try_from(random()).expect("31 bits") % bytes.len();
            bytes[index] = random().to_le_bytes()[0];
            bytes
        };
        std::fs::write(&path, bytes).expect("the file can be written");
        refused += usize::from(
            ModelFile::open(&path)
                .and_then(|file| {
                    for initializer in &file.contents.initializers {
                        let _ = (initializer.element_count(), initializer.external().is_ok());
                    }
                    Ok(())
                })
                .is_err(),
        );
    }
    assert!(refused > 200, "only {refused} of 400 were refused");
}

#[test]
fn hostile_files_are_refused_quickly() {
    let field = |number: u8, payload: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(payload.len() as u64, &mut bytes);
        bytes.extend_from_slice(payload);
        bytes
    };
    let nested = (0..200).rev().fold(Vec::new(), |inner, level| {
        field([1, 5, 6][level % 3], &inner)
    });
    let nodes = field(7, &b"\x0a\x00".repeat(20 << 20));
    let attributes = field(7, &field(1, &b"\x2a\x00".repeat(4 << 20)).repeat(4));
    let fields = b"\x10\x00".repeat(17 << 20);
    let dims = field(7, &field(5, &b"\x08\x00".repeat(16 << 20)));
    let node = field(7, &field(1, &field(3, &vec![b'n'; 17 << 20])));
    for (bytes, expected) in [
        (field(7, &nested), "nested deeper than 100"),
        (nodes, "takes more than 167772160 bytes of memory"),
        (attributes, "takes more than 167772160 bytes of memory"),
        (fields, "field 2 of `ModelProto` cannot be a number"),
        (
            b"\x28\x00".repeat(17 << 20),
            "it has more than 16777216 fields",
        ),
        (dims, "takes more than 167772160 bytes of memory"),
        (node, "is larger than 16777216"),
    ] {
        let (_folder, path) = write(&bytes);
        drop(bytes);
        let start = Instant::now();
        let error = ModelFile::open(&path).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error} has no {expected}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{expected} took {:?}",
            start.elapsed()
        );
    }
}
