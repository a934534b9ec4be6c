//! What the ONNX project's own checker accepts has no error here: its node tests, the models of its package, and every
//! element type that the schemas of the known operators allow.

use efficientnet_onnx::onnx::check::{Level, check};
use efficientnet_onnx::onnx::file::ModelFile;
use std::path::Path;
use std::process::Command;

#[test]
fn no_accepted_model_has_an_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("tests/.venv/bin/python");
    assert!(
        python.exists(),
        "`{}` is not there\nhint: `tests/run --set-up-only` installs onnx",
        python.display()
    );
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let output = Command::new(python)
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
    // Of onnx 1.23.2: 149 of the package, 1,883 node tests, 955 and 1,143 of them as of opset 14 and 17, 242 types.
    assert_eq!(listed.lines().count(), 4372);
}
