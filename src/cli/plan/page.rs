//! Rows, plots and sliders as one page that needs nothing else. The page computes exact costs itself.

use super::super::svg;
use super::plot;
use super::table::label;
use efficientnet_onnx::architecture::{
    Block, LARGEST_BLOCK_COUNT, LARGEST_WEIGHT_BYTES, Options, Scaling, ShareOf, Squeeze, Stage,
};
use efficientnet_onnx::plan::{Point, PointError, Subject};
use efficientnet_onnx::scaling::{Coefficients, Compound, LARGEST_MULTIPLIER, LARGEST_RESOLUTION};
use serde_json::{Value, json};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const COST: &str = include_str!("cost.js");

/// The page. Its sliders start at `phi` and the subject's bases.
///
/// # Errors
/// If the family's baseline is refused with so many classes.
pub fn page(subject: &Subject, rows: &[Point], phi: f64) -> Result<String, PointError> {
    let Compound { alpha, beta, gamma } = subject.compound;
    let usual = Compound::default();
    let data = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "family": subject.family.name,
        "start": { "phi": phi, "alpha": alpha, "beta": beta, "gamma": gamma },
        // What the emitter takes where no flag says otherwise.
        "usual": { "alpha": usual.alpha, "beta": usual.beta, "gamma": usual.gamma, "classes": Options::default().classes },
        "limits": {
            "multiplier": LARGEST_MULTIPLIER,
            "resolution": LARGEST_RESOLUTION,
            "blocks": LARGEST_BLOCK_COUNT,
            "parameters": LARGEST_WEIGHT_BYTES / 4,
        },
        "baseline": baseline(subject)?,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    });
    // What ends a script may not stand in one.
    let data = data.to_string().replace("</", "<\\/");
    Ok(PAGE
        .replace("/*STYLE*/", svg::STYLE)
        .replace("/*SVG*/", &plot::panels(rows).concat())
        .replace("/*COST*/", COST)
        .replace("/*DATA*/", &data)
        .replace("/*PAGE*/", SCRIPT))
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

/// What `cost.js` scales, and what the parts are called.
fn baseline(subject: &Subject) -> Result<Value, PointError> {
    let baseline = subject.family.baseline;
    let whole = Scaling::given(subject.family, Coefficients::ONE).expect("1 is a multiplier");
    let parts = subject.row(whole)?.parts;
    Ok(json!({
        "rules": {
            "ninety_percent": baseline.rules.ninety_percent,
            "fixed_ends": baseline.rules.fixed_ends,
        },
        "stem": {
            "filters": baseline.stem.filters,
            "kernel_size": baseline.stem.kernel_size,
            "stride": baseline.stem.stride,
            "pool_stride": baseline.stem.pool.map_or(1, |pool| pool.stride),
        },
        "stages": baseline.stages.iter().map(stage).collect::<Vec<_>>(),
        "head": { "filters": baseline.head.conv.map(|conv| conv.filters) },
        "operators": parts.into_iter().map(|part| part.operator).collect::<Vec<_>>(),
        "in_channels": baseline.options.in_channels,
        "classes": subject.classes,
    }))
}

fn stage(stage: &Stage) -> Value {
    let (kind, kernel_size, expansion) = match &stage.block {
        Block::MbConv(block) => ("mbconv", block.kernel_size, None),
        Block::Separable(block) => ("separable", block.kernel_size, None),
        Block::Fused(block) => ("fused", block.kernel_size, None),
        Block::Plain(block) => ("plain", block.kernel_size, None),
        Block::Bottleneck(block) => ("bottleneck", 3, Some(block.expansion)),
    };
    let squeeze = stage.block.squeeze().map(
        |Squeeze {
             ratio, share_of, ..
         }| { json!({ "ratio": ratio, "of_expanded": share_of == ShareOf::Expanded }) },
    );
    json!({
        "kind": kind,
        "kernel_size": kernel_size,
        "num_repeat": stage.num_repeat,
        "stride": stage.stride,
        "input_filters": stage.input_filters,
        "output_filters": stage.output_filters,
        "expand_ratio": stage.block.expand_ratio(),
        "expansion": expansion,
        "squeeze": squeeze,
        "experts": stage.block.experts(),
    })
}
