//! ResNet-50 against torchvision's (`golden/resnet_50.py`), through the library alone.

use super::planted::{self, ProbeWeights};
use super::reference::{Golden, difference};
use super::{REFERENCE, VISIBLE, meets, reference_meets, runtimes};
use efficientnet_onnx::architecture::{Architecture, Family};
use efficientnet_onnx::form::BatchNorms;
use efficientnet_onnx::request::{Blueprint, Extent, Request};
use efficientnet_onnx::runtime::RuntimeName;

fn request(size: Extent) -> Request {
    Request {
        size: [size; 2],
        ..Request::new(Blueprint::published(&Family::RESNET_50.variants[0]))
    }
}

/// Parameters as `torchvision.models.resnet50` has them; multiply-adds of its convolutions and its linear layer.
#[test]
fn resnet_50_has_the_librarys_numbers() {
    let request = Request::new(Blueprint::published(&Family::RESNET_50.variants[0]));
    let counts = request.counts().expect("an ordinary size");
    assert_eq!(request.default_size(), [224; 2]);
    assert_eq!(counts.parameters, 25_557_032);
    assert_eq!(counts.buffers, 53_120);
    assert_eq!(counts.macs, 4_089_184_256);
}

#[test]
fn resnet_50() {
    let golden = Golden::read("resnet-50");
    let weights = ProbeWeights::draw(&request(Extent::Fixed(224)));
    assert_eq!(weights.sha256(), golden.weights_sha256);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for size in golden.sizes {
        let right = |input| golden.right(size, input);
        for batch_norms in [BatchNorms::Fold, BatchNorms::Keep] {
            let mut request = request(Extent::Fixed(size));
            request.form.batch_norms = batch_norms;
            let model = planted::right(&request, &weights, folder.path());
            meets("resnet-50", size, &model, right, &[0, 1]);
            reference_meets("resnet-50", size, &model, right(0));
        }
    }
    let [size, _] = golden.sizes;
    let right = |input| golden.right(size, input);
    let model = planted::right(&request(Extent::MultipleOf32), &weights, folder.path());
    meets("resnet-50 of any size", size, &model, right, &[0]);
}

/// What torchvision computes with one thing wrong is far away; epsilon, which is an option here, gives torchvision's
/// mistake and no other.
#[test]
fn mistakes_in_resnet_50_are_seen() {
    let golden = Golden::read("resnet-50");
    let [size, _] = golden.sizes;
    let mistakes: Vec<_> = golden.mistakes().map(|(_, name)| name).collect();
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
    for name in mistakes {
        let moved = difference(golden.row(size, name), golden.right(size, 0));
        assert!(moved > VISIBLE, "{name} moves the logits by only {moved}");
    }
    let mut changed = request(Extent::Fixed(size));
    changed.options.batch_norm_epsilon = 1e-3;
    let weights = ProbeWeights::draw(&request(Extent::Fixed(224)));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let model = planted::right(&changed, &weights, folder.path());
    let mut session = runtimes::load(RuntimeName::Reference, &model);
    let found = runtimes::logits(session.as_mut(), size, 0);
    let apart = difference(&found, golden.row(size, "epsilon_1e-3"));
    assert!(apart < REFERENCE, "{apart}");
}

/// No file of blocks, and no flag, describes it yet: it must not be written as another network.
#[test]
fn resnet_50_is_not_described_as_another_network() {
    use efficientnet_onnx::architecture::design::{Design, Record};
    let request = request(Extent::Fixed(64));
    let architecture: Architecture = request.architecture().expect("an ordinary size");
    let design = Design {
        name: "resnet-50".to_owned(),
        resolution: 224,
        architecture,
    };
    assert_eq!(Record::of(&design), None);
    assert!(Family::ALL.iter().all(|family| family.name != "resnet-50"));
}
