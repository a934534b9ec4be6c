//! Plots of rows as SVG: cost against φ, parameters and accuracy against cost, and what each stage has of the cost.
//! Colours follow the reader's light or dark setting.

use super::super::svg::{self, short};
use super::axis::Axis;
use super::table::label;
use efficientnet_onnx::architecture::{Reading, Scaling};
use efficientnet_onnx::plan::Point;
use efficientnet_onnx::scaling::{BASE_RESOLUTION, Coefficients};
use std::fmt::Write;
use std::ops::Range;

const COLOURS: usize = 10;
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 68.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 52.0;
/// About the width of a character.
const CHARACTER: f64 = 6.7;

/// One plot: what is drawn, from 0 to [`WIDTH`] and to its height.
struct Panel {
    title: &'static str,
    height: f64,
    body: String,
}

/// Points of one kind, with what is written at each.
struct Series {
    name: &'static str,
    points: Vec<Mark>,
    is_line: bool,
}

struct Mark {
    x: f64,
    y: f64,
    name: String,
    /// What is written beside it.
    beside: String,
}

/// Which series a row belongs to, and what is written beside it. The baseline itself begins every [`SWEEPS`] that is there.
fn kinds(row: &Point) -> (Range<usize>, String) {
    match &row.scaling.reading {
        Reading::Formula { .. } => (0..1, String::new()),
        Reading::Published { variant } => (1..2, variant.name.to_owned()),
        Reading::Given => {
            let Scaling {
                coefficients,
                resolution,
                ..
            } = &row.scaling;
            let Coefficients { width, depth } = *coefficients;
            let side = *resolution as f64 / BASE_RESOLUTION as f64;
            let multipliers = [depth, width, side];
            match multipliers.iter().position(|multiplier| *multiplier != 1.0) {
                Some(place) => {
                    let kind = SWEEPS.start + place;
                    (kind..kind + 1, format!("×{}", short(multipliers[place])))
                }
                None => (SWEEPS, String::new()),
            }
        }
    }
}

const KINDS: [&str; 5] = [
    "formula",
    "published",
    "depth alone",
    "width alone",
    "resolution alone",
];
/// Kinds of one dimension alone: depth, width, resolution.
const SWEEPS: Range<usize> = 2..5;

fn series(rows: &[Point], value: impl Fn(&Point) -> Option<(f64, f64)>) -> Vec<Series> {
    let mut all = KINDS.map(|name| Series {
        name,
        points: Vec::new(),
        is_line: name != "published",
    });
    for row in rows {
        let (kinds, beside) = kinds(row);
        let Some((x, y)) = value(row) else { continue };
        for series in &mut all[kinds] {
            series.points.push(Mark {
                x,
                y,
                name: label(row),
                beside: beside.clone(),
            });
        }
    }
    // Of a kind of which only the baseline is there, nothing is drawn.
    for series in &mut all[SWEEPS] {
        if series.points.iter().all(|mark| mark.beside.is_empty()) {
            series.points.clear();
        }
    }
    for one in &mut all {
        one.points.sort_by(|one, other| one.x.total_cmp(&other.x));
    }
    all.into()
}

/// Text at a place; `anchor` is `start`, `middle` or `end`.
fn text(out: &mut String, [x, y]: [f64; 2], anchor: &str, text: &str) {
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn line(out: &mut String, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
    let _ = writeln!(
        out,
        "<line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

/// Names in their colours, side by side and on as many lines as they need; where the last line ends.
fn legend<'a>(
    out: &mut String,
    [left, mut y]: [f64; 2],
    names: impl Iterator<Item = (usize, &'a str)>,
) -> f64 {
    let mut x = left;
    for (index, name) in names {
        let wide = 14.0 + CHARACTER * name.chars().count() as f64 + 12.0;
        if x + wide - 12.0 > WIDTH && x > left {
            (x, y) = (left, y + 18.0);
        }
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--c{})\"/>",
            y - 9.5,
            index % COLOURS
        );
        text(out, [x + 14.0, y], "start", name);
        x += wide;
    }
    y
}

/// Two quantities against each other; nothing where no row has both.
fn plot(title: &'static str, axes: [(&'static str, bool); 2], series: &[Series]) -> Option<Panel> {
    let marks = || series.iter().flat_map(|series| &series.points);
    marks().next()?;
    let x = Axis::new(axes[0].0, marks().map(|mark| mark.x), axes[0].1);
    let y = Axis::new(axes[1].0, marks().map(|mark| mark.y), axes[1].1);
    let mut body = String::new();
    let drawn = || {
        let all = series.iter().enumerate();
        all.filter(|(_, one)| !one.points.is_empty())
    };
    let names = drawn().map(|(index, one)| (index, one.name));
    let top = legend(&mut body, [LEFT, 44.0], names) - 44.0 + TOP;
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let across = |value: f64| LEFT + (right - LEFT) * x.place(value);
    let down = |value: f64| bottom - (bottom - top) * y.place(value);
    for tick in y.ticks() {
        let place = down(tick);
        line(&mut body, [LEFT, place], [right, place]);
        text(&mut body, [LEFT - 8.0, place + 4.0], "end", &short(tick));
    }
    for tick in x.ticks() {
        let place = across(tick);
        line(&mut body, [place, top], [place, bottom]);
        text(&mut body, [place, bottom + 18.0], "middle", &short(tick));
    }
    let middle = f64::midpoint(LEFT, right);
    text(&mut body, [middle, HEIGHT - 12.0], "middle", x.title);
    let _ = writeln!(
        body,
        "<text transform=\"translate(15 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(top, bottom),
        y.title
    );
    for (index, one) in drawn() {
        let colour = format!("var(--c{index})");
        if one.is_line {
            let place = |mark: &Mark| format!("{:.1},{:.1}", across(mark.x), down(mark.y));
            let path: Vec<String> = one.points.iter().map(place).collect();
            let _ = writeln!(
                body,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
                path.join(" ")
            );
        }
        for mark in &one.points {
            let place = [across(mark.x), down(mark.y)];
            let _ = writeln!(
                body,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{}: {}, {}</title></circle>",
                place[0],
                place[1],
                mark.name,
                short(mark.x),
                short(mark.y)
            );
            // Multipliers stand on the other side of the line than names, which are below it.
            let (beside, anchor) = if one.is_line {
                ([place[0] - 6.0, place[1] - 6.0], "end")
            } else {
                ([place[0] + 6.0, place[1] + 13.0], "start")
            };
            if !mark.beside.is_empty() {
                text(&mut body, beside, anchor, &mark.beside);
            }
        }
    }
    Some(Panel {
        title,
        height: HEIGHT,
        body,
    })
}

/// Shares of the multiply-adds of each part, a bar for each row.
fn shares(rows: &[Point]) -> Option<Panel> {
    let longest = rows.iter().max_by_key(|row| row.parts.len())?;
    let mut body = String::new();
    let parts = longest.parts.iter().map(|part| part.part.as_str());
    let top = legend(&mut body, [LEFT, 44.0], parts.enumerate()) - 44.0 + TOP;
    let wide = rows.iter().map(|row| label(row).chars().count()).max()?;
    let left = (CHARACTER * wide as f64 + 12.0).max(LEFT);
    let (right, step) = (
        WIDTH - RIGHT,
        ((HEIGHT - top - BOTTOM) / rows.len() as f64).clamp(15.0, 34.0),
    );
    let bottom = top + step * rows.len() as f64;
    for percent in [0_u32, 25, 50, 75, 100] {
        let place = left + (right - left) * f64::from(percent) / 100.0;
        line(&mut body, [place, top - 4.0], [place, bottom]);
        text(
            &mut body,
            [place, bottom + 16.0],
            "middle",
            &percent.to_string(),
        );
    }
    let middle = f64::midpoint(left, right);
    text(
        &mut body,
        [middle, bottom + 40.0],
        "middle",
        "share of MACs, %",
    );
    for (place, row) in rows.iter().enumerate() {
        let y = top + step * place as f64;
        let mut x = left;
        for (index, part) in row.parts.iter().enumerate() {
            let share = part.counts.macs as f64 / row.cost.macs.max(1) as f64;
            let _ = writeln!(
                body,
                "<rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{:.2}\" height=\"{:.1}\" fill=\"var(--c{})\"><title>{}, {}: {:.1} %</title></rect>",
                (right - left) * share,
                step * 0.8,
                index % COLOURS,
                label(row),
                part.part,
                100.0 * share
            );
            x += (right - left) * share;
        }
        text(
            &mut body,
            [left - 8.0, y + step * 0.4 + 4.5],
            "end",
            &label(row),
        );
    }
    Some(Panel {
        title: "Share of MACs",
        height: (bottom + BOTTOM).max(HEIGHT),
        body,
    })
}

/// Those that have something to draw.
fn all(rows: &[Point]) -> Vec<Panel> {
    let phi = |row: &Point| match &row.scaling.reading {
        Reading::Formula { phi, .. } => Some(*phi),
        Reading::Published { variant } => variant.phi.map(f64::from),
        Reading::Given => None,
    };
    let macs = |row: &Point| row.cost.macs as f64;
    let accuracy = |row: &Point| Some((macs(row), row.accuracy?.top1));
    let panels = [
        plot(
            "Cost against φ",
            [("φ", false), ("MACs of one image", true)],
            &series(rows, |row| phi(row).map(|phi| (phi, macs(row)))),
        ),
        plot(
            "Parameters against cost",
            [("MACs of one image", true), ("parameters", true)],
            &series(rows, |row| Some((macs(row), row.cost.parameters as f64))),
        ),
        plot(
            "Accuracy against cost",
            [("MACs of one image", true), ("ImageNet top-1, %", false)],
            &series(rows, accuracy),
        ),
        shares(rows),
    ];
    panels.into_iter().flatten().collect()
}

impl Panel {
    fn draw(&self) -> String {
        format!(
            "<text class=\"title\" x=\"{LEFT}\" y=\"22\">{}</text>\n{}",
            self.title, self.body
        )
    }
}

/// Each plot as an SVG of its own, without [`svg::STYLE`].
pub fn panels(rows: &[Point]) -> Vec<String> {
    let one = |panel: &Panel| {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plan\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            panel.height,
            panel.title,
            panel.draw()
        )
    };
    all(rows).iter().map(one).collect()
}

/// All plots in one SVG, two in a row.
pub fn svg(rows: &[Point]) -> String {
    let mut body = String::new();
    let mut top = 0.0;
    for pair in all(rows).chunks(2) {
        for (panel, left) in pair.iter().zip([0.0, WIDTH]) {
            let drawn = panel.draw();
            let _ = writeln!(
                body,
                "<g transform=\"translate({left} {top:.0})\">\n{drawn}</g>"
            );
        }
        top += pair
            .iter()
            .fold(0.0, |height: f64, panel| height.max(panel.height));
    }
    svg::document([2.0 * WIDTH, top], "Compound scaling", &body)
}
