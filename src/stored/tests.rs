//! Files as NumPy writes them, files that lie, and files that come back as they were written.

use super::*;
use crate::tensor::Element;
use std::io::Write;

fn file(ending: &str, contents: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new()
        .suffix(ending)
        .tempfile()
        .expect("a file");
    file.write_all(contents).expect("written");
    file
}

fn tensor(name: &str, shape: &[usize], element: Element, data: &[f64]) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: shape.into(),
        element,
        data: data.to_vec().into(),
    }
}

/// A file with this header, as NumPy pads it, and these elements.
fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(
        u16::try_from(header.len() + 1)
            .expect("short")
            .to_le_bytes(),
    );
    bytes.extend(header.as_bytes());
    bytes.push(b'\n');
    bytes.extend(elements);
    bytes
}

fn refused(ending: &str, contents: &[u8]) -> String {
    read(file(ending, contents).path())
        .expect_err("refused")
        .to_string()
}

#[test]
fn every_element_type_is_read_back_from_npy_and_pb() {
    let folder = tempfile::tempdir().expect("a folder");
    for element in Element::ALL
        .into_iter()
        .filter(|element| NamedTensor::holds(*element))
    {
        let values: Vec<f64> = [0.0, 1.0, 0.5, -2.0, 100.0, 7.0]
            .map(|value| element.nearest(value))
            .into();
        let written = tensor("x", &[2, 3], element, &values);
        let path = folder.path().join("x.npy");
        write_npy(&path, &written).expect("written");
        let mut found = read(&path).expect("read").remove(0);
        assert_eq!(
            (found.name.as_str(), &found.data),
            ("", &written.data),
            "{element}"
        );
        if element != Element::Bf16 {
            found.name = "x".into();
            assert_eq!(found, written);
        }
        let sets = folder.path().join(element.as_str());
        let one = [written];
        test_data::write_sets(&sets, [(&one[..], &one[..])].into_iter()).expect("written");
        let found = test_data::read_sets(&sets).expect("read");
        assert_eq!(
            (
                found.len(),
                found[0].inputs.as_slice(),
                found[0].outputs.as_slice()
            ),
            (1, &one[..], &one[..])
        );
    }
}

#[test]
fn column_major_and_big_endian_arrays_are_put_in_order() {
    // np.asfortranarray([[1, 2, 3], [4, 5, 6]]).astype('>i2')
    let elements: Vec<u8> = [1_i16, 4, 2, 5, 3, 6]
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
    let read_back = read(file("", &npy(header, &elements)).path()).expect("read");
    assert_eq!(
        read_back,
        [tensor(
            "",
            &[2, 3],
            Element::I16,
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        )]
    );
    // Three dimensions: the element at [i, j, k] is i + 10 j + 100 k, stored with i running fastest.
    let elements: Vec<u8> = (0..24_u8)
        .map(|at| at % 2 + at / 2 % 3 * 10 + at / 6 * 60)
        .collect();
    let header = "{'shape': (2, 3, 4), 'fortran_order': True, 'descr': '|u1'}";
    let found = read(file(".npy", &npy(header, &elements)).path())
        .expect("read")
        .remove(0);
    let expected: Vec<f64> = (0..24)
        .map(|at| f64::from(at / 12 + at / 4 % 3 * 10 + at % 4 * 60))
        .collect();
    assert_eq!(found.data, expected);
}

#[test]
fn every_type_of_numpy_has_its_sign_and_its_order() {
    for (descr, stored, element, value) in [
        ("<f2", &[0x00, 0x3e][..], Element::F16, 1.5),
        (">f2", &[0x3e, 0x00], Element::F16, 1.5),
        ("<f4", &[0, 0, 0xc0, 0x3f], Element::F32, 1.5),
        (">f8", &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0], Element::F64, 1.5),
        ("|V2", &[0xc0, 0x3f], Element::Bf16, 1.5),
        ("|i1", &[0xfe], Element::I8, -2.0),
        ("|u1", &[0xfe], Element::U8, 254.0),
        ("<i2", &[0xfe, 0xff], Element::I16, -2.0),
        ("<u2", &[0xfe, 0xff], Element::U16, 65534.0),
        (">u2", &[0xfe, 0xff], Element::U16, 65279.0),
        ("<i4", &[0xfe, 0xff, 0xff, 0xff], Element::I32, -2.0),
        (
            "<u4",
            &[0xfe, 0xff, 0xff, 0xff],
            Element::U32,
            4_294_967_294.0,
        ),
        (
            ">i8",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            Element::I64,
            -2.0,
        ),
        (
            "<u8",
            &[0, 0, 0, 0, 0, 0, 0, 0x80],
            Element::U64,
            9_223_372_036_854_775_808.0,
        ),
        ("|b1", &[1], Element::Bool, 1.0),
    ] {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}");
        let found = read(file(".npy", &npy(&header, stored)).path()).expect("read");
        assert_eq!(found, [tensor("", &[1], element, &[value])], "{descr}");
    }
}

#[test]
fn a_scalar_and_an_empty_array_have_their_shapes() {
    let scalar = npy(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
        &0.1_f64.to_le_bytes(),
    );
    assert_eq!(
        read(file(".npy", &scalar).path()).expect("read"),
        [tensor("", &[], Element::F64, &[0.1])]
    );
    let empty = npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }",
        &[],
    );
    assert_eq!(
        read(file(".npy", &empty).path()).expect("read"),
        [tensor("", &[0, 3], Element::F32, &[])]
    );
}

#[test]
fn headers_that_lie_are_named_and_allocate_nothing() {
    let header = |descr: &str, shape: &str| {
        format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
    };
    for (header, elements, expected) in [
        (
            header("'<f4'", "(4294967296, 4294967296)"),
            4,
            "expected fewer than 2^64 elements",
        ),
        (
            header("'<f4'", "(18446744073709551616,)"),
            4,
            "cannot be read",
        ),
        (header("'<f4'", "(100000000,)"), 4, "it is cut off"),
        (header("'<f4'", "(1,)"), 8, "bytes follow its last element"),
        (header("'<f4'", "(-1,)"), 8, "cannot be read"),
        (
            header("'|O'", "(1,)"),
            8,
            "expected numbers or bools, found the type `|O`",
        ),
        (header("'<c8'", "(1,)"), 8, "found the type `<c8`"),
        (header("[('a', '<f4')]", "(1,)"), 8, "found a record"),
        ("{'descr': '<f4'}".to_owned(), 4, "cannot be read"),
        ("__import__('os')".to_owned(), 4, "cannot be read"),
        (
            "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}".to_owned(),
            4,
            "cannot be read",
        ),
        ("{'é".to_owned(), 4, "cannot be read"),
        ("{é".to_owned(), 4, "cannot be read"),
    ] {
        let message = refused(".npy", &npy(&header, &vec![0; elements]));
        assert!(message.contains(expected), "{header}: {message}");
    }
    assert!(refused(".npy", b"\x93NUMPY\x09\x00").contains("version 1 to 3"));
    assert!(refused(".npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("4294967295 bytes"));
    assert!(refused(".npy", b"").contains("cut off"));
    assert!(refused(".txt", b"1 2 3").contains("is no file of tensors"));
}

fn npz(method: ::zip::CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, contents) in entries {
        zip.start_file(*name, options).expect("a file");
        zip.write_all(contents).expect("written");
    }
    zip.finish().expect("an archive").into_inner()
}

#[test]
fn an_archive_has_its_arrays_by_name_packed_or_not() {
    let one = npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
        &1.5_f32.to_le_bytes(),
    );
    let two = npy(
        "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }",
        &[1, 0],
    );
    for method in [
        ::zip::CompressionMethod::Stored,
        ::zip::CompressionMethod::Deflated,
    ] {
        let archive = npz(
            method,
            &[("input.npy", &one), ("notes.txt", b"x"), ("mask.npy", &two)],
        );
        let found = read(file(".npz", &archive).path()).expect("read");
        let expected = [
            tensor("input", &[1], Element::F32, &[1.5]),
            tensor("mask", &[2], Element::Bool, &[1.0, 0.0]),
        ];
        assert_eq!(found, expected);
    }
    let long = [&one[..], &[0]].concat();
    let archive = npz(::zip::CompressionMethod::Stored, &[("a.npy", &long)]);
    let message = refused(".npz", &archive);
    assert!(
        message.contains("entry 0: bytes follow its last element"),
        "{message}"
    );
    // The last byte of the array, damaged after its checksum was written.
    let mut archive = npz(::zip::CompressionMethod::Stored, &[("a.npy", &one)]);
    let start = archive.windows(one.len()).position(|bytes| bytes == one);
    archive[start.expect("the entry") + one.len() - 1] ^= 1;
    let message = refused(".npz", &archive);
    assert!(message.contains("checksum"), "{message}");
    // An array that no memory holds, declared by a few bytes.
    let zeros = |shape: usize, bytes: usize| {
        let header = format!("{{'descr': '|i1', 'fortran_order': False, 'shape': ({shape},), }}");
        npy(&header, &vec![0; bytes])
    };
    let entries = [("a.npy", &zeros(1, 1)[..]), ("b.npy", &zeros(1 << 50, 10))];
    let archive = npz(::zip::CompressionMethod::Deflated, &entries);
    let message = refused(".npz", &archive);
    assert!(
        message.contains("array `b` needs 8589934592 MiB of memory: the memory limit is "),
        "{message}"
    );
    assert!(refused(".npz", b"PK\x03\x04nonsense").contains("not a readable npz file"));
}

#[test]
fn safetensors_of_every_type_keep_their_type() {
    let header = r#"{"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"h":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]},"b":{"dtype":"BOOL","shape":[2,1],"data_offsets":[12,14]},"u":{"dtype":"U8","shape":[1],"data_offsets":[14,15]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((-5_i64).to_le_bytes());
    bytes.extend([0xc0, 0x3f, 0x00, 0xc0, 1, 0, 200]);
    let found = read(file(".safetensors", &bytes).path()).expect("read");
    let expected = [
        tensor("i", &[1], Element::I64, &[-5.0]),
        tensor("h", &[1, 2], Element::Bf16, &[1.5, -2.0]),
        tensor("b", &[2, 1], Element::Bool, &[1.0, 0.0]),
        tensor("u", &[1], Element::U8, &[200.0]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn tensors_of_onnx_are_read_from_every_field() {
    use crate::onnx::file::encode_tensor;
    use crate::onnx::proto::TensorProto;
    let bytes = |tensor: &TensorProto| encode_tensor(tensor);
    let base = |data_type: i32, dims: &[i64]| TensorProto {
        name: Some("x".into()),
        dims: dims.into(),
        data_type: Some(data_type),
        ..TensorProto::default()
    };
    for (element, found) in [
        (
            Element::F32,
            TensorProto {
                float_data: vec![2.0],
                ..base(1, &[1])
            },
        ),
        (
            Element::F16,
            TensorProto {
                int32_data: vec![0x4000],
                ..base(10, &[1])
            },
        ),
        (
            Element::Bf16,
            TensorProto {
                int32_data: vec![0x4000],
                ..base(16, &[1])
            },
        ),
        (
            Element::I8,
            TensorProto {
                int32_data: vec![2],
                ..base(3, &[1])
            },
        ),
        (
            Element::I64,
            TensorProto {
                int64_data: vec![2],
                ..base(7, &[1])
            },
        ),
        (
            Element::F64,
            TensorProto {
                double_data: vec![2.0],
                ..base(11, &[1])
            },
        ),
        (
            Element::U32,
            TensorProto {
                uint64_data: vec![2],
                ..base(12, &[1])
            },
        ),
    ] {
        let read_back = read(file(".pb", &bytes(&found)).path()).expect("read");
        assert_eq!(read_back, [tensor("x", &[1], element, &[2.0])]);
    }
    for (data_type, element) in [(3, Element::I8), (5, Element::I16), (6, Element::I32)] {
        let negative = TensorProto {
            int32_data: vec![-2],
            ..base(data_type, &[1])
        };
        let read_back = read(file(".pb", &bytes(&negative)).path()).expect("read");
        assert_eq!(read_back, [tensor("x", &[1], element, &[-2.0])]);
    }
    let raw = TensorProto {
        raw_data: Some(vec![0; 7].into()),
        ..base(1, &[1])
    };
    for (wrong, expected) in [
        (base(1, &[1]), "has 1 elements, found 0"),
        (raw, "has 1 elements, found 2"),
        (base(1, &[-1]), "impossible"),
        (base(1, &[1 << 40]), "has 1099511627776 elements, found 0"),
        (base(8, &[]), "found the element type 8"),
        (
            TensorProto {
                data_location: Some(1),
                ..base(1, &[1])
            },
            "in another file",
        ),
    ] {
        let message = refused(".pb", &bytes(&wrong));
        assert!(message.contains(expected), "{message}");
    }
    // A million empty strings in two million bytes.
    let strings = [0x32, 0].repeat(4_000_000);
    assert!(refused(".pb", &strings).contains("bytes of memory"));
}
