//! How large the values of a file are, beside what f16 and bf16 hold, and which nodes should stay in f32: the range audit.
//! Pure functions; [`session`](super::session) runs the file.
//!
//! The three questions are those of AutoCast in NVIDIA's ModelOpt (`modelopt.onnx.autocast.nodeclassifier`): the range of
//! computed values, the range of initializers, and the depth of each node's reduction. A fourth is asked beside them: how
//! far the outputs move where one value alone is rounded.

mod depth;
mod islands;
mod magnitudes;

pub(super) use depth::{KnownOperands, reduction_depth};
pub use islands::{Island, IslandReason, IslandRules, islands};
pub use magnitudes::{Magnitudes, largest_of};

use super::note::VerifyNote;
use crate::tensor::Element;
use serde::{Serialize, Serializer};

/// The types to which values are rounded.
pub const ROUNDED_TO: [Element; 2] = [Element::F16, Element::Bf16];

/// What came of the audit of one file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RangeReport {
    /// The file, as it is called.
    pub file: String,
    /// The runtime that gave the values.
    pub runtime: &'static str,
    /// What the file was run with.
    pub cases: Vec<RangeCase>,
    /// Pictures that were found; more than there are cases where only some of them were used. None for noise.
    pub pictures: Option<usize>,
    /// The verdict.
    #[serde(serialize_with = "verdict_name")]
    pub verdict: RangeVerdict,
    /// Inputs of the graph and results of its nodes, in the file's order, as far as they are floating-point tensors.
    pub values: Vec<ValueRange>,
    /// Floating-point initializers, in the file's order.
    pub initializers: Vec<InitializerRange>,
    /// Initializers of types that are not read.
    pub initializers_not_read: usize,
    /// What rounding moves in the outputs; none where that was not measured, for which a note gives the reason.
    pub moves: Option<Moves>,
    /// What is worth knowing.
    pub notes: Vec<VerifyNote>,
    /// How long it took.
    pub seconds: f64,
}

/// A set of inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RangeCase {
    /// Images in it.
    pub batch: u64,
    /// Their height and width; none where no input is an image.
    pub size: Option<[u64; 2]>,
    /// The pictures that they are; empty for noise.
    pub pictures: Vec<String>,
}

/// How large a value is over all cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueRange {
    /// Its name.
    pub value: String,
    /// The node that computes it; none for an input of the graph.
    pub node: Option<String>,
    /// The operator of that node.
    pub op_type: Option<String>,
    /// Its type in the file.
    pub element: Element,
    /// Its shape in the first case.
    pub shape: Vec<usize>,
    /// How large its elements are.
    #[serde(flatten)]
    pub magnitudes: Magnitudes,
    /// The largest magnitude as a part of f16's largest, 65504.
    pub share_f16: f64,
    /// The largest magnitude as a part of bf16's largest, 3.39e38.
    pub share_bf16: f64,
    /// The case of the largest magnitude, an index of the report's cases.
    pub case: usize,
    /// How many products or elements the node sums for each element of the value; none where it does not reduce.
    pub reduction_depth: Option<u64>,
    /// How far the outputs move where this value alone is rounded to f16; none if that was not measured.
    pub move_f16: Option<Move>,
    /// The same of bf16.
    pub move_bf16: Option<Move>,
}

/// How large an initializer is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InitializerRange {
    /// Its name.
    pub name: String,
    /// Its type in the file.
    pub element: Element,
    /// Its shape.
    pub shape: Vec<u64>,
    /// How large its elements are.
    #[serde(flatten)]
    pub magnitudes: Magnitudes,
    /// The largest magnitude as a part of f16's largest, 65504.
    pub share_f16: f64,
}

/// How far outputs move: the largest |difference| of any, as a part of that output's largest |element| without rounding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Move {
    /// The part; none if an output is not finite, or was zero and is not.
    pub relative: Option<f64>,
}

/// What rounding moves in the outputs of one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moves {
    /// The case, an index of the report's cases.
    pub case: usize,
    /// The types to which each value was rounded alone.
    pub each_value: Vec<Element>,
    /// All initializers at once, in each of f16 and bf16.
    pub initializers: [Move; 2],
    /// Inputs, initializers and all results at once, in each of f16 and bf16.
    pub everything: [Move; 2],
}

/// What the ranges come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeVerdict {
    /// Every value and initializer is finite and fits f16.
    Fits,
    /// All are finite and fit their own types; some do not fit f16.
    ExceedsF16(Beyond),
    /// Some are beyond the types that they have in the file, or are not finite.
    ExceedsOwnType(Beyond),
}

/// How many do not fit a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Inputs and results of nodes.
    pub values: usize,
    /// Initializers.
    pub initializers: usize,
}

impl RangeVerdict {
    /// Derives the verdict from ranges.
    #[must_use]
    pub fn of(values: &[ValueRange], initializers: &[InitializerRange]) -> Self {
        let beyond = |element: Option<Element>| {
            let fits = |magnitudes: &Magnitudes, own| magnitudes.fits(element.unwrap_or(own));
            let of_values = values.iter();
            let of_initializers = initializers.iter();
            Beyond {
                values: of_values
                    .filter(|one| !fits(&one.magnitudes, one.element))
                    .count(),
                initializers: of_initializers
                    .filter(|one| !fits(&one.magnitudes, one.element))
                    .count(),
            }
        };
        let none = Beyond::default();
        match (beyond(None), beyond(Some(Element::F16))) {
            (own, f16) if own == none && f16 == none => Self::Fits,
            (own, f16) if own == none => Self::ExceedsF16(f16),
            (own, _) => Self::ExceedsOwnType(own),
        }
    }
}

fn verdict_name<S: Serializer>(verdict: &RangeVerdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match verdict {
        RangeVerdict::Fits => "fits_f16",
        RangeVerdict::ExceedsF16(_) => "exceeds_f16",
        RangeVerdict::ExceedsOwnType(_) => "exceeds_own_type",
    })
}
