//! What the outcomes of runs come to: each runtime's own checks, its comparison with the reference run, and the verdict.

use super::checks::{Checked, index_of, scores};
use super::compare::{Compared, Totals, compare};
use super::facts::FileFacts;
use super::note::{Consequence, VerifyNote};
use super::plan::Case;
use super::ranks::{Agreement, rank_agreement};
use super::reference::{ReferenceRun, ran, ran_some, reference_of};
use super::report::{
    CaseReport, Check, CheckFailure, FORMULA, Histogram, Problem, Report, RuntimeReport,
    RuntimeStatus, SCHEMA, Verdict,
};
use super::tolerance::{Limits, Tolerance};
use super::{checks, fixed, precision, remarks};
use crate::files::foreign::{self};
use crate::runtime::RuntimeName;
use crate::runtime::hint::Hint;
use crate::runtime::outcome::{CaseOutcome, Trouble};
use crate::runtime::process::Run;
use crate::runtime::refusal::RefusalText;

/// What rounding alone may take of what is allowed before it can be why a runtime disagrees. A runtime rounds within
/// sums too: of V2-S with untrained weights tract was 36 times as far off as rounding alone (golden/AGREEMENT.md).
const ROUNDING_ALONE: f64 = 0.02;

/// How a verification was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifySettings {
    /// The file, as it was named.
    pub file: String,
    /// Seed of the noise.
    pub seed: u64,
    /// What is allowed, where that is not the default.
    pub limits: Limits,
}

/// The report of runs of the same cases, in the order in which the runtimes were named. The reference run is one of them.
#[must_use]
pub fn judge(settings: &VerifySettings, facts: &FileFacts, cases: &[Case], runs: &[Run]) -> Report {
    let reference = reference_of(runs).filter(|_| !facts.is_skeleton);
    judge_against(settings, facts, cases, reference, runs)
}

/// The report of runs that are compared with a reference run, which may be one of them.
#[must_use]
pub fn judge_against(
    settings: &VerifySettings,
    facts: &FileFacts,
    cases: &[Case],
    reference: Option<ReferenceRun<'_>>,
    runs: &[Run],
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
    report.reference = reference.map(|reference| reference.name.to_owned());
    report.macs = Some(facts.macs).filter(|_| facts.uncounted.is_empty());
    for (place, run) in runs.iter().enumerate() {
        let other = reference
            .and_then(|reference| reference.runtime)
            .unwrap_or(run.runtime);
        let tolerance = settings
            .limits
            .between(facts.precision, [run.runtime, other]);
        let checked = checks::check(facts, cases, &run.outcome.cases, tolerance);
        for note in &checked.notes {
            if !report.notes.contains(note) {
                report.notes.push(note.clone());
            }
        }
        let mut runtime = describe(run, tolerance, checked);
        runtime.is_reference = reference.is_some_and(|reference| reference.place == Some(place));
        if let Some(reference) = reference.filter(|_| !runtime.is_reference && ran_some(run)) {
            let found = &run.outcome.cases;
            compare_with(facts, reference.cases, found, tolerance, &mut runtime);
            let found = &run.outcome.tf32_cases;
            runtime.tf32 = precision::report(facts, reference.cases, found, tolerance);
        }
        report.runtimes.push(runtime);
    }
    report.verdict = verdict(
        &report.runtimes,
        reference.is_some_and(|reference| reference.runtime.is_none()),
    );
    if facts.is_skeleton {
        report.notes.push(VerifyNote::Skeleton);
        if reference.is_none() && report.verdict == Verdict::Agree {
            report.verdict = Verdict::RanNotCompared;
        }
    }
    report.fixed_batch = fixed::find(facts, cases, &report.runtimes);
    report.notes.splice(0..0, remarks::of(facts, cases));
    if let Some(fixed) = &report.fixed_batch {
        report.notes.push(VerifyNote::FixedBatch(fixed.clone()));
    }
    if disagreeing(&report).is_some() {
        report.notes.extend(remarks::of_levels(facts));
    }
    // Against the reference, `tell_rounding` says more.
    let by_reference =
        reference.is_some_and(|reference| reference.runtime == Some(RuntimeName::Reference));
    if facts.untrained && !by_reference && disagreeing(&report).is_some() {
        report.notes.push(VerifyNote::Untrained);
    }
    report
}

/// The first runtime whose outputs differ from the reference run's.
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
    facts: &FileFacts,
    reference: &[CaseOutcome],
    rounded: &[CaseOutcome],
) {
    let Some(runtime) = disagreeing(report) else {
        return;
    };
    let Some(found) = precision::report(facts, reference, rounded, runtime.tolerance) else {
        return;
    };
    let precision = facts.precision;
    let factor = found.smallest_factor.unwrap_or(f64::INFINITY);
    let consequence = if factor > 1.0 {
        Consequence::NoneCanAgree
    } else if factor > ROUNDING_ALONE {
        Consequence::MayBeWhy
    } else {
        Consequence::IsNotWhy
    };
    report.notes.push(VerifyNote::Rounding {
        precision,
        factor,
        consequence,
    });
    report.rounding = Some(found);
}

/// The report of a file that breaks rules, so that no runtime saw it.
#[must_use]
pub fn rejected(settings: &VerifySettings, problems: Vec<Problem>) -> Report {
    Report {
        problems,
        verdict: Verdict::Disagree,
        ..empty(settings)
    }
}

fn empty(settings: &VerifySettings) -> Report {
    Report {
        schema: SCHEMA,
        file: settings.file.clone(),
        verdict: Verdict::Unavailable,
        reference: None,
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

fn describe(run: &Run, tolerance: Tolerance, checked: Checked) -> RuntimeReport {
    let outcome = &run.outcome;
    let unproven = ran(run) && !outcome.is_where_it_was_to_be(run.runtime);
    let status = match &outcome.trouble {
        None if unproven => RuntimeStatus::Unavailable,
        None if !checked.failures.is_empty() => RuntimeStatus::FailedChecks,
        None => RuntimeStatus::Passed,
        Some(Trouble::Unavailable { .. }) => RuntimeStatus::Unavailable,
        Some(Trouble::Refused { .. } | Trouble::Lacks { .. } | Trouble::NoMemory { .. }) => {
            RuntimeStatus::Refused
        }
        Some(Trouble::Crashed { .. }) => RuntimeStatus::Crashed,
        Some(Trouble::TimedOut { .. }) => RuntimeStatus::TimedOut,
    };
    let message = match &outcome.trouble {
        Some(trouble) => Some(trouble.message()),
        None => unproven.then(|| "it does not tell that every node ran on the device".to_owned()),
    };
    let hints = match &outcome.trouble {
        Some(Trouble::Unavailable { hints, .. }) => hints.clone(),
        Some(Trouble::NoMemory { .. }) => vec![Hint::MemoryLimit],
        _ => Vec::new(),
    };
    let (summary, node) = match &outcome.trouble {
        Some(trouble @ (Trouble::Refused { message } | Trouble::NoMemory { message })) => {
            (Some(trouble.summary()), RefusalText::read(message).node)
        }
        _ => (message.clone(), None),
    };
    let first = outcome.cases.first();
    RuntimeReport {
        name: run.runtime.as_str(),
        runtime: run.runtime,
        is_reference: false,
        file: None,
        version: outcome.version.clone(),
        library: run
            .library
            .as_ref()
            .map(|library| library.path.to_string_lossy().into_owned()),
        changes: run.changes.clone(),
        status,
        message,
        summary,
        node,
        hints,
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

/// Fills in how far a run is from the reference run.
fn compare_with(
    facts: &FileFacts,
    reference: &[CaseOutcome],
    found: &[CaseOutcome],
    tolerance: Tolerance,
    report: &mut RuntimeReport,
) {
    let mut totals = Totals::default();
    let mut histogram = Histogram::default();
    for (index, (expected, found)) in reference.iter().zip(found).enumerate() {
        let scale = |output: &str| facts.least_scale(output);
        for compared in compare(&expected.outputs, &found.outputs, tolerance, scale) {
            let is_largest = totals.add(&compared);
            let (Some(other), Some(difference)) = (compared.found, &compared.difference) else {
                tell_shape(&compared, index, &mut report.failures);
                continue;
            };
            let reference = compared.reference;
            histogram.add(&reference.data, &other.data);
            if is_largest {
                report.max_abs_index = Some(index_of(difference.index, &reference.shape));
                report.max_abs_output = Some(reference.name.clone());
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
    report.max_abs = totals.max_abs();
    report.smallest_factor = totals.smallest_factor();
    report.beyond_tolerance = Some(totals.beyond);
    report.histogram = Some(histogram);
    if totals.beyond > 0 && report.status == RuntimeStatus::Passed {
        report.status = RuntimeStatus::Disagrees;
    }
}

/// Adds that an output is missing or has another shape than the reference run's, unless the run's own checks have found it.
fn tell_shape(compared: &Compared<'_>, case: usize, failures: &mut Vec<CheckFailure>) {
    let found = compared.found.map_or_else(
        || "it was not returned".to_owned(),
        |found| format!("shape {}", foreign::shape(&found.shape)),
    );
    let output = &compared.reference.name;
    let same =
        |told: &CheckFailure| (told.check, told.case, &told.output) == (Check::Shape, case, output);
    if !failures.iter().any(same) {
        failures.push(CheckFailure {
            check: Check::Shape,
            case,
            output: output.clone(),
            message: format!(
                "{found}, but the base has shape {:?}",
                compared.reference.shape
            ),
        });
    }
}

/// With outputs that were `given`, one runtime is compared already.
pub(super) fn verdict(runtimes: &[RuntimeReport], given: bool) -> Verdict {
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
