//! `verify --bisect`: for each runtime that disagrees, the node at which it begins to.

use super::lab::{BaseRuns, Bench, Benches, Workers};
use super::{Arguments, limit, open, pair, progress, table, verify_path, words};
use crate::cli::exit::{Failure, Status};
use crate::cli::text::{counted, printable};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::runtime::refusal::Refusal;
use efficientnet_onnx::verify::bisect::{
    Bisection, Finding, LayerDifference, Level, MeasureError, Side, Step, bisect, values,
};
use efficientnet_onnx::verify::pair::Pair;
use efficientnet_onnx::verify::read;
use efficientnet_onnx::verify::report::{Report, RuntimeStatus};
use serde::Serialize;
use std::fmt::Write;
use std::time::Instant;

/// The search for one runtime.
#[derive(Serialize)]
struct Searched {
    /// The runtime that disagrees.
    runtime: &'static str,
    /// Its file.
    file: String,
    /// The base's runtime.
    base: &'static str,
    /// The base's file.
    base_file: String,
    /// The case that was searched, an index of `cases`.
    case: usize,
    /// How long it took.
    seconds: f64,
    /// Why it ended early.
    error: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    bisection: Option<Bisection>,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: serde_json::Value,
    bisect: &'a [Searched],
}

/// Verifies as ever, and then searches; the text to print.
pub fn run(arguments: &Arguments) -> Result<(String, Status), Failure> {
    let (request, quiet) = (&arguments.request, arguments.quiet);
    let shown = arguments.file.display().to_string();
    let report = match &arguments.other {
        None => verify_path(&arguments.file, &shown, request, quiet)?,
        Some(other) => pair::verify(&arguments.file, other, request, quiet)?,
    };
    let searched = if report.problems.is_empty() {
        search(arguments, &report)?
    } else {
        Vec::new()
    };
    let text = if arguments.json {
        let output = Output {
            report: words::json(&report)?,
            bisect: &searched,
        };
        let json = serde_json::to_string_pretty(&output).map_err(Failure::bad_input)?;
        format!("{json}\n")
    } else {
        let mut text = table::render(&report);
        if searched.is_empty() {
            text.push_str("\nbisect: no runtime's outputs differ from the base's, so there is nothing to search\n");
        }
        for searched in &searched {
            describe(searched, &mut text);
        }
        text
    };
    Ok((text, super::status(&report)))
}

fn search(arguments: &Arguments, report: &Report) -> Result<Vec<Searched>, Failure> {
    let (request, quiet) = (&arguments.request, arguments.quiet);
    let first = reopen(arguments.file.as_path())?;
    let second = arguments.other.as_deref().map(reopen).transpose()?;
    let subject = read::subject(&first);
    let pair = match &second {
        None => None,
        Some(second) => {
            Some(Pair::new(&subject, read::subject(second)).map_err(Failure::bad_input)?)
        }
    };
    let planned = pair.as_ref().map_or(&subject, |pair| &pair.planned);
    let shown = arguments.file.display().to_string();
    let feed = request
        .feed
        .prepare(&first, planned, request.seed, &shown)?;
    let workers = Workers::new(request, limit(request, planned, &feed.cases));
    let leave_out = [
        subject.leave_out(),
        pair.as_ref()
            .map_or_else(|| subject.leave_out(), Pair::leave_out_of_second),
    ];
    let mut known = BaseRuns::default();
    let mut runtimes = report.runtimes.iter();
    let Some(base) = runtimes.find(|runtime| runtime.is_reference) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for runtime in report
        .runtimes
        .iter()
        .filter(|runtime| runtime.status == RuntimeStatus::Disagrees)
    {
        let case = runtime.max_abs_case.unwrap_or(0);
        let inputs = &feed.inputs[case];
        let other_inputs = pair
            .as_ref()
            .map_or_else(|| inputs.clone(), |pair| pair.for_second(inputs));
        let other_file = second.as_ref().unwrap_or(&first);
        let sides = [
            Bench {
                file: &first,
                runtime: named(base.name)?,
                inputs: inputs.clone(),
                leave_out: leave_out[0].clone(),
            },
            Bench {
                file: other_file,
                runtime: named(runtime.name)?,
                inputs: other_inputs,
                leave_out: leave_out[1].clone(),
            },
        ];
        let mut benches = Benches {
            workers: &workers,
            sides,
            pair: pair.as_ref(),
            known: &mut known,
            case,
        };
        let live = progress(quiet);
        if live {
            tell!("bisect: {} against {}", runtime.name, base.name);
        }
        let start = Instant::now();
        let list = values(&first, second.as_ref(), inputs, &leave_out[0]);
        let mut tell = |level: &Level| {
            if live {
                tell!("{}", line(level));
            }
        };
        let mut run = |side, marked: &[&str]| benches.run(side, marked);
        let (bisection, error) = match bisect(&mut run, &list, runtime.tolerance, &mut tell) {
            Ok(bisection) => (Some(bisection), None),
            Err(MeasureError::Run(failure)) => return Err(failure),
            Err(MeasureError::Trouble(side, trouble)) => {
                let name = if side == Side::Base {
                    base.name
                } else {
                    runtime.name
                };
                (
                    None,
                    Some(format!("{name} did not run with values marked: {trouble}")),
                )
            }
            Err(MeasureError::Missing(side, value)) => {
                let name = if side == Side::Base {
                    base.name
                } else {
                    runtime.name
                };
                (
                    None,
                    Some(format!("{name} did not give the marked value `{value}`")),
                )
            }
        };
        all.push(Searched {
            runtime: runtime.name,
            file: other_file.path.display().to_string(),
            base: base.name,
            base_file: shown.clone(),
            case,
            seconds: start.elapsed().as_secs_f64(),
            error,
            bisection,
        });
    }
    Ok(all)
}

fn reopen(file: &std::path::Path) -> Result<ModelFile, Failure> {
    match open(file)? {
        Ok(opened) => Ok(opened.model),
        Err(_) => Err(Failure::bad_input(format!(
            "`{}` has changed",
            file.display()
        ))),
    }
}

fn named(runtime: &str) -> Result<RuntimeName, Failure> {
    runtime
        .parse()
        .map_err(|error: String| Failure::bad_input(error))
}

fn line(level: &Level) -> String {
    let differs = match &level.first_differing {
        Some(first) => format!("first that differs: {}", place(first)),
        None => "none differs".to_owned(),
    };
    let changed = if level.outputs_differ {
        ""
    } else {
        "; with these marks the outputs agree"
    };
    match level.step {
        Step::Search => format!(
            "level {}: {}, marked {}, {differs}{changed}",
            level.level,
            counted(level.candidates as u64, "candidate"),
            counted(level.marked as u64, "value")
        ),
        Step::Confirm => {
            format!(
                "level {}: the suspect and its {}, {differs}{changed}",
                level.level,
                counted(level.marked as u64 - 1, "input")
            )
        }
    }
}

fn place(found: &LayerDifference) -> String {
    format!(
        "{} ({}), {} of allowed",
        printable(&found.node),
        printable(&found.op_type),
        number(found.smallest_factor)
    )
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "not finite".to_owned(), |number| format!("{number:.3e}"))
}

fn describe(searched: &Searched, text: &mut String) {
    let of = |runtime, file: &str| format!("{runtime} on {file}");
    let _ = writeln!(
        text,
        "\nbisect: {} against {}, case {}",
        of(searched.runtime, &searched.file),
        of(searched.base, &searched.base_file),
        searched.case + 1
    );
    if let Some(error) = &searched.error {
        let _ = writeln!(text, "  {}", printable(&Refusal::read(error).line));
    }
    let Some(bisection) = &searched.bisection else {
        return;
    };
    for level in &bisection.levels {
        let _ = writeln!(text, "  {}", line(level));
    }
    let first = bisection.first.as_ref().map_or_else(String::new, place);
    let _ = match bisection.finding {
        Finding::Agree => writeln!(text, "  run again, the outputs agree"),
        Finding::Found => writeln!(
            text,
            "  first node that differs while its inputs agree: {first}"
        ),
        Finding::VanishesWhenMarked => {
            writeln!(
                text,
                "  not found: {first}; with its output marked the difference is gone, so it lies in how nodes are fused"
            )
        }
    };
    let _ = writeln!(
        text,
        "  marking {} the verdict on the outputs; {} of each side, {:.1} s",
        if bisection.marking_changed_verdict {
            "CHANGED"
        } else {
            "did not change"
        },
        counted(bisection.runs as u64, "run"),
        searched.seconds
    );
    if !bisection.worst.is_empty() {
        let [measured, of] = bisection.measured;
        let _ = writeln!(
            text,
            "  worst of {measured} of {}: node (operator), largest difference, relative, of allowed",
            counted(of as u64, "value")
        );
    }
    for one in &bisection.worst {
        let _ = writeln!(
            text,
            "    {} ({}) {} {} {}",
            printable(&one.node),
            printable(&one.op_type),
            number(one.max_abs),
            number(one.relative),
            number(one.smallest_factor)
        );
    }
}
