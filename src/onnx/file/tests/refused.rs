//! What is not a model, is damaged or hostile is refused, quickly.

use super::*;
use std::time::{Duration, Instant};

fn refusal(bytes: &[u8]) -> String {
    match open(bytes).expect_err("not a model") {
        FileError::Undecodable { reason, .. } => reason,
        error @ FileError::Io { .. } => panic!("{error}"),
    }
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
        folder
            .to_string()
            .contains("it is a folder, expected a regular file"),
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
        match ModelFile::open(&path) {
            Ok(file) => drop(crate::onnx::check::check(&file)),
            Err(_) => refused += 1,
        }
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
        (nodes, "takes more than 201326592 bytes of memory"),
        (attributes, "takes more than 201326592 bytes of memory"),
        (fields, "field 2 of `ModelProto` cannot be a number"),
        (
            b"\x28\x00".repeat(17 << 20),
            "it has more than 16777216 fields",
        ),
        (dims, "takes more than 201326592 bytes of memory"),
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
