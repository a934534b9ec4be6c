//! `check`: the rules that a file breaks, without running it.

use super::exit::{Failure, Status};
use super::{print, text};
use clap::Args;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::onnx::check::targets::{Target, TargetReport, report_targets};
use efficientnet_onnx::onnx::check::{Finding, Level, check};
use efficientnet_onnx::onnx::file::ModelFile;
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file to check
    file: PathBuf,
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = target, help = target_help())]
    target: Vec<Targets>,
    /// Print the result as JSON on standard output
    #[arg(long)]
    json: bool,
}

/// One target, or all.
#[derive(Clone, Copy, Debug)]
enum Targets {
    One(Target),
    All,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    file: String,
    errors: usize,
    warnings: usize,
    findings: &'a [Finding],
    targets: &'a [Listed],
}

/// A target, and whether it was asked for by name.
#[derive(Serialize)]
struct Listed {
    named: bool,
    #[serde(flatten)]
    report: TargetReport,
}

/// Checks a file; an error is status 1, warnings and what `all` finds never count.
///
/// # Errors
///
/// If the file cannot be read or decoded.
pub fn run(args: &CheckArgs) -> Result<Status, Failure> {
    let model = ModelFile::open(&args.file).map_err(Failure::bad_input)?;
    let named: Vec<Target> = (args.target.iter())
        .filter_map(|wanted| match wanted {
            Targets::One(target) => Some(*target),
            Targets::All => None,
        })
        .collect();
    let all = args
        .target
        .iter()
        .any(|wanted| matches!(wanted, Targets::All));
    let wanted = Target::ALL
        .into_iter()
        .filter(|target| all || named.contains(target));
    let wanted: Vec<Target> = wanted.collect();
    let targets: Vec<Listed> = report_targets(&model, &wanted)
        .into_iter()
        .zip(&wanted)
        .map(|(report, target)| Listed {
            named: named.contains(target),
            report,
        })
        .collect();
    let mut findings = check(&model);
    let counted = targets.iter().filter(|target| target.named);
    findings.extend(counted.flat_map(|target| target.report.findings.clone()));
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let report = Report {
        schema: SCHEMA,
        file: args.file.to_string_lossy().into_owned(),
        errors,
        warnings,
        findings: &findings,
        targets: &targets,
    };
    if args.json {
        print::line(print::json(&report)?)?;
    } else {
        print::line(render(&report))?;
    }
    Ok(if errors > 0 {
        Status::Disagrees
    } else {
        Status::Done
    })
}

fn render(report: &Report) -> String {
    let counted = |number: usize, what| text::counted(number as u64, what);
    let mut lines = String::new();
    for finding in report.findings {
        let _ = writeln!(lines, "{finding}");
    }
    for Listed { named, report } in report.targets {
        let mark = if report.passes { '✓' } else { '✗' };
        let _ = writeln!(lines, "{mark} {}", report.target);
        // Those of targets that were asked for are above.
        for finding in report.findings.iter().filter(|_| !named) {
            let _ = writeln!(lines, "    {finding}");
        }
    }
    let total = match (report.errors, report.warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        (errors, warnings) => format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    };
    let _ = write!(lines, "{}: {total}", report.file.shown());
    lines
}

fn target_help() -> String {
    let names = Target::ALL.map(|target| format!("`{}`", target.as_str()));
    format!(
        "Also what these toolchains are known not to load or to compute wrongly: {}, or `all`, which lists each with ✓ or ✗ \
         and does not change the exit status",
        names.join(", ")
    )
}

fn target(text: &str) -> Result<Targets, String> {
    match text {
        "all" => Ok(Targets::All),
        text => text.parse().map(Targets::One),
    }
}
