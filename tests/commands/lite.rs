//! Real weights: the Lite checkpoints give the logits that timm gives, in tract and in ONNX Runtime.

use crate::lite_support::{LITES, Lite, RUNTIMES, answers, data, floats, logits, same};
use crate::verify_support::{Run, ort_library, program};
use efficientnet_onnx::metadata::{RECIPE_KEY, Recipe};
use efficientnet_onnx::onnx::file::ModelFile;
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::Path;

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
    let bytes = include_bytes!("../fixtures/lite/logits.safetensors");
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
    let folder = crate::verify_support::folder();
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

/// What a file finds on the cat and on the coffee.
fn cat_and_coffee(runtime: &str, model: &Path) -> Vec<Value> {
    let mut command = program();
    command.arg("classify").arg(model);
    command.args(["chelsea.png", "coffee.png"].map(data));
    command.args(["--json", "--runtime", runtime]);
    if runtime == "ort-cpu" {
        command.arg("--ort-lib").arg(ort_library());
    }
    let report = Run::of(&mut command).expect(0).report();
    report["pictures"].as_array().expect("pictures").clone()
}

#[test]
fn a_checkpoint_is_known_by_its_librarys_name_and_by_itself() {
    let folder = crate::verify_support::folder();
    let path = folder.path().join("known.onnx");
    for (lite, cat) in LITES
        .iter()
        .zip(["tiger cat", "Egyptian cat", "Egyptian cat"])
    {
        let name = format!("lukemelas/efficientnet-{}", lite.name);
        for (selection, like) in [(&["--like", &name][..], Some(&name)), (&[], None)] {
            lite.emit_as(selection, &path, &[]);
            let file = ModelFile::open(&path).expect("a model");
            let recipe = file.metadata(RECIPE_KEY).expect("a recipe");
            let recipe: Recipe = serde_json::from_str(recipe).expect("a recipe");
            assert_eq!(
                (recipe.like.as_ref(), recipe.variant.as_deref()),
                (like, Some(lite.name))
            );
            for runtime in RUNTIMES {
                let found = cat_and_coffee(runtime, &path);
                let expected = cat_and_coffee(runtime, lite.file());
                for ((found, expected), name) in found.iter().zip(&expected).zip([cat, "espresso"])
                {
                    assert_eq!(found["top"][0]["name"], name, "{selection:?} {runtime}");
                    assert!(same(&answers(found), &answers(expected), 1e-6), "{found:#}");
                }
            }
        }
    }
}
