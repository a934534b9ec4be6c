//! What the tests on real weights share: the Lite checkpoints as files, the photographs, and a runtime to run them.
#![allow(dead_code, reason = "each area uses a part of it")]

pub mod change;

use crate::verify_support::{Run, ort_library, program};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

/// A model with real weights.
#[derive(Debug)]
pub struct Lite {
    pub name: &'static str,
    pub size: usize,
    checkpoint: &'static str,
    emitted: OnceLock<PathBuf>,
}

pub static LITES: [Lite; 3] = [
    Lite::new("lite0", 224, "efficientnet-lite0-57934424.pth"),
    Lite::new("lite1", 240, "efficientnet-lite1-77cc7160.pth"),
    Lite::new("lite2", 260, "efficientnet-lite2-9656183e.pth"),
];

pub const RUNTIMES: [&str; 3] = ["reference", "tract", "ort-cpu"];

impl Lite {
    const fn new(name: &'static str, size: usize, checkpoint: &'static str) -> Self {
        Self {
            name,
            size,
            checkpoint,
            emitted: OnceLock::new(),
        }
    }

    /// The file that `emit` writes from the checkpoint.
    pub fn file(&self) -> &Path {
        self.emitted.get_or_init(|| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.onnx", self.name));
            self.emit(&path, &[]);
            path
        })
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        data(self.checkpoint)
    }

    /// Emits the checkpoint with further arguments.
    pub fn emit(&self, path: &Path, arguments: &[&str]) {
        self.emit_as(&["--variant", self.name], path, arguments);
    }

    /// The same, with the network chosen by `selection`; if that is empty, by the checkpoint's tensors.
    pub fn emit_as(&self, selection: &[&str], path: &Path, arguments: &[&str]) {
        let mut command = program();
        command.arg("emit").args(selection);
        command.args(["--force", "--quiet", "--weights"]);
        command
            .arg(self.checkpoint())
            .arg("-o")
            .arg(path)
            .args(arguments);
        Run::of(&mut command).expect(0);
    }
}

/// A file that `tests/run` fetched.
pub fn data(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/.data")
        .join(name);
    assert!(
        path.exists(),
        "`{}` is not there: run `tests/run --set-up-only`",
        path.display()
    );
    path
}

/// The logits of each input of `[1, 3, size, size]`, in the program's own worker process.
pub fn logits(runtime: &str, model: &Path, size: usize, inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    logits_of(runtime, model, (&[1, 3, size, size], "f32"), inputs)
}

/// The same for inputs of another shape and element type.
pub fn logits_of(
    runtime: &str,
    model: &Path,
    (shape, element): (&[usize], &str),
    inputs: &[Vec<f32>],
) -> Vec<Vec<f32>> {
    let mut command = program();
    command.arg("worker").env("ORT_DISABLE_TELEMETRY", "1");
    let mut worker = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut job = worker.stdin.take().expect("a pipe");
    let case = serde_json::json!([{ "name": "input", "shape": shape, "element": element }]);
    let cases = vec![case; inputs.len()];
    let library = (runtime == "ort-cpu").then(ort_library);
    let line = serde_json::json!({ "runtime": runtime, "library": library, "file": model, "cases": cases });
    let line = serde_json::json!({ "run": line });
    writeln!(job, "{line}").expect("a pipe");
    for value in inputs.iter().flatten() {
        job.write_all(&f64::from(*value).to_le_bytes())
            .expect("a pipe");
    }
    job.flush().expect("a pipe");
    let mut events = BufReader::new(worker.stdout.take().expect("a pipe"));
    let mut rows = Vec::new();
    loop {
        let mut line = String::new();
        events.read_line(&mut line).expect("an event");
        let event: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        if event == "done" {
            break;
        }
        assert!(event.get("failed").is_none(), "{runtime}: {event}");
        if let Some(case) = event.get("case") {
            assert_eq!(
                case["outputs"],
                serde_json::json!([{ "name": "logits", "shape": [1, 1000], "element": "f32" }])
            );
            let mut bytes = vec![0; 8 * 1000];
            events.read_exact(&mut bytes).expect("logits");
            rows.push(doubles(&bytes));
        }
    }
    drop(job);
    worker.wait().expect("the worker ends");
    assert_eq!(rows.len(), inputs.len());
    rows
}

/// Little-endian f64 as f32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the runtimes compute in f32"
)]
fn doubles(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")) as f32)
        .collect()
}

/// Little-endian f32.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect()
}

/// Class and probability of each answer.
pub fn answers(picture: &Value) -> Vec<(u64, f64)> {
    let top = picture["top"].as_array().expect("answers");
    let pair = |answer: &Value| Some((answer["class"].as_u64()?, answer["probability"].as_f64()?));
    top.iter()
        .map(|answer| pair(answer).expect("an answer"))
        .collect()
}

/// Whether two lists of answers have the same classes and about the same probabilities.
pub fn same(found: &[(u64, f64)], expected: &[(u64, f64)], allowed: f64) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            found.0 == expected.0 && (found.1 - expected.1).abs() < allowed
        })
}
