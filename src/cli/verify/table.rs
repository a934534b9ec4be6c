//! A report as a table for people.

use super::{device, words};
use crate::cli::text::{counted, time};
use comfy_table::{Cell, CellAlignment, Table, presets};
use efficientnet_onnx::files::foreign::{Foreign, list};
use efficientnet_onnx::verify::disagreeing;
use efficientnet_onnx::verify::plan::Content;
use efficientnet_onnx::verify::ranks::Agreement;
use efficientnet_onnx::verify::report::{
    CaseReport, Report, RuntimeReport, RuntimeStatus, Tolerance, Verdict,
};
use efficientnet_onnx::verify::tensors::TensorPairs;
use std::fmt::Write;

/// The whole text, which ends with a line feed.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", files(report), verdict(report));
    for problem in &report.problems {
        let node = problem
            .node
            .as_ref()
            .map_or_else(String::new, |node| format!("node `{}`: ", node.shown()));
        let message = problem.message.shown();
        let _ = writeln!(text, "  {node}{message} ({})", problem.code);
    }
    if !report.runtimes.is_empty() {
        let _ = writeln!(text, "\n{}", table(report));
    }
    for runtime in &report.runtimes {
        explain(report, runtime, &mut text);
    }
    if let Some(tensors) = report.pair.as_ref().and_then(|pair| pair.tensors.as_ref()) {
        weights(tensors, &mut text);
    }
    allowed(report, &mut text);
    text
}

/// The file, or both.
pub fn files(report: &Report) -> String {
    match &report.pair {
        Some(pair) => format!("{} and {}", report.file.shown(), pair.other.shown()),
        None => report.file.shown().to_string(),
    }
}

/// Names of tensors that are listed.
const LISTED: usize = 5;

fn weights(tensors: &TensorPairs, text: &mut String) {
    let _ = writeln!(
        text,
        "\nweights by name: {} identical, {} different, {} of another type or shape, {} only in the first, {} only in the second, {} not of floats and not read",
        tensors.identical,
        tensors.different.len(),
        tensors.other_type.len(),
        tensors.only_first.len(),
        tensors.only_second.len(),
        tensors.not_read,
    );
    for different in tensors.different.iter().take(LISTED) {
        let max_abs = different
            .max_abs
            .map_or_else(|| "not finite".to_owned(), |value| format!("{value:.2e}"));
        let relative = different
            .max_relative
            .map_or_else(String::new, |value| format!(", {value:.2e} of the largest"));
        let _ = writeln!(
            text,
            "  {} [{}]: {} with a difference of at most {max_abs}{relative}",
            different.name.shown(),
            list(&different.shape),
            counted(different.elements, "element")
        );
    }
    more(tensors.different.len(), text);
    let others = [
        ("of another type or shape", &tensors.other_type),
        ("only in the first", &tensors.only_first),
        ("only in the second", &tensors.only_second),
    ];
    for (kind, names) in others {
        for name in names.iter().take(LISTED) {
            let _ = writeln!(text, "  {kind}: {}", name.shown());
        }
        more(names.len(), text);
    }
}

fn more(count: usize, text: &mut String) {
    if count > LISTED {
        let _ = writeln!(text, "  and {} more", count - LISTED);
    }
}

/// What was allowed, by whom it was compared, and with what it ran.
fn allowed(report: &Report, text: &mut String) {
    let mut tolerances: Vec<(Tolerance, Vec<&str>)> = Vec::new();
    for runtime in &report.runtimes {
        if runtime.smallest_factor.is_none() {
            continue;
        }
        let known = tolerances
            .iter_mut()
            .find(|(tolerance, _)| *tolerance == runtime.tolerance);
        match known {
            Some((_, names)) => names.push(runtime.name),
            None => tolerances.push((runtime.tolerance, vec![runtime.name])),
        }
    }
    for (tolerance, names) in &tolerances {
        let _ = writeln!(
            text,
            "\nallowed for {}: |difference| <= {:e} * max|base| + {:e} * |base|, with {} as the base",
            names.join(", "),
            tolerance.atol,
            tolerance.rtol,
            report.reference.as_deref().unwrap_or("none"),
        );
    }
    if !tolerances.is_empty() {
        let _ = writeln!(text, "inputs, seed {}: {}", report.seed, cases(report));
    }
}

/// Every set of inputs; those that differ in their content alone are counted.
pub fn cases(report: &Report) -> String {
    let described: Vec<String> = report.cases.iter().map(describe_case).collect();
    let runs = described.chunk_by(|one, next| one == next);
    let told = runs.map(|run| match run.len() {
        1 => run[0].clone(),
        count => format!("{count} × {}", run[0]),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// What the report comes to, in words.
pub fn verdict(report: &Report) -> &'static str {
    match report.verdict {
        Verdict::Agree if report.pair.is_some() => "they agree",
        Verdict::Agree => "the runtimes agree",
        Verdict::Disagree if !report.problems.is_empty() => {
            "the file breaks a rule, so nothing ran"
        }
        Verdict::Disagree if disagreeing(report).is_none() && report.fixed_batch.is_some() => {
            "the batch is symbolic, but not every batch runs"
        }
        Verdict::Disagree if disagreeing(report).is_none() => "not verified",
        Verdict::Disagree if report.pair.is_some() => "they disagree",
        Verdict::Disagree => "the runtimes disagree",
        Verdict::RanNotCompared => "ran, not compared",
        Verdict::Unavailable => "a runtime is not available",
    }
}

fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "runtime",
        "version",
        "load",
        "run",
        "largest diff.",
        "at",
        "of allowed",
        "top-1",
        "top-5",
        "result",
    ]);
    for runtime in &report.runtimes {
        let dash = || "-".to_owned();
        let place = match (
            &runtime.max_abs_output,
            &runtime.max_abs_index,
            runtime.max_abs_case,
        ) {
            (Some(output), Some(index), Some(case)) => {
                format!("{}[{}] case {}", output.shown(), list(index), case + 1)
            }
            _ => dash(),
        };
        table.add_row([
            Cell::new(label(runtime)),
            Cell::new(
                runtime
                    .version
                    .as_deref()
                    .map_or_else(dash, |version| version.shown().to_string()),
            ),
            Cell::new(runtime.load_seconds.map_or_else(dash, time))
                .set_alignment(CellAlignment::Right),
            Cell::new(runtime.run_seconds.map_or_else(dash, time))
                .set_alignment(CellAlignment::Right),
            Cell::new(
                runtime
                    .max_abs
                    .map_or_else(dash, |max_abs| format!("{max_abs:.2e}")),
            ),
            Cell::new(place),
            Cell::new(
                runtime
                    .smallest_factor
                    .map_or_else(dash, |factor| format!("{factor:.3}")),
            ),
            Cell::new(runtime.top1.map_or_else(dash, agreement)),
            Cell::new(runtime.top5.map_or_else(dash, agreement)),
            Cell::new(result(report, runtime)),
        ]);
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A runtime, and where there are two files, which of them it ran.
pub fn label(runtime: &RuntimeReport) -> String {
    match &runtime.file {
        Some(file) => format!("{} of {}", runtime.name, file.shown()),
        None => runtime.name.to_owned(),
    }
}

/// That a runtime ran a copy, and how that differs from the file.
pub fn changes(runtime: &RuntimeReport) -> Option<String> {
    let changes: Vec<String> = runtime.changes.iter().map(ToString::to_string).collect();
    (!changes.is_empty()).then(|| format!("ran a copy of the file: {}", changes.join("; ")))
}

fn explain(report: &Report, runtime: &RuntimeReport, text: &mut String) {
    let name = runtime.name;
    device::describe(runtime, text);
    if let Some(changes) = changes(runtime) {
        let _ = writeln!(text, "\n{name}: {changes}");
    }
    if let Some(message) = runtime.summary.as_ref().or(runtime.message.as_ref()) {
        // Where the first cases ran, the others are what it is about.
        let case = report.cases.get(runtime.cases_run);
        let case = case.filter(|_| runtime.cases_run > 0);
        let case = case.map_or_else(String::new, |case| format!(", {}", describe_case(case)));
        let _ = writeln!(text, "\n{name}{case}: {}", message.shown());
    }
    if let Some(hint) = words::hint(runtime) {
        let _ = writeln!(text, "hint: {hint}");
    }
    for failure in &runtime.failures {
        let case = report
            .cases
            .get(failure.case)
            .map_or_else(String::new, describe_case);
        let check = failure.check.as_str();
        let _ = writeln!(
            text,
            "\n{name}: {check} of `{}`, {case}: {}",
            failure.output.shown(),
            failure.message.shown()
        );
    }
}

fn result(report: &Report, runtime: &RuntimeReport) -> String {
    match runtime.status {
        RuntimeStatus::Passed if runtime.is_reference => "base".to_owned(),
        RuntimeStatus::Passed if runtime.beyond_tolerance.is_none() => "ran".to_owned(),
        RuntimeStatus::Passed => "agrees".to_owned(),
        RuntimeStatus::Disagrees => {
            format!(
                "disagrees in {}",
                counted(
                    runtime.beyond_tolerance.unwrap_or_default() as u64,
                    "element"
                )
            )
        }
        RuntimeStatus::FailedChecks => {
            format!("failed {}", counted(runtime.failures.len() as u64, "check"))
        }
        RuntimeStatus::Refused => match report.cases.get(runtime.cases_run) {
            Some(case) if runtime.cases_run > 0 => format!("refused batch {}", case.batch),
            _ => "refused the file".to_owned(),
        },
        RuntimeStatus::Crashed => "crashed".to_owned(),
        RuntimeStatus::TimedOut => "ran out of time".to_owned(),
        RuntimeStatus::Unavailable => "not available".to_owned(),
    }
}

fn describe_case(case: &CaseReport) -> String {
    let content = match case.content {
        Content::Normal => "N(0, 1) noise",
        Content::Image => "image-like noise",
        Content::Zero => "zeros",
        Content::Given => "from files",
    };
    match (case.height, case.width) {
        (Some(height), Some(width)) => {
            format!("{content}, batch {} at {height}x{width}", case.batch)
        }
        _ => format!("{content}, batch {}", case.batch),
    }
}

fn agreement(agreement: Agreement) -> String {
    format!("{}/{}", agreement.rows, agreement.of)
}
