//! Plots of rows as one SVG: cost against φ, parameters and accuracy against cost, and what each stage has of the cost.
//! Colours follow the reader's light or dark setting.

use super::super::svg::{self, short};
use super::table::label;
use efficientnet_onnx::architecture::Reading;
use efficientnet_onnx::plan::Point;
use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 56.0;

/// Points of one kind.
struct Series {
    name: String,
    points: Vec<(f64, f64, String)>,
    is_line: bool,
}

/// A value in a range, linear or by powers of ten.
struct Axis {
    title: &'static str,
    low: f64,
    high: f64,
    is_log: bool,
}

impl Axis {
    fn new(title: &'static str, values: impl Iterator<Item = f64>, is_log: bool) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if is_log {
            (low / 1.25, high * 1.25)
        } else {
            let margin = ((high - low) * 0.06).max(0.25);
            (low - margin, high + margin)
        };
        Self {
            title,
            low,
            high,
            is_log,
        }
    }

    /// Where a value lies, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        if self.is_log {
            libm::log10(value / self.low) / libm::log10(self.high / self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Values that are written at the axis.
    fn ticks(&self) -> Vec<f64> {
        let candidates: Vec<f64> = if self.is_log {
            let decades = -3..16_i32;
            let all = decades.flat_map(|power| {
                [1.0, 2.0, 5.0].map(|digit| digit * libm::pow(10.0, f64::from(power)))
            });
            all.filter(|value| (self.low..=self.high).contains(value))
                .collect()
        } else {
            let rough = (self.high - self.low) / 6.0;
            let power = libm::pow(10.0, libm::log10(rough).floor());
            let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter();
            let step = step
                .clone()
                .find(|step| *step >= rough)
                .unwrap_or(10.0 * power);
            let first = (self.low / step).ceil();
            (0_u32..20)
                .map(|index| (first + f64::from(index)) * step)
                .take_while(|value| *value <= self.high)
                .collect()
        };
        // Eight at most: of many, every other.
        let stride = candidates.len().div_ceil(8).max(1);
        candidates.into_iter().step_by(stride).collect()
    }
}

/// One plot as a group at a place; empty where no point has both values.
fn plot(title: &str, axes: [(&'static str, bool); 2], series: &[Series], at: (f64, f64)) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    if points().next().is_none() {
        return String::new();
    }
    let x = Axis::new(axes[0].0, points().map(|point| point.0), axes[0].1);
    let y = Axis::new(axes[1].0, points().map(|point| point.1), axes[1].1);
    let (inner, tall) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let place = |point: (f64, f64)| {
        (
            LEFT + inner * x.place(point.0),
            TOP + tall * (1.0 - y.place(point.1)),
        )
    };
    let mut out = format!("<g transform=\"translate({} {})\">\n", at.0, at.1);
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>"
    );
    for tick in y.ticks() {
        let (_, place) = place((x.low, tick));
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{place:.1}\" y2=\"{place:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT + inner,
            LEFT - 8.0,
            place + 4.0,
            short(tick)
        );
    }
    for tick in x.ticks() {
        let (place, _) = place((tick, y.low));
        let bottom = TOP + tall;
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{place:.1}\" x2=\"{place:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            short(tick)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        LEFT + inner / 2.0,
        TOP + tall + 42.0,
        x.title,
        TOP + tall / 2.0,
        y.title
    );
    let drawn = series.iter().enumerate();
    for (index, one) in drawn.filter(|(_, one)| !one.points.is_empty()) {
        let colour = format!("var(--c{})", index % 9);
        if one.is_line {
            let path: Vec<String> = one
                .points
                .iter()
                .map(|point| {
                    let (x, y) = place((point.0, point.1));
                    format!("{x:.1},{y:.1}")
                })
                .collect();
            let _ = writeln!(
                out,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
                path.join(" ")
            );
        }
        for (horizontal, vertical, name) in &one.points {
            let (x, y) = place((*horizontal, *vertical));
            let _ = writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{name}: {}, {}</title></circle>",
                short(*horizontal),
                short(*vertical)
            );
            if !one.is_line {
                let _ = writeln!(
                    out,
                    "<text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                    x + 6.0,
                    y + 12.0
                );
            }
        }
        let height = TOP + 8.0 + 18.0 * index as f64;
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{height:.1}\" r=\"4\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + 14.0,
            LEFT + 24.0,
            height + 4.0,
            one.name
        );
    }
    out + "</g>\n"
}

/// Which series a row belongs to.
fn kind(row: &Point) -> usize {
    match row.scaling.reading {
        Reading::Formula { .. } => 0,
        Reading::Published { .. } => 1,
        Reading::Given => 2,
    }
}

const KINDS: [&str; 3] = ["formula", "published", "one dimension alone"];

fn series(rows: &[Point], value: impl Fn(&Point) -> Option<(f64, f64)>) -> Vec<Series> {
    let one = |(index, name): (usize, &&str)| {
        let mut points: Vec<(f64, f64, String)> = rows
            .iter()
            .filter(|row| kind(row) == index)
            .filter_map(|row| value(row).map(|(x, y)| (x, y, label(row))))
            .collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Series {
            name: (*name).to_owned(),
            points,
            is_line: index == 0,
        }
    };
    KINDS.iter().enumerate().map(one).collect()
}

/// Shares of the multiply-adds of each part, a bar for each row.
fn shares(rows: &[Point], at: (f64, f64)) -> String {
    let inner = WIDTH - LEFT - RIGHT;
    let step = ((HEIGHT - TOP - BOTTOM) / rows.len() as f64).min(34.0);
    let mut out = format!(
        "<g transform=\"translate({} {})\">\n<text class=\"title\" x=\"{LEFT}\" y=\"22\">Share of MACs</text>\n",
        at.0, at.1
    );
    for (place, row) in rows.iter().enumerate() {
        let top = TOP + step * place as f64;
        let mut left = LEFT;
        for (index, part) in row.parts.iter().enumerate() {
            let share = part.counts.macs as f64 / row.cost.macs.max(1) as f64;
            let _ = writeln!(
                out,
                "<rect x=\"{left:.2}\" y=\"{top:.1}\" width=\"{:.2}\" height=\"{:.1}\" fill=\"var(--c{})\"><title>{}: {:.1} %</title></rect>",
                inner * share,
                step * 0.8,
                index % 9,
                part.part,
                100.0 * share
            );
            left += inner * share;
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            top + step * 0.4 + 4.0,
            label(row)
        );
    }
    let parts = rows
        .iter()
        .max_by_key(|row| row.parts.len())
        .map_or(&[][..], |row| &row.parts);
    let wide = inner / parts.len().max(1) as f64;
    for (index, part) in parts.iter().enumerate() {
        let left = LEFT + wide * index as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{0}\" width=\"10\" height=\"10\" fill=\"var(--c{1})\"/><text x=\"{2:.1}\" y=\"{3}\">{4}</text>",
            HEIGHT - 32.0,
            index % 9,
            left + 13.0,
            HEIGHT - 23.0,
            if part.part == "classifier" {
                "fc"
            } else {
                &part.part
            }
        );
    }
    out + "</g>\n"
}

/// The four plots, two in a row.
pub fn svg(rows: &[Point]) -> String {
    let phi = |row: &Point| match &row.scaling.reading {
        Reading::Formula { phi, .. } => Some(*phi),
        Reading::Published { variant } => variant.phi.map(f64::from),
        Reading::Given => None,
    };
    let macs = |row: &Point| row.cost.macs as f64;
    let panels = [
        plot(
            "Cost against φ",
            [("φ", false), ("MACs of one image", true)],
            &series(rows, |row| phi(row).map(|phi| (phi, macs(row)))),
            (0.0, 0.0),
        ),
        plot(
            "Parameters against cost",
            [("MACs of one image", true), ("parameters", true)],
            &series(rows, |row| Some((macs(row), row.cost.parameters as f64))),
            (WIDTH, 0.0),
        ),
        plot(
            "Accuracy against cost",
            [("MACs of one image", true), ("ImageNet top-1, %", false)],
            &series(rows, |row| {
                row.accuracy.map(|accuracy| (macs(row), accuracy.top1))
            }),
            (0.0, HEIGHT),
        ),
        shares(rows, (WIDTH, HEIGHT)),
    ];
    svg::document([2.0 * WIDTH, 2.0 * HEIGHT], "Plan", &panels.concat())
}
