//! `same_graphs.py`, which compares what two builds emit, sees no difference where there is none, and each where there is one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_efficientnet-onnx");

/// Compares two builds on one small variant.
fn compare(before: &Path, after: &Path) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("tests/.venv/bin/python");
    assert!(
        python.exists(),
        "`{}` is not there\nhint: `tests/run --set-up-only` installs the ONNX package",
        python.display()
    );
    Command::new(python)
        .arg(root.join("tests/same_graphs.py"))
        .args([before, after])
        .arg("lite0")
        .output()
        .expect("Python starts")
}

/// A build that emits with these flags, and the verdicts on it: a table line ends with the sections that differ.
fn verdicts_on(flags: &str) -> Vec<String> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let other = folder.path().join("other");
    // Asked for the published variants, it answers as the build itself.
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--quiet*) set -- \"$@\" {flags};; esac\nexec '{BINARY}' \"$@\"\n"
    );
    fs::write(&other, script).expect("a writable folder");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).expect("an owned file");
    let output = compare(Path::new(BINARY), &other);
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{printed}{errors}");
    let lines = printed.lines().filter(|line| line.starts_with("lite0\t"));
    lines
        .map(|line| line.rsplit('\t').next().expect("a column").to_owned())
        .collect()
}

#[test]
fn a_build_equals_itself() {
    let output = compare(Path::new(BINARY), Path::new(BINARY));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert_eq!(printed.matches("\tsame\tequal\n").count(), 4, "{printed}");
}

#[test]
fn other_weights_differ() {
    assert_eq!(verdicts_on("--seed 1"), ["differ: metadata, payloads"; 4]);
}

#[test]
fn other_attributes_differ() {
    assert_eq!(
        verdicts_on("--padding symmetric"),
        ["differ: metadata, nodes"; 4]
    );
}

#[test]
fn other_types_differ() {
    assert_eq!(verdicts_on("--batch 1"), ["differ: metadata, values"; 4]);
}

#[test]
fn other_shapes_of_initializers_differ() {
    assert_eq!(
        verdicts_on("--in-channels 1"),
        ["differ: metadata, values, initializers, payloads"; 4]
    );
}

#[test]
fn external_data_differs() {
    assert_eq!(verdicts_on("--external-data"), ["differ: initializers"; 4]);
}
