//! `verify A B`: whether two files compute the same.

use super::{Opened, Request, attempts, limit, open, print_notes, progress, settings};
use crate::cli::exit::Failure;
use attempts::Wanted;
use efficientnet_onnx::verify::pair::Pair;
use efficientnet_onnx::verify::report::{Problem, Report, Verdict};
use efficientnet_onnx::verify::tensors::pair_tensors;
use efficientnet_onnx::verify::{read, rejected};
use std::path::Path;
use std::sync::Arc;

/// Runs the first file in the best runtime there is, and the second in every one, and compares.
///
/// # Errors
/// If a file cannot be read or decoded, or no input fits both.
pub fn verify(
    first: &Path,
    second: &Path,
    request: &Request,
    quiet: bool,
) -> Result<Report, Failure> {
    let names = [first, second].map(|file| file.display().to_string());
    let settings = settings(request, &names[0]);
    let opened = [open(first)?, open(second)?];
    let [one, two] = match opened {
        [Ok(one), Ok(two)] => [one, two],
        broken => return Ok(rejected(&settings, problems_of(broken, &names))),
    };
    let subjects = [read::subject(&one.model), read::subject(&two.model)];
    let pair = Pair::new(&subjects[0], subjects[1].clone()).map_err(|error| {
        Failure::bad_input(error).hint("emit both files with the same size, batch and outputs")
    })?;
    let feed = request
        .feed
        .prepare(&one.model, &pair.planned, request.seed, &names[0])?;
    if feed.expected.is_some() || feed.write_to.is_some() {
        let message =
            "two files are compared with each other, so `--expect` and `--test-data` do not apply";
        return Err(Failure::bad_input(message).hint("leave them out, or name one file"));
    }
    let (cases, inputs) = (feed.cases, feed.inputs);
    let for_second: Vec<_> = inputs.iter().map(|case| pair.for_second(case)).collect();
    let leave_out = [subjects[0].leave_out(), subjects[1].leave_out()];
    let run = |file, subject: usize, inputs| Wanted {
        file,
        subject: &subjects[subject],
        inputs,
        leave_out: &leave_out[subject],
        limit: limit(request, &subjects[subject], &cases),
        progress: progress(quiet),
    };
    let base = attempts::make_base(&run(first, 0, &inputs), request)?;
    let others = attempts::make(&run(second, 1, &for_second), request)?;
    let mut report = match base.runs.first() {
        Some(base) => pair.judge(
            &settings,
            [&names[0], &names[1]],
            &cases,
            base,
            &others.runs,
        ),
        None => Report {
            verdict: Verdict::Unavailable,
            ..rejected(&settings, Vec::new())
        },
    };
    let warnings = one.warnings.into_iter().chain(two.warnings);
    for note in warnings.chain(base.notes).chain(others.notes) {
        if !report.notes.contains(&note) {
            report.notes.push(note);
        }
    }
    if let Some(pair) = &mut report.pair {
        let models = [Arc::new(one.model), Arc::new(two.model)];
        pair.tensors = Some(pair_tensors(&models[0], &models[1]).map_err(Failure::bad_input)?);
    }
    print_notes(&report, quiet);
    Ok(report)
}

/// The rules that either file breaks, each with the file's name.
fn problems_of(opened: [Result<Opened, Vec<Problem>>; 2], names: &[String; 2]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (opened, name) in opened.into_iter().zip(names) {
        for problem in opened.err().unwrap_or_default() {
            problems.push(Problem {
                message: format!("`{name}`: {}", problem.message),
                ..problem
            });
        }
    }
    problems
}
