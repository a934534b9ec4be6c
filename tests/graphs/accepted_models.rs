//! What the ONNX project's own checker accepts has no error here: its node tests, the models of its package, and every
//! element type that the schemas of the known operators allow.

use efficientnet_onnx::onnx::check::{Level, check};
use efficientnet_onnx::onnx::file::ModelFile;
use std::path::{Path, PathBuf};
use std::process::Command;

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv/bin/python");
    assert!(
        python.exists(),
        "`{}` is not there\nhint: `tests/run --set-up-only` installs onnx",
        python.display()
    );
    python
}

#[test]
fn no_accepted_model_has_an_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let output = Command::new(python())
        .arg(root.join("tests/accepted_models.py"))
        .arg(folder.path())
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let listed = String::from_utf8(output.stdout).expect("UTF-8");
    let mut refused = Vec::new();
    for path in listed.lines() {
        let file = ModelFile::open(Path::new(path)).expect("a model");
        let errors = check(&file)
            .into_iter()
            .filter(|finding| finding.level == Level::Error);
        refused.extend(errors.map(|error| format!("{path}: {error}")));
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    // Of onnx 1.23.2: 149 of the package, 1,883 node tests, 12,438 of them as of other opsets, 1,255 types.
    assert_eq!(listed.lines().count(), 15725);
}

/// The table of definitions is what the onnx package says.
#[test]
fn the_table_of_definitions_is_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/onnx/ops/definitions");
    let output = Command::new(python())
        .arg(folder.join("make.py"))
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let expected = std::fs::read(folder.join("operators.txt")).expect("the table");
    assert!(
        output.stdout == expected,
        "operators.txt is out of date\nhint: `make.py > operators.txt` writes it"
    );
}
