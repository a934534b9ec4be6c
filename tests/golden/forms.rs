//! Every form of eight networks in the ONNX project's checker, `check` and three runtimes: `golden/forms.py`, on a part of its cells.

use std::path::Path;
use std::process::Command;

#[test]
fn forms_are_taken_and_refused_as_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("tests/.venv/bin/python");
    assert!(
        python.exists(),
        "`{}` is not there\nhint: `tests/run --set-up-only` installs onnx and ONNX Runtime",
        python.display()
    );
    let output = Command::new(python)
        .arg(root.join("golden/forms.py"))
        .args(["--cover", env!("CARGO_BIN_EXE_efficientnet-onnx")])
        .output()
        .expect("Python starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    let last = printed.lines().last().expect("a summary");
    let (files, rest) = last.split_once(' ').expect("a count");
    let files: usize = files.parse().expect("a count");
    assert!(files >= 24, "{last}");
    assert_eq!(rest, "files, 0 not as expected");
}
