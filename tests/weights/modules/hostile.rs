//! Pickled modules that mean harm: each ends with status 2, below 256 MiB and 5 s.

use super::pickle::{Saved, global, mapping, module, text};
use crate::limited::{refusal, refused_for};
use efficientnet_onnx::weights::names::Naming;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const EMPTY: &str = "torch.nn.modules.linear.Identity";

fn save(value: &[u8], path: &Path) {
    let pickle = [b"\x80\x02", value, b"."].concat();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    zip.start_file("archive/data.pkl", zip::write::SimpleFileOptions::default())
        .expect("an entry");
    zip.write_all(&pickle).expect("an entry");
    zip.finish().expect("an archive");
}

/// The message about a pickle that is this value.
fn refused(value: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hostile.pth");
    save(value, &path);
    refusal(&path, "b0", &[])
}

fn refused_as(value: &[u8], expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hostile.pth");
    save(value, &path);
    refused_for(expected, &path, "b0", &[]);
}

#[test]
fn modules_without_end() {
    // Each is a child of the one before it.
    let mut deep = module(EMPTY, &[], &[]);
    for _ in 0..200 {
        deep = module(EMPTY, &[("a", &deep)], &[]);
    }
    refused(&deep);
    // A module that is its own child.
    let cycle = [
        global(EMPTY),
        b")\x81q\x01".to_vec(),
        mapping(&[
            ("_parameters", b"}"),
            ("_buffers", b"}"),
            ("_modules", &mapping(&[("a", b"h\x01")])),
        ]),
        b"b".to_vec(),
    ]
    .concat();
    refused(&cycle);
}

/// Each has the one before it twice, by reference: 2^15 paths, beside a network.
#[test]
fn modules_that_share_their_children() {
    let mut doubled = [module(EMPTY, &[], &[]), b"r\xff\xff\xff\x7f".to_vec()].concat();
    for _ in 0..15 {
        let children = [
            b"}(".to_vec(),
            text("a"),
            doubled,
            text("b"),
            b"j\xff\xff\xff\x7fu".to_vec(),
        ]
        .concat();
        let tables: [(&str, &[u8]); 3] = [
            ("_parameters", b"}"),
            ("_buffers", b"}"),
            ("_modules", &children),
        ];
        doubled = [
            global("torch.nn.modules.container.Sequential"),
            b")\x81".to_vec(),
            mapping(&tables),
            b"br\xff\xff\xff\x7f".to_vec(),
        ]
        .concat();
    }
    let torchvision = Saved::of(Naming::Torchvision);
    let wrapped = torchvision
        .within(|value| module("__main__.Net", &[("model", value), ("post", &doubled)], &[]));
    let start = Instant::now();
    let (status, said, _) = super::emit(&wrapped, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("it has more than 20000 modules"), "{said}");
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn more_modules_than_any_network_has() {
    let one = module(EMPTY, &[], &[]);
    let many = [b"(".to_vec(), one.repeat(20_001), b"l".to_vec()].concat();
    refused_as(
        &mapping(&[("model", &many)]),
        "it has more than 20000 modules",
    );
    let children: Vec<u8> = (0..1_001)
        .flat_map(|index| [text(&format!("m{index}")), b"N".to_vec()].concat())
        .collect();
    let table = [b"}(", children.as_slice(), b"u"].concat();
    let state = mapping(&[
        ("_parameters", b"}"),
        ("_buffers", b"}"),
        ("_modules", &table),
    ]);
    let wide = [global(EMPTY), b")\x81".to_vec(), state, b"b".to_vec()].concat();
    refused_as(&wide, "a module has 1001 children");
    let name = "a".repeat(300);
    refused_as(
        &module(EMPTY, &[(&name, &one)], &[]),
        "a module's name has more than 255 bytes",
    );
}

#[test]
fn a_module_whose_pickle_is_cut_or_changed() {
    let value = Saved::of(Naming::Timm).value;
    for length in [100, value.len() / 2, value.len() - 1] {
        refused(&value[..length]);
    }
    // One bit in each of many places: whatever it is then, it is read within the limits or refused.
    for place in (0..value.len()).step_by(value.len() / 40) {
        let mut changed = value.clone();
        changed[place] ^= 1 << (place % 8);
        refused(&changed);
    }
}

#[test]
fn names_cannot_command_a_terminal() {
    let torchvision = Saved::of(Naming::Torchvision);
    let evil = module("project.\u{1b}[2Jevil", &[], &[]);
    let wrapped = torchvision.within(|value| {
        module(
            "__main__.Net",
            &[("model", value), ("a\u{1b}[2J", &evil)],
            &[],
        )
    });
    let (status, said, _) = super::emit(&wrapped, &[]);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("[2Jevil") && !said.contains('\u{1b}'),
        "{said:?}"
    );
}
