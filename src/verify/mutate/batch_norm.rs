//! Mistakes in batch norms.

use super::edit::Edit;
use super::tensor::TensorChange;
use super::view::View;
use super::{Kind, Mutation};
use crate::onnx::proto::AttributeProto;

/// The epsilons of TensorFlow's EfficientNet and of PyTorch's `BatchNorm2d`, which is ONNX's default too.
const EPSILONS: [f32; 2] = [1e-3, 1e-5];

/// The sites of a kind that is about batch norms; nothing for other kinds.
pub fn sites(view: &View, kind: Kind) -> Vec<Mutation> {
    if kind == Kind::EpsilonChanged {
        return other_epsilon(view).into_iter().collect();
    }
    let mut sites = Vec::new();
    for node in view.of("BatchNormalization") {
        let parameters = [1, 2, 3, 4].map(|input| view.input(node, input).to_owned());
        let Some(dims) = view.tensor(node, 1) else {
            continue;
        };
        if (2..5).any(|input| view.tensor(node, input) != Some(dims)) {
            continue;
        }
        let [scale, bias, mean, variance] = parameters;
        let exchange = |one: usize, two: usize| {
            vec![
                Edit::Input(node, one, view.input(node, two).to_owned()),
                Edit::Input(node, two, view.input(node, one).to_owned()),
            ]
        };
        let edits = match kind {
            Kind::BatchNormsSwapped => swapped(view, node, dims),
            Kind::ScaleNegated => vec![Edit::Tensor(scale, TensorChange::Scaled(-1.0))],
            Kind::ScaleBiasSwapped => exchange(1, 2),
            Kind::MeanVarianceSwapped => exchange(3, 4),
            Kind::MeanDropped => vec![Edit::Tensor(mean, TensorChange::Scaled(0.0))],
            Kind::VarianceIsDeviation => vec![Edit::Tensor(variance, TensorChange::SquareRoot)],
            Kind::BatchNormRotated if dims.first() > Some(&1) => {
                vec![Edit::Tensor(bias, TensorChange::RotatedParts)]
            }
            _ => continue,
        };
        if !edits.is_empty() {
            sites.push(Mutation::new(view, kind, node, edits));
        }
    }
    sites
}

/// The mistake of a whole exporter, so all batch norms are one site.
fn other_epsilon(view: &View) -> Option<Mutation> {
    let [tensorflow, pytorch] = EPSILONS;
    let edits: Vec<Edit> = view
        .of("BatchNormalization")
        .map(|node| {
            let epsilon = view
                .attribute(node, "epsilon")
                .map_or(pytorch, AttributeProto::f);
            let other = if epsilon == pytorch {
                tensorflow
            } else {
                pytorch
            };
            Edit::Float(node, "epsilon", other)
        })
        .collect();
    let first = view.of("BatchNormalization").next()?;
    Some(Mutation {
        site: format!("all {} batch norms", edits.len()),
        ..Mutation::new(view, Kind::EpsilonChanged, first, edits)
    })
}

/// With the next batch norm of the same width.
fn swapped(view: &View, node: usize, dims: &[i64]) -> Vec<Edit> {
    let other = view.of("BatchNormalization").find(|&other| {
        other > node
            && view.tensor(other, 1) == Some(dims)
            && view.input(other, 1) != view.input(node, 1)
    });
    let Some(other) = other else {
        return Vec::new();
    };
    let takes = |to: usize, from: usize| {
        (1..5).map(move |input| Edit::Input(to, input, view.input(from, input).to_owned()))
    };
    takes(node, other).chain(takes(other, node)).collect()
}
