//! What a file records beside its network, in words.

use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::metadata::{Framing, HeadRecord, Normal, Origin, Preprocessing, Sampling};
use efficientnet_onnx::network::ClassActivation;
use efficientnet_onnx::tensor::Element;

/// Where weights are from.
pub fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Seed { .. } | Origin::Skeleton { .. } => origin.untrained().to_string(),
        Origin::Checkpoint {
            name,
            sha256,
            naming,
            ..
        } => {
            let untrained = origin.untrained();
            let untrained = if untrained.is_nothing() {
                String::new()
            } else {
                format!("; {untrained}")
            };
            let fitted = origin.fitted().map_or(String::new(), |fitted| {
                format!(
                    "; classifier of {} (SHA-256 {})",
                    fitted.name.shown(),
                    fitted.sha256.shown()
                )
            });
            format!("{name} ({naming} names, SHA-256 {sha256}){fitted}{untrained}")
        }
    }
}

/// What turns logits into probabilities, and these into classes.
pub fn head(head: &HeadRecord, classes: u64) -> String {
    let what = match head.activation {
        ClassActivation::Softmax => "one probability over all classes",
        ClassActivation::Sigmoid if classes == 1 => "the probability of the class",
        ClassActivation::Sigmoid => "each class has its own probability",
    };
    let thresholds = head.thresholds.as_ref();
    let thresholds = thresholds.map(|thresholds| match thresholds.numbers() {
        [all] => format!(", named from {all} on"),
        numbers => {
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(0.0, f64::max);
            format!(", named from its threshold on, of {least} to {most}")
        }
    });
    format!(
        "{}: {what}{}",
        head.activation.name(),
        thresholds.unwrap_or_default()
    )
}

/// How pictures become input.
pub fn preprocessing(preprocessing: &Preprocessing) -> String {
    let [height, width] = preprocessing.size;
    let filter = format!("{:?}", preprocessing.interpolation).to_lowercase();
    let framing = match preprocessing.framing {
        Framing::CropPadding(padding) => {
            format!("centre crop {height}/({height}+{padding}), {filter}")
        }
        Framing::Cover([down, across]) => {
            format!("{filter} until it covers {down}x{across}, centre crop")
        }
        Framing::Stretch(to) if to == preprocessing.size => filter,
        Framing::Stretch([down, across]) => {
            format!("{filter} to {down}x{across} whatever the aspect, centre crop")
        }
    };
    let sampling = match preprocessing.sampling {
        Sampling::Antialias => "antialiased",
        Sampling::HalfPixel => "as TensorFlow 2 resizes",
        Sampling::Legacy => "as TensorFlow 1 resizes",
    };
    let numbers = |values: [f64; 3]| {
        values
            .map(|value| format!("{value:.6}"))
            .map(|number| trimmed(&number))
            .join(", ")
    };
    let normal = |Normal { mean, std }| {
        let (mean, std) = (numbers(mean), numbers(std));
        format!("mean [{mean}], std [{std}]")
    };
    let values = match (preprocessing.element, preprocessing.inside) {
        (Element::U8, Some(inside)) => format!("bytes, the graph has {}", normal(inside)),
        (Element::U8, None) => "bytes".to_owned(),
        (_, Some(inside)) => format!("levels from 0 to 255, the graph has {}", normal(inside)),
        (_, None) => normal(preprocessing.normal),
    };
    format!(
        "{framing} to {height}x{width}, {sampling}, {} in {}, {values}",
        preprocessing.channels, preprocessing.layout,
    )
}

fn trimmed(number: &str) -> String {
    number
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}
