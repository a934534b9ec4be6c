//! Checkpoints that are damaged or mean harm: each ends with its message, status 2, below 256 MiB and 5 s, and
//! leaves nothing behind.

use crate::limited::{refusal, refused_for};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zip::CompressionMethod::{Deflated, Stored};

/// Names of timm tell neither.
const CONVENTIONS: [&str; 4] = ["--padding", "same", "--bn-epsilon", "1e-3"];

/// What `torch.save` puts before the saved object in a legacy file: magic number, protocol 1001, system.
const LEGACY_START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\
    \x80\x02}X\x0d\x00\x00\x00little_endian\x88s.";

struct Case {
    _folder: TempDir,
    file: PathBuf,
}

impl Case {
    fn new(name: &str, contents: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        fs::write(&file, contents).expect("a file");
        Self {
            _folder: folder,
            file,
        }
    }

    /// Emits `variant` with the file's weights; the message, if it failed as it should.
    fn refuse(&self, variant: &str) -> String {
        refusal(&self.file, variant, &CONVENTIONS)
    }

    fn expect(&self, expected: &str) {
        refused_for(expected, &self.file, "lite0", &CONVENTIONS);
    }
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/checkpoints")
            .join(name),
    )
    .expect("a fixture")
}

fn lite0() -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.data/efficientnet-lite0-57934424.pth");
    fs::read(&path).unwrap_or_else(|_| {
        panic!(
            "`{}` is not there: run `tests/run --set-up-only`",
            path.display()
        )
    })
}

fn zip(method: zip::CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, contents) in entries {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).expect("an entry");
        zip.write_all(contents).expect("an entry");
    }
    zip.finish().expect("an archive").into_inner()
}

fn tar(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, contents) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).expect("a name");
        header.set_entry_type(*kind);
        header.set_size(contents.len() as u64);
        header.set_cksum();
        builder.append(&header, *contents).expect("an entry");
    }
    builder.into_inner().expect("an archive")
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        data,
    ]
    .concat()
}

/// A pickle of a dictionary with one float tensor, `_fc.weight`, over a storage of `stored` elements.
fn one_tensor(stored: u32, shape: [u32; 2], stride: [u32; 2]) -> Vec<u8> {
    let text = |text: &str| {
        [
            &b"X"[..],
            &u32::try_from(text.len())
                .expect("a short text")
                .to_le_bytes(),
            text.as_bytes(),
        ]
        .concat()
    };
    let pair = |[one, other]: [u32; 2]| {
        [
            &b"J"[..],
            &one.to_le_bytes(),
            b"J",
            &other.to_le_bytes(),
            b"\x86",
        ]
        .concat()
    };
    [
        b"\x80\x02}".to_vec(),
        text("_fc.weight"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        [&b"J"[..], &stored.to_le_bytes(), b"tQK\x00"].concat(),
        pair(shape),
        pair(stride),
        b"\x89}tRs.".to_vec(),
    ]
    .concat()
}

/// A legacy file of a saved object and the bytes of its storage `0`.
fn legacy(saved: &[u8], elements: u64, data: &[u8]) -> Vec<u8> {
    let keys = b"\x80\x02]X\x01\x00\x00\x000a.";
    [LEGACY_START, saved, keys, &elements.to_le_bytes(), data].concat()
}

/// A pickle that asks for a shell command.
fn command(command: &str) -> Vec<u8> {
    format!("\u{2}cposix\nsystem\n(V{command}\ntR.")
        .into_bytes()
        .into_iter()
        .skip(1)
        .collect()
}

#[test]
fn not_a_checkpoint() {
    Case::new("empty.pth", b"").expect("it is empty");
    Case::new("text.safetensors", b"not weights at all").expect("it starts like none of them");
    Case::new("short.safetensors", b"\x01").expect("it starts like none of them");
    let case = Case::new("file", b"");
    fs::remove_file(&case.file).expect("a file");
    case.expect("No such file");
    let case = Case::new("folder", b"");
    fs::remove_file(&case.file)
        .and_then(|()| fs::create_dir(&case.file))
        .expect("a folder");
    case.expect("has no `model.safetensors`");
}

#[test]
fn truncated() {
    let whole = lite0();
    Case::new("half.pth", &whole[..whole.len() / 2]).expect("extends beyond the end of the file");
    Case::new("less.pth", &whole[..whole.len() - 1]).expect("extends beyond the end of the file");
    Case::new("start.pth", &whole[..2000]).expect("it ends inside its pickle");
    let whole = fixture("zip.pth");
    Case::new("zip.pth", &whole[..whole.len() / 2]).expect("zip");
    let whole = fixture("tar.pth");
    Case::new("tar.pth", &whole[..700]).expect("PyTorch (tar)");
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    Case::new("data.safetensors", &safetensors(header, &[0; 7]))
        .expect("its tensors take 8 bytes, but 7 follow");
    Case::new("header.safetensors", &safetensors(header, &[])[..20])
        .expect("its header should have 54 bytes, but only 12 follow");
}

#[test]
fn a_pickle_runs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let witness = folder.path().join("witness");
    let pickle = command(&format!("touch {}", witness.display()));
    let refused = "which runs code";
    for contents in [
        zip(Stored, &[("archive/data.pkl", &pickle)]),
        [LEGACY_START, &pickle, b"\x80\x02]."].concat(),
        tar(&[
            (
                "sys_info",
                tar::EntryType::Regular,
                b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.",
            ),
            ("storages", tar::EntryType::Regular, b"K\x00.]."),
            ("tensors", tar::EntryType::Regular, b"K\x00."),
            ("pickle", tar::EntryType::Regular, &pickle),
        ]),
    ] {
        let message = Case::new("evil.pth", &contents).refuse("lite0");
        assert!(message.to_lowercase().contains(refused), "{message}");
        assert!(!witness.exists(), "a command was run");
    }
}

#[test]
fn bombs() {
    // Each byte makes the unpickler keep a value of some 90 bytes.
    let bomb = [&b"\x80\x02"[..], &vec![b')'; 16_000_000], b"."].concat();
    let refused = "its pickle has more than 500000 instructions";
    Case::new(
        "deflated.pth",
        &zip(Deflated, &[("archive/data.pkl", &bomb)]),
    )
    .expect(refused);
    Case::new("stored.pth", &zip(Stored, &[("archive/data.pkl", &bomb)])).expect(refused);
    Case::new("legacy.pth", &[LEGACY_START, &bomb].concat()).expect(refused);
    for entry in ["sys_info", "storages", "tensors", "pickle"] {
        Case::new("tar.pth", &tar(&[(entry, tar::EntryType::Regular, &bomb)])).expect(refused);
    }
    let long = [
        &b"\x8d"[..],
        &(20u64 << 20).to_le_bytes(),
        &vec![b'a'; 20 << 20],
        b".",
    ]
    .concat();
    let refused = "its pickle has more than 16777216 bytes";
    Case::new("long.pth", &zip(Deflated, &[("archive/data.pkl", &long)])).expect(refused);
    Case::new("long.pth", &[LEGACY_START, &long].concat()).expect(refused);
    let mut header = tar::Header::new_gnu();
    header.set_path("storages").expect("a name");
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().expect("a GNU header");
    gnu.set_real_size(1 << 32);
    gnu.sparse[0].set_offset(1 << 32);
    gnu.sparse[0].set_length(0);
    header.set_cksum();
    let sparse = [header.as_bytes(), &[0; 1024][..]].concat();
    Case::new("sparse.pth", &sparse).expect("it has a sparse entry");
}

#[test]
fn a_storage_that_swells() {
    // 1000 × 1280 floats, as the network wants them, from a storage that is deflated, or repeated by its strides.
    let saved = one_tensor(1_280_000, [1000, 1280], [1280, 1]);
    let storage = vec![0; 4 * 1_280_000];
    let swollen = zip(
        Deflated,
        &[("archive/data.pkl", &saved), ("archive/data/0", &storage)],
    );
    Case::new("swollen.pth", &swollen)
        .expect("`_fc.weight` would take 5120000 bytes, but the whole file has");
    let saved = one_tensor(1, [1 << 20, 1 << 10], [0, 0]);
    Case::new("repeated.pth", &legacy(&saved, 1, &[0; 4]))
        .expect("`_fc.weight` would take 4294967296 bytes, but");
    let saved = one_tensor(1, [1 << 31, 1 << 31], [0, 0]);
    Case::new("endless.pth", &legacy(&saved, 1, &[0; 4]))
        .expect("is not a readable PyTorch (legacy) checkpoint");
}

#[test]
fn lies_about_sizes() {
    let saved = one_tensor(1_280_000, [1000, 1280], [1280, 1]);
    Case::new("storage.pth", &legacy(&saved, 1_280_000, &[0; 4]))
        .expect("extends beyond the end of the file");
    let saved = one_tensor(1, [2, 1], [1, 1]);
    Case::new("view.pth", &legacy(&saved, 1, &[0; 4])).expect("needs 2 elements");
    Case::new(
        "header.safetensors",
        &[&u64::MAX.to_le_bytes()[..], b"{}"].concat(),
    )
    .expect("its header should have 18446744073709551615 bytes, but only 2 follow");
    let header = r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#;
    Case::new("shape.safetensors", &safetensors(header, &[0; 4]))
        .expect("does not fit its bytes 0 to 4");
    let header = format!(
        r#"{{"w":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#,
        "1,".repeat(4_190_000)
    );
    Case::new("rank.safetensors", &safetensors(&header, &[0; 4]))
        .expect("`w` has 4190001 dimensions");
}

#[test]
fn names_of_no_library_and_of_another_network() {
    let message = Case::new("zip.pth", &fixture("zip.pth")).refuse("lite0");
    for expected in [
        "found `brain`, `contiguous`, `double`",
        "hint: the names of timm, torchvision and",
    ] {
        assert!(
            message.contains(expected),
            "expected `{expected}`, found: {message}"
        );
    }
    let message = Case::new("lite0.pth", &lite0()).refuse("lite1");
    for expected in [
        "missing",
        "`_blocks.16._expand_conv.weight`",
        "`_blocks.3._depthwise_conv.weight`: expected [144, 1, 3, 3], found [144, 1, 5, 5]",
    ] {
        assert!(
            message.contains(expected),
            "expected `{expected}`, found: {message}"
        );
    }
}

#[test]
fn a_hundred_thousand_tensors() {
    let entries: Vec<String> = (0..130_000)
        .map(|index| format!(r#""{index}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    let stem = r#""_conv_stem.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#;
    let header = format!("{{{},{stem}}}", entries.join(","));
    let message = Case::new("many.safetensors", &safetensors(&header, &[])).refuse("lite0");
    assert!(
        message.contains("130000 unexpected"),
        "{}",
        &message[..message.len().min(500)]
    );
    assert!(
        message.contains("… and 128000 more"),
        "a message of {} bytes",
        message.len()
    );
}

#[test]
fn names_cannot_command_a_terminal() {
    let tensor = |name: &str, start: u32| {
        let end = start + 4;
        format!(r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{start},{end}]}}"#)
    };
    let evil = tensor(r"\u001b[2Jevil", 0);
    let stem = tensor("_conv_stem.weight", 4);
    for (header, length) in [
        (format!("{{{evil}}}"), 4),
        (format!("{{{evil},{stem}}}"), 8),
        (format!("{{{evil},{evil}}}"), 4),
    ] {
        let contents = safetensors(&header, &vec![0; length]);
        let message = Case::new("evil.safetensors", &contents).refuse("lite0");
        assert!(message.contains("[2Jevil"), "{message}");
        assert!(!message.contains('\u{1b}'), "{message}");
    }
}
