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
    /// The largest magnitude of a value that is computed in that type. By default 1/128 of its range, which leaves room for
    /// pictures with larger values than those of the audit: 512 of f16, as AutoCast's `data_max`
    /// (`modelopt.onnx.autocast.convert.convert_to_mixed_precision`), and 2¹²¹ of bf16.
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
            largest_value: match element {
                Element::Bf16 => (1_u128 << 121) as f64,
                _ => 512.0,
            },
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
        read_by(node, &mut |name| {
            if !read.contains(&name) {
                read.push(name);
            }
        });
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

#[cfg(test)]
mod tests {
    use super::super::{InitializerRange, Magnitudes, RangeVerdict};
    use super::*;

    fn node(name: &str, input: &[&str], output: &str) -> NodeProto {
        NodeProto {
            name: Some(name.to_owned()),
            op_type: Some("Add".to_owned()),
            input: input.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn range(value: &str, elements: &[f64]) -> ValueRange {
        ValueRange {
            value: value.to_owned(),
            node: None,
            op_type: None,
            element: Element::F32,
            shape: vec![elements.len()],
            magnitudes: Magnitudes::of(elements.iter().copied()),
            share_f16: 0.0,
            share_bf16: 0.0,
            case: 0,
            reduction_depth: None,
            move_f16: Some(Move {
                relative: Some(1e-4),
            }),
            move_bf16: None,
        }
    }

    /// The reasons of each island, as they are shown.
    fn found(report: &RangeReport, rules: &IslandRules) -> Vec<(String, Vec<String>)> {
        let nodes = [
            node("a", &["input", "w"], "one"),
            node("b", &["one", "one"], "two"),
            node("", &["two", "v"], "three"),
            node("d", &["three"], "four"),
        ];
        let islands = islands(&nodes, report, rules).into_iter();
        let shown = |island: Island| {
            let reasons = island.reasons.iter().map(ToString::to_string);
            (island.node, reasons.collect())
        };
        islands.map(shown).collect()
    }

    fn report(values: Vec<ValueRange>, initializers: &[(&str, f64)]) -> RangeReport {
        let initializers = initializers.iter().map(|(name, largest)| InitializerRange {
            name: (*name).to_owned(),
            element: Element::F32,
            shape: vec![1],
            magnitudes: Magnitudes::of([*largest]),
            share_f16: 0.0,
        });
        RangeReport {
            file: "a.onnx".to_owned(),
            runtime: "reference",
            cases: Vec::new(),
            pictures: None,
            verdict: RangeVerdict::Fits,
            values,
            initializers: initializers.collect(),
            initializers_not_read: 0,
            moves: None,
            notes: Vec::new(),
            seconds: 0.0,
        }
    }

    fn expected(islands: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let owned = |reasons: &[&str]| reasons.iter().map(|&reason| reason.to_owned()).collect();
        let islands = islands.iter();
        islands
            .map(|(node, reasons)| ((*node).to_owned(), owned(reasons)))
            .collect()
    }

    #[test]
    fn what_is_within_the_rules_is_no_island() {
        let values = vec![range("input", &[512.0]), range("one", &[-512.0])];
        let report = report(values, &[("w", 65504.0), ("v", 0.0)]);
        assert_eq!(found(&report, &IslandRules::new(Element::F16)), []);
    }

    #[test]
    fn every_node_that_reads_or_writes_what_is_too_large_is_an_island() {
        let values = vec![range("two", &[1.0, -600.0]), range("four", &[f64::NAN])];
        let report = report(values, &[("w", 1e5)]);
        let rules = IslandRules::new(Element::F16);
        let all = [
            ("a", &["initializer `w` has 1.0000e5"][..]),
            ("b", &["`two` has 6.0000e2"]),
            ("three", &["`two` has 6.0000e2"]),
            ("d", &["`four` has a value that is not finite"]),
        ];
        assert_eq!(found(&report, &rules), expected(&all));
        // A value that is read twice is one reason.
        let twice = self::report(vec![range("one", &[1e6])], &[]);
        let reasons = &["`one` has 1.0000e6"][..];
        assert_eq!(
            found(&twice, &rules),
            expected(&[("a", reasons), ("b", reasons)])
        );
        let wider = IslandRules {
            largest_value: 600.0,
            ..rules
        };
        assert_eq!(
            found(&report, &wider),
            expected(&[&all[..1], &all[3..]].concat())
        );
        // bf16 takes all that is finite.
        let rules = IslandRules::new(Element::Bf16);
        assert_eq!(found(&report, &rules), expected(&all[3..]));
    }

    #[test]
    fn deep_sums_and_values_whose_rounding_shows_are_islands_where_they_are_computed() {
        let mut one = range("one", &[1.0]);
        one.reduction_depth = Some(100);
        let mut two = range("two", &[1.0]);
        two.move_f16 = Some(Move {
            relative: Some(0.0125),
        });
        let mut four = range("four", &[1.0]);
        four.move_bf16 = Some(Move { relative: None });
        let report = report(vec![one, two, four], &[]);
        let rules = |element| IslandRules {
            deepest_reduction: Some(99),
            ..IslandRules::new(element)
        };
        let deep = ("a", &["it sums 100 numbers"][..]);
        let moves = ("b", &["rounding `two` moves the outputs by 1.25 %"][..]);
        assert_eq!(
            found(&report, &rules(Element::F16)),
            expected(&[deep, moves])
        );
        let moves = (
            "d",
            &["rounding `four` moves the outputs by more than any number"][..],
        );
        assert_eq!(
            found(&report, &rules(Element::Bf16)),
            expected(&[deep, moves])
        );
        let shallow = IslandRules {
            deepest_reduction: Some(100),
            largest_move: 0.0125,
            ..IslandRules::new(Element::F16)
        };
        assert_eq!(found(&report, &shallow), []);
    }
}
