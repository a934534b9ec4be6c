//! A checkpoint that TensorFlow wrote, of a network that the official code built: the same logits.

use std::path::Path;
use std::process::Command;

/// ONNX Runtime and TensorFlow round differently: 4e-7 was measured. A wrong pad, name or layout gives more than 1e-2.
const TOLERANCE: f64 = 1e-5;

#[test]
fn the_official_network_gives_the_same_logits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = root.join("tests/fixtures/checkpoints/tensorflow");
    let folder = tempfile::tempdir().expect("a folder");
    for size in ["32", "45"] {
        let model = folder.path().join(format!("{size}.onnx"));
        let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
            .args(["emit", "--width", "0.03", "--depth", "0.1", "--size", size])
            .arg("--weights")
            .arg(fixtures.join("tiny.ckpt"))
            .arg("-o")
            .arg(&model)
            .output()
            .expect("the program starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        let output = Command::new(root.join("tests/.venv/bin/python"))
            .arg(root.join("tests/tensorflow_logits.py"))
            .arg(&model)
            .arg(fixtures.join("tiny.json"))
            .arg(size)
            .env("ORT_DISABLE_TELEMETRY", "1")
            .output()
            .expect("Python starts: `tests/run --set-up-only` installs ONNX Runtime");
        let errors = String::from_utf8_lossy(&output.stderr);
        let found = String::from_utf8_lossy(&output.stdout);
        let difference: f64 = found.trim().parse().unwrap_or_else(|_| panic!("{errors}"));
        assert!(difference <= TOLERANCE, "{size}: {difference}");
    }
}
