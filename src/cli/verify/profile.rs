//! The per-layer profile: how far every value of the file is from the base's, in each runtime, as a part of a page.

use super::lab::{BaseRuns, Bench, Benches, Workers};
use super::{Request, limit, open};
use crate::cli::exit::Failure;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::verify::bisect::{LayerDifference, profile, values};
use efficientnet_onnx::verify::read;
use efficientnet_onnx::verify::report::{Report, RuntimeStatus};
use std::fmt::Write;
use std::path::Path;

/// Runs of each runtime that a profile may take; files whose values need more have none.
const RUNS: usize = 8;
/// Size of a chart, and the powers of ten between its bottom and its top.
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 180.0;
/// Room for the axis beside the bars.
const GUTTER: f64 = 36.0;
const BOTTOM: i32 = -12;
const TOP: i32 = 3;

/// A runtime's difference in every value, in the file's order.
pub struct Profile {
    /// The runtime.
    pub runtime: &'static str,
    /// Every value; none where that would take too many runs, or the runtime did not run with values marked.
    pub layers: Option<Vec<LayerDifference>>,
}

/// Profiles each runtime of a report that ran and is not its base, with the inputs of the first case.
///
/// # Errors
/// If the file cannot be read again, or on Ctrl-C.
pub fn profiles(file: &Path, request: &Request, report: &Report) -> Result<Vec<Profile>, Failure> {
    let mut runtimes = report.runtimes.iter();
    let base = runtimes.find(|runtime| runtime.is_reference);
    let (Some(base), Ok(opened)) = (base, open(file)?) else {
        return Ok(Vec::new());
    };
    let subject = read::subject(&opened.model);
    let feed = request
        .feed
        .prepare(&opened.model, &subject, request.seed, &report.file)?;
    let workers = Workers::new(request, limit(request, &subject, &feed.cases));
    let inputs = &feed.inputs[0];
    let list = values(&opened.model, None, inputs, &subject.leave_out());
    let named = |name: &str| name.parse::<RuntimeName>().map_err(Failure::bad_input);
    let bench = |name| -> Result<Bench, Failure> {
        Ok(Bench {
            file: &opened.model,
            runtime: named(name)?,
            inputs: inputs.clone(),
            leave_out: subject.leave_out(),
        })
    };
    let (mut profiles, mut known) = (Vec::new(), BaseRuns::default());
    for runtime in report
        .runtimes
        .iter()
        .filter(|runtime| !runtime.is_reference)
    {
        let ran = [
            RuntimeStatus::Passed,
            RuntimeStatus::Disagrees,
            RuntimeStatus::FailedChecks,
        ];
        if !ran.contains(&runtime.status) {
            continue;
        }
        let sides = [bench(base.name)?, bench(runtime.name)?];
        let mut benches = Benches {
            workers: &workers,
            sides,
            pair: None,
            known: &mut known,
            case: 0,
        };
        let mut run = |side, marked: &[&str]| benches.run(side, marked);
        let layers = match profile(&mut run, &list, runtime.tolerance, RUNS) {
            Ok(layers) => layers,
            Err(efficientnet_onnx::verify::bisect::MeasureError::Run(failure)) => {
                return Err(failure);
            }
            Err(_) => None,
        };
        profiles.push(Profile {
            runtime: runtime.name,
            layers,
        });
    }
    Ok(profiles)
}

/// A chart and the worst layers of each runtime, as HTML; `escape` makes text safe.
pub fn section(profiles: &[Profile], escape: impl Fn(&str) -> String) -> String {
    let mut page = String::new();
    for profile in profiles {
        let Some(layers) = profile.layers.as_ref().filter(|layers| !layers.is_empty()) else {
            continue;
        };
        let name = escape(profile.runtime);
        let _ = writeln!(
            page,
            "<h2>Layer by layer: {name}</h2>\n<p class=\"soft\">Largest difference of each of {} values, as a part of the largest element of the base, from 1e{BOTTOM} to 1e{TOP}.</p>",
            layers.len()
        );
        let _ = writeln!(
            page,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"relative difference by layer, {name}\" width=\"100%\">"
        );
        let step = (WIDTH - GUTTER) / layers.len() as f64;
        for (index, layer) in layers.iter().enumerate() {
            // What is not finite is as high as the chart.
            let power = layer
                .relative
                .map_or(f64::INFINITY, |relative| relative.max(1e-300).log10());
            let height = height_of(power);
            let class = if layer.agrees() { "bar" } else { "over" };
            let _ = writeln!(
                page,
                "<rect x=\"{:.2}\" y=\"{:.1}\" width=\"{:.2}\" height=\"{height:.1}\" class=\"{class}\"><title>{} ({}): {}</title></rect>",
                GUTTER + index as f64 * step,
                HEIGHT - height,
                step * 0.9,
                escape(&layer.node),
                escape(&layer.op_type),
                number(layer.relative),
            );
        }
        for power in (BOTTOM..TOP).step_by(3).skip(1) {
            let height = HEIGHT - height_of(power.into());
            let _ = writeln!(
                page,
                "<line class=\"axis\" x1=\"{GUTTER}\" y1=\"{height:.1}\" x2=\"{WIDTH}\" y2=\"{height:.1}\"/>\
                 <text x=\"0\" y=\"{:.1}\">1e{power}</text>",
                height + 4.0
            );
        }
        page.push_str(
            "</svg>\n<table>\n<tr><th>worst layers</th><th>operator</th><th class=\"number\">largest difference</th>\
             <th class=\"number\">relative</th><th class=\"number\">of allowed</th></tr>\n",
        );
        let mut worst: Vec<&LayerDifference> = layers.iter().collect();
        let factor = |layer: &LayerDifference| layer.smallest_factor.unwrap_or(f64::INFINITY);
        worst.sort_by(|one, two| factor(two).total_cmp(&factor(one)));
        for layer in worst.into_iter().take(10) {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                escape(&layer.node),
                escape(&layer.op_type),
                number(layer.max_abs),
                number(layer.relative),
                number(layer.smallest_factor)
            );
        }
        page.push_str("</table>\n");
    }
    page
}

/// How high a power of ten is in the chart.
fn height_of(power: f64) -> f64 {
    let (bottom, top) = (f64::from(BOTTOM), f64::from(TOP));
    (power.clamp(bottom, top) - bottom) / (top - bottom) * HEIGHT
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "not finite".to_owned(), |number| format!("{number:.2e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_layers_come_first_those_beyond_are_marked_and_names_are_text() {
        let layer = |node: &str, relative: Option<f64>, beyond_tolerance| LayerDifference {
            node: node.to_owned(),
            op_type: "<b>".to_owned(),
            value: node.to_owned(),
            shape: vec![1],
            max_abs: relative,
            relative,
            smallest_factor: relative.map(|relative| relative * 1e4),
            beyond_tolerance,
        };
        let layers = vec![
            layer("good", Some(1e-6), 0),
            layer("<i>", Some(1e-3), 1),
            layer("nan", None, 1),
        ];
        let profiles = [Profile {
            runtime: "tract",
            layers: Some(layers),
        }];
        let page = section(&profiles, |text| text.replace('<', "&lt;"));
        // Of 180 from 1e-12 to 1e3: six, nine and all fifteen powers of ten.
        for bar in [
            "height=\"72.0\" class=\"bar\"><title>good (&lt;b>): 1.00e-6<",
            "height=\"108.0\" class=\"over\"><title>&lt;i> (&lt;b>): 1.00e-3<",
            "height=\"180.0\" class=\"over\"><title>nan (&lt;b>): not finite<",
        ] {
            assert!(page.contains(bar), "{bar} in {page}");
        }
        let places = ["<tr><td>nan<", "<tr><td>&lt;i>", "<tr><td>good<"].map(|row| page.find(row));
        assert!(places[0].is_some() && places.is_sorted(), "{page}");
        assert!(page.contains(">1.00e1<"), "{page}");
    }
}
