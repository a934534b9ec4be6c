//! Graphs that take channels last, bytes, or pixels that they normalise themselves: what comes before the first convolution,
//! and its weight.

use crate::emitted::{dump, request, write};
use efficientnet_onnx::form::{BatchNorms, Form, InputFormat, Normalize, SpellError};
use efficientnet_onnx::metadata::Recipe;
use efficientnet_onnx::onnx::file::{InitializerSource, ModelFile};
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::request::{Extent, Request, RequestError};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use std::path::Path;

/// Numbers whose reciprocals are not exact.
const NORMALIZE: Normalize = Normalize {
    mean: [123.675, 116.28, 103.53],
    std: [58.395, 57.12, 57.375],
};

fn of(variant: &str, input: InputFormat, normalize: Option<Normalize>) -> Request {
    let mut request = request(variant);
    request.form = Form {
        input,
        normalize,
        ..Form::default()
    };
    request
}

fn dumped(request: &Request) -> Vec<String> {
    let (_folder, path) = write(request, false);
    let text = dump(&ModelFile::open(&path).expect("a model"));
    text.lines().map(str::to_owned).collect()
}

/// The lines that only the first has, and those that only the second has.
fn changes<'a>(one: &'a [String], other: &'a [String]) -> [Vec<&'a str>; 2] {
    let alone = |these: &'a [String], those: &[String]| {
        let these = these.iter().filter(|line| !those.contains(line));
        these.map(String::as_str).collect()
    };
    [alone(one, other), alone(other, one)]
}

/// In every graph the nodes come before the first convolution, and all else stays as it is: names, shapes and attributes.
#[test]
fn the_nodes_before_the_first_convolution_are_all_that_differs() {
    const CAST: &str = "node input.float: Cast(input) to=1 -> input.float: float";
    for (variant, opset) in [("b0", 13), ("lite0", 17), ("condconv-b0-4e", 28)] {
        let lines = |input, normalize| {
            let mut request = of(variant, input, normalize);
            request.form.opset = Opset::new(opset).expect("an opset");
            request.size = [Extent::MultipleOf32, Extent::Fixed(64)];
            dumped(&request)
        };
        let usual = lines(InputFormat::Nchw, None);
        let stem = usual
            .iter()
            .find(|line| line.starts_with("node conv_stem:"));
        let stem = stem.expect("a stem");
        let reads = |value: &str| stem.replace("Conv(input, ", &format!("Conv({value}, "));
        let (first, last) = ("float[?, 3, ?, 64]", "[batch, height, 64, 3]");
        let cast = format!("{CAST}[?, ?, 64, 3]");
        let transpose = |from: &str| {
            format!("node input.nchw: Transpose({from}) perm=[0, 3, 1, 2] -> input.nchw: {first}")
        };
        let sub = |from: &str| {
            format!("node input.centred: Sub({from}, input.mean) -> input.centred: {first}")
        };
        let mean = "initializer input.mean: float[1, 3, 1, 1]".to_owned();
        for (input, normalize, expected) in [
            (
                InputFormat::Nchw,
                true,
                vec![sub("input"), reads("input.centred"), mean.clone()],
            ),
            (
                InputFormat::Nhwc,
                false,
                vec![
                    format!("input input: float{last}"),
                    transpose("input"),
                    reads("input.nchw"),
                ],
            ),
            (
                InputFormat::Uint8Nhwc,
                true,
                vec![
                    format!("input input: uint8{last}"),
                    cast,
                    transpose("input.float"),
                    sub("input.nchw"),
                    reads("input.centred"),
                    mean.clone(),
                ],
            ),
        ] {
            let found = lines(input, normalize.then_some(NORMALIZE));
            let [gone, new] = changes(&usual, &found);
            assert_eq!(new, expected, "{variant}");
            let declared = usual.iter().find(|line| line.starts_with("input "));
            let declared = declared.filter(|_| input != InputFormat::Nchw);
            let expected = declared.into_iter().chain([stem]);
            assert_eq!(gone, expected.collect::<Vec<_>>(), "{variant}");
        }
    }
}

/// An initializer of a file, as it is there.
fn stored(path: &Path, name: &str) -> Vec<f32> {
    let source = InitializerSource::new(ModelFile::open(path).expect("a model"));
    values(&source.expect("initializers"), name)
}

fn values(source: &dyn TensorSource, name: &str) -> Vec<f32> {
    let mut tensors = source.tensors().iter();
    let tensor = tensors.find(|tensor| tensor.name == name);
    let elements: u64 = tensor.expect("the tensor").shape.iter().product();
    let mut values = vec![0.0; usize::try_from(elements).expect("it fits memory")];
    let reader = source.open(name).expect("it opens");
    reader.fill(0, &mut values).expect("it can be read");
    values
}

const STEM: &str = "conv_stem.weight";

/// Each element is rounded once, whether or not a batch norm is folded in too; nothing else changes.
#[test]
#[expect(clippy::cast_possible_truncation, reason = "as files have weights")]
fn the_first_weight_is_divided_by_the_deviation_and_rounded_once() {
    for batch_norms in BatchNorms::ALL {
        let [plain, scaled] = [None, Some(NORMALIZE)].map(|normalize| {
            let mut request = of("b0", InputFormat::Nchw, normalize);
            request.size = [Extent::Fixed(32); 2];
            request.form.batch_norms = batch_norms;
            let parameters = request.parameters().expect("parameters");
            let drawn = SeededWeights::new(parameters, Rule::Official, 7);
            (write(&request, false), drawn)
        });
        let ((_folder, plain), drawn) = &plain;
        let ((_other, scaled), _) = &scaled;
        let [gamma, variance] = ["bn1.weight", "bn1.running_var"].map(|name| values(drawn, name));
        let weights = values(drawn, STEM).into_iter().enumerate();
        let expected = weights.map(|(index, weight)| {
            let (filter, channel) = (index / 27, index / 9 % 3);
            let folded = match batch_norms {
                BatchNorms::Fold => {
                    f64::from(gamma[filter]) / (f64::from(variance[filter]) + 1e-3).sqrt()
                }
                BatchNorms::Keep => 1.0,
            };
            (f64::from(weight) * (folded * NORMALIZE.std[channel].recip())) as f32
        });
        assert_eq!(stored(scaled, STEM), expected.collect::<Vec<_>>());
        let mean = NORMALIZE.mean.map(|mean| mean as f32);
        assert_eq!(stored(scaled, "input.mean"), mean);
        let other = "blocks.0.0.conv_pw.weight";
        assert_eq!(stored(scaled, other), stored(plain, other));
    }
}

/// Divided, rounded, multiplied and rounded again, an element is at most one step from the original.
#[test]
fn the_first_weight_is_read_back_to_the_last_bit_but_one() {
    let mut request = of("b0", InputFormat::Uint8Nhwc, Some(NORMALIZE));
    request.size = [Extent::Fixed(32); 2];
    request.form.batch_norms = BatchNorms::Keep;
    let counts = request.counts().expect("counts");
    let recipe = Recipe::new(&request, counts, None);
    assert_eq!(recipe.request().expect("a request"), request);
    let (_folder, path) = crate::emitted::write_with(&request, false, &recorded(&recipe));
    let drawn = SeededWeights::new(request.parameters().expect("parameters"), Rule::Official, 7);
    let read = Checkpoint::open(&path).expect("a checkpoint");
    let [found, expected] = [values(&read, STEM), values(&drawn, STEM)];
    let steps = |(one, two): (&f32, &f32)| one.to_bits().abs_diff(two.to_bits());
    let steps: Vec<u32> = found.iter().zip(&expected).map(steps).collect();
    assert!(steps.iter().all(|steps| *steps <= 1), "{steps:?}");
    assert!(steps.contains(&0) && steps.contains(&1), "{steps:?}");
    assert!(
        read.rewritten()
            .is_some_and(|told| told.contains("last bit"))
    );
    // What it says of itself is what it says of the network without the form.
    let told: Recipe =
        serde_json::from_str(&read.metadata()["efficientnet.recipe"]).expect("a recipe");
    assert_eq!((told.input_format, told.normalize), (None, None));
    assert!(
        read.tensors()
            .iter()
            .all(|tensor| tensor.name != "input.mean")
    );
    // A graph that does not do what its recipe says is none to read weights from.
    let mut plain = request.clone();
    plain.form.normalize = None;
    let (_other, path) = crate::emitted::write_with(&plain, false, &recorded(&recipe));
    let refused = Checkpoint::open(&path).err().expect("no mean is there");
    let expected =
        "its recipe has `normalize`, but no convolution reads what `input.mean` is subtracted from";
    assert!(refused.to_string().contains(expected), "{refused}");
}

fn recorded(recipe: &Recipe) -> [(String, String); 1] {
    let text = serde_json::to_string(recipe).expect("a record");
    [("efficientnet.recipe".to_owned(), text)]
}

#[test]
fn what_cannot_be_normalised_is_refused() {
    let refused = |request: &Request| match request.graph() {
        Err(RequestError::Spell(error)) => error,
        other => panic!("{:?}", other.map(|graph| graph.nodes().len())),
    };
    let mut grey = of("b0", InputFormat::Nhwc, Some(NORMALIZE));
    grey.options.in_channels = 1;
    assert_eq!(refused(&grey), SpellError::Channels(1));
    for wrong in [0.0, f64::NAN] {
        let normalize = Normalize {
            std: [1.0, wrong, 1.0],
            ..NORMALIZE
        };
        let found = refused(&of("b0", InputFormat::Nchw, Some(normalize)));
        assert!(matches!(found, SpellError::Normalize(_)), "{found}");
    }
}
