//! The per-layer profile: how far every value of the file is from the base's, in each runtime, as a part of a page.

use efficientnet_onnx::verify::bisect::LayerDifference;
use efficientnet_onnx::verify::session::Profile;
use std::fmt::Write;

/// Size of a chart, and the powers of ten between its bottom and its top.
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 180.0;
/// Room for the axis beside the bars.
const GUTTER: f64 = 36.0;
const BOTTOM: i32 = -12;
const TOP: i32 = 3;

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
