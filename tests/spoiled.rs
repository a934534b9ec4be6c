//! Numbers that no batch norm can have are refused wherever they would be used.

use efficientnet_onnx::request::{BatchNorms, Blueprint, Request};
use efficientnet_onnx::scaling::Variant;
use efficientnet_onnx::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use efficientnet_onnx::weights::{Expected, bind};

/// Weights from a seed, one number apart.
struct Spoiled<'a> {
    weights: SeededWeights,
    tensor: &'a str,
    value: f32,
}

/// A number's place, and whether there is one other number than the drawn.
const PLACE: usize = 3;

struct Reader<'a> {
    drawn: Box<dyn TensorReader + 'a>,
    value: Option<f32>,
}

impl TensorReader for Reader<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.drawn.fill(offset, out)?;
        let place = PLACE.checked_sub(offset);
        if let (Some(value), Some(place)) = (self.value, place.and_then(|place| out.get_mut(place)))
        {
            *place = value;
        }
        Ok(())
    }
}

impl TensorSource for Spoiled<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        self.weights.tensors()
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        Ok(Box::new(Reader {
            drawn: self.weights.open(name)?,
            value: (name == self.tensor).then_some(self.value),
        }))
    }
}

/// What comes of all initializers together.
fn outcome(batch_norms: BatchNorms, tensor: &str, value: f32) -> Result<(), String> {
    let b0 = Variant::by_name("b0").expect("a published variant");
    let mut request = Request::new(Blueprint::published(b0));
    request.batch_norms = batch_norms;
    let graph = request.graph().expect("a published network");
    let parameters = request.parameters().expect("a published network");
    let source = Spoiled {
        weights: SeededWeights::new(parameters.clone(), Rule::Probe, 0),
        tensor,
        value,
    };
    let bound = bind(&graph, &source, &Expected::as_named(&parameters)).expect("fitting weights");
    let mut tensors = bound.tensors().iter();
    tensors
        .try_for_each(|tensor| bound.open(&tensor.name).map(drop))
        .map_err(|error| error.to_string())
}

#[test]
fn a_batch_norm_has_finite_numbers_and_a_variance_that_is_not_negative() {
    for batch_norms in [BatchNorms::Fold, BatchNorms::Keep] {
        for (tensor, value, expected) in [
            (
                "bn1.running_var",
                -1.0,
                "has -1 at index 3, expected a variance that is not negative",
            ),
            (
                "bn2.running_var",
                f32::NAN,
                "has NaN at index 3, expected a finite number",
            ),
            (
                "blocks.3.1.bn3.weight",
                f32::INFINITY,
                "has inf at index 3, expected a finite number",
            ),
            (
                "bn2.bias",
                f32::NAN,
                "has NaN at index 3, expected a finite number",
            ),
            (
                "blocks.0.0.bn1.running_mean",
                f32::NEG_INFINITY,
                "has -inf at index 3, expected a finite number",
            ),
        ] {
            let error = outcome(batch_norms, tensor, value).unwrap_err();
            assert_eq!(error, format!("`{tensor}` {expected}"), "{batch_norms:?}");
        }
        assert_eq!(outcome(batch_norms, "bn1.running_var", 0.0), Ok(()));
    }
}
