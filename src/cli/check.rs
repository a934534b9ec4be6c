//! `check`: the rules that a file breaks, without running it.

use super::exit::{Failure, Status};
use super::{print, text};
use clap::Args;
use efficientnet_onnx::onnx::check::targets::{Target, check_targets};
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
    /// Also what these toolchains are known not to load or to compute wrongly: `tract`, `onnxruntime`,
    /// `onnxruntime-web`, `tensorrt`, `openvino`, `opencv`, `candle`, `burn`, `rten`, `ncnn`, `mnn`, `iree`, `tvm`,
    /// `tflite`, `coreml`, `onnx2torch`, `onnx-reference`, or `all`
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = target)]
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
}

/// Checks a file; an error is status 1, warnings never count.
///
/// # Errors
///
/// If the file cannot be read or decoded.
pub fn run(args: &CheckArgs) -> Result<Status, Failure> {
    let model = ModelFile::open(&args.file).map_err(Failure::bad_input)?;
    let mut targets = Vec::new();
    for wanted in &args.target {
        match wanted {
            Targets::One(target) if !targets.contains(target) => targets.push(*target),
            Targets::One(_) => {}
            Targets::All => targets = Target::ALL.to_vec(),
        }
    }
    let mut findings = check(&model);
    findings.extend(check_targets(&model, &targets));
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let report = Report {
        schema: SCHEMA,
        file: args.file.display().to_string(),
        errors,
        warnings,
        findings: &findings,
    };
    if args.json {
        print::line(serde_json::to_string_pretty(&report).map_err(Failure::bad_input)?)?;
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
    let total = match (report.errors, report.warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        (errors, warnings) => format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    };
    let _ = write!(lines, "{}: {total}", report.file);
    lines
}

fn target(text: &str) -> Result<Targets, String> {
    match text {
        "all" => Ok(Targets::All),
        text => text.parse().map(Targets::One),
    }
}
