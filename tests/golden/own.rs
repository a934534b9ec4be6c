//! The network of `examples/one-block-stages.toml` against its definition in plain PyTorch
//! (`golden/one_block_stages.py`).

use super::planted::{self, ProbeWeights};
use super::reference::{Golden, difference};
use super::{VISIBLE, meets, runtimes};
use efficientnet_onnx::architecture::design::{Design, parse_file};
use efficientnet_onnx::architecture::{Block, MbConv, Separable, Stage};
use efficientnet_onnx::graph::{Activation, Padding};
use efficientnet_onnx::request::{Blueprint, Extent, Request};
use efficientnet_onnx::runtime::RuntimeName;

const EXAMPLE: &str = include_str!("../../examples/one-block-stages.toml");

/// Makes one thing wrong.
type Change = fn(&mut Design);

fn request(design: &Design, size: u64) -> Request {
    Request {
        size: [Extent::Fixed(size); 2],
        ..Request::new(Blueprint::Own(Box::new(design.clone())))
    }
}

#[test]
fn one_block_stages() {
    let golden = Golden::read("one-block-stages");
    let design = parse_file(EXAMPLE).expect("the example");
    let weights = ProbeWeights::draw(&request(&design, 224));
    assert_eq!(weights.sha256(), golden.weights_sha256);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for size in golden.sizes {
        let model = planted::right(&request(&design, size), &weights, folder.path());
        let right = |input| golden.right(size, input);
        meets("one-block-stages", size, &model, right, &[0, 1]);
    }
    // What sets it apart from an EfficientNet shows in the logits.
    let size = golden.sizes[0];
    let mistakes: [(&str, Change); 3] = [
        ("Swish in the squeeze", |design| {
            swish_in_the_squeeze(&mut design.architecture.stages);
        }),
        ("SAME padding", |design| {
            design.architecture.options.padding = Padding::Same;
        }),
        ("epsilon 1e-3", |design| {
            design.architecture.options.batch_norm_epsilon = 1e-3;
        }),
    ];
    for (name, change) in mistakes {
        let mut changed = design.clone();
        change(&mut changed);
        let model = planted::right(&request(&changed, size), &weights, folder.path());
        let mut session = runtimes::load(RuntimeName::OrtCpu, &model);
        let found = runtimes::logits(session.as_mut(), size, 0);
        let moved = difference(&found, golden.right(size, 0));
        assert!(moved > VISIBLE, "{name} moves the logits by only {moved}");
    }
}

fn swish_in_the_squeeze(stages: &mut [Stage]) {
    for stage in stages {
        if let Block::MbConv(MbConv { squeeze, .. }) | Block::Separable(Separable { squeeze, .. }) =
            &mut stage.block
            && let Some(squeeze) = squeeze
        {
            squeeze.activation = Activation::Swish;
        }
    }
}
