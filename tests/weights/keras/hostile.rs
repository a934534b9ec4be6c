//! Structures that lie: each ends with its message, status 2, below 256 MiB and 5 s.

use super::expect;
use super::writer::{
    Message, NOWHERE, Writer, checked, checksum, chunked, contiguous, dataspace, link, longs,
    single,
};
use efficientnet_onnx::tensor::{SourceError, TensorSource};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file with one dataset, `predictions/kernel`.
fn one(messages: &[Message]) -> Vec<u8> {
    let mut file = Writer::new();
    let dataset = file.object(messages);
    let layer = file.group(&[("kernel", dataset)]);
    file.finish_with("predictions", layer)
}

#[test]
fn loops_of_groups() {
    let mut file = Writer::new();
    let here = file.here();
    let group = file.group(&[("self", here)]);
    expect(
        &file.finish_with("a", group),
        "`a/self`: this group was there before",
    );
    let mut file = Writer::new();
    let here = file.here();
    // The inner group has 8 + 4 bytes around its link's 4 and 13; the root comes right after it.
    let root = here + 4 + 2 + 4 + 4 + 14 + 4;
    let inner = file.group(&[("up", root)]);
    assert_eq!(file.here(), root);
    let root = file.group(&[("a", inner)]);
    expect(&file.finish(root), "`a/up`: this group was there before");
    // Each of 30 groups has the next twice: a billion paths.
    let mut file = Writer::new();
    let mut group = file.group(&[]);
    for _ in 0..30 {
        group = file.group(&[("a", group), ("b", group)]);
    }
    expect(&file.finish(group), "this group was there before");
}

#[test]
fn loops_of_blocks_and_trees() {
    let mut file = Writer::new();
    let here = file.here();
    let block = [&b"OCHK\x10\x10\0\0"[..], &longs(&[here, 28])].concat();
    file.bytes(&checked(&block));
    let object = file.object(&[(0x10, longs(&[here, 28]))]);
    expect(
        &file.finish(object),
        "the blocks of an object's header go round in a circle",
    );
    let mut file = Writer::new();
    let heap = file.here();
    file.bytes(&[&b"HEAP\0\0\0\0"[..], &longs(&[8, 0, heap + 32, 0])].concat());
    let here = file.here();
    file.tree(0, 1, &[(vec![0; 8], here)]);
    let group = file.object(&[(0x11, longs(&[here, heap]))]);
    expect(
        &file.finish(group),
        "a tree has a node of level 1 in the wrong place",
    );
    // Six levels of nodes that have the one below 60 times.
    let mut file = Writer::new();
    let heap = file.bytes(&[&b"HEAP\0\0\0\0"[..], &longs(&[8, 0, 0, 0])].concat());
    let mut node = file.bytes(b"SNOD\x01\0\0\0");
    for level in 0..6 {
        node = file.tree(0, level, &vec![(vec![0; 8], node); 60]);
    }
    let group = file.object(&[(0x11, longs(&[node, heap]))]);
    expect(
        &file.finish(group),
        "its structure is larger than any checkpoint's",
    );
}

#[test]
fn lies_about_sizes() {
    let place = contiguous(48, 8);
    for (shape, layout, expected) in [
        (
            &[3u64][..],
            place.clone(),
            "its shape needs 12 bytes, but it has 8",
        ),
        (
            &[1 << 33, 1 << 33],
            place.clone(),
            "its shape has too many elements",
        ),
        (&[1; 200], place, "it has 200 dimensions, more than 32"),
        (
            &[2],
            contiguous(1 << 40, 8),
            "its 8 bytes at 1099511627776 extend beyond the end of the file",
        ),
        (
            &[2],
            contiguous(u64::MAX - 4, 8),
            "extend beyond the end of the file",
        ),
        (
            &[2],
            contiguous(NOWHERE, 8),
            "its elements were never written",
        ),
        (
            &[2],
            (8, vec![3, 0, 9, 0]),
            "its shape needs 8 bytes, but it has 9",
        ),
        (
            &[2],
            (8, vec![3, 0, 8, 0]),
            "a structure ends before its last field",
        ),
        (
            &[2],
            (8, vec![2]),
            "its layout's version is 2, expected one of [3, 4, 5]",
        ),
        (&[2], chunked(0, &[0]), "does not fit [2] of 4 bytes"),
        (&[2], chunked(0, &[1, 1]), "does not fit [2] of 4 bytes"),
        (
            &[2],
            chunked(0, &[1 << 30]),
            "its chunks have 4294967296 bytes each, but all of it only 8",
        ),
        (
            &[1 << 28],
            chunked(0, &[1 << 28]),
            "it would take 1073741824 bytes, but the whole file has",
        ),
        (
            &[1 << 62],
            chunked(0, &[3]),
            "its shape has too many elements",
        ),
    ] {
        expect(&one(&[dataspace(shape), single(), layout]), expected);
    }
    let mut file = Writer::new();
    let object = file.object(&[(0x10, longs(&[48, 1 << 50]))]);
    expect(&file.finish(object), "extends beyond the end of the file");
    // Every dataset is small enough, but not all of them.
    let mut file = Writer::new();
    let dataset = file.object(&[dataspace(&[1 << 22]), single(), chunked(0, &[1 << 22])]);
    let names: Vec<String> = (0..50).map(|number| format!("w{number}")).collect();
    let links: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), dataset)).collect();
    let group = file.group(&links);
    expect(
        &file.finish(group),
        "all chunks would take 83886080 bytes, but the whole file has",
    );
}

#[test]
fn links_and_names() {
    let mut file = Writer::new();
    let mut group = file.group(&[]);
    for _ in 0..100 {
        group = file.group(&[("a", group)]);
    }
    expect(&file.finish(group), "groups are nested more than 32 deep");
    let single_link = |message: Message| {
        let mut file = Writer::new();
        let root = file.object(&[message]);
        file.finish(root)
    };
    expect(
        &single_link(link(b"\xff\x1b[2J", 48)),
        r"`\xff\u{1b}[2J` is not a name in UTF-8",
    );
    let refused = "is a soft or external link; these are not followed";
    expect(
        &single_link((6, b"\x01\x08\x01\x01a\x04\0/etc".to_vec())),
        refused,
    );
    expect(
        &single_link((6, b"\x01\x08\x40\x01a\x04\0/etc".to_vec())),
        refused,
    );
    let mut file = Writer::new();
    let dataset = file.object(&[
        dataspace(&[]),
        single(),
        (7, vec![0; 16]),
        contiguous(48, 4),
    ]);
    expect(
        &file.finish_with("w", dataset),
        "its elements are in another file, which is not opened",
    );
    let two = |names: [&str; 2]| {
        let mut file = Writer::new();
        let dataset = file.object(&[dataspace(&[]), single(), contiguous(48, 4)]);
        let layers = names.map(|name| {
            let layer = file.group(&[("kernel", dataset)]);
            (name, file.group(&[("stem_conv", layer)]))
        });
        let root = file.group(&layers);
        file.finish(root)
    };
    let twice = "`one/stem_conv/kernel` and `two/stem_conv/kernel` are both `stem_conv/kernel`";
    expect(&two(["one", "two"]), twice);
    let mut file = Writer::new();
    let dataset = file.object(&[dataspace(&[]), single(), contiguous(48, 4)]);
    let variables = file.group(&[("0", dataset)]);
    let layer = file.group(&[("vars", variables)]);
    let layers = file.group(&[("conv2d", layer)]);
    expect(
        &file.finish_with("layers", layers),
        "`layers/conv2d/vars` does not tell its layer's name, and no `config.json` beside it does: save",
    );
    // 300 000 links to nothing that is read, in messages of 64 000 bytes.
    let mut file = Writer::new();
    let dataset = file.object(&[dataspace(&[]), single(), contiguous(48, 4)]);
    let links: Vec<Message> = (0..300_000)
        .map(|number| link(number.to_string().as_bytes(), dataset))
        .collect();
    let root = file.object(&links);
    expect(
        &file.finish(root),
        "its structure is larger than any checkpoint's",
    );
}

#[test]
fn what_is_no_weight_is_missing() {
    let of_type = |datatype: &[u8]| {
        one(&[
            dataspace(&[1280, 1000]),
            (3, datatype.to_vec()),
            contiguous(48, 8),
        ])
    };
    // Integers, a compound, a text of variable length.
    for datatype in [
        &b"\x10\x08\0\0\x04\0\0\0\0\0\x20\0"[..],
        b"\x16\x01\0\0\x04\0\0\0",
        b"\x19\x01\0\0\x10\0\0\0",
    ] {
        expect(&of_type(datatype), "found no tensors");
    }
    let odd = b"\x11\x20\x1f\0\x04\0\0\0\0\0\x20\0\x17\x08\0\x17\x7e\0\0\0";
    expect(
        &of_type(odd),
        "`predictions/kernel`: its elements are floating-point numbers of 4 bytes of a kind",
    );
}

/// Reads everything that a file has.
fn read_all(path: &Path) -> Result<(), SourceError> {
    let checkpoint = Checkpoint::open(path)?;
    for tensor in checkpoint.tensors() {
        let elements =
            usize::try_from(tensor.shape.iter().product::<u64>()).expect("it fits memory");
        checkpoint
            .open(&tensor.name)?
            .fill(0, &mut vec![0.0; elements])?;
    }
    Ok(())
}

/// Where a superblock of version 2 or 3 says how long the file is.
const NEW_END: usize = 28;

#[test]
fn a_changed_byte_of_any_structure_with_a_checksum() {
    const SIGNATURES: [&[u8; 4]; 9] = [
        b"OHDR", b"OCHK", b"BTHD", b"BTLF", b"BTIN", b"FRHP", b"FHIB", b"FHDB", b"FAHD",
    ];
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.h5");
    let mut seen = BTreeSet::new();
    for name in [
        "keras_chunked_latest.h5",
        "keras_many_latest.h5",
        "keras_half_latest.h5",
    ] {
        let whole = fs::read(fixtures.join(name)).expect("a fixture");
        fs::write(&path, &whole).expect("a file");
        read_all(&path).expect("whole");
        let starts = (0..whole.len() - 4).filter_map(|at| {
            let known = SIGNATURES
                .iter()
                .find(|known| whole[at..].starts_with(**known))?;
            Some((at, *known))
        });
        for (start, signature) in starts.chain([(0, b"\x89HDF")]) {
            seen.insert(signature);
            // Every third byte: behind the signature each has fields of its own.
            for at in (start + 4..start + 34).step_by(3) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0x10;
                fs::write(&path, &damaged).expect("a file");
                assert!(
                    read_all(&path).is_err(),
                    "{name}: byte {at}, in `{}` at {start}",
                    signature.escape_ascii()
                );
            }
        }
    }
    assert!(seen.len() > 6, "{seen:?}");
}

#[test]
fn truncated_anywhere() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.h5");
    // Where the superblock says how long the file is.
    for (name, end) in [
        ("keras_2_weights.h5", 40),
        ("keras_chunked_latest.h5", NEW_END),
        ("keras_many_latest.h5", NEW_END),
    ] {
        let whole = fs::read(fixtures.join(name)).expect("a fixture");
        for length in (0..whole.len()).step_by(31) {
            let mut part = whole[..length].to_vec();
            fs::write(&path, &part).expect("a file");
            assert!(read_all(&path).is_err(), "{name} {length}");
            if let Some(told) = part.get_mut(end..end + 8) {
                told.copy_from_slice(&longs(&[length as u64]));
                if end == NEW_END {
                    let sum = checksum(&part[..44]);
                    part[44..48].copy_from_slice(&sum.to_le_bytes());
                }
                fs::write(&path, &part).expect("a file");
                // What is lost may only be a gap at the end.
                assert!(
                    read_all(&path).is_err() || whole.len() - length < 5000,
                    "{name} {length}"
                );
            }
            fs::remove_file(&path).expect("a file");
        }
    }
}
