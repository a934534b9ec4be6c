//! Mistakes in windows and weights of convolutions and linear layers.

use super::edit::Edit;
use super::tensor::TensorChange;
use super::view::View;
use super::{Kind, Mutation};
use crate::tensor::Element;

/// How much larger a scaled weight is.
const SCALE: f32 = 1.01;

/// The sites of a kind that is about convolutions; nothing for other kinds.
pub fn sites(view: &View, kind: Kind) -> Vec<Mutation> {
    let mut sites = Vec::new();
    for node in view.of("Conv") {
        let Some(&[outputs, inputs, height, width]) = view.tensor(node, 1) else {
            continue;
        };
        let weight = || view.input(node, 1).to_owned();
        let change = |change| vec![Edit::Tensor(weight(), change)];
        let window = height > 1 || width > 1;
        let edits = match kind {
            Kind::PadsMoved => moved_pads(view, node),
            Kind::PadsShifted => shifted_pads(view, node),
            Kind::Dilated => dilated(view, node, [height, width]),
            Kind::DepthwiseRotated if inputs == 1 && outputs > 1 => {
                change(TensorChange::RotatedParts)
            }
            Kind::WeightScaled => change(TensorChange::Scaled(SCALE)),
            // What is of bfloat16 is rounded already.
            Kind::WeightRounded if view.element(node, 1) != Some(Element::Bf16) => {
                change(TensorChange::Rounded)
            }
            Kind::WeightZeroed if outputs > 1 => change(TensorChange::ZeroedLargest),
            Kind::ChannelsSwapped if outputs > 1 => change(TensorChange::SwappedExtremes),
            Kind::WeightTransposed if window && height == width => {
                change(TensorChange::TransposedWindow)
            }
            Kind::WeightFlipped if window => change(TensorChange::FlippedWindow),
            Kind::WeightLayout if !window && outputs > 1 && inputs > 1 => {
                change(TensorChange::OtherLayout)
            }
            Kind::WeightsSwapped => swapped_weights(view, node),
            Kind::InputReversed if inputs == 3 && view.is_of_input(view.input(node, 0)) => {
                change(TensorChange::ReversedInputs)
            }
            Kind::BiasDropped | Kind::BiasRotated => bias(view, kind, node),
            _ => continue,
        };
        if !edits.is_empty() {
            sites.push(Mutation::new(view, kind, node, edits));
        }
    }
    sites.extend(linear_sites(view, kind));
    sites
}

/// Sites at `Gemm`, and at `MatMul` with a stored second factor.
fn linear_sites(view: &View, kind: Kind) -> Vec<Mutation> {
    let mut sites = Vec::new();
    for node in view.of("Gemm").chain(view.of("MatMul")) {
        let Some(&[rows, columns]) = view.tensor(node, 1) else {
            continue;
        };
        let change = |change| vec![Edit::Tensor(view.input(node, 1).to_owned(), change)];
        let edits = match kind {
            Kind::ClassesRotated if rows > 1 => change(TensorChange::RotatedParts),
            Kind::LinearLayout if rows > 1 && columns > 1 => change(TensorChange::OtherLayout),
            Kind::BiasDropped | Kind::BiasRotated => bias(view, kind, node),
            _ => continue,
        };
        if !edits.is_empty() {
            sites.push(Mutation::new(view, kind, node, edits));
        }
    }
    sites
}

/// The explicit pads `[top, left, bottom, right]`.
fn pads(view: &View, node: usize) -> Option<[i64; 4]> {
    let pads = view.integers(node, "pads", &[0; 4]);
    view.has_explicit_pads(node)
        .then_some(pads)?
        .try_into()
        .ok()
}

fn moved_pads(view: &View, node: usize) -> Vec<Edit> {
    let upper = view
        .attribute(node, "auto_pad")
        .is_some_and(|attribute| attribute.s() == b"SAME_UPPER");
    let strides = view.integers(node, "strides", &[1, 1]);
    match pads(view, node) {
        Some([top, left, bottom, right]) if [top, left] != [bottom, right] => {
            vec![Edit::Integers(node, "pads", vec![bottom, right, top, left])]
        }
        // With steps of one and an odd window nothing is asymmetric.
        None if upper && strides.iter().any(|&stride| stride > 1) => {
            vec![Edit::Text(node, "auto_pad", "SAME_LOWER")]
        }
        _ => Vec::new(),
    }
}

fn shifted_pads(view: &View, node: usize) -> Vec<Edit> {
    match pads(view, node) {
        Some([top, left, bottom, right])
            if [top, left] == [bottom, right] && top > 0 && left > 0 =>
        {
            vec![Edit::Integers(
                node,
                "pads",
                vec![top - 1, left - 1, bottom + 1, right + 1],
            )]
        }
        _ => Vec::new(),
    }
}

/// Dilation 2 with as many more zeros as keep the shape.
fn dilated(view: &View, node: usize, window: [i64; 2]) -> Vec<Edit> {
    let Some([top, left, bottom, right]) = pads(view, node) else {
        return Vec::new();
    };
    let is_one = |dilation: &i64| *dilation == 1;
    if window.iter().any(|&extent| extent < 2)
        || !view.integers(node, "dilations", &[1, 1]).iter().all(is_one)
    {
        return Vec::new();
    }
    let [more_height, more_width] = window.map(|extent| extent - 1);
    let pads = vec![
        top + more_height / 2,
        left + more_width / 2,
        bottom + more_height - more_height / 2,
        right + more_width - more_width / 2,
    ];
    vec![
        Edit::Integers(node, "dilations", vec![2, 2]),
        Edit::Integers(node, "pads", pads),
    ]
}

/// With the next convolution of the same weight dimensions.
fn swapped_weights(view: &View, node: usize) -> Vec<Edit> {
    let own = view.input(node, 1);
    let other = view.of("Conv").find(|&other| {
        other > node && view.tensor(other, 1) == view.tensor(node, 1) && view.input(other, 1) != own
    });
    other.map_or_else(Vec::new, |other| {
        vec![
            Edit::Input(node, 1, view.input(other, 1).to_owned()),
            Edit::Input(other, 1, own.to_owned()),
        ]
    })
}

/// What a kind does to the third operand, the bias; nothing where there is none.
fn bias(view: &View, kind: Kind, node: usize) -> Vec<Edit> {
    match (kind, view.tensor(node, 2)) {
        (Kind::BiasDropped, Some(_)) => vec![Edit::Input(node, 2, String::new())],
        (Kind::BiasRotated, Some(dims)) if dims.first() > Some(&1) => vec![Edit::Tensor(
            view.input(node, 2).to_owned(),
            TensorChange::RotatedParts,
        )],
        _ => Vec::new(),
    }
}
