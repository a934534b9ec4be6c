//! What must hold for the outputs of one runtime by themselves.

use super::compare::compare_elements;
use super::facts::FileFacts;
use super::note::{VerifyNote, WhyConstant};
use super::plan::{Case, Content};
use super::report::{Check, CheckFailure};
use super::tolerance::Tolerance;
use crate::files::foreign::{self};
use crate::runtime::outcome::CaseOutcome;
use crate::tensor::NamedTensor;

/// Logits are constant if, within a row, max − min is at most this part of the largest |logit|.
const CONSTANT_SPREAD: f64 = 1e-3;

/// The result of the checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// What failed.
    pub failures: Vec<CheckFailure>,
    /// What would have failed, but is no surprise in this file.
    pub notes: Vec<VerifyNote>,
    /// The smallest factor on both tolerances with which every row of a batch would equal the row alone; none if no
    /// row was computed both ways.
    pub rows_smallest_factor: Option<f64>,
}

/// Checks the outputs of every case.
#[must_use]
pub fn check(
    facts: &FileFacts,
    cases: &[Case],
    runs: &[CaseOutcome],
    tolerance: Tolerance,
) -> Checked {
    let mut checked = Checked::default();
    let mut sound = vec![true; cases.len()];
    for (index, (case, run)) in cases.iter().zip(runs).enumerate() {
        let before = checked.failures.len();
        let mut is_finite = true;
        check_shapes(facts, case, run, index, &mut checked.failures);
        for output in &run.outputs {
            is_finite &= check_finite(facts, output, index, &mut checked);
            note_large_integers(output, &mut checked.notes);
        }
        sound[index] = is_finite && checked.failures.len() == before;
        if let (true, Some(logits)) = (sound[index], logits(facts, &run.outputs)) {
            check_constant(facts, case, logits, index, &mut checked);
        }
    }
    check_rows(facts, cases, runs, &sound, tolerance, &mut checked);
    checked
}

/// The output whose largest elements are the classes of an image: the one called `logits`, else the first with two
/// dimensions.
#[must_use]
pub fn scores(outputs: &[NamedTensor]) -> Option<&NamedTensor> {
    let matrix = |output: &&NamedTensor| output.shape.len() == 2;
    let named = outputs
        .iter()
        .filter(matrix)
        .find(|output| output.name == "logits");
    named.or_else(|| outputs.iter().find(matrix))
}

/// The scores, if they are logits. Those of this program's files are, unless they have another of its names:
/// probabilities of untrained networks are all nearly equal. In other files only the name tells, as a matrix may be
/// anything.
fn logits<'a>(facts: &FileFacts, outputs: &'a [NamedTensor]) -> Option<&'a NamedTensor> {
    scores(outputs).filter(|output| match output.name.as_str() {
        "logits" => true,
        "probabilities" | "pooled" => false,
        _ => facts.is_own,
    })
}

/// The index of the element at `position` in a tensor of `shape`, outermost first.
#[must_use]
pub fn index_of(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (axis, &extent) in shape.iter().enumerate().rev() {
        (index[axis], position) = (position % extent.max(1), position / extent.max(1));
    }
    index
}

fn check_shapes(
    facts: &FileFacts,
    case: &Case,
    run: &CaseOutcome,
    index: usize,
    failures: &mut Vec<CheckFailure>,
) {
    let mut fail = |output: &str, message| {
        failures.push(CheckFailure {
            check: Check::Shape,
            case: index,
            output: output.to_owned(),
            message,
        });
    };
    for declared in &facts.outputs {
        let Some(found) = run
            .outputs
            .iter()
            .find(|output| output.name == declared.name)
        else {
            fail(
                &declared.name,
                "it is declared and was not returned".to_owned(),
            );
            continue;
        };
        if declared.element_type != found.element.as_str() {
            fail(
                &declared.name,
                format!(
                    "element type {}, expected {}",
                    found.element, declared.element_type
                ),
            );
        }
        let elements: usize = found.shape.iter().product();
        if !declared.admits(&found.shape, &case.names) || elements != found.data.len() {
            let expected = declared.expected(&case.names);
            fail(
                &declared.name,
                format!(
                    "shape {}, expected {expected}",
                    foreign::shape(&found.shape)
                ),
            );
        }
    }
    if run.outputs.len() > facts.outputs.len() {
        fail(
            "",
            format!(
                "{} outputs, expected {}",
                run.outputs.len(),
                facts.outputs.len()
            ),
        );
    }
}

/// Whether every element is finite; what is not fails, but in a skeleton.
fn check_finite(
    facts: &FileFacts,
    output: &NamedTensor,
    index: usize,
    checked: &mut Checked,
) -> bool {
    let bad = |value: &&f64| !value.is_finite();
    let Some(first) = output.data.iter().position(|value| !value.is_finite()) else {
        return true;
    };
    let count = output.data.iter().filter(bad).count();
    let nan = output.data.iter().filter(|value| value.is_nan()).count();
    let message = format!(
        "{nan} NaN and {} infinite of {} elements, the first at {:?}",
        count - nan,
        output.data.len(),
        index_of(first, &output.shape)
    );
    let output = output.name.clone();
    if facts.is_skeleton {
        let told = |note: &VerifyNote| matches!(note, VerifyNote::NotFinite { output: told, .. } if *told == output);
        if !checked.notes.iter().any(told) {
            checked.notes.push(VerifyNote::NotFinite {
                output,
                found: message,
            });
        }
    } else {
        checked.failures.push(CheckFailure {
            check: Check::Finite,
            case: index,
            output,
            message,
        });
    }
    false
}

/// Values travel as f64, which does not hold every larger integer.
fn note_large_integers(output: &NamedTensor, notes: &mut Vec<VerifyNote>) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if output.element.is_float() || !output.data.iter().any(|value| value.abs() >= EXACT) {
        return;
    }
    let note = VerifyNote::LargeIntegers(output.name.clone());
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn check_constant(
    facts: &FileFacts,
    case: &Case,
    logits: &NamedTensor,
    index: usize,
    checked: &mut Checked,
) {
    let classes = logits.shape[1].max(1);
    for (row, values) in logits.data.chunks_exact(classes).enumerate() {
        let (least, most) = values.iter().fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(least, most), &value| (least.min(value), most.max(value)),
        );
        let spread = most - least;
        if spread > CONSTANT_SPREAD * most.abs().max(least.abs()) {
            continue;
        }
        let why = if facts.constant_weights {
            WhyConstant::Weights
        } else if facts.is_skeleton {
            WhyConstant::Skeleton
        } else if matches!(case.content, Content::Zero | Content::Given) {
            // Zeros give the biases alone, and what is given may be zeros.
            WhyConstant::Inputs
        } else if classes == 1 {
            WhyConstant::OneClass
        } else {
            let message = format!("the logits of row {row} are constant: from {least} to {most}");
            let failure = CheckFailure {
                check: Check::Constant,
                case: index,
                output: logits.name.clone(),
                message,
            };
            checked.failures.push(failure);
            return;
        };
        let note = VerifyNote::ConstantLogits(why);
        if !checked.notes.contains(&note) {
            checked.notes.push(note);
        }
    }
}

/// Holds every row of a batch against the same image alone at the same size, in outputs that have rows of their own.
fn check_rows(
    facts: &FileFacts,
    cases: &[Case],
    runs: &[CaseOutcome],
    sound: &[bool],
    tolerance: Tolerance,
    checked: &mut Checked,
) {
    for (index, (case, run)) in cases.iter().zip(runs).enumerate() {
        for (row, image) in case
            .images
            .iter()
            .enumerate()
            .filter(|_| case.batch > 1 && sound[index])
        {
            let alone = |(other, candidate): &(usize, &Case)| {
                sound[*other]
                    && candidate.size == case.size
                    && candidate.content == case.content
                    && candidate.images == [*image]
            };
            let Some((other, _)) = cases.iter().enumerate().take(runs.len()).find(alone) else {
                continue;
            };
            for alone in &runs[other].outputs {
                let mut outputs = run.outputs.iter();
                let Some(batch) = outputs.find(|batch| batch.name == alone.name) else {
                    continue;
                };
                let lineage = &facts.lineage;
                // Only outputs that have rows: the batch first, and otherwise the shape for one image.
                if lineage.without_rows.contains(&batch.name)
                    || lineage.mixed.contains_key(&batch.name)
                    || alone.shape.first() != Some(&1)
                    || batch.shape.first() != Some(&case.images.len())
                    || alone.shape[1..] != batch.shape[1..]
                {
                    continue;
                }
                let values = &batch.data[row * alone.data.len()..][..alone.data.len()];
                let scale = facts.least_scale(&batch.name);
                let difference = compare_elements(&alone.data, values, tolerance, scale);
                let factor = checked
                    .rows_smallest_factor
                    .unwrap_or(0.0)
                    .max(difference.smallest_factor);
                checked.rows_smallest_factor = Some(factor);
                if !difference.passes() {
                    let message = format!(
                        "row {row} differs from the same image alone by {:.3e} at {:?}, {:.3} of the tolerance",
                        difference.max_abs,
                        index_of(difference.index, &alone.shape),
                        difference.smallest_factor
                    );
                    let output = batch.name.clone();
                    checked.failures.push(CheckFailure {
                        check: Check::Rows,
                        case: index,
                        output,
                        message,
                    });
                }
            }
        }
    }
}
