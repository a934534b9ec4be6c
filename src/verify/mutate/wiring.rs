//! Mistakes in activations, gates, sums and means: which operator, and from where.

use super::edit::{COPIED, Edit};
use super::tensor::TensorChange;
use super::view::View;
use super::{Kind, Mutation};

/// The factor on the bound of a clip: six becomes five.
const BOUND_FACTOR: f32 = 5.0 / 6.0;

/// The sites of a kind that is about operators and wiring; nothing for other kinds.
pub fn sites(view: &View, kind: Kind) -> Vec<Mutation> {
    (0..view.nodes.len())
        .filter_map(|node| Some(Mutation::new(view, kind, node, edits(view, kind, node)?)))
        .collect()
}

fn edits(view: &View, kind: Kind, node: usize) -> Option<Vec<Edit>> {
    let operator = |op_type, inputs: &[&str]| {
        Some(vec![Edit::Operator(
            node,
            op_type,
            inputs.iter().map(|&input| input.to_owned()).collect(),
        )])
    };
    let given = view.input(node, 0);
    match kind {
        Kind::ResidualDropped => operator("Identity", &[residual(view, node)?.0]),
        Kind::BranchDropped => operator("Identity", &[residual(view, node)?.1]),
        Kind::ResidualDoubled => {
            residual(view, node).and_then(|(_, old)| operator("Add", &[old, old]))
        }
        Kind::ResidualEarlier => {
            let (new, old) = residual(view, node)?;
            let (_, earlier) = residual(view, view.maker(old)?)?;
            operator("Add", &[new, earlier])
        }
        Kind::ActivationDropped => operator("Identity", &[activated(view, node)?]),
        Kind::ActivationRelu => match activated(view, node)? {
            value if !view.is(node, "Clip") && !view.is(node, "Relu") => operator("Relu", &[value]),
            _ => None,
        },
        Kind::SigmoidHard if view.is(node, "Swish") => Some(vec![Edit::Rename(node, "HardSwish")]),
        Kind::SigmoidHard => {
            let inner = sigmoid(view, swish(view, node)?.1)?;
            Some(vec![
                Edit::Rename(inner, "HardSigmoid"),
                Edit::Float(inner, "alpha", 1.0 / 6.0),
            ])
        }
        Kind::SigmoidTanh => Some(vec![Edit::Rename(
            sigmoid(view, gate(view, node)?.1)?,
            "Tanh",
        )]),
        Kind::ClipLower => {
            let bound = clip_bound(view, node)?;
            Some(vec![
                Edit::Copy(bound.to_owned(), TensorChange::Scaled(BOUND_FACTOR)),
                Edit::Input(node, 2, format!("{bound}{COPIED}")),
            ])
        }
        Kind::ClipWithoutMaximum => {
            clip_bound(view, node)?;
            Some(vec![Edit::Input(node, 2, String::new())])
        }
        Kind::ClipWithoutMinimum if view.is(node, "Clip") && !view.input(node, 1).is_empty() => {
            Some(vec![Edit::Input(node, 1, String::new())])
        }
        Kind::GateDropped => operator("Identity", &[gate(view, node)?.0]),
        Kind::GateElsewhere => {
            let (value, own) = gate(view, node)?;
            let width = gate_width(view, own)?;
            let other = (0..node)
                .rev()
                .filter_map(|other| gate(view, other))
                .map(|(_, other)| other);
            let other = other
                .into_iter()
                .find(|other| *other != own && gate_width(view, other) == Some(width))?;
            operator("Mul", &[value, other])
        }
        Kind::SqueezeOneAxis => squeeze_one_axis(view, node),
        Kind::MeanMaximum if view.is(node, "ReduceMean") => {
            Some(vec![Edit::Rename(node, "ReduceMax")])
        }
        Kind::MeanMaximum if view.is(node, "GlobalAveragePool") => {
            Some(vec![Edit::Rename(node, "GlobalMaxPool")])
        }
        Kind::SoftmaxAxis if view.is(node, "Softmax") && !given.is_empty() => {
            Some(vec![Edit::Integer(node, "axis", 0)])
        }
        _ => None,
    }
}

/// The operands of a sum of two computed values, the one that is computed later first.
fn residual<'g>(view: &View<'g>, node: usize) -> Option<(&'g str, &'g str)> {
    let (one, two) = (view.input(node, 0), view.input(node, 1));
    let (first, second) = (view.maker(one)?, view.maker(two)?);
    (view.is(node, "Add") && first != second).then_some(if first > second {
        (one, two)
    } else {
        (two, one)
    })
}

/// What an activation of any spelling is given.
fn activated<'g>(view: &View<'g>, node: usize) -> Option<&'g str> {
    let alone = ["Clip", "Relu", "HardSwish", "Swish"]
        .iter()
        .any(|op_type| view.is(node, op_type));
    if alone {
        return Some(view.input(node, 0));
    }
    swish(view, node).map(|(value, _)| value)
}

/// `x` and `sigmoid(x)` of the product of the two.
fn swish<'g>(view: &View<'g>, node: usize) -> Option<(&'g str, &'g str)> {
    product(view, node).filter(|(value, factor)| {
        sigmoid(view, factor).is_some_and(|inner| view.input(inner, 0) == *value)
    })
}

/// `x` and `sigmoid(y)` of the product of the two, or another bounded factor.
fn gate<'g>(view: &View<'g>, node: usize) -> Option<(&'g str, &'g str)> {
    product(view, node).filter(|(value, factor)| {
        sigmoid(view, factor).is_some_and(|inner| view.input(inner, 0) != *value)
    })
}

/// The operands of a product, one of which is a sigmoid, which comes second.
fn product<'g>(view: &View<'g>, node: usize) -> Option<(&'g str, &'g str)> {
    let (one, two) = (view.input(node, 0), view.input(node, 1));
    match (view.is(node, "Mul"), sigmoid(view, one), sigmoid(view, two)) {
        (true, _, Some(_)) => Some((one, two)),
        (true, Some(_), None) => Some((two, one)),
        _ => None,
    }
}

/// The node that makes a value, if it is a sigmoid and nothing else takes the value.
fn sigmoid(view: &View, value: &str) -> Option<usize> {
    let node = view.maker(value)?;
    let bounded = view.is(node, "Sigmoid") || view.is(node, "HardSigmoid");
    (bounded && view.takers(value).len() == 1).then_some(node)
}

/// How many channels a gate has: those of the convolution that it comes from.
fn gate_width(view: &View, gate: &str) -> Option<i64> {
    let before = view.input(sigmoid(view, gate)?, 0);
    let node = view.maker(before).filter(|&node| view.is(node, "Conv"))?;
    view.tensor(node, 1)?.first().copied()
}

/// The stored upper bound of a clip.
fn clip_bound<'g>(view: &View<'g>, node: usize) -> Option<&'g str> {
    let stored = view.is(node, "Clip") && view.tensor(node, 2).is_some();
    stored.then(|| view.input(node, 2))
}

/// A mean over the positions, which stay with extent 1 and go into a convolution, becomes one over the rows alone.
fn squeeze_one_axis(view: &View, node: usize) -> Option<Vec<Edit>> {
    let operand = view.list(node, 1).map(<[i64]>::to_vec);
    let axes = operand.clone();
    let axes = axes.unwrap_or_else(|| view.integers(node, "axes", &[]));
    let stays = view
        .attribute(node, "keepdims")
        .is_none_or(|attribute| attribute.i() == 1);
    let made = view.output(node);
    let convolved = !view.takers(made).is_empty()
        && view
            .takers(made)
            .iter()
            .all(|&taker| view.is(taker, "Conv"));
    let squeezes = view.is(node, "ReduceMean")
        && axes.len() == 2
        && stays
        && convolved
        && !view.is_output(made);
    squeezes.then(|| {
        let rows = match operand {
            Some(_) => Edit::List(node, 1, vec![axes[0]]),
            None => Edit::Integers(node, "axes", vec![axes[0]]),
        };
        vec![rows, Edit::ForgetTypes]
    })
}
