//! Real weights: the Lite checkpoints give the logits that timm gives, in tract and in ONNX Runtime.
#![cfg(all(feature = "cli", feature = "tract", feature = "ort"))]

mod lite_support;
mod verify_support;

use lite_support::{LITES, Lite, RUNTIMES, floats, logits};
use safetensors::SafeTensors;

/// Largest difference, as a part of the largest logit.
const ALLOWED: f32 = 1e-4;

/// `sin(0.001 i)` over the elements of the input, computed in f64.
fn sine(size: usize) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "the input is f32")]
    let value = |index: usize| (0.001 * index as f64).sin() as f32;
    (0..3 * size * size).map(value).collect()
}

fn largest(values: impl Iterator<Item = f32>) -> f32 {
    values.map(f32::abs).fold(0.0, f32::max)
}

/// The largest difference as a part of the largest expected logit.
fn difference(expected: &[f32], found: &[f32]) -> f32 {
    assert_eq!(expected.len(), found.len());
    largest(expected.iter().zip(found).map(|(a, b)| a - b)) / largest(expected.iter().copied())
}

/// What `tests/fixtures/lite/make.py` wrote.
fn expected(lite: &Lite, input: &str) -> Vec<f32> {
    let bytes = include_bytes!("fixtures/lite/logits.safetensors");
    let tensors = SafeTensors::deserialize(bytes).expect("safetensors");
    floats(
        tensors
            .tensor(&format!("{}.{input}", lite.name))
            .expect("a tensor")
            .data(),
    )
}

#[test]
fn logits_are_timms_in_every_runtime() {
    for lite in &LITES {
        for runtime in RUNTIMES {
            let inputs = [sine(lite.size), vec![0.0; 3 * lite.size * lite.size]];
            let found = logits(runtime, lite.file(), lite.size, &inputs);
            for (input, found) in ["sine", "zero"].into_iter().zip(found) {
                let difference = difference(&expected(lite, input), &found);
                assert!(
                    difference <= ALLOWED,
                    "{} {runtime} {input}: {difference:e}",
                    lite.name
                );
            }
        }
    }
}

#[test]
fn another_padding_or_epsilon_would_be_seen() {
    let folder = verify_support::folder();
    let lite = &LITES[0];
    for arguments in [["--padding", "symmetric"], ["--bn-epsilon", "1e-5"]] {
        let path = folder.path().join("wrong.onnx");
        lite.emit(&path, &arguments);
        let found = logits("ort-cpu", &path, lite.size, &[sine(lite.size)]);
        let difference = difference(&expected(lite, "sine"), &found[0]);
        assert!(
            difference > 100.0 * ALLOWED,
            "{arguments:?}: {difference:e}"
        );
    }
}
