//! Weights from a seed are the same bytes on every run, thread count and machine.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::internals::{Pipe, Segment, stream};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::{Element, TensorSource};
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// SHA-256 of the little-endian bytes of every parameter, in the network's order.
#[rustfmt::skip]
const PAYLOADS: [(&str, Rule, u64, &str); 3] = [
    ("b0", Rule::Probe, 0, "a532aa23ef7ea0ce7cffecb4b3c58a0402d4c64ec3f6975737e0b8b49f2a38b7"),
    ("lite0", Rule::Official, 7, "ef68436a9a7d3c0b93d95d3211b9f0f974ad1be2550f6c2e4d7b3deae5fc311a"),
    ("b1", Rule::Constant, 0, "49bb140071cc6c01aca15c9191bd40031577629a0b770910f3d0db6e2c06cc66"),
];

#[expect(clippy::format_collect, reason = "64 characters")]
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn payload(variant: &str, rule: Rule, seed: u64) -> String {
    let variant = Variant::by_name(variant).expect("a published variant");
    let request = Request::new(Blueprint::published(variant));
    let parameters = request.parameters().expect("a published variant");
    let weights = SeededWeights::new(parameters, rule, seed);
    let segments: Vec<_> = weights
        .tensors()
        .iter()
        .map(|tensor| Segment {
            before: &[],
            tensor: &tensor.name,
            element: Element::F32,
            elements: usize::try_from(tensor.shape.iter().product::<u64>())
                .expect("a tensor fits memory"),
        })
        .collect();
    let written = Written::default();
    let mut pipe = Pipe::new(Box::new(written.clone()));
    stream(&weights, &segments, &mut pipe, &()).expect("a seed cannot fail");
    pipe.finish().expect("memory cannot fail");
    let bytes = written.0.lock().expect("no panic");
    sha256(&bytes)
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn program(arguments: &[&str], output: &Path) {
    let run = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(arguments)
        .args(["--quiet", "-o"])
        .arg(output)
        .output()
        .expect("the program starts");
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn payloads_are_pinned_for_any_number_of_threads() {
    for (variant, rule, seed, expected) in PAYLOADS {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads start");
            let found = pool.install(|| payload(variant, rule, seed));
            assert_eq!(
                found, expected,
                "{variant}, {rule:?}, seed {seed}, {threads} threads"
            );
        }
    }
}

/// What timm was given: `golden/logits/*.safetensors` says of which weights its logits are.
#[test]
fn exported_weights_are_those_of_the_golden_logits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for variant in ["b0", "lite3"] {
        let path = folder.path().join(variant);
        program(
            &[
                "weights",
                "export",
                "--variant",
                variant,
                "--init",
                "probe",
                "--seed",
                "0",
            ],
            &path,
        );
        let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("golden/logits/{variant}.safetensors"));
        let golden = std::fs::read(golden).expect("a committed file");
        let (_, header) =
            safetensors::SafeTensors::read_metadata(&golden).expect("a safetensors file");
        let metadata = header
            .metadata()
            .as_ref()
            .expect("`generate.py` writes metadata");
        let exported = std::fs::read(&path).expect("it was just written");
        let (header, _) =
            safetensors::SafeTensors::read_metadata(&exported).expect("a safetensors file");
        let tensors = &exported[8 + header..];
        assert_eq!(sha256(tensors), metadata["weights_sha256"], "{variant}");
    }
}

#[test]
fn files_are_the_same_bytes_for_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for rule in ["official", "probe"] {
        let hash = |threads: &str| {
            let path = folder.path().join(format!("{rule}-{threads}.onnx"));
            program(
                &[
                    "emit",
                    "--variant",
                    "b1",
                    "--init",
                    rule,
                    "--seed",
                    "3",
                    "--threads",
                    threads,
                ],
                &path,
            );
            sha256(&std::fs::read(&path).expect("it was just written"))
        };
        let (one, two) = (hash("1"), hash("2"));
        assert_eq!(one, two, "{rule}");
    }
}
