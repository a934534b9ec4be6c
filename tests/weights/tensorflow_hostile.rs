//! TensorFlow checkpoints that are damaged or mean harm: each ends with its message, status 2, below 256 MiB and 5 s.

use crate::limited::{refusal, refused_for};
use crate::tensorflow_support::{
    Entry, block, bytes, checksum, footer, handle, header, number, row, save, sorted, table, varint,
};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const NAME: &[u8] = b"head/dense/bias";
const DATA: [u8; 8] = [0; 8];

/// A folder with `model.ckpt.index` and one data file.
fn files(index: &[u8], data: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("model.ckpt.index"), index).expect("a file");
    fs::write(file("model.ckpt.data-00000-of-00001"), data).expect("a file");
    folder
}

/// Emits with the weights of a folder's `model.ckpt`; the message, if it failed as it should.
fn refuse(folder: &TempDir) -> String {
    refusal(&folder.path().join("model.ckpt"), "b0", &[])
}

fn expect(index: &[u8], expected: &str) {
    let folder = files(index, &DATA);
    refused_for(expected, &folder.path().join("model.ckpt"), "b0", &[]);
}

/// An index with one tensor.
fn one(change: impl FnOnce(&mut Entry)) -> Vec<u8> {
    let mut entry = Entry::new(&[2], 0, &DATA);
    change(&mut entry);
    sorted(&[(vec![], header(1)), (NAME.to_vec(), entry.message())])
}

/// An index of one block of rows, after the bundle's own.
fn rows(rows: &[u8]) -> Vec<u8> {
    table(&[[&row(0, b"", &header(1)), rows].concat()])
}

#[test]
fn truncated() {
    let whole = one(|_| {});
    for length in [whole.len() / 2, 8, 0] {
        // It no longer ends as a table, and is none of the other containers.
        expect(&whole[..length], "model.ckpt");
    }
    expect(&whole[whole.len() - 48..], "lies outside its index");
    expect(&whole[whole.len() - 47..], "does not end as a table does");
    let folder = files(&whole, &DATA[..7]);
    let message = refuse(&folder);
    assert!(
        message.contains("its 8 bytes at 0 lie outside data file 0, which has 7"),
        "{message}"
    );
    fs::remove_file(folder.path().join("model.ckpt.data-00000-of-00001")).expect("a file");
    let message = refuse(&folder);
    assert!(
        message.contains("model.ckpt.data-00000-of-00001`: No such file"),
        "{message}"
    );
}

#[test]
fn lies_about_tensors() {
    expect(
        &one(|entry| entry.offset = 1),
        "its 8 bytes at 1 lie outside data file 0, which has 8",
    );
    expect(
        &one(|entry| entry.offset = u64::MAX),
        "lie outside data file 0",
    );
    expect(
        &one(|entry| entry.shard = 1),
        "it lies in data file 1, but there are 1",
    );
    expect(&one(|entry| entry.shard = u64::MAX), "but there are 1");
    expect(
        &one(|entry| entry.size = 1 << 40),
        "f32 [2] does not fit its 1099511627776 bytes",
    );
    expect(
        &one(|entry| (entry.shape, entry.size) = (vec![1 << 38], 1 << 40)),
        "its 1099511627776 bytes at 0 lie outside data file 0",
    );
    expect(
        &one(|entry| entry.shape = vec![1 << 32, 1 << 32]),
        "does not fit its 8 bytes",
    );
    expect(
        &one(|entry| entry.shape = vec![u64::MAX]),
        "does not fit its 8 bytes",
    );
    expect(
        &one(|entry| entry.shape = vec![1; 300]),
        "it has more than 254 dimensions",
    );
    expect(
        &one(|entry| entry.more = bytes(7, b"")),
        "it is a partitioned variable of 1 slices",
    );
}

#[test]
fn lies_about_the_whole() {
    let with = |record: Vec<u8>| sorted(&[(vec![], record)]);
    expect(
        &with(header(0)),
        "it claims 0 data files, expected 1 to 128",
    );
    expect(&with(header(1 << 40)), "it claims 1099511627776 data files");
    expect(
        &with(header(2)),
        "model.ckpt.data-00000-of-00002`: No such file",
    );
    expect(
        &with([header(1), number(2, 1)].concat()),
        "it is big-endian",
    );
    expect(
        &with(bytes(3, &number(2, 9))),
        "it asks for a reader of version 9",
    );
    expect(&with(bytes(1, b"")), "V1 format");
    expect(&with(vec![0xff; 30]), "a number has more than 64 bits");
    expect(
        &sorted(&[(NAME.to_vec(), vec![])]),
        "its index has no record of the whole",
    );
    expect(&sorted(&[]), "its index is empty");
    expect(&with(header(1)), "found no tensors");
}

#[test]
fn keys_that_lie() {
    let message = Entry::new(&[2], 0, &DATA).message();
    expect(
        &rows(&row(1, b"ead", &message)),
        "a key shares 1 bytes with one of 0",
    );
    expect(
        &rows(&row(u64::MAX, b"", &message)),
        "a key shares 18446744073709551615 bytes",
    );
    let long = [varint(0), varint(u64::MAX), varint(0)].concat();
    expect(&rows(&long), "it has 18446744073709551615 bytes where only");
    let long = [varint(0), varint(1), varint(1 << 30), b"k".to_vec()].concat();
    expect(&rows(&long), "it has 1073741824 bytes where only");
    expect(&rows(&[0xff; 40]), "a number has more than 64 bits");
    expect(&rows(&row(0, &[b'k'; 5000], b"")), "a key has 5000 bytes");
    let twice = row(0, NAME, &message).repeat(2);
    expect(&rows(&twice), "its keys are not in order");
    expect(
        &rows(&row(0, b"\xff\x1b[2J", &message)),
        r"a name is not UTF-8: `\xff\u{1b}[2J`",
    );
    let message = refuse(&files(&rows(&row(0, b"\x1b[2Jevil", &message)), &DATA));
    assert!(
        message.contains("[2Jevil") && !message.contains('\u{1b}'),
        "{message}"
    );
}

#[test]
fn blocks_that_lie() {
    let data = block(&row(0, b"", &header(1)));
    let with = |handles: &[Vec<u8>], footer_handle: Option<Vec<u8>>| {
        let rows: Vec<u8> = handles
            .iter()
            .flat_map(|handle| row(0, b"k", handle))
            .collect();
        let index = block(&rows);
        let own = handle(data.len(), index.len() - 5);
        [data.clone(), index, footer(&footer_handle.unwrap_or(own))].concat()
    };
    let good = handle(0, data.len() - 5);
    expect(
        &with(&[handle(1 << 40, 7)], None),
        "a block of 7 bytes at 1099511627776 lies outside",
    );
    expect(
        &with(&[[varint(u64::MAX), varint(u64::MAX)].concat()], None),
        "its blocks overlap",
    );
    expect(
        &with(&[vec![0xff; 20]], None),
        "a number has more than 64 bits",
    );
    expect(&with(&[vec![]], None), "it ends inside a number");
    expect(
        &with(&vec![good.clone(); 40], None),
        "its keys are not in order",
    );
    expect(
        &with(&[handle(1, 9)], None),
        "the checksum of its index's block at 1 is wrong",
    );
    expect(
        &with(&[good], Some(handle(1 << 50, 1))),
        "lies outside its index",
    );
    let mut compressed = block(b"x");
    let end = compressed.len() - 5;
    compressed[end] = 1;
    let sum = checksum(&compressed[..=end]).to_le_bytes();
    compressed[end + 1..].copy_from_slice(&sum);
    expect(
        &[compressed, footer(&handle(0, end))].concat(),
        "its index is compressed (kind 1)",
    );
    let mut restarts = vec![0xff; 8];
    restarts.push(0);
    restarts.extend(checksum(&restarts).to_le_bytes());
    expect(
        &[restarts, footer(&handle(0, 8))].concat(),
        "a block of its index claims 4294967295 restarts",
    );
}

/// What takes little in the file and much in memory, or time.
#[test]
fn bombs() {
    let value = Entry::new(&[0], 0, &[]).message();
    let long = [b'k'; 4000];
    let mut swelling = row(0, &long, &value);
    for index in 0..90_000u32 {
        // Each shares 4000 bytes with the one before.
        swelling.extend(row(4000, format!("{index:06}").as_bytes(), &[]));
    }
    expect(&rows(&swelling), "more entries than any checkpoint");
    let mut many = Vec::new();
    for index in 0..200_000u32 {
        many.extend(row(0, format!("k{index:06}").as_bytes(), &[]));
    }
    expect(&rows(&many), "more entries than any checkpoint");
    // Empty blocks, one over the other.
    let data = block(&[]);
    let handles = row(0, b"", &handle(0, data.len() - 5)).repeat(500_000);
    let index = block(&handles);
    let end = handle(data.len(), index.len() - 5);
    expect(
        &[data, index, footer(&end)].concat(),
        "more entries than any checkpoint",
    );
    let folder = files(&vec![0; 9 << 20], &[]);
    let path = folder.path().join("model.ckpt.index");
    let mut contents = fs::read(&path).expect("a file");
    contents.extend(footer(&handle(0, 0)));
    fs::write(&path, contents).expect("a file");
    let message = refuse(&folder);
    assert!(
        message.contains("its index has more than 8388608 bytes"),
        "{message}"
    );
}

#[test]
fn eighty_thousand_tensors() {
    let name = |index| format!("m/{}{index:06}", "x".repeat(150));
    let mut tensors: Vec<_> = (0..80_000)
        .map(|index| (name(index), vec![0], vec![]))
        .collect();
    tensors.push(("m/stem/conv2d/kernel".to_owned(), vec![0; 4], vec![]));
    let folder = tempfile::tempdir().expect("a folder");
    save(folder.path(), &tensors, 1);
    let message = refuse(&folder);
    let start: String = message.chars().take(500).collect();
    assert!(message.contains("80000 unexpected"), "{start}");
}

/// Damage that the checksums do not show, as whoever means harm makes it.
#[test]
fn damaged_records_are_an_error_or_nothing() {
    let message = Entry::new(&[2], 0, &DATA).message();
    let names = ["a/b/c", "a/b/d", "a/c/e/ExponentialMovingAverage"];
    let three = names.map(|name| row(0, name.as_bytes(), &message)).concat();
    let whole = [row(0, b"", &header(1)), three].concat();
    let mut state = 1u64;
    // Knuth's generator of MMIX: the same damage on every run.
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut refused = 0;
    for _ in 0..1000 {
        let mut damaged = whole.clone();
        for _ in 0..=random(3) {
            let place = random(damaged.len());
            damaged[place] = random(256).to_le_bytes()[0];
        }
        let folder = files(&table(&[damaged]), &DATA);
        let read = Checkpoint::open(&folder.path().join("model.ckpt")).and_then(|checkpoint| {
            for tensor in checkpoint.tensors() {
                let elements = tensor.shape.iter().product::<u64>();
                let mut values = vec![0.0; usize::try_from(elements).expect("it fits memory")];
                checkpoint.open(&tensor.name)?.fill(0, &mut values)?;
            }
            Ok(())
        });
        refused += usize::from(read.is_err());
    }
    assert!(refused > 400, "{refused} of 1000 were refused");
}

#[test]
fn a_tensors_damage_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let values: Vec<f32> = (0..300_000u32).map(|index| index as f32).collect();
    let prefix = save(folder.path(), &[("a".to_owned(), vec![300_000], values)], 1);
    let read = |prefix: &Path| {
        let checkpoint = Checkpoint::open(prefix).expect("a checkpoint");
        checkpoint
            .open("a")
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(&prefix), Ok(()));
    let path = folder.path().join("model.ckpt.data-00000-of-00001");
    let mut data = fs::read(&path).expect("a file");
    data[1_000_003] ^= 1;
    fs::write(&path, data).expect("a file");
    assert!(
        read(&prefix)
            .unwrap_err()
            .contains("the checksum of `a` is wrong")
    );
}
