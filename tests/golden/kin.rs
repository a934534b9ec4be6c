//! MobileNetV1, MobileNetV2 and ResNet-50 against timm's and torchvision's (`golden/kin.py`), and the mistakes that must be seen.

use super::planted::{self, ProbeWeights};
use super::reference::{Golden, difference, magnitude};
use super::{REFERENCE, VISIBLE, meets, reference_meets, runtimes};
use efficientnet_onnx::architecture::{Family, Options};
use efficientnet_onnx::form::BatchNorms;
use efficientnet_onnx::graph::Padding;
use efficientnet_onnx::request::Extent;
use efficientnet_onnx::runtime::RuntimeName;

/// Their variants, and names that `golden/kin.py` exchanges: of batch norms, of convolutions.
const SWAPPED: [(&str, [&str; 2], [&str; 2]); 3] = [
    (
        "mobilenet-v1",
        ["blocks.3.1.bn1.", "blocks.3.1.bn2."],
        ["blocks.3.1.conv_pw.weight", "blocks.3.2.conv_pw.weight"],
    ),
    (
        "mobilenet-v2",
        ["blocks.6.0.bn1.", "blocks.6.0.bn2."],
        ["blocks.3.1.conv_pwl.weight", "blocks.3.2.conv_pwl.weight"],
    ),
    (
        "resnet-50",
        ["layer3.1.bn1.", "layer3.1.bn2."],
        ["layer3.1.conv2.weight", "layer3.2.conv2.weight"],
    ),
];

#[test]
fn mobilenet_v1() {
    baseline_meets_its_golden_logits("mobilenet-v1");
}

#[test]
fn mobilenet_v2() {
    baseline_meets_its_golden_logits("mobilenet-v2");
}

#[test]
fn resnet_50() {
    baseline_meets_its_golden_logits("resnet-50");
}

#[test]
fn no_family_is_forgotten() {
    let others = Family::ALL.into_iter();
    let others = others.filter(|family| family.baseline.options != Options::TENSORFLOW);
    let names: Vec<&str> = others.map(|family| family.name).collect();
    assert_eq!(names, SWAPPED.map(|(name, ..)| name));
}

fn baseline_meets_its_golden_logits(name: &str) {
    let golden = Golden::read(name);
    let weights = ProbeWeights::draw(&planted::request(name, 224));
    assert_eq!(weights.sha256(), golden.weights_sha256, "{name}");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for size in golden.sizes {
        let right = |input| golden.right(size, input);
        let largest = magnitude(right(0));
        assert!((0.1..=1e3).contains(&largest), "{name}: {largest}");
        assert!(difference(right(1), right(0)) > VISIBLE, "{name}");
        for batch_norms in [BatchNorms::Fold, BatchNorms::Keep] {
            let mut request = planted::request(name, size);
            request.form.batch_norms = batch_norms;
            let model = planted::right(&request, &weights, folder.path());
            meets(name, size, &model, right, &[0, 1]);
            reference_meets(name, size, &model, right(0));
        }
    }
    let [size, _] = golden.sizes;
    let mut request = planted::request(name, size);
    request.size = [Extent::MultipleOf32; 2];
    let model = planted::right(&request, &weights, folder.path());
    let right = |input| golden.right(size, input);
    meets(&format!("{name} of any size"), size, &model, right, &[0]);
}

/// What the library computes with one thing wrong is far away. Of what can be planted here too, ours is the library's mistake and
/// no other.
#[test]
fn mistakes_are_seen() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for (name, norms, tensors) in SWAPPED {
        let golden = Golden::read(name);
        let [size, _] = golden.sizes;
        let mistakes: Vec<_> = golden.mistakes().map(|(_, mistake)| mistake).collect();
        assert_eq!(mistakes.len(), 6, "{name}: {mistakes:?}");
        let weights = ProbeWeights::draw(&planted::request(name, 224));
        for mistake in mistakes {
            let theirs = golden.row(size, mistake);
            let moved = difference(theirs, golden.right(size, 0));
            assert!(moved > VISIBLE, "{name}: {mistake} moves by {moved}");
            let mut request = planted::request(name, size);
            let model = match mistake {
                "epsilon_1e-3" => {
                    request.options.batch_norm_epsilon = 1e-3;
                    planted::right(&request, &weights, folder.path())
                }
                "same_padding" => {
                    request.options.padding = Padding::Same;
                    planted::right(&request, &weights, folder.path())
                }
                "swapped_norms" => planted::swapped(&request, norms, &weights, folder.path()),
                "swapped_tensors" => planted::swapped(&request, tensors, &weights, folder.path()),
                // Only another network has it.
                _ => continue,
            };
            let mut session = runtimes::load(RuntimeName::Reference, &model);
            let found = runtimes::logits(session.as_mut(), size, 0);
            let apart = difference(&found, theirs);
            assert!(apart < REFERENCE, "{name}: {mistake} is {apart} apart");
        }
    }
}
