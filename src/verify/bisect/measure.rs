//! How far one value is from the reference run's, and all values of a file: the profile.

use super::values::ComputedValue;
use super::{RunSide, Side};
use crate::runtime::outcome::{Outcome, Trouble};
use crate::tensor::NamedTensor;
use crate::verify::compare::{Compared, compare};
use crate::verify::facts::SIGMOID;
use crate::verify::tolerance::Tolerance;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the marked values of one run may take, since both sides hold them as f64 until they are compared.
pub const MARKED_BYTES: u64 = 512 << 20;

/// How far a value is from the reference run's. What is not finite is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerDifference {
    /// The node that computes it.
    pub node: String,
    /// The operator.
    pub op_type: String,
    /// The value.
    pub value: String,
    /// Its shape in the reference run.
    pub shape: Vec<usize>,
    /// Largest |difference|.
    pub max_abs: Option<f64>,
    /// That, as a part of the largest |element| of the reference run.
    pub relative: Option<f64>,
    /// The smallest factor on both tolerances with which it would agree.
    pub smallest_factor: Option<f64>,
    /// Elements beyond the tolerance; all of them where the shapes differ.
    pub beyond_tolerance: usize,
}

impl LayerDifference {
    /// Whether every element is within the tolerance.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.beyond_tolerance == 0
    }
}

/// Why values could not be measured.
#[derive(Clone, Debug, PartialEq)]
pub enum MeasureError<E> {
    /// Nothing could be run.
    Run(E),
    /// A side did not run its marked copy to the end.
    Trouble(Side, Trouble),
    /// A side did not give a value that was marked.
    Missing(Side, String),
}

/// The values of `list` that are measured in one run, by index.
pub type Measured = BTreeMap<usize, LayerDifference>;

/// Runs both sides with the values at `marked` as further outputs, and compares those and the outputs.
///
/// # Errors
/// If a side does not run, or does not give what was marked.
pub fn measure<E>(
    run: &mut RunSide<'_, E>,
    list: &[ComputedValue],
    marked: &[usize],
    tolerance: Tolerance,
) -> Result<Measured, MeasureError<E>> {
    let names: Vec<&str> = marked
        .iter()
        .map(|&index| list[index].name.as_str())
        .collect();
    let mut outputs = |side: Side| {
        let outcome = run(side, &names).map_err(MeasureError::Run)?;
        tensors(outcome).map_err(|trouble| MeasureError::Trouble(side, trouble))
    };
    let (base, mut other) = (outputs(Side::Reference)?, outputs(Side::Other)?);
    // Runtimes may give a value that has not been reshaped yet, so only its elements count.
    for found in &mut other {
        let reference = base.iter().find(|reference| reference.name == found.name);
        if let Some(reference) = reference.filter(|one| one.data.len() == found.data.len()) {
            found.shape.clone_from(&reference.shape);
        }
    }
    let of_sigmoid: BTreeSet<&str> = list
        .iter()
        .filter(|value| value.op_type == SIGMOID)
        .map(|value| value.name.as_str())
        .collect();
    let least_scale = |value: &str| f64::from(u8::from(of_sigmoid.contains(value)));
    let compared: BTreeMap<&str, Compared<'_>> = compare(&base, &other, tolerance, least_scale)
        .map(|compared| (compared.reference.name.as_str(), compared))
        .collect();
    let mut measured = Measured::new();
    for (index, value) in list.iter().enumerate() {
        if !value.is_output && !marked.contains(&index) {
            continue;
        }
        let missing = |side| MeasureError::Missing(side, value.name.clone());
        let compared = compared
            .get(value.name.as_str())
            .ok_or_else(|| missing(Side::Reference))?;
        if compared.found.is_none() {
            return Err(missing(Side::Other));
        }
        measured.insert(index, difference(value, compared));
    }
    Ok(measured)
}

fn tensors(outcome: Outcome) -> Result<Vec<NamedTensor>, Trouble> {
    match outcome.trouble {
        Some(trouble) => Err(trouble),
        None => {
            let first = outcome.cases.into_iter().next();
            Ok(first.map_or_else(Vec::new, |case| case.outputs))
        }
    }
}

fn difference(value: &ComputedValue, compared: &Compared<'_>) -> LayerDifference {
    let reference = compared.reference;
    let mut result = LayerDifference {
        node: value.node.clone(),
        op_type: value.op_type.clone(),
        value: value.name.clone(),
        shape: reference.shape.clone(),
        max_abs: None,
        relative: None,
        smallest_factor: None,
        beyond_tolerance: reference.data.len().max(1),
    };
    if let Some(found) = &compared.difference {
        let magnitudes = reference.data.iter().map(|element| element.abs());
        let scale = magnitudes.fold(0.0, f64::max);
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        result.max_abs = finite(found.max_abs);
        result.relative = if found.max_abs == 0.0 {
            Some(0.0)
        } else {
            finite(found.max_abs / scale)
        };
        result.smallest_factor = finite(found.smallest_factor);
        result.beyond_tolerance = found.beyond;
    }
    result
}

/// As many of `wanted`, from the first on, as fit into a run; at least one.
#[must_use]
pub fn chunk<'w>(
    list: &[ComputedValue],
    wanted: &'w [usize],
    bytes: u64,
) -> (&'w [usize], &'w [usize]) {
    let mut taken = 0_u64;
    let fits = |&&index: &&usize| {
        taken = taken.saturating_add(list[index].elements.saturating_mul(8));
        taken <= bytes
    };
    let count = wanted
        .iter()
        .take_while(fits)
        .count()
        .clamp(usize::from(!wanted.is_empty()), wanted.len());
    wanted.split_at(count)
}

/// Measures every value, in as many runs as are needed; none if that would be more than `most_runs` of each side.
///
/// # Errors
/// If a side does not run, or does not give what was marked.
pub fn profile<E>(
    run: &mut RunSide<'_, E>,
    list: &[ComputedValue],
    tolerance: Tolerance,
    most_runs: usize,
) -> Result<Option<Vec<LayerDifference>>, MeasureError<E>> {
    let all: Vec<usize> = (0..list.len()).collect();
    let mut chunks = Vec::new();
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let (first, others) = chunk(list, rest, MARKED_BYTES);
        chunks.push(first);
        rest = others;
    }
    if chunks.len() > most_runs {
        return Ok(None);
    }
    let mut measured = Measured::new();
    for chunk in chunks {
        measured.extend(measure(run, list, chunk, tolerance)?);
    }
    Ok(Some(measured.into_values().collect()))
}
