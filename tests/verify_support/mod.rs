//! What the tests of `verify` share: the program, ONNX Runtime's library, and small files to run.
#![allow(dead_code, reason = "each area uses a part of it")]

pub mod others;
pub mod spoilers;
pub mod toy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The program, in an environment in which ONNX Runtime is found nowhere and telemetry would be on.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"));
    for variable in ["VIRTUAL_ENV", "ORT_DYLIB_PATH", "ORT_DISABLE_TELEMETRY"] {
        command.env_remove(variable);
    }
    command.env("PATH", "/nonexistent");
    command
}

/// `verify FILE …`, with ONNX Runtime where `library` says so.
pub fn verify(file: &Path, library: bool, arguments: &[&str]) -> Run {
    let mut command = program();
    command.arg("verify").arg(file).args(arguments);
    if library {
        command.arg("--ort-lib").arg(ort_library());
    }
    Run::of(&mut command)
}

/// How a command ended.
#[derive(Debug)]
pub struct Run {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("the program starts");
        Self {
            status: status.code(),
            stdout: String::from_utf8(stdout).expect("UTF-8"),
            stderr: String::from_utf8(stderr).expect("UTF-8"),
        }
    }

    /// The report that `--json` printed.
    pub fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Fails unless the status is `expected` and nothing panicked.
    pub fn expect(self, expected: i32) -> Self {
        assert_eq!(self.status, Some(expected), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }
}

/// The virtual environment that `tests/run` makes.
pub fn virtual_environment() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv");
    assert!(
        path.exists(),
        "`{}` is not there: run `tests/run --set-up-only`",
        path.display()
    );
    path
}

/// ONNX Runtime's shared library in it.
pub fn ort_library() -> PathBuf {
    let lib = virtual_environment().join("lib");
    let python = std::fs::read_dir(&lib)
        .expect("a virtual environment")
        .flatten();
    python
        .flat_map(|python| std::fs::read_dir(python.path().join("site-packages/onnxruntime/capi")))
        .flat_map(Iterator::flatten)
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains("libonnxruntime.so."))
        .unwrap_or_else(|| {
            panic!(
                "no ONNX Runtime in `{}`: run `tests/run --set-up-only`",
                lib.display()
            )
        })
}

/// A file that `emit` wrote: B0 at 64 pixels unless `arguments` say otherwise.
pub fn emitted(folder: &TempDir, arguments: &[&str]) -> PathBuf {
    let path = folder.path().join("b0.onnx");
    let mut command = program();
    command
        .args(["emit", "--variant", "b0", "--quiet", "-o"])
        .arg(&path);
    if !arguments.contains(&"--size") {
        command.args(["--size", "64"]);
    }
    Run::of(command.args(arguments)).expect(0);
    path
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes plain pictures, each of one level of grey.
pub fn grey_pictures(folder: &Path, levels: &[u8]) {
    std::fs::create_dir_all(folder).expect("a folder");
    for level in levels {
        let picture = image::GrayImage::from_pixel(40, 30, image::Luma([*level]));
        picture
            .save(folder.join(format!("{level:03}.png")))
            .expect("a picture");
    }
}
