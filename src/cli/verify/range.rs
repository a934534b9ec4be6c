//! `verify --range`: how large the values of the file are, and what rounding them moves in the outputs.

use super::{VerifyArgs, print_note_list, tell, text, words};
use crate::cli::exit::{Failure, Status};
use crate::cli::print;
use crate::cli::text::counted;
use comfy_table::{Cell, CellAlignment, Table, presets};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::tensor::Element;
use efficientnet_onnx::verify::range::{
    Beyond, Magnitudes, Move, RangeReport, RangeVerdict, ValueRange,
};
use efficientnet_onnx::verify::session::{PictureSample, RangeOptions, SessionError};
use std::cmp::Ordering;
use std::fmt::Write;

/// Version of the JSON form.
const SCHEMA: u32 = 1;
/// Values that are listed without `--all`.
const LISTED: usize = 20;

/// Audits the file; the text to print.
pub fn run(args: &VerifyArgs) -> Result<(String, Status), Failure> {
    let verifier = args.request.verifier()?;
    let options = RangeOptions {
        pictures: args.images.as_ref().map(PictureSample::of),
        ..RangeOptions::default()
    };
    let mut tell = tell(args.quiet);
    let report = match verifier.range(&args.file, &options, &mut tell) {
        Ok(report) => report,
        Err(SessionError::Rejected(report)) => {
            return Ok((text(&report, args.json)?, Status::Disagrees));
        }
        Err(error) => return Err(error.into()),
    };
    let status = match report.verdict {
        RangeVerdict::Fits | RangeVerdict::ExceedsF16(_) => Status::Done,
        RangeVerdict::ExceedsOwnType(_) => Status::Disagrees,
    };
    print_note_list(&report.notes, args.quiet);
    if !args.json {
        return Ok((render(&report, args.all), status));
    }
    let mut json = serde_json::to_value(&report).map_err(Failure::bad_input)?;
    json["notes"] = report.notes.iter().map(words::note).collect();
    json["schema"] = SCHEMA.into();
    Ok((format!("{}\n", print::json(&json)?), status))
}

/// The verdict in a line, the values that deserve most attention, and what rounding moves all in all.
fn render(report: &RangeReport, all: bool) -> String {
    let mut text = format!("{}: {}\n", report.file.shown(), verdict(report));
    let _ = writeln!(text, "{}\n", run_with(report));
    let values = worst_first(&report.values);
    let listed = if all { values.len() } else { LISTED };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "largest",
        "of f16",
        "of bf16",
        "sums",
        "f16 moves",
        "bf16 moves",
        "operator",
        "value",
    ]);
    for range in values.iter().take(listed) {
        let numbers = [
            largest(&range.magnitudes),
            share(range.share_f16),
            share(range.share_bf16),
            range
                .reduction_depth
                .map_or_else(|| "-".to_owned(), |depth| depth.to_string()),
            moved(range.move_f16),
            moved(range.move_bf16),
        ];
        let right = |number| Cell::new(number).set_alignment(CellAlignment::Right);
        let names = [
            range.op_type.as_deref().unwrap_or("input"),
            range.value.as_str(),
        ];
        let names = names.map(|name| Cell::new(name.shown()));
        table.add_row(numbers.into_iter().map(right).chain(names));
    }
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if values.len() > listed {
        let more = counted((values.len() - listed) as u64, "value");
        let _ = writeln!(text, " and {more} more, which `--all` lists");
    }
    initializers(report, &mut text);
    moves(report, &mut text);
    let _ = writeln!(text, "\n{:.1} s", report.seconds);
    text
}

/// The verdict in words.
fn verdict(report: &RangeReport) -> String {
    match report.verdict {
        RangeVerdict::Fits => {
            let values = report.values.iter();
            let largest = values.max_by(|one, two| by_size(one, two));
            let largest = largest.map_or_else(String::new, |range| {
                format!(
                    "; the largest is {} at `{}`, {} of f16's range",
                    largest_number(range.magnitudes.largest),
                    range.value.shown(),
                    share(range.share_f16)
                )
            });
            format!("all values fit f16{largest}")
        }
        RangeVerdict::ExceedsF16(beyond) => format!(
            "{} f16's range, the first is `{}`; all fit their own types",
            exceed(beyond),
            first(report, |magnitudes, _| !magnitudes.fits(Element::F16)).shown()
        ),
        RangeVerdict::ExceedsOwnType(beyond) => format!(
            "{} THE RANGE OF THEIR OWN TYPES or are not finite, the first is `{}`",
            exceed(beyond),
            first(report, |magnitudes, own| !magnitudes.fits(own)).shown()
        ),
    }
}

/// Such as `1 value and 2 initializers exceed`.
fn exceed(beyond: Beyond) -> String {
    let kinds = [
        (beyond.values, "value"),
        (beyond.initializers, "initializer"),
    ];
    let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = kinds
        .map(|(count, kind)| counted(count as u64, kind))
        .collect();
    let verb = match beyond.values + beyond.initializers {
        1 => "exceeds",
        _ => "exceed",
    };
    format!("{} {verb}", counts.join(" and "))
}

/// The first value, else the first initializer, of which something is so.
fn first(report: &RangeReport, is_so: fn(&Magnitudes, Element) -> bool) -> &str {
    let values = report.values.iter();
    let values = values.map(|one| (&one.magnitudes, one.element, one.value.as_str()));
    let initializers = report.initializers.iter();
    let initializers = initializers.map(|one| (&one.magnitudes, one.element, one.name.as_str()));
    let mut all = values.chain(initializers);
    let found = all.find(|(magnitudes, element, _)| is_so(magnitudes, *element));
    found.map_or("", |(_, _, name)| name)
}

/// What the values are of.
fn run_with(report: &RangeReport) -> String {
    let cases = match report.pictures {
        None => counted(report.cases.len() as u64, "case"),
        Some(found) => {
            let used: usize = report.cases.iter().map(|case| case.pictures.len()).sum();
            let of = if used < found {
                format!(" of {found}")
            } else {
                String::new()
            };
            format!("{}{of}", counted(used as u64, "picture"))
        }
    };
    format!(
        "{} and {}, from {} on {cases}",
        counted(report.values.len() as u64, "value"),
        counted(report.initializers.len() as u64, "initializer"),
        report.runtime
    )
}

/// First those that do not fit f16, the largest before; then those that move the outputs most, and where that was not
/// measured, the largest.
fn worst_first(values: &[ValueRange]) -> Vec<&ValueRange> {
    let mut values: Vec<&ValueRange> = values.iter().collect();
    let fits = |range: &ValueRange| range.magnitudes.fits(Element::F16);
    let weight = |found: Option<Move>| {
        let relative = |found: Move| found.relative.unwrap_or(f64::INFINITY);
        found.map_or(0.0, relative)
    };
    values.sort_by(|one, two| {
        let by_move = weight(two.move_f16).total_cmp(&weight(one.move_f16));
        let by_size = by_size(two, one);
        match (fits(one), fits(two)) {
            (false, true) => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, false) => by_size,
            (true, true) => by_move.then(by_size),
        }
    });
    values
}

fn by_size(one: &ValueRange, two: &ValueRange) -> Ordering {
    let size = |range: &ValueRange| match range.magnitudes.not_finite {
        0 => range.magnitudes.largest,
        _ => f64::INFINITY,
    };
    size(one).total_cmp(&size(two))
}

fn initializers(report: &RangeReport, text: &mut String) {
    let all = report.initializers.iter();
    let Some(most) = all.max_by(|one, two| one.share_f16.total_cmp(&two.share_f16)) else {
        return;
    };
    let sum = |count: fn(&Magnitudes) -> u64| {
        let counts = report.initializers.iter().map(|one| count(&one.magnitudes));
        counts.sum::<u64>()
    };
    let _ = writeln!(
        text,
        "\ninitializers: the largest is {} at `{}`, {} of f16's range; f16 makes {} infinite and {} zero",
        largest(&most.magnitudes),
        most.name.shown(),
        share(most.share_f16),
        counted(sum(|one| one.overflows_f16), "element"),
        counted(sum(|one| one.vanishes_f16), "element"),
    );
    if report.initializers_not_read > 0 {
        let count = counted(report.initializers_not_read as u64, "initializer");
        let _ = writeln!(text, "{count} of other types not read");
    }
}

fn moves(report: &RangeReport, text: &mut String) {
    let Some(moves) = &report.moves else {
        return;
    };
    let size = report.cases.get(moves.case).and_then(|case| case.size);
    let size = size.map_or_else(String::new, |[height, width]| {
        format!(" at {height}x{width}")
    });
    let _ = writeln!(
        text,
        "\nrounding moves the outputs, as a part of the largest element, in case {}{size}:",
        moves.case + 1
    );
    if moves.each_value == [Element::F16] {
        let _ = writeln!(
            text,
            "  each value alone was rounded to f16 only; `--runtime reference` rounds it to bf16 too"
        );
    }
    for (what, [f16, bf16]) in [
        ("all initializers", moves.initializers),
        ("everything", moves.everything),
    ] {
        let _ = writeln!(
            text,
            "  {what:16}  f16 {}, bf16 {}",
            moved(Some(f16)),
            moved(Some(bf16))
        );
    }
}

fn largest(magnitudes: &Magnitudes) -> String {
    match magnitudes.not_finite {
        0 => largest_number(magnitudes.largest),
        _ => "not finite".to_owned(),
    }
}

fn largest_number(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        0.01..1e5 => format!("{number:.2}"),
        _ => format!("{number:.2e}"),
    }
}

fn share(part: f64) -> String {
    match part {
        0.0 => "0 %".to_owned(),
        0.0001..100.0 => format!("{:.2} %", part * 100.0),
        _ => format!("{part:.0e}"),
    }
}

fn moved(found: Option<Move>) -> String {
    match found {
        None => "-".to_owned(),
        Some(Move { relative: None }) => "not finite".to_owned(),
        Some(Move {
            relative: Some(0.0),
        }) => "0".to_owned(),
        Some(Move {
            relative: Some(part),
        }) => format!("{part:.1e}"),
    }
}
