//! Products that are written as an equation of labels.

use super::{Call, product};
use std::collections::{BTreeMap, BTreeSet};

/// The labels of each operand and of the result, and the extent of each label; none if the equation has an ellipsis or does not fit.
struct Equation {
    operands: usize,
    result: Vec<char>,
    extents: BTreeMap<char, u64>,
}

impl Equation {
    fn of(call: &Call<'_>) -> Option<Self> {
        let text = String::from_utf8(call.attribute("equation")?.s().to_vec()).ok()?;
        let text = text.replace(' ', "");
        let (operands, result) = match text.split_once("->") {
            Some((operands, result)) => (operands, Some(result)),
            None => (text.as_str(), None),
        };
        let operands: Vec<&str> = operands.split(',').collect();
        let is_plain = |text: &&str| text.chars().all(|one| one.is_ascii_alphabetic());
        (operands.len() == call.operands.len()).then_some(())?;
        operands.iter().chain(&result).all(is_plain).then_some(())?;
        let mut extents = BTreeMap::new();
        for (index, labels) in operands.iter().enumerate() {
            let shape = call.shape(index)?;
            (shape.len() == labels.len()).then_some(())?;
            for (label, extent) in labels.chars().zip(shape) {
                (*extents.entry(label).or_insert(*extent) == *extent).then_some(())?;
            }
        }
        // Without a result, the labels that occur once, in the order of the alphabet.
        let once = |label: &char| operands.concat().matches(*label).count() == 1;
        let result: Vec<char> = match result {
            Some(result) => result.chars().collect(),
            None => extents.keys().copied().filter(once).collect(),
        };
        let distinct: BTreeSet<&char> = result.iter().collect();
        (distinct.len() == result.len()).then_some(())?;
        result
            .iter()
            .all(|label| extents.contains_key(label))
            .then_some(())?;
        Some(Self {
            operands: operands.len(),
            result,
            extents,
        })
    }
}

/// The shape of the result.
pub(super) fn shape(call: &Call<'_>) -> Option<Vec<u64>> {
    let Equation {
        result, extents, ..
    } = Equation::of(call)?;
    let extent = |label: &char| extents.get(label).copied();
    result.iter().map(extent).collect()
}

/// Of two operands, a multiply-add for each combination of labels; none of one. The order in which more are multiplied is not known.
pub(super) fn work(call: &Call<'_>) -> Option<u64> {
    let equation = Equation::of(call)?;
    match equation.operands {
        1 => Some(0),
        2 => product(&equation.extents.into_values().collect::<Vec<_>>()),
        _ => None,
    }
}
