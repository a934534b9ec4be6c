//! Damaged files of every format: `tests/hostile/mutate` with the seed that everyone has.

use crate::verify_support::virtual_environment;
use std::path::Path;
use std::process::Command;

#[test]
fn no_damaged_file_crashes_a_command_or_keeps_it_busy() {
    let python = virtual_environment().join("bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/mutate");
    let mut command = Command::new(python);
    command
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_efficientnet-onnx"));
    let output = command.args(["--cases", "3000"]).output();
    let output = output.expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{failed}");

    assert!(said.contains("0 failures"), "{said}");
}
