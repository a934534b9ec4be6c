//! Models written by prost are read back, and their tensors.

mod marked;
mod plain;
mod refused;

use super::*;
use crate::onnx::proto::attribute_proto::AttributeType;
use crate::onnx::proto::tensor_proto::{DataLocation, DataType};
use crate::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, SparseTensorProto,
    StringStringEntryProto, TensorProto, TypeProto, type_proto,
};
use crate::tensor::{SourceError, TensorSource};
use prost::Message;
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
        functions: vec![FunctionProto::default(); 2],
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
        other_tensors: vec![],
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
    let bits = |index: usize| u16::try_from(index % 0x7c00).expect("a finite half");
    let halves: Vec<u8> = (0..values.len())
        .flat_map(|index| bits(index).to_le_bytes())
        .collect();
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
            TensorProto {
                data_type: Some(10),
                raw_data: Some(halves.clone().into()),
                ..tensor("f16", &[count])
            },
            TensorProto {
                data_type: Some(16),
                raw_data: Some(halves.into()),
                ..tensor("bf16", &[count])
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
    for name in ["f16", "bf16"] {
        let reader = source.open(name).expect(name);
        let mut last = vec![0.0; values.len() - 3];
        reader.fill(3, &mut last).expect(name);
        let of_bits = |bits: u16| match name {
            "f16" => half::f16::from_bits(bits).to_f32(),
            _ => half::bf16::from_bits(bits).to_f32(),
        };
        let expected: Vec<f32> = (3..values.len())
            .map(|index| of_bits(bits(index)))
            .collect();
        assert_eq!(last, expected, "{name}");
        assert!(
            reader.fill(values.len() - 2, &mut [0.0; 3]).is_err(),
            "{name}"
        );
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
            .contains("expected elements of float, float16 or bfloat16, found int64"),
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
            external("w", &[1], "*/_ORT_MEM_ADDR_/*", "65536", "4"),
            "is an address in memory to ONNX Runtime",
        ),
        (
            external("w", &[1], "*/_ORT_NATIVE_ENDIAN_MEM_ADDR_/*", "65536", "4"),
            "is an address in memory to ONNX Runtime",
        ),
        (
            external("w", &[1], "absent", "0", "4"),
            "cannot read external data `absent`",
        ),
        (
            external("w", &[1], ".", "0", "4"),
            "it is a folder, expected a regular file",
        ),
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
