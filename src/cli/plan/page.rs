//! Rows, plots and sliders as one page that needs nothing else. The page computes exact costs itself.

use super::plot;
use super::table::label;
use efficientnet_onnx::architecture::{Baseline, Block, ShareOf, Squeeze, Stage};
use efficientnet_onnx::plan::{Point, Subject};
use efficientnet_onnx::scaling::Compound;
use serde_json::{Value, json};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const COST: &str = include_str!("cost.js");

/// The page.
pub fn page(subject: &Subject, rows: &[Point]) -> String {
    let Compound { alpha, beta, gamma } = subject.compound;
    let data = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "family": subject.family.name,
        "paper": { "alpha": alpha, "beta": beta, "gamma": gamma },
        "baseline": baseline(subject.family.baseline, subject.classes),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    });
    // What ends a script may not stand in one.
    let data = data.to_string().replace("</", "<\\/");
    PAGE.replace("/*SVG*/", &plot::svg(rows))
        .replace("/*COST*/", COST)
        .replace("/*DATA*/", &data)
        .replace("/*PAGE*/", SCRIPT)
}

fn row(row: &Point) -> Value {
    let [width, depth, _] = row.exact;
    json!({
        "label": label(row),
        "width": width,
        "depth": depth,
        "resolution": row.scaling.resolution,
        "parameters": row.cost.parameters,
        "macs": row.cost.macs,
        "predicted": row.predicted_macs,
        "peak": 4 * row.cost.peak_activations,
        "file": row.cost.file_bytes,
        "top1": row.accuracy.map(|accuracy| accuracy.top1),
    })
}

/// What `cost.js` scales.
fn baseline(baseline: &Baseline, classes: u64) -> Value {
    json!({
        "rules": { "ninety_percent": baseline.rules.ninety_percent, "fixed_ends": baseline.rules.fixed_ends },
        "stem": {
            "filters": baseline.stem.filters,
            "kernel_size": baseline.stem.kernel_size,
            "stride": baseline.stem.stride,
        },
        "stages": baseline.stages.iter().map(stage).collect::<Vec<_>>(),
        "head": { "filters": baseline.head.conv.map(|conv| conv.filters) },
        "in_channels": baseline.options.in_channels,
        "classes": classes,
    })
}

fn stage(stage: &Stage) -> Value {
    let (kind, operator, kernel_size) = match &stage.block {
        Block::MbConv(block) => (
            "mbconv",
            format!("MBConv{} k{1}x{1}", block.expand_ratio, block.kernel_size),
            block.kernel_size,
        ),
        Block::Separable(block) => (
            "separable",
            format!("MBConv1 k{0}x{0}", block.kernel_size),
            block.kernel_size,
        ),
        Block::Fused(block) => (
            "fused",
            format!(
                "Fused-MBConv{} k{1}x{1}",
                block.expand_ratio, block.kernel_size
            ),
            block.kernel_size,
        ),
        Block::Plain(block) => (
            "plain",
            format!("Conv{0}x{0}", block.kernel_size),
            block.kernel_size,
        ),
        Block::Bottleneck(_) => unreachable!("no family with a flag has bottlenecks"),
    };
    let squeeze = stage.block.squeeze().map(
        |Squeeze {
             ratio, share_of, ..
         }| { json!({ "ratio": ratio, "of_expanded": share_of == ShareOf::Expanded }) },
    );
    json!({
        "kind": kind,
        "operator": operator,
        "kernel_size": kernel_size,
        "num_repeat": stage.num_repeat,
        "stride": stage.stride,
        "input_filters": stage.input_filters,
        "output_filters": stage.output_filters,
        "expand_ratio": stage.block.expand_ratio(),
        "squeeze": squeeze,
        "experts": stage.block.experts(),
    })
}
