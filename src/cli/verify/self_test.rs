//! `verify --self-test`: puts mistakes into copies of the file and shows that they are caught.

use super::attempts::{self, Wanted};
use super::lab::{Copies, Workers};
use super::{Arguments, limit, open, progress, settings, text, words};
use crate::cli::exit::{Failure, Status};
use crate::cli::text::counted;
use comfy_table::{Table, presets};
use efficientnet_onnx::onnx::file::plain::Change;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::outcome::Trouble;
use efficientnet_onnx::runtime::refusal::Refusal;
use efficientnet_onnx::verify::mutate::{
    Original, Seen, SelfTest, SelfTestError, SelfTestSettings, Trial, TrialVerdict, self_test,
};
use efficientnet_onnx::verify::{read, reference_of, rejected};
use serde::Serialize;
use std::fmt::Write;
use std::time::Instant;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    file: String,
    base: &'static str,
    seed: u64,
    seconds: f64,
    /// Runtimes that were asked for and are not available.
    unavailable: Vec<&'static str>,
    /// Runtimes that ran copies which differ from the file in more than the mistake, and how.
    copies: Vec<Copied>,
    #[serde(flatten)]
    result: &'a SelfTest,
}

/// How the files that a runtime ran differ from those that were to be run.
#[derive(Serialize)]
struct Copied {
    runtime: &'static str,
    changes: Vec<Change>,
}

/// Runs the self-test; the text to print.
pub fn run(arguments: &Arguments) -> Result<(String, Status), Failure> {
    let (file, request) = (arguments.file.as_path(), &arguments.request);
    let shown = file.display().to_string();
    let opened = match open(file)? {
        Ok(opened) => opened,
        Err(problems) => {
            let report = rejected(&settings(request, &shown), problems);
            return Ok((text(&report, arguments.json)?, Status::Disagrees));
        }
    };
    let start = Instant::now();
    let subject = read::subject(&opened.model);
    let mut feed = request
        .feed
        .prepare(&opened.model, &subject, request.seed, &shown)?;
    feed.inputs.truncate(1);
    let limit = limit(request, &subject, &feed.cases);
    let original = Wanted {
        file,
        subject: &subject,
        inputs: &feed.inputs,
        leave_out: &subject.leave_out(),
        limit,
        progress: progress(arguments.quiet),
    };
    let made = attempts::make(&original, request)?;
    for note in made.notes.iter().filter(|_| !arguments.quiet) {
        tell!("note: {}", words::note(note));
    }
    let base = reference_of(&made.runs).and_then(|base| base.runtime);
    let unavailable: Vec<RuntimeName> = made
        .runs
        .iter()
        .filter(|run| matches!(run.outcome.trouble, Some(Trouble::Unavailable { .. })))
        .map(|run| run.runtime)
        .collect();
    let Some(base) = base else {
        let troubles = made.runs.iter().filter_map(|run| {
            Some(format!(
                "{}: {}",
                run.runtime,
                run.outcome.trouble.as_ref()?
            ))
        });
        let message = format!(
            "no runtime runs `{shown}`, so nothing can be tested: {}",
            troubles.collect::<Vec<_>>().join("; ")
        );
        let status = if unavailable.len() == made.runs.len() {
            Status::Unavailable
        } else {
            Status::Disagrees
        };
        return Err(Failure {
            status,
            ..Failure::bad_input(message)
        });
    };
    let changed = made.runs.iter().filter(|run| !run.changes.is_empty());
    let of_copies: Vec<Copied> = changed
        .map(|run| Copied {
            runtime: run.runtime.as_str(),
            changes: run.changes.clone(),
        })
        .collect();
    let all = made.runs.iter().map(|run| run.runtime);
    let mut runtimes: Vec<RuntimeName> = all
        .filter(|runtime| *runtime != base && !unavailable.contains(runtime))
        .collect();
    if runtimes.is_empty() {
        runtimes.push(base);
    }
    let test = SelfTestSettings {
        reference: base,
        runtimes,
        limits: settings(request, &shown).limits,
        seed: request.seed,
    };
    let original = Original::read(&opened.model).map_err(Failure::bad_input)?;
    let mut copies = Copies {
        workers: Workers::new(request, limit),
        inputs: &feed.inputs[0],
        leave_out: subject.leave_out(),
    };
    let mut run = |runtime, file: &std::path::Path| copies.run(runtime, file);
    let mut tell = |trial: &Trial| {
        if progress(arguments.quiet) {
            tell!(
                "{} at {}: {}",
                trial.kind,
                trial.site,
                verdict(trial.verdict)
            );
        }
    };
    let result =
        self_test(&original, &subject, &test, &mut run, &mut tell).map_err(
            |error| match error {
                SelfTestError::Run(failure) => failure,
                SelfTestError::Mutate(error) => Failure::bad_input(error),
                SelfTestError::Reference(trouble) => Failure {
                    status: Status::Disagrees,
                    ..Failure::bad_input(format!("{base}: {trouble}"))
                },
            },
        )?;
    let status = match (result.passed, unavailable.is_empty()) {
        (false, _) => Status::Disagrees,
        (true, false) => Status::Unavailable,
        (true, true) => Status::Done,
    };
    let output = Output {
        schema: SCHEMA,
        file: shown,
        base: base.as_str(),
        seed: request.seed,
        seconds: start.elapsed().as_secs_f64(),
        unavailable: unavailable.into_iter().map(RuntimeName::as_str).collect(),
        copies: of_copies,
        result: &result,
    };
    let text = if arguments.json {
        format!(
            "{}\n",
            serde_json::to_string_pretty(&output).map_err(Failure::bad_input)?
        )
    } else {
        render(&output)
    };
    Ok((text, status))
}

fn verdict(verdict: TrialVerdict) -> &'static str {
    match verdict {
        TrialVerdict::Caught => "caught",
        TrialVerdict::Missed => "MISSED",
        TrialVerdict::NotVisible => "NOT VISIBLE",
    }
}

fn render(output: &Output<'_>) -> String {
    let result = output.result;
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
            trial.site.clone(),
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
            output.file
        )
    } else {
        format!(
            "{}: {caught} of {} caught\n\n",
            output.file,
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
            Refusal::read(seen.message.as_deref().unwrap_or_default()).line
        );
    }
    for copied in &output.copies {
        for change in &copied.changes {
            let _ = writeln!(
                text,
                "\n{} ran copies of the files: {change}",
                copied.runtime
            );
        }
    }
    for runtime in &output.unavailable {
        let _ = writeln!(text, "\n{runtime} is not available");
    }
    let _ = writeln!(
        text,
        "\nnumbers: the difference from {} on the file itself, in parts of what is allowed; more than 1 is caught\nno site in this file: {}\nseed {}, {:.1} s",
        output.base,
        if result.not_applicable.is_empty() {
            "none".to_owned()
        } else {
            result.not_applicable.join(", ")
        },
        output.seed,
        output.seconds
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
