//! Every published network in tract, ONNX Runtime and the reference against timm, and the mistakes that must be seen.
//!
//! The logits in `golden/logits` come from an implementation that shares nothing with this project, on the
//! weights of `--init probe --seed 0`. Each variant runs at an even and at an odd size. A mistake is planted
//! twice: by timm, and here; ours must be far from the right logits, and where f32 can follow it must be
//! timm's mistake and not another.

mod features;
mod flags;
mod forms;
mod heads;
mod kin;
mod own;
mod parity;
mod planted;
mod reference;
mod runtimes;

use efficientnet_onnx::architecture::{Options, Variant};
use efficientnet_onnx::runtime::RuntimeName;
use planted::ProbeWeights;
use reference::{Golden, difference, magnitude};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What both runtimes are asked for, in proportion to the largest logit. f32 achieves four times less.
const TOLERANCE: f64 = 1e-4;
/// What f32 achieves in ONNX Runtime, in every variant: above this, `probe` weights would amplify noise. tract
/// adds in plain order, which gives up to six times as much.
const NOISE: f64 = 1e-5;
/// What is left between two computations in f64: folded weights are rounded to f32 once.
const REFERENCE: f64 = 1e-6;
/// The least that a mistake, or another input, moves the logits.
const VISIBLE: f64 = 1e-2;

/// At epsilon 1e-5 the channels of variance 0 are ten times too large. Without ReLU6's bound the logits then grow
/// to 1e8 and beyond, and some networks make f32's noise as large as the logits: they are only seen to be wrong.
const BEYOND_F32: &str = "epsilon_1e-5";

macro_rules! variants {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            variant_meets_its_golden_logits(&published_name(stringify!($name)));
        })*

        /// The variants of this file.
        const VARIANTS: &[&str] = &[$(stringify!($name)),*];
    };
}

variants!(
    b0 b1 b2 b3 b4 b5 b6 b7 b8 l2
    lite0 lite1 lite2 lite3 lite4
    edgetpu_s edgetpu_m edgetpu_l
    condconv_b0_4e condconv_b0_8e condconv_b0_8e_depth
    v2_s v2_m v2_l v2_xl v2_b0 v2_b1 v2_b2 v2_b3
);

/// The name of a variant from the name of its test.
fn published_name(test: &str) -> String {
    test.replace('_', "-")
}

/// Published EfficientNets, whose padding and epsilon are TensorFlow's; `kin` and `parity` have the others.
fn efficientnets() -> impl Iterator<Item = &'static Variant> {
    Variant::all().filter(|variant| variant.baseline.options == Options::TENSORFLOW)
}

#[test]
fn no_variant_is_forgotten() {
    let names: Vec<String> = VARIANTS.iter().map(|name| published_name(name)).collect();
    let published: Vec<&str> = efficientnets().map(|variant| variant.name).collect();
    assert_eq!(names, published);
}

/// The four properties that make `probe` weights a test: the logits are of ordinary size, they depend on the
/// input, noise stays noise (see [`NOISE`]), and mistakes are far larger than it.
#[test]
fn probe_weights_show_inputs_and_mistakes() {
    for variant in efficientnets().map(|variant| variant.name) {
        let golden = Golden::read(variant);
        for size in golden.sizes {
            let right = golden.right(size, 0);
            let largest = magnitude(right);
            assert!(
                (0.1..=1e3).contains(&largest),
                "{variant}@{size}: largest logit {largest}"
            );
            let apart = difference(golden.right(size, 1), right);
            assert!(
                apart > VISIBLE,
                "{variant}@{size}: two inputs are {apart} apart"
            );
        }
        let mistakes: Vec<(u64, &str)> = golden.mistakes().collect();
        for (size, mistake) in &mistakes {
            let moved = difference(golden.row(*size, mistake), golden.right(*size, 0));
            assert!(
                moved > VISIBLE,
                "{variant}@{size}: {mistake} moves the logits by only {moved}"
            );
        }
        // Depth 1 is the same rounded and rounded up.
        let published = Variant::by_name(variant).expect("it is published");
        let depth_matters = published.coefficients.depth != 1.0;
        assert_eq!(mistakes.len(), 6 + usize::from(depth_matters), "{variant}");
        assert_eq!(
            golden.has(golden.sizes[0], "rounded_repeats"),
            depth_matters,
            "{variant}"
        );
        assert!(
            golden
                .sizes
                .iter()
                .all(|size| golden.has(*size, "symmetric_padding")),
            "{variant}"
        );
    }
}

/// Wrong filters, or wrong repeats, cannot take the weights of the right network.
#[test]
fn wrong_rounding_does_not_fit_the_weights() {
    for variant in ["b1", "b3", "lite1", "lite3"] {
        let request = planted::request(variant, 64);
        let weights = ProbeWeights::draw(&request);
        assert_eq!(
            planted::binding(&request.architecture().expect("published"), &weights),
            Ok(())
        );
        let error = planted::binding(&planted::rounded_repeats(&request), &weights)
            .expect_err("fewer blocks");
        assert!(
            error.missing.is_empty() && error.mis_shaped.is_empty(),
            "{variant}: {error}"
        );
        assert!(
            error
                .unexpected
                .iter()
                .any(|(name, _)| name.starts_with("blocks.3.")),
            "{variant}: {error}"
        );
        // 16 filters at width 1.2: 24 with the rule, 16 without.
        let narrower = planted::binding(&planted::without_ten_percent_rule(&request), &weights);
        if variant.ends_with('3') {
            let error = narrower.expect_err("narrower");
            let projection = error
                .mis_shaped
                .iter()
                .find(|(name, ..)| name == "blocks.0.0.conv_pw.weight");
            let (_, expected, found) = projection.expect("the first projection");
            assert_eq!((expected[0], found[0]), (16, 24), "{variant}");
        } else {
            assert_eq!(narrower, Ok(()), "{variant}");
        }
    }
}

/// Runs a file in tract and in ONNX Runtime; its logits must be those of the library, and noise must stay noise.
#[expect(clippy::print_stdout, reason = "what was achieved, for `--nocapture`")]
fn meets<'a>(
    name: &str,
    size: u64,
    model: &Path,
    right: impl Fn(u32) -> &'a [f64],
    inputs: &[u32],
) {
    for runtime in [RuntimeName::Tract, RuntimeName::OrtCpu] {
        let mut session = runtimes::load(runtime, model);
        for input in inputs {
            let found = runtimes::logits(session.as_mut(), size, *input);
            let noise = difference(&found, right(*input));
            println!("{name}@{size} {runtime} input {input}: {noise:.1e}");
            assert!(
                noise <= TOLERANCE,
                "{name}@{size}, {runtime}, input {input}: {noise} from the library"
            );
            assert!(
                runtime != RuntimeName::OrtCpu || noise <= NOISE,
                "{name}@{size}, {runtime}, input {input}: noise of {noise}"
            );
        }
    }
}

/// Runs a file in the reference, which is to be the truth for other runtimes.
#[expect(clippy::print_stdout, reason = "what was achieved, for `--nocapture`")]
fn reference_meets(variant: &str, size: u64, model: &Path, right: &[f64]) {
    let mut session = runtimes::load(RuntimeName::Reference, model);
    let off = difference(&runtimes::logits(session.as_mut(), size, 0), right);
    println!("{variant}@{size} reference: {off:.1e}");
    assert!(
        off <= REFERENCE,
        "{variant}@{size}: the reference is {off} from the library"
    );
}

#[expect(clippy::print_stdout, reason = "what was achieved, for `--nocapture`")]
fn variant_meets_its_golden_logits(variant: &str) {
    // L2 has more weights than all others together, so it takes one core and they the other: two sets of
    // weights in memory at most.
    static OTHERS: Mutex<()> = Mutex::new(());
    let _turn = (variant != "l2").then(|| OTHERS.lock().unwrap_or_else(PoisonError::into_inner));
    let golden = Golden::read(variant);
    let weights = ProbeWeights::draw(&planted::request(variant, 224));
    assert_eq!(
        weights.sha256(),
        golden.weights_sha256,
        "{variant}: timm had other weights\nhint: after a change of generator or rule, `golden/rebuild`"
    );
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for size in golden.sizes {
        let request = planted::request(variant, size);
        let model = planted::right(&request, &weights, folder.path());
        meets(
            variant,
            size,
            &model,
            |input| golden.right(size, input),
            &[0, 1],
        );
        // It is slow, and the odd size sees padding that the even one does not.
        if size == golden.sizes[1] {
            reference_meets(variant, size, &model, golden.right(size, 0));
        }
    }
    for (size, mistake) in golden.mistakes() {
        let model = planted::mistaken(variant, size, mistake, &weights, folder.path());
        let mut session = runtimes::load(RuntimeName::OrtCpu, &model);
        let found = runtimes::logits(session.as_mut(), size, 0);
        let moved = difference(&found, golden.right(size, 0));
        let apart = difference(&found, golden.row(size, mistake));
        println!(
            "{variant}@{size} {mistake}: moves the logits by {moved:.1e}, {apart:.1e} from timm's"
        );
        assert!(
            moved > VISIBLE,
            "{variant}@{size}: {mistake} moves the logits by only {moved}"
        );
        let same = mistake == BEYOND_F32 || apart <= TOLERANCE;
        assert!(same, "{variant}@{size}: {mistake} is {apart} from timm's");
    }
}
