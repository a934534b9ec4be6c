//! Rows, answers and candidates for a terminal.

use super::super::text;
use super::answer::{Answer, Timed};
use super::words::excess;
use comfy_table::{CellAlignment, Table, presets};
use efficientnet_onnx::architecture::{Options, Reading, Scaling};
use efficientnet_onnx::plan::grid::{self, Candidate};
use efficientnet_onnx::plan::{Point, Subject};
use efficientnet_onnx::scaling::{BASE_RESOLUTION, Coefficients, Compound};
use std::fmt::Write;

/// Bytes of an element in f32 and in f16.
const F32: u64 = 4;
const F16: u64 = 2;
/// Candidates that are listed around the front.
const MOST_CANDIDATES: usize = 60;

fn plain(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.to_vec());
    table
}

fn finish(mut table: Table, names: usize) -> String {
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", table.trim_fmt())
}

/// What a point is: its name, or its φ.
pub fn label(row: &Point) -> String {
    match &row.scaling.reading {
        Reading::Published { variant } => variant.name.to_owned(),
        Reading::Formula { phi, .. } => format!("φ {phi}"),
        Reading::Given => {
            let Scaling {
                coefficients,
                resolution,
                ..
            } = &row.scaling;
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

/// The table of rows, and what published ones imply.
pub fn rows(subject: &Subject, rows: &[Point], long: bool) -> String {
    let mut table = plain(&[
        "point",
        "width",
        "depth",
        "pixels",
        "parameters",
        "MACs",
        "predicted",
        "peak f32",
        "file f32",
        "file f16",
        "top-1",
    ]);
    for row in rows {
        let [width, depth, resolution] = row.exact;
        let pixels = if (resolution - row.scaling.resolution as f64).abs() < 0.05 {
            row.scaling.resolution.to_string()
        } else {
            format!("{resolution:.1} → {}", row.scaling.resolution)
        };
        table.add_row([
            label(row),
            format!("{width:.3}"),
            format!("{depth:.3}"),
            pixels,
            text::grouped(row.cost.parameters),
            text::scaled(row.cost.macs),
            text::scaled(whole(row.predicted_macs)),
            text::bytes(F32 * row.cost.peak_activations),
            text::bytes(row.cost.file_bytes),
            text::bytes(row.cost.file_bytes - F16 * row.cost.stored_elements),
            row.accuracy
                .map_or_else(String::new, |accuracy| format!("{}", accuracy.top1)),
        ]);
    }
    let Compound { alpha, beta, gamma } = subject.compound;
    let product = alpha * beta * beta * gamma * gamma;
    let mut shown = finish(table, 1);
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(
        shown,
        "\nα {alpha}, β {beta}, γ {gamma}: α·β²·γ² = {product:.5}, by which each φ multiplies the predicted MACs"
    );
    shown += &implied(rows);
    if long {
        for row in rows {
            let _ = write!(shown, "\n{}\n{}", label(row), stages(row));
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
        format!("\n{}", finish(table, 1))
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

/// The largest φ, the next step, the published row, and the command that emits it.
pub fn answer(subject: &Subject, answer: &Answer) -> String {
    let [row, next] = &answer.rows;
    let mut all = vec![row.clone(), next.clone()];
    all.extend(answer.published.clone());
    let mut exceeded: Vec<String> = answer
        .budget
        .exceeded(&next.cost)
        .iter()
        .map(excess)
        .collect();
    let mut sure = String::new();
    if let Some(timed) = &answer.timed {
        let of = |phi: f64| timed.samples.iter().find(|sample| sample.phi == phi);
        if let Some(sample) = of(answer.found.next) {
            exceeded.push(format!(
                "{} of {}",
                text::time(sample.time.median),
                text::time(timed.limit)
            ));
        }
        sure = times(timed);
    }
    if exceeded.is_empty() {
        exceeded.push("the network of a φ that takes too long".to_owned());
    }
    let published = match &answer.published {
        Some(published) => format!(
            "the largest published model that fits is {}",
            label(published)
        ),
        None => "no published model fits".to_owned(),
    };
    let Compound { alpha, beta, gamma } = subject.compound;
    let bases = if subject.compound == Compound::default() {
        String::new()
    } else {
        format!(" --alpha {alpha} --beta {beta} --gamma {gamma}")
    };
    let family = if subject.family.name == "v1" {
        String::new()
    } else {
        format!(" --family {}", subject.family.name)
    };
    let classes = if subject.classes == Options::default().classes {
        String::new()
    } else {
        format!(" --classes {}", subject.classes)
    };
    let phi = answer.found.phi;
    format!(
        "{}\n{sure}φ {phi} is the largest of the grid of 0.01 that fits ({} points looked at); φ {} needs {}; {published}\n\n    \
         efficientnet-onnx emit{family} --phi {phi} --formula{bases}{classes} -o phi-{phi}.onnx\n",
        self::rows(subject, &all, false),
        answer.found.tried,
        answer.found.next,
        exceeded.join(", "),
    )
}

/// What was timed, and how sure that makes the answer.
fn times(timed: &Timed) -> String {
    let mut table = plain(&["φ", "MACs", "median", "lower quartile", "upper quartile"]);
    let mut close = Vec::new();
    for sample in &timed.samples {
        let spread = sample.time;
        table.add_row([
            sample.phi.to_string(),
            text::scaled(sample.macs),
            text::time(spread.median),
            text::time(spread.lower_quartile),
            text::time(spread.upper_quartile),
        ]);
        if (spread.lower_quartile..=spread.upper_quartile).contains(&timed.limit) {
            close.push(sample.phi.to_string());
        }
    }
    let sure = if close.is_empty() {
        "no graph's quartiles enclose the limit".to_owned()
    } else {
        format!(
            "the limit lies within the quartiles of φ {}, so another run may decide otherwise there",
            close.join(", ")
        )
    };
    format!(
        "{}\n{} graphs were timed in {}, each in five processes of ten runs; {sure}\n",
        finish(table, 0),
        timed.samples.len(),
        timed.runtime
    )
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
    format!("{}{rest}", finish(table, 1))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of multiply-adds"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
