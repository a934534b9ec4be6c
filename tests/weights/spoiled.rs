//! Numbers that no weight should be are found wherever they would be used.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::form::{BatchNorms, Form, default_opset};
use efficientnet_onnx::internals::bind;
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use efficientnet_onnx::weights::Expected;
use efficientnet_onnx::weights::finite::Unsound;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};

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

/// What is found once all initializers are read.
fn found(batch_norms: BatchNorms, tensor: &str, value: f32) -> Unsound {
    let form = Form {
        batch_norms,
        ..Form::default()
    };
    found_in(form, tensor, value)
}

fn found_in(form: Form, tensor: &str, value: f32) -> Unsound {
    let b0 = Variant::by_name("b0").expect("a published variant");
    let mut request = Request::new(Blueprint::published(b0));
    request.form = form;
    let graph = request.graph().expect("a published network");
    let parameters = request.parameters().expect("a published network");
    let source = Spoiled {
        weights: SeededWeights::new(parameters.clone(), Rule::Probe, 0),
        tensor,
        value,
    };
    let expected = Expected::as_named(&parameters);
    let bound = bind(&graph, &source, &expected).expect("fitting weights");
    for tensor in bound.tensors() {
        let elements = tensor.shape.iter().product::<u64>();
        let elements = usize::try_from(elements).expect("a kernel fits memory");
        let size = tensor
            .element
            .encoded_size()
            .expect("a type that is written");
        let mut bytes = vec![0; elements * size];
        let reader = bound.open(&tensor.name).expect("a tensor");
        reader
            .fill_bytes(tensor.element, 0, &mut bytes)
            .expect("a tensor");
    }
    bound.unsound().expect("readable tensors")
}

#[test]
fn numbers_that_no_weight_should_be_are_named_with_their_tensor() {
    for batch_norms in [BatchNorms::Fold, BatchNorms::Keep] {
        for (tensor, value, expected) in [
            (
                "bn1.running_var",
                -1.0,
                "a variance of -1 at index 3, expected at least 0",
            ),
            (
                "bn2.running_var",
                f32::NAN,
                "1 NaN and 0 infinite of 1280 numbers",
            ),
            (
                "blocks.3.1.bn3.weight",
                f32::INFINITY,
                "0 NaN and 1 infinite of 80 numbers",
            ),
            ("bn2.bias", f32::NAN, "1 NaN and 0 infinite of 1280 numbers"),
            (
                "blocks.0.0.bn1.running_mean",
                f32::NEG_INFINITY,
                "0 NaN and 1 infinite of 32 numbers",
            ),
            (
                "conv_head.weight",
                f32::NAN,
                "1 NaN and 0 infinite of 409600 numbers",
            ),
            (
                "classifier.bias",
                f32::INFINITY,
                "0 NaN and 1 infinite of 1000 numbers",
            ),
            (
                "blocks.1.0.se.conv_reduce.weight",
                f32::NAN,
                "1 NaN and 0 infinite of 384 numbers",
            ),
        ] {
            let found = found(batch_norms, tensor, value);
            let expected =
                format!("a tensor has numbers that no weight should be:\n  `{tensor}`: {expected}");
            assert_eq!(found.to_string(), expected, "{batch_norms:?}");
        }
        // The epsilon makes it positive.
        assert!(found(batch_norms, "bn1.running_var", 0.0).is_empty());
        assert!(found(batch_norms, "conv_stem.weight", 1e30).is_empty());
    }
    // Its batch norm doubles it at least.
    let overflow = found(BatchNorms::Fold, "bn2.running_mean", f32::MAX);
    let expected = "a tensor has numbers that no weight should be:\n  `conv_head.bias`: beyond single precision once the batch \
                    norm is folded into the convolution";
    assert_eq!(overflow.to_string(), expected);
    assert!(found(BatchNorms::Keep, "bn2.running_mean", f32::MAX).is_empty());
}

/// What is infinite in half precision is named as it is written: folded, and before that.
#[test]
fn numbers_beyond_half_precision_are_named_with_their_tensor() {
    for (element, batch_norms, tensor, value, expected) in [
        (
            Element::F16,
            BatchNorms::Fold,
            "classifier.weight",
            65_520.0,
            Some(
                "`classifier.weight`: 1 of 1280000 numbers are beyond f16, the largest by magnitude 6.5520e4",
            ),
        ),
        (
            Element::F16,
            BatchNorms::Fold,
            "classifier.weight",
            65_519.0,
            None,
        ),
        (
            Element::F16,
            BatchNorms::Keep,
            "bn1.running_var",
            1e5,
            Some(
                "`bn1.running_var`: 1 of 32 numbers are beyond f16, the largest by magnitude 1.0000e5",
            ),
        ),
        (Element::F16, BatchNorms::Fold, "bn1.running_var", 1e5, None),
        (
            Element::F16,
            BatchNorms::Fold,
            "bn1.bias",
            -1e6,
            Some(
                "`conv_stem.bias`: 1 of 32 numbers are beyond f16, the largest by magnitude 1.0000e6",
            ),
        ),
        (
            Element::Bf16,
            BatchNorms::Keep,
            "bn1.running_var",
            1e38,
            None,
        ),
        (
            Element::Bf16,
            BatchNorms::Keep,
            "bn1.running_var",
            f32::MAX,
            Some(
                "`bn1.running_var`: 1 of 32 numbers are beyond bf16, the largest by magnitude 3.4028e38",
            ),
        ),
        (
            Element::F16,
            BatchNorms::Keep,
            "bn1.running_var",
            f32::NAN,
            Some("`bn1.running_var`: 1 NaN and 0 infinite of 32 numbers"),
        ),
    ] {
        let form = Form {
            element,
            batch_norms,
            opset: default_opset(element),
            ..Form::default()
        };
        let found = found_in(form, tensor, value);
        match expected {
            None => assert!(found.is_empty(), "{tensor} {value}: {found}"),
            Some(expected) => {
                let start = "a tensor has numbers that no weight should be:\n  ";
                assert_eq!(found.to_string(), format!("{start}{expected}"));
            }
        }
    }
}
