//! Which nodes should compute in f32 where the rest of a file is in f16 or bf16, and why.

use super::{Move, RangeReport, ValueRange};
use crate::files::foreign::Foreign;
use crate::onnx::proto::NodeProto;
use crate::tensor::Element;
use crate::verify::trace::{name_of, read_by};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// When a node becomes an island.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IslandRules {
    /// The type of the rest of the file: f16 or bf16.
    pub element: Element,
    /// The largest magnitude of a value that is computed in that type. By default 512, as AutoCast's `data_max`
    /// (`modelopt.onnx.autocast.convert.convert_to_mixed_precision`): room for pictures with larger values than those of
    /// the audit.
    pub largest_value: f64,
    /// The largest magnitude of an initializer of that type. By default the type's largest number, as AutoCast's
    /// `init_max`.
    pub largest_initializer: f64,
    /// The largest depth of a reduction in that type. By default none is too deep, as with AutoCast's
    /// `max_depth_of_reduction`.
    pub deepest_reduction: Option<u64>,
    /// How far the outputs may move where one value is rounded to that type. By default 1/100 of the largest element.
    pub largest_move: f64,
}

impl IslandRules {
    /// The defaults for a file in f16 or bf16.
    #[must_use]
    pub fn new(element: Element) -> Self {
        Self {
            element,
            largest_value: 512.0,
            largest_initializer: super::largest_of(element).unwrap_or(f64::MAX),
            deepest_reduction: None,
            largest_move: 0.01,
        }
    }
}

/// A node that should compute in f32.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Island {
    /// Its name, or that of its first result where it has none.
    pub node: String,
    /// Why, in the order of the rules; at least one reason.
    pub reasons: Vec<IslandReason>,
}

/// Why a node should compute in f32.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IslandReason {
    /// A value that it reads or writes is too large, or not finite.
    Value {
        /// The value.
        value: String,
        /// Its largest magnitude; none if it is not finite.
        largest: Option<f64>,
    },
    /// An initializer that it reads is too large, or not finite.
    Initializer {
        /// The initializer.
        name: String,
        /// Its largest magnitude; none if it is not finite.
        largest: Option<f64>,
    },
    /// It sums too many numbers.
    Depth(u64),
    /// Rounding a value that it writes moves the outputs too far.
    Moves {
        /// The value.
        value: String,
        /// How far; none if an output is not finite.
        relative: Option<f64>,
    },
}

impl fmt::Display for IslandReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = |largest: &Option<f64>| match largest {
            Some(largest) => format!("{largest:.4e}"),
            None => "a value that is not finite".to_owned(),
        };
        match self {
            Self::Value {
                value,
                largest: most,
            } => {
                write!(f, "`{}` has {}", value.shown(), largest(most))
            }
            Self::Initializer {
                name,
                largest: most,
            } => {
                write!(f, "initializer `{}` has {}", name.shown(), largest(most))
            }
            Self::Depth(depth) => write!(f, "it sums {depth} numbers"),
            Self::Moves { value, relative } => {
                write!(f, "rounding `{}` moves the outputs by ", value.shown())?;
                match relative {
                    Some(relative) => write!(f, "{:.2} %", relative * 100.0),
                    None => f.write_str("more than any number"),
                }
            }
        }
    }
}

/// Decides which of a file's nodes are islands, from the audit of that file; in the file's order.
///
/// What is too large, or not finite, makes islands of every node that reads or writes it.
#[must_use]
pub fn islands(nodes: &[NodeProto], report: &RangeReport, rules: &IslandRules) -> Vec<Island> {
    let ranges = report.values.iter();
    let ranges: BTreeMap<&str, &ValueRange> =
        ranges.map(|range| (range.value.as_str(), range)).collect();
    let initializers = report.initializers.iter();
    let initializers: BTreeMap<&str, Option<f64>> = initializers
        .filter_map(|one| {
            let largest = finite(one.magnitudes.largest, one.magnitudes.not_finite);
            let too_large = largest.is_none_or(|largest| largest > rules.largest_initializer);
            too_large.then_some((one.name.as_str(), largest))
        })
        .collect();
    let too_large = |value: &str| {
        let range = ranges.get(value)?;
        let largest = finite(range.magnitudes.largest, range.magnitudes.not_finite);
        let too_large = largest.is_none_or(|largest| largest > rules.largest_value);
        too_large.then(|| IslandReason::Value {
            value: value.to_owned(),
            largest,
        })
    };
    let mut islands = Vec::new();
    for node in nodes {
        let mut reasons = Vec::new();
        let mut read = Vec::new();
        read_by(node, &mut |name| read.push(name));
        let written = node.output.iter().map(String::as_str);
        reasons.extend(
            read.iter()
                .copied()
                .chain(written.clone())
                .filter_map(too_large),
        );
        reasons.extend(read.iter().filter_map(|name| {
            let largest = initializers.get(name)?;
            Some(IslandReason::Initializer {
                name: (*name).to_owned(),
                largest: *largest,
            })
        }));
        let of_node = written.filter_map(|name| ranges.get(name));
        let depths = of_node.clone().filter_map(|range| range.reduction_depth);
        let depth = depths.max().unwrap_or_default();
        if rules.deepest_reduction.is_some_and(|most| depth > most) {
            reasons.push(IslandReason::Depth(depth));
        }
        reasons.extend(of_node.filter_map(|range| {
            let Move { relative } = range.moved(rules.element)?;
            let too_far = relative.is_none_or(|relative| relative > rules.largest_move);
            too_far.then(|| IslandReason::Moves {
                value: range.value.clone(),
                relative,
            })
        }));
        if !reasons.is_empty() {
            let node = name_of(node);
            islands.push(Island { node, reasons });
        }
    }
    islands
}

fn finite(largest: f64, not_finite: u64) -> Option<f64> {
    (not_finite == 0).then_some(largest)
}

impl ValueRange {
    /// How far the outputs move where this value is rounded to a type.
    fn moved(&self, element: Element) -> Option<Move> {
        match element {
            Element::F16 => self.move_f16,
            Element::Bf16 => self.move_bf16,
            _ => None,
        }
    }
}
