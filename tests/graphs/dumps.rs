//! Graphs as text, read back from emitted files: `BLESS=1` accepts a change, a plain run fails on one.

use crate::emitted::{dump, request, write};
use efficientnet_onnx::form::{BatchNorms, Form};
use efficientnet_onnx::network::Output;
use efficientnet_onnx::onnx::check::check;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::request::{Extent, Request};
use std::fs;
use std::path::Path;

fn requests() -> [(&'static str, Request); 5] {
    let kept = Request {
        form: Form {
            batch_norms: BatchNorms::Keep,
            ..Form::default()
        },
        ..request("b0")
    };
    let symbolic = Request {
        size: [Extent::MultipleOf32; 2],
        outputs: vec![Output::Probabilities, Output::Pooled, Output::Logits],
        ..request("b0")
    };
    let odd = Request {
        size: [Extent::Fixed(223), Extent::Fixed(95)],
        batch: Some(2),
        ..request("lite0")
    };
    [
        ("b0", request("b0")),
        ("b0-batch-norms-kept", kept),
        ("b0-dynamic", symbolic),
        ("lite0", request("lite0")),
        ("lite0-odd", odd),
    ]
}

#[test]
fn graphs_are_as_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/graph");
    let mut drifted = Vec::new();
    for (name, request) in requests() {
        let (_folder, path) = write(&request, false);
        let file = ModelFile::open(&path).expect("our own file");
        assert_eq!(check(&file), [], "{name}");
        let found = dump(&file);
        let accepted = folder.join(format!("{name}.txt"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&accepted, &found).expect("the dump can be written");
        }
        let expected = fs::read_to_string(&accepted).unwrap_or_default();
        let lines = || found.lines().zip(expected.lines());
        if let Some((found, expected)) = lines().find(|(found, expected)| found != expected) {
            drifted.push(format!(
                "{name}\n  accepted: {expected}\n  found:    {found}"
            ));
        } else if found != expected {
            let counts = (expected.lines().count(), found.lines().count());
            drifted.push(format!("{name}\n  accepted and found lines: {counts:?}"));
        }
    }
    assert!(
        drifted.is_empty(),
        "these graphs changed; if that is meant, run `BLESS=1 cargo test --release --test graphs dumps`:\n{}",
        drifted.join("\n")
    );
}

#[test]
fn external_data_changes_no_graph() {
    let (_inline_folder, inline) = write(&request("lite0"), false);
    let (_external_folder, external) = write(&request("lite0"), true);
    let inline = ModelFile::open(&inline).expect("our own file");
    let external = ModelFile::open(&external).expect("our own file");
    assert_eq!(check(&external), []);
    assert_eq!(dump(&external), dump(&inline));
    assert!(external.length * 100 < inline.length);
}
