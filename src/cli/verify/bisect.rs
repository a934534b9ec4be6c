//! `verify --bisect`: for each runtime that disagrees, the node at which it begins to.

use super::{VerifyArgs, print_notes, table, tell, words};
use crate::cli::exit::{Failure, Status};
use crate::cli::print;
use crate::cli::text::counted;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::runtime::refusal::RefusalText;
use efficientnet_onnx::verify::bisect::{Conclusion, LayerDifference, SearchRun, Step};
use efficientnet_onnx::verify::session::Search;
use serde::Serialize;
use std::fmt::Write;

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: serde_json::Value,
    bisect: &'a [Search],
}

/// Verifies as ever, and then searches; the text to print.
pub fn run(args: &VerifyArgs) -> Result<(String, Status), Failure> {
    let verifier = args.request.verifier()?;
    let (file, other) = (&args.file, args.other.as_deref());
    let found = verifier.bisect(file, other, &mut tell(args.quiet))?;
    print_notes(&found.report, args.quiet);
    let text = if args.json {
        let output = Output {
            report: words::json(&found.report)?,
            bisect: &found.searches,
        };
        let json = print::json(&output)?;
        format!("{json}\n")
    } else {
        let mut text = table::render(&found.report);
        if found.searches.is_empty() {
            text.push_str("\nbisect: no runtime's outputs differ from the base's, so there is nothing to search\n");
        }
        for search in &found.searches {
            describe(search, &mut text);
        }
        text
    };
    Ok((text, super::status(&found.report)))
}

/// A run of a search in one line.
pub fn line(level: &SearchRun) -> String {
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
        found.node.shown(),
        found.op_type.shown(),
        number(found.smallest_factor)
    )
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "not finite".to_owned(), |number| format!("{number:.3e}"))
}

fn describe(searched: &Search, text: &mut String) {
    let of = |runtime, file: &str| format!("{runtime} on {}", file.shown());
    let _ = writeln!(
        text,
        "\nbisect: {} against {}, case {}",
        of(searched.runtime, &searched.file),
        of(searched.reference, &searched.reference_file),
        searched.case + 1
    );
    if let Some(error) = &searched.error {
        let _ = writeln!(text, "  {}", RefusalText::read(&error.to_string()).line);
    }
    let Some(bisection) = &searched.bisection else {
        return;
    };
    for level in &bisection.levels {
        let _ = writeln!(text, "  {}", line(level));
    }
    let first = bisection.first.as_ref().map_or_else(String::new, place);
    let _ = match bisection.finding {
        Conclusion::Agree => writeln!(text, "  run again, the outputs agree"),
        Conclusion::Found => writeln!(
            text,
            "  first node that differs while its inputs agree: {first}"
        ),
        Conclusion::VanishesWhenMarked => {
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
            one.node.shown(),
            one.op_type.shown(),
            number(one.max_abs),
            number(one.relative),
            number(one.smallest_factor)
        );
    }
}
