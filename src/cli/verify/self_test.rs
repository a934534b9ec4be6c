//! `verify --self-test`: puts mistakes into copies of the file and shows that they are caught.

use super::{VerifyArgs, tell, text};
use crate::cli::exit::{Failure, Status};
use crate::cli::print;
use crate::cli::text::counted;
use comfy_table::{Table, presets};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::runtime::refusal::RefusalText;
use efficientnet_onnx::verify::mutate::{Seen, Trial, TrialVerdict};
use efficientnet_onnx::verify::session::{SelfTestReport, SessionError};
use serde::Serialize;
use std::fmt::Write;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    #[serde(flatten)]
    report: &'a SelfTestReport,
}

/// Runs the self-test; the text to print.
pub fn run(args: &VerifyArgs) -> Result<(String, Status), Failure> {
    let verifier = args.request.verifier()?;
    let report = match verifier.self_test(&args.file, &mut tell(args.quiet)) {
        Ok(report) => report,
        Err(SessionError::Rejected(report)) => {
            return Ok((text(&report, args.json)?, Status::Disagrees));
        }
        Err(error) => return Err(error.into()),
    };
    let status = match (report.result.passed, report.unavailable.is_empty()) {
        (false, _) => Status::Disagrees,
        (true, false) => Status::Unavailable,
        (true, true) => Status::Done,
    };
    if !args.json {
        return Ok((render(&report), status));
    }
    let output = Output {
        schema: SCHEMA,
        report: &report,
    };
    let json = print::json(&output)?;
    Ok((format!("{json}\n"), status))
}

/// A trial in one line.
pub fn line(trial: &Trial) -> String {
    format!(
        "{} at {}: {}",
        trial.kind,
        trial.site.shown(),
        verdict(trial.verdict)
    )
}

fn verdict(verdict: TrialVerdict) -> &'static str {
    match verdict {
        TrialVerdict::Caught => "caught",
        TrialVerdict::Missed => "MISSED",
        TrialVerdict::NotVisible => "NOT VISIBLE",
    }
}

fn render(report: &SelfTestReport) -> String {
    let result = &report.result;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let runtimes = || result.control.iter().map(|seen| seen.runtime.to_owned());
    table.set_header(
        ["mistake", "at", "of sites"]
            .map(str::to_owned)
            .into_iter()
            .chain(runtimes())
            .chain(["result".to_owned()]),
    );
    let control = if result.control.iter().all(|seen| seen.agrees == Some(true)) {
        "agrees"
    } else {
        "DISAGREES"
    };
    let row = |first: [String; 3], seen: &[Seen], last: &str| {
        first
            .into_iter()
            .chain(seen.iter().map(factor))
            .chain([last.to_owned()])
            .collect::<Vec<_>>()
    };
    table.add_row(row(
        ["none".to_owned(), String::new(), String::new()],
        &result.control,
        control,
    ));
    for trial in &result.trials {
        let first = [
            trial.kind.to_owned(),
            trial.site.shown().to_string(),
            trial.sites.to_string(),
        ];
        table.add_row(row(first, &trial.runtimes, verdict(trial.verdict)));
    }
    let caught = result
        .trials
        .iter()
        .filter(|trial| trial.verdict == TrialVerdict::Caught)
        .count();
    let mut text = if result.trials.is_empty() {
        format!(
            "{}: runtimes disagree on the file itself, or no mistake can be made in it\n\n",
            report.file.shown()
        )
    } else {
        format!(
            "{}: {caught} of {} caught\n\n",
            report.file.shown(),
            counted(result.trials.len() as u64, "mistake")
        )
    };
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let messages = result
        .control
        .iter()
        .chain(result.trials.iter().flat_map(|trial| &trial.runtimes));
    for seen in messages.filter(|seen| seen.message.is_some()) {
        let _ = writeln!(
            text,
            "\n{}: {}",
            seen.runtime,
            RefusalText::read(seen.message.as_deref().unwrap_or_default())
                .line
                .shown()
        );
    }
    for copied in &report.copies {
        for change in &copied.changes {
            let _ = writeln!(
                text,
                "\n{} ran copies of the files: {change}",
                copied.runtime
            );
        }
    }
    for runtime in &report.unavailable {
        let _ = writeln!(text, "\n{runtime} is not available");
    }
    let _ = writeln!(
        text,
        "\nnumbers: the difference from {} on the file itself, in parts of what is allowed; more than 1 is caught\nno site in this file: {}\nseed {}, {:.1} s",
        report.reference,
        if result.not_applicable.is_empty() {
            "none".to_owned()
        } else {
            result.not_applicable.join(", ")
        },
        report.seed,
        report.seconds
    );
    text
}

fn factor(seen: &Seen) -> String {
    match (seen.agrees, seen.smallest_factor) {
        (Some(_), Some(factor)) if !(0.01..1000.0).contains(&factor) => format!("{factor:.1e}"),
        (Some(_), Some(factor)) => format!("{factor:.2}"),
        (Some(_), None) => "not finite".to_owned(),
        (None, _) => "did not run".to_owned(),
    }
}
