//! Archives byte for byte as `torch.save` writes them, under every length of name, and pickles that name what runs code.

use super::*;
use std::io::Write as _;

/// A state dict of one tensor, `w`, of two numbers.
const SAVED: &[u8] = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n\
    FloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQK\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.";

/// As PyTorch's `PyTorchStreamWriter` does: entries of a folder named as the file, then a zip64 end without any field that needs
/// it.
fn archive(stem: &str, pickle: &[u8]) -> Vec<u8> {
    let numbers = [1.0_f32, 2.0].map(f32::to_le_bytes).concat();
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    let entries: [(&str, &[u8]); 4] = [
        ("data.pkl", pickle),
        ("byteorder", b"little"),
        ("data/0", &numbers),
        ("version", b"3\n"),
    ];
    let u32_of = |count: usize| u32::try_from(count).unwrap().to_le_bytes();
    for (name, contents) in entries {
        let name = format!("{stem}/{name}");
        let mut crc = flate2::Crc::new();
        crc.update(contents);
        let mut common = vec![0; 10];
        common.extend(crc.sum().to_le_bytes());
        common.extend([u32_of(contents.len()); 2].concat());
        common.extend([u8::try_from(name.len()).unwrap(), 0, 0, 0]);
        directory.extend([b"PK\x01\x02\0\0", &common[..], &[0; 10]].concat());
        directory.extend(u32_of(file.len()));
        directory.extend(name.bytes());
        file.extend([b"PK\x03\x04", &common[..], name.as_bytes(), contents].concat());
    }
    let start = file.len();
    file.extend_from_slice(&directory);
    let record = file.len() as u64;
    file.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[0; 12]].concat());
    let count = entries.len();
    for field in [count, count, directory.len(), start] {
        file.extend((field as u64).to_le_bytes());
    }
    file.extend(
        [
            &b"PK\x06\x07\0\0\0\0"[..],
            &record.to_le_bytes(),
            &[1, 0, 0, 0],
        ]
        .concat(),
    );
    let count = u8::try_from(count).unwrap();
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &[count, 0, count, 0]].concat());
    file.extend([u32_of(directory.len()), u32_of(start)].concat());
    file.extend([0, 0]);
    file
}

fn open(contents: &[u8]) -> Result<Pytorch, SourceError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(contents).unwrap();
    Pytorch::open(file.path(), Container::Zip)
}

#[test]
fn an_archive_opens_whatever_the_length_of_its_name() {
    for length in 1..=60 {
        let opened = open(&archive(&"n".repeat(length), SAVED))
            .unwrap_or_else(|error| panic!("{length} characters: {error}"));
        let mut values = [0.0; 2];
        TensorSource::open(&opened, "w")
            .and_then(|reader| reader.fill(0, &mut values))
            .unwrap();
        assert_eq!(values, [1.0, 2.0], "{length} characters");
    }
}

/// By a checksum of the storage, which is read piece by piece.
#[test]
fn a_storage_that_is_not_what_was_written_is_refused_by_name() {
    let whole = archive("n", SAVED);
    let numbers = [1.0_f32, 2.0].map(f32::to_le_bytes).concat();
    let place = whole.windows(8).position(|bytes| bytes == numbers).unwrap();
    for byte in place..place + 8 {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1;
        let opened = open(&damaged).unwrap();
        let refused = TensorSource::open(&opened, "w").map(drop).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("tensor 'w'") && said.contains("checksum"),
            "{said}"
        );
    }
}

/// The file takes 8 KB, a copy of its bytes takes gigabytes.
#[cfg(unix)]
#[test]
fn a_hole_between_the_entries_and_the_directory_is_not_copied() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let with_hole = |hole: u64| {
        // The length of name at which the archive is read from a copy.
        let whole = archive(&"n".repeat(21), SAVED);
        let start = u32::from_le_bytes(*whole[whole.len() - 6..].first_chunk().unwrap());
        let moved = u64::from(start) + hole;
        let (entries, rest) = whole.split_at(start as usize);
        let mut rest = rest.to_vec();
        let place = rest.len() - 6;
        rest[place..place + 4].copy_from_slice(&u32::try_from(moved).unwrap().to_le_bytes());
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(entries, 0).unwrap();
        file.as_file().write_all_at(&rest, moved).unwrap();
        file
    };
    let file = with_hole(3 << 30);
    let error = Pytorch::open(file.path(), Container::Zip).map(drop);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("of which its entries account for"),
        "{error}"
    );
    // A hole that entries account for stays one in a copy.
    let file = with_hole(64 << 20);
    let mistaken = ends::Mistaken::find(file.path()).unwrap();
    let mistaken = mistaken.expect("one that is copied");
    let length = mistaken.length();
    let copy = mistaken.copy().unwrap();
    let found = std::fs::metadata(copy.path()).unwrap();
    assert_eq!(found.len(), length);
    assert!(found.blocks() * 512 < 1 << 20, "{}", found.blocks());
}

#[test]
fn what_would_run_code_is_refused_by_its_name() {
    let with = |global: &str| {
        let extra = format!("X\x01\x00\x00\x00xc{global}\n)R");
        let start = SAVED.len() - 1;
        archive("n", &[&SAVED[..start], extra.as_bytes(), b"s."].concat())
    };
    for global in [
        "posix\nsystem",
        "nt\nsystem",
        "os.path\njoin",
        "subprocess\nPopen",
        "builtins\neval",
        "__builtin__\nexec",
        "torch\nhub.load",
        "numpy.testing._private.utils\nrunstring",
    ] {
        let error = open(&with(global)).map(drop).unwrap_err().to_string();
        let named = format!("`{}`", global.replace('\n', "."));
        assert!(error.contains(&named), "{error}");
    }
    for global in [
        "argparse\nNamespace",
        "pathlib\nPosixPath",
        "builtins\nset",
        "numpy\ndtype",
        "my_project.config\nConfig",
        "omegaconf.dictconfig\nDictConfig",
    ] {
        let tensors = open(&with(global)).unwrap_or_else(|error| panic!("{global}: {error}"));
        assert_eq!(tensors.tensors()[0].name, "w", "{global}");
    }
    // As protocol 4 names it: two strings, the second after a memo of the first.
    let stacked = b"X\x01\x00\x00\x00x\x8c\x05posix\x94\x8c\x06system\x94\x93)Rs.";
    let start = SAVED.len() - 1;
    let error = open(&archive("n", &[&SAVED[..start], &stacked[..]].concat()));
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.contains("`posix.system`"), "{error}");
}
