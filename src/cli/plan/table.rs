//! Rows, answers and candidates for a terminal.

use super::super::text;
use comfy_table::{CellAlignment, Table, presets};
use efficientnet_onnx::architecture::{Reading, Scaling};
use efficientnet_onnx::plan::grid::{self, Candidate};
use efficientnet_onnx::plan::{Point, Subject};
use efficientnet_onnx::scaling::{BASE_RESOLUTION, Coefficients, Compound, brief};
use std::fmt::Write;

/// Candidates that are listed around the front.
const MOST_CANDIDATES: usize = 60;

/// A table without lines.
pub fn plain(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.to_vec());
    table
}

/// Its text; all columns but the first `names` are of numbers.
pub fn finish(mut table: Table, names: usize) -> String {
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", table.trim_fmt())
}

/// What a row is of.
pub fn label(row: &Point) -> String {
    point(&row.scaling)
}

/// What a point is: its name, or its φ.
pub fn point(scaling: &Scaling) -> String {
    match &scaling.reading {
        Reading::Published { variant } => variant.name.to_owned(),
        Reading::Formula { phi, .. } => format!("φ {}", brief(*phi)),
        Reading::Given => {
            let Scaling {
                coefficients,
                resolution,
                ..
            } = scaling;
            let Coefficients { width, depth } = *coefficients;
            if depth != 1.0 {
                format!("depth {}", text::rounded(depth))
            } else if width != 1.0 {
                format!("width {}", text::rounded(width))
            } else if *resolution != BASE_RESOLUTION {
                format!("{resolution} pixels")
            } else {
                "baseline".to_owned()
            }
        }
    }
}

/// The side in pixels, before and after rounding.
pub fn pixels(row: &Point) -> String {
    let [_, _, resolution] = row.exact;
    if (resolution - row.scaling.resolution as f64).abs() < 0.05 {
        row.scaling.resolution.to_string()
    } else {
        format!("{resolution:.1} → {}", row.scaling.resolution)
    }
}

/// The table of rows, and what published ones imply.
pub fn rows(subject: &Subject, rows: &[Point], long: bool) -> String {
    let element = subject.element;
    let mut table = plain(&[
        "point",
        "width",
        "depth",
        "pixels",
        "parameters",
        "MACs",
        "predicted",
        &format!("peak {element}"),
        &format!("file {element}"),
        "top-1 %",
    ]);
    for row in rows {
        let [width, depth, _] = row.exact;
        table.add_row([
            label(row),
            format!("{width:.3}"),
            format!("{depth:.3}"),
            pixels(row),
            text::grouped(row.cost.parameters),
            text::scaled(row.cost.macs),
            text::scaled(whole(row.predicted_macs)),
            text::bytes(row.cost.peak_bytes()),
            text::bytes(row.cost.file_bytes),
            row.accuracy
                .map_or_else(String::new, |accuracy| format!("{:.1}", accuracy.top1)),
        ]);
    }
    let Compound { alpha, beta, gamma } = subject.compound;
    let product = alpha * beta * beta * gamma * gamma;
    let mut shown = finish(table, 1);
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(
        shown,
        "\nα {alpha}, β {beta}, γ {gamma}: α·β²·γ² = {product:.5}, by which each φ multiplies the predicted MACs: the baseline's times d·w²·r²"
    );
    shown += &implied(rows);
    let own = rows
        .iter()
        .filter(|row| row.scaling.baseline != row.scaling.family().baseline);
    let own: Vec<String> = own.map(label).collect();
    if !own.is_empty() {
        let _ = writeln!(
            shown,
            "\n{}: each has a baseline of its own, which no φ of its family gives; the prediction scales that baseline",
            own.join(", ")
        );
    }
    if long {
        for row in rows {
            let files = row.files.iter();
            let files =
                files.map(|(element, bytes)| format!("{} in {element}", text::bytes(*bytes)));
            let files = files.collect::<Vec<_>>().join(", ");
            let _ = write!(
                shown,
                "\n{}: a file of {files}\n{}",
                label(row),
                stages(row)
            );
        }
    }
    shown
}

/// The φ that each number of a published row implies.
fn implied(rows: &[Point]) -> String {
    let mut table = plain(&[
        "published",
        "φ by width",
        "by depth",
        "by pixels",
        "by MACs",
    ]);
    let mut any = false;
    for row in rows {
        if let Some(implied) = row.implied {
            let phi =
                |phi: Option<f64>| phi.map_or_else(|| "–".to_owned(), |phi| format!("{phi:.2}"));
            table.add_row([
                label(row),
                phi(implied.width),
                phi(implied.depth),
                phi(implied.resolution),
                phi(implied.macs),
            ]);
            any = true;
        }
    }
    if any {
        format!(
            "\n{}the φ at which the formula alone would give that number; where they differ, no φ gives this model\n",
            finish(table, 1)
        )
    } else {
        String::new()
    }
}

fn stages(row: &Point) -> String {
    let mut table = plain(&[
        "part",
        "operator",
        "input",
        "channels",
        "repeats",
        "parameters",
        "MACs",
    ]);
    for part in &row.parts {
        let [height, width] = part.resolution;
        table.add_row([
            part.part.clone(),
            part.operator.clone(),
            format!("{height}x{width}"),
            text::grouped(part.channels),
            part.repeats.to_string(),
            text::grouped(part.counts.parameters),
            text::grouped(part.counts.macs),
        ]);
    }
    finish(table, 2)
}

/// Candidates of the grid search; the front and the paper's choice are marked.
pub fn grid(found: &[Candidate]) -> String {
    let mut table = plain(&["", "α", "β", "γ", "α·β²·γ²", "pixels", "MACs", "parameters"]);
    let is_shown = |candidate: &&Candidate| {
        found.len() <= MOST_CANDIDATES
            || candidate.is_on_front
            || grid::is_papers(candidate.compound)
    };
    let shown: Vec<&Candidate> = found.iter().filter(is_shown).collect();
    for candidate in &shown {
        let Compound { alpha, beta, gamma } = candidate.compound;
        let mark = match (grid::is_papers(candidate.compound), candidate.is_on_front) {
            (true, true) => "paper, front",
            (true, false) => "paper",
            (false, true) => "front",
            (false, false) => "",
        };
        table.add_row([
            mark.to_owned(),
            format!("{alpha:.3}"),
            format!("{beta:.3}"),
            format!("{gamma:.3}"),
            format!("{:.4}", candidate.product),
            candidate.resolution.to_string(),
            text::grouped(candidate.macs),
            text::grouped(candidate.parameters),
        ]);
    }
    let left = found.len() - shown.len();
    let rest = if left == 0 {
        String::new()
    } else {
        format!(
            "\n{} candidates in all; only the front and the paper's choice are shown\n",
            found.len()
        )
    };
    let paper = found
        .iter()
        .any(|candidate| grid::is_papers(candidate.compound));
    let paper = if paper {
        ""
    } else {
        "\nthis grid leaves out the paper's choice, 1.2, 1.1 and 1.15\n"
    };
    format!(
        "{}\nfront: no other candidate has at most as many MACs and parameters, and fewer of one\n{rest}{paper}",
        finish(table, 1)
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of multiply-adds"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
