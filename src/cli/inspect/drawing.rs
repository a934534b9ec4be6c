//! The stages of a network as a picture: the table of the paper, and beside each stage its share of the cost.

use super::super::svg::{self, escaped};
use super::super::text;
use efficientnet_onnx::network::Row;
use std::fmt::Write;

/// Distance of the picture's edge.
const MARGIN: f64 = 24.0;
const TITLE: f64 = 30.0;
const NAMES: f64 = 62.0;
/// Where the first row begins, and what each takes.
const TOP: f64 = 74.0;
const STEP: f64 = 26.0;
const BAR: f64 = 16.0;
/// Below the last row: the totals, the axis and what the numbers mean.
const BOTTOM: f64 = 124.0;
/// Columns of text: name, place, and where the text is from there.
const COLUMNS: [(&str, f64, &str); 5] = [
    ("stage", MARGIN, "start"),
    ("operator", 104.0, "start"),
    ("input", 316.0, "end"),
    ("channels", 386.0, "end"),
    ("layers", 440.0, "end"),
];
/// Where the bars begin, what each kind of cost takes, and the longest bar.
const LEFT: f64 = 476.0;
const PANEL: f64 = 256.0;
const LONGEST: f64 = 124.0;
/// Characters of a name that fit.
const MOST_CHARACTERS: usize = 80;
/// Bytes of an element in f32.
const F32: u64 = 4;

/// A kind of cost.
struct Panel {
    name: &'static str,
    of: fn(&Row) -> u64,
    shown: fn(u64) -> String,
}

const PANELS: [Panel; 3] = [
    Panel {
        name: "MACs",
        of: |row| row.counts.macs,
        shown: text::scaled,
    },
    Panel {
        name: "parameters",
        of: |row| row.counts.parameters,
        shown: text::scaled,
    },
    Panel {
        name: "activations in f32",
        of: |row| row.activations.saturating_mul(F32),
        shown: text::bytes,
    },
];

/// Draws the stages of a network at an input of `size`, of which at most `peak` elements of activations are held at once.
pub fn svg(name: &str, size: [u64; 2], rows: &[Row], peak: u64) -> String {
    let [height, width] = size;
    let title = format!("{}, one image of {height}x{width} pixels", shortened(name));
    let bottom = TOP + STEP * rows.len() as f64;
    let mut out = text_at("title", [MARGIN, TITLE], "start", &title);
    for (name, left, anchor) in COLUMNS {
        out += &text_at("name", [left, NAMES], anchor, name);
    }
    for (place, row) in rows.iter().enumerate() {
        let [down, across] = row.resolution;
        let cells = [
            row.part.clone(),
            row.operator.clone(),
            format!("{down}x{across}"),
            text::grouped(row.channels),
            row.repeats.to_string(),
        ];
        for ((_, left, anchor), cell) in COLUMNS.into_iter().zip(cells) {
            out += &text_at("cell", [left, baseline(place)], anchor, &cell);
        }
    }
    out += &text_at("name", [MARGIN, baseline(rows.len())], "start", "total");
    let longest = longest_share(rows);
    for (index, panel) in PANELS.iter().enumerate() {
        out += &bars(panel, rows, index, longest, bottom);
    }
    let peak = text::bytes(peak.saturating_mul(F32));
    let notes = [
        "Layers: blocks in a row. MACs: multiply-adds of convolutions and linear layers."
            .to_owned(),
        format!(
            "Activations: all that the operators give, batch norms folded; at most {peak} of them are held at once."
        ),
    ];
    for (place, note) in notes.iter().enumerate() {
        let down = bottom + BOTTOM - 34.0 + 18.0 * place as f64;
        out += &text_at("note", [MARGIN, down], "start", note);
    }
    let wide = LEFT + PANEL * PANELS.len() as f64;
    svg::document([wide, bottom + BOTTOM], &title, &out)
}

fn baseline(place: usize) -> f64 {
    TOP + STEP * place as f64 + 12.0
}

fn text_at(class: &str, [left, down]: [f64; 2], anchor: &str, text: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{left:.1}\" y=\"{down:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
        escaped(text)
    )
}

/// One kind of cost: a bar for each row, its number and share, and the axis.
fn bars(panel: &Panel, rows: &[Row], index: usize, longest: f64, bottom: f64) -> String {
    let left = LEFT + PANEL * index as f64;
    let whole: u64 = rows.iter().map(panel.of).sum();
    let mut out = text_at("name", [left, NAMES], "start", panel.name);
    for part in [0.0, 0.5, 1.0] {
        let place = left + LONGEST * part;
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{place:.1}\" x2=\"{place:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>",
            TOP - 4.0
        );
        let tick = format!("{}", 100.0 * longest * part);
        out += &text_at("tick", [place, bottom + STEP + 18.0], "middle", &tick);
    }
    out += &text_at(
        "tick",
        [left + LONGEST / 2.0, bottom + STEP + 36.0],
        "middle",
        "share, %",
    );
    for (place, row) in rows.iter().enumerate() {
        let value = (panel.of)(row);
        let share = value as f64 / whole.max(1) as f64;
        let wide = LONGEST * share / longest;
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.2}\" height=\"{BAR}\" fill=\"var(--c{index})\"><title>{}: {}</title></rect>",
            TOP + STEP * place as f64,
            escaped(&row.part),
            text::grouped(value)
        );
        let label = format!("{}, {}", (panel.shown)(value), percent(share));
        out += &text_at(
            "label",
            [left + wide + 6.0, baseline(place)],
            "start",
            &label,
        );
    }
    let total = (panel.shown)(whole);
    out += &text_at("name", [left, baseline(rows.len())], "start", &total);
    out
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 {
        return "<0.1 %".to_owned();
    }
    format!("{:.1} %", 100.0 * share)
}

/// The end of the axes: the largest share of any row in any kind of cost, rounded up to a tenth.
fn longest_share(rows: &[Row]) -> f64 {
    let of = |panel: &Panel| {
        let whole: u64 = rows.iter().map(panel.of).sum();
        let most = rows.iter().map(panel.of).max().unwrap_or(0);
        most as f64 / whole.max(1) as f64
    };
    let most = PANELS.iter().map(of).fold(0.0, f64::max);
    (10.0 * most).ceil().max(1.0) / 10.0
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= MOST_CHARACTERS {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MOST_CHARACTERS - 1).collect();
    format!("{kept}…")
}
