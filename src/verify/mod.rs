//! Whether a file does the same in every runtime: tolerance, comparison and verdict, as pure functions.
//!
//! [`plan`] says which inputs to try, [`judge`] what the outputs come to. Running is between the two, and
//! somewhere else: in [`crate::runtime::outcome::execute`], or in worker processes.

mod base;
pub mod bisect;
pub mod checks;
pub mod compare;
mod fixed;
pub mod given;
pub mod layout;
pub mod noise;
pub mod pair;
pub mod plan;
pub mod precision;
pub mod ranks;
pub mod read;
mod remarks;
pub mod report;
pub mod self_test;
mod smooth;
pub mod subject;
pub mod tensors;
pub mod tolerance;
pub mod trace;

pub use base::{Base, base_of};

use crate::onnx::file::plain::Change;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{CaseRun, Outcome, Trouble};
use crate::runtime::refusal::Refusal;
use base::{ran, ran_some};
use checks::{Checked, index_of, scores};
use compare::compare_at;
use plan::Case;
use ranks::{Agreement, rank_agreement};
use report::{
    CaseReport, Check, CheckFailure, FORMULA, Report, RuntimeReport, RuntimeStatus, SCHEMA, Verdict,
};
use subject::Subject;
use tolerance::{Limits, Tolerance};

/// What rounding alone may take of what is allowed before it can be why a runtime disagrees. A runtime rounds within
/// sums too: of V2-S with untrained weights tract was 36 times as far off as rounding alone (golden/AGREEMENT.md).
const ROUNDING_ALONE: f64 = 0.02;

/// What to know of runtimes that disagree on untrained weights.
const UNTRAINED: &str = "the weights are those with which training starts (`--init official`); in deep networks they \
                         amplify rounding from block to block: `--init probe` draws weights that do not, and \
                         `reference` among `--runtime` tells what rounding alone does";

/// A runtime that was to run, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The runtime.
    pub runtime: RuntimeName,
    /// Path of its shared library, where it has one.
    pub library: Option<String>,
    /// How the file that it ran differs from the user's; nothing if it is that one.
    pub changes: Vec<Change>,
    /// Its outputs, or what went wrong.
    pub outcome: Outcome,
}

/// How a verification was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The file, as it was named.
    pub file: String,
    /// Seed of the noise.
    pub seed: u64,
    /// What is allowed, where that is not the default.
    pub limits: Limits,
}

/// The report of runtimes that were each given the same cases, in the order in which they were named. The base is one
/// of them.
#[must_use]
pub fn judge(
    settings: &Settings,
    subject: &Subject,
    cases: &[Case],
    attempts: &[Attempt],
) -> Report {
    judge_against(settings, subject, cases, base_of(attempts), attempts)
}

/// The report of runtimes that are compared with a base, whose outputs may be those of one of them.
#[must_use]
pub fn judge_against(
    settings: &Settings,
    subject: &Subject,
    cases: &[Case],
    base: Option<Base<'_>>,
    attempts: &[Attempt],
) -> Report {
    let mut report = empty(settings);
    report.cases = cases
        .iter()
        .map(|case| CaseReport {
            batch: case.batch,
            height: case.size.map(|size| size[0]),
            width: case.size.map(|size| size[1]),
            images: case.images.clone(),
            content: case.content,
        })
        .collect();
    report.base = base.map(|base| base.name.to_owned());
    report.macs = Some(subject.macs).filter(|_| subject.uncounted.is_empty());
    for attempt in attempts {
        let other = base
            .and_then(|base| base.runtime)
            .unwrap_or(attempt.runtime);
        let tolerance = settings
            .limits
            .between(subject.precision, [attempt.runtime, other]);
        let checked = checks::check(subject, cases, &attempt.outcome.cases, tolerance);
        for note in &checked.notes {
            if !report.notes.contains(note) {
                report.notes.push(note.clone());
            }
        }
        let mut runtime = describe(attempt, tolerance, checked);
        let is_base = |base: &Base<'_>| std::ptr::eq(base.cases, &raw const *attempt.outcome.cases);
        if let Some(base) = base.filter(|base| !is_base(base) && ran_some(attempt)) {
            let runs = &attempt.outcome.cases;
            compare_with(subject, base.cases, runs, tolerance, &mut runtime);
            let found = &attempt.outcome.tf32_cases;
            runtime.tf32 = precision::report(subject, base.cases, found, tolerance);
        }
        report.runtimes.push(runtime);
    }
    report.verdict = verdict(
        &report.runtimes,
        base.is_some_and(|base| base.runtime.is_none()),
    );
    report.fixed_batch = fixed::find(subject, cases, &report.runtimes);
    report.notes.splice(0..0, remarks::of(subject, cases));
    if let Some(fixed) = &report.fixed_batch {
        report.notes.push(fixed.to_string());
    }
    if disagreeing(&report).is_some() {
        report.notes.extend(remarks::of_levels(subject));
    }
    // With the reference as the base, `tell_rounding` says more.
    let is_reference = base.is_some_and(|base| base.runtime == Some(RuntimeName::Reference));
    if subject.untrained && !is_reference && disagreeing(&report).is_some() {
        report.notes.push(UNTRAINED.to_owned());
    }
    report
}

/// The first runtime whose outputs differ from the base's.
#[must_use]
pub fn disagreeing(report: &Report) -> Option<&RuntimeReport> {
    let differs = |runtime: &&RuntimeReport| runtime.status == RuntimeStatus::Disagrees;
    report.runtimes.iter().find(differs)
}

/// Tells what rounding alone does: how far the reference is from itself, on the same cases, if it rounds every value.
///
/// A runtime cannot be expected to be nearer to the reference than that, and it rounds within each sum too.
pub fn tell_rounding(
    report: &mut Report,
    subject: &Subject,
    base: &[CaseRun],
    rounded: &[CaseRun],
) {
    let Some(runtime) = disagreeing(report) else {
        return;
    };
    let Some(found) = precision::report(subject, base, rounded, runtime.tolerance) else {
        return;
    };
    let precision = subject.precision;
    let factor = found.smallest_factor.unwrap_or(f64::INFINITY);
    let consequence = if factor > 1.0 {
        format!(
            "no runtime in {precision} can be expected to agree; trained weights, and those of `--init probe`, do not \
             make so much of rounding"
        )
    } else if factor > ROUNDING_ALONE {
        "and a runtime rounds within each sum too".to_owned()
    } else {
        "so a runtime that disagrees does not only round".to_owned()
    };
    report.notes.push(format!(
        "rounding every value to {precision}, and nothing else, moves the outputs of `reference` by {factor:.3} of what \
         is allowed: {consequence}"
    ));
    report.rounding = Some(found);
}

/// The report of a file that breaks rules, so that no runtime saw it.
#[must_use]
pub fn rejected(settings: &Settings, problems: Vec<report::Problem>) -> Report {
    Report {
        problems,
        verdict: Verdict::Disagree,
        ..empty(settings)
    }
}

fn empty(settings: &Settings) -> Report {
    Report {
        schema: SCHEMA,
        file: settings.file.clone(),
        verdict: Verdict::Unavailable,
        base: None,
        seed: settings.seed,
        macs: None,
        formula: FORMULA,
        cases: Vec::new(),
        pair: None,
        problems: Vec::new(),
        notes: Vec::new(),
        rounding: None,
        fixed_batch: None,
        runtimes: Vec::new(),
    }
}

fn describe(attempt: &Attempt, tolerance: Tolerance, checked: Checked) -> RuntimeReport {
    let outcome = &attempt.outcome;
    let (status, message, hint) = match outcome.trouble.clone() {
        None if ran(attempt) && !attempt.outcome.is_where_it_was_to_be(attempt.runtime) => (
            RuntimeStatus::Unavailable,
            Some("it does not tell that every node ran on the device".to_owned()),
            None,
        ),
        None if !checked.failures.is_empty() => (RuntimeStatus::FailedChecks, None, None),
        None => (RuntimeStatus::Passed, None, None),
        Some(Trouble::Unavailable { reason, hint }) => {
            (RuntimeStatus::Unavailable, Some(reason), hint)
        }
        Some(Trouble::Refused { message } | Trouble::Lacks { message }) => {
            (RuntimeStatus::Refused, Some(message), None)
        }
        Some(Trouble::Crashed { message }) => (RuntimeStatus::Crashed, Some(message), None),
        Some(Trouble::TimedOut { seconds }) => (
            RuntimeStatus::TimedOut,
            Some(format!("it was not done after {seconds} s")),
            Some("give it more time with `--timeout SECONDS`".to_owned()),
        ),
    };
    let (summary, node) = match &outcome.trouble {
        Some(trouble @ Trouble::Refused { message }) => {
            (Some(trouble.summary()), Refusal::read(message).node)
        }
        _ => (message.clone(), None),
    };
    let first = outcome.cases.first();
    RuntimeReport {
        name: attempt.runtime.as_str(),
        file: None,
        version: outcome.version.clone(),
        library: attempt.library.clone(),
        changes: attempt.changes.clone(),
        status,
        message,
        summary,
        node,
        hint,
        load_seconds: outcome
            .load_seconds
            .map(|load| load + first.map_or(0.0, |case| case.prepare_seconds)),
        run_seconds: first.map(|case| case.run_seconds),
        max_abs: None,
        max_abs_index: None,
        max_abs_output: None,
        max_abs_case: None,
        tolerance,
        smallest_factor: None,
        beyond_tolerance: None,
        histogram: None,
        top1: None,
        top5: None,
        rows_smallest_factor: checked
            .rows_smallest_factor
            .filter(|factor| factor.is_finite()),
        failures: checked.failures,
        device: outcome.device.clone(),
        cases_run: outcome.cases.len(),
        placement: outcome.placements.clone(),
        tf32: None,
    }
}

/// Fills in how far a runtime is from the base.
fn compare_with(
    subject: &Subject,
    base: &[CaseRun],
    runs: &[CaseRun],
    tolerance: Tolerance,
    report: &mut RuntimeReport,
) {
    let (mut max_abs, mut factor, mut beyond) = (-1.0_f64, 0.0_f64, 0);
    let mut histogram = report::Histogram::default();
    for (index, (expected, found)) in base.iter().zip(runs).enumerate() {
        for base_output in &expected.outputs {
            let other = found
                .outputs
                .iter()
                .find(|output| output.name == base_output.name);
            let Some(other) = other.filter(|other| other.shape == base_output.shape) else {
                let found = other.map_or_else(
                    || "it was not returned".to_owned(),
                    |other| format!("shape {:?}", other.shape),
                );
                let failure = CheckFailure {
                    check: Check::Shape,
                    case: index,
                    output: base_output.name.clone(),
                    message: format!("{found}, but the base has shape {:?}", base_output.shape),
                };
                // Its own checks may have told.
                let same = |told: &CheckFailure| {
                    (told.check, told.case, &told.output)
                        == (failure.check, failure.case, &failure.output)
                };
                if !report.failures.iter().any(same) {
                    report.failures.push(failure);
                }
                beyond += base_output.data.len().max(1);
                factor = f64::INFINITY;
                continue;
            };
            let scale = subject.least_scale(&base_output.name);
            let difference = compare_at(&base_output.data, &other.data, tolerance, scale);
            histogram.add(&base_output.data, &other.data);
            factor = factor.max(difference.smallest_factor);
            beyond += difference.beyond;
            if difference.max_abs > max_abs {
                max_abs = difference.max_abs;
                report.max_abs_index = Some(index_of(difference.index, &base_output.shape));
                report.max_abs_output = Some(base_output.name.clone());
                report.max_abs_case = Some(index);
            }
        }
        if let (Some(base_logits), Some(logits)) =
            (scores(&expected.outputs), scores(&found.outputs))
            && base_logits.shape == logits.shape
        {
            let (first, five) = rank_agreement(&base_logits.data, &logits.data, logits.shape[1]);
            for (total, rows) in [(&mut report.top1, first), (&mut report.top5, five)] {
                let total = total.get_or_insert(Agreement { rows: 0, of: 0 });
                total.rows += rows.rows;
                total.of += rows.of;
            }
        }
    }
    report.max_abs = Some(max_abs).filter(|max_abs| max_abs.is_finite() && *max_abs >= 0.0);
    report.smallest_factor = Some(factor).filter(|factor| factor.is_finite());
    report.beyond_tolerance = Some(beyond);
    report.histogram = Some(histogram);
    if beyond > 0 && report.status == RuntimeStatus::Passed {
        report.status = RuntimeStatus::Disagrees;
    }
}

/// With outputs that were `given`, one runtime is compared already.
fn verdict(runtimes: &[RuntimeReport], given: bool) -> Verdict {
    let count = |status| {
        runtimes
            .iter()
            .filter(|runtime| runtime.status == status)
            .count()
    };
    let passed = count(RuntimeStatus::Passed);
    let unavailable = count(RuntimeStatus::Unavailable);
    if passed + unavailable < runtimes.len() {
        Verdict::Disagree
    } else if unavailable > 0 || passed == 0 {
        Verdict::Unavailable
    } else if passed == 1 && !given {
        Verdict::RanNotCompared
    } else {
        Verdict::Agree
    }
}

#[cfg(test)]
mod tests;
