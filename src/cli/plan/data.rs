//! Rows, answers and candidates as JSON and as comma-separated values.

use super::answer::{Answer, Formula};
use super::table::{label, point};
use efficientnet_onnx::architecture::{Reading, Scaling};
use efficientnet_onnx::form;
use efficientnet_onnx::plan::grid::{self, Candidate, Grid};
use efficientnet_onnx::plan::{Point, Subject};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The schema's version.
const SCHEMA: u32 = 1;

fn row(row: &Point) -> Value {
    let [width, depth, resolution] = row.exact;
    let reading = match &row.scaling.reading {
        Reading::Published { .. } => "published",
        Reading::Formula { .. } => "formula",
        Reading::Given => "given",
    };
    let stages: Vec<Value> = row
        .parts
        .iter()
        .map(|part| {
            json!({
                "part": part.part,
                "operator": part.operator,
                "resolution": part.resolution,
                "channels": part.channels,
                "repeats": part.repeats,
                "stride": part.stride,
                "parameters": part.counts.parameters,
                "macs": part.counts.macs,
            })
        })
        .collect();
    let files = row.files.iter();
    let files: Map<String, Value> = files
        .map(|(element, bytes)| (element.to_string(), json!(bytes)))
        .collect();
    json!({
        "name": row.name,
        "reading": reading,
        "phi": phi(&row.scaling),
        "exact": { "width": width, "depth": depth, "resolution": resolution },
        "resolution": row.scaling.resolution,
        "parameters": row.cost.parameters,
        "macs": row.cost.macs,
        "predicted_macs": row.predicted_macs,
        "peak_activation_elements": row.cost.peak_activations,
        "file_bytes": files,
        "implied_phi": row.implied.map(|implied| json!({
            "width": implied.width,
            "depth": implied.depth,
            "resolution": implied.resolution,
            "macs": implied.macs,
        })),
        "top1": row.accuracy.map(|accuracy| json!({ "percent": accuracy.top1, "source": accuracy.source })),
        "stages": stages,
    })
}

/// The φ of a point by formula.
fn phi(scaling: &Scaling) -> Option<f64> {
    match scaling.reading {
        Reading::Formula { phi, .. } => Some(phi),
        Reading::Published { .. } | Reading::Given => None,
    }
}

/// What the formula gives; none where its baseline does not fit.
fn by_formula(answer: &Answer) -> Option<&Formula> {
    answer.formula.as_ref().ok()
}

/// Rows and the answer to a budget.
pub fn json(subject: &Subject, rows: &[Point], answer: Option<&Answer>) -> Value {
    let compound = subject.compound;
    json!({
        "schema": SCHEMA,
        "family": subject.family.name,
        "classes": subject.classes,
        "dtype": subject.element.to_string(),
        "alpha": compound.alpha,
        "beta": compound.beta,
        "gamma": compound.gamma,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "answer": answer.map(|answer| json!({
            "phi": by_formula(answer).map(|formula| formula.found.phi),
            "next": by_formula(answer).map(|formula| formula.found.next),
            "tried": by_formula(answer).map(|formula| formula.found.tried),
            "row": by_formula(answer).map(|formula| row(&formula.row)),
            "next_row": by_formula(answer).and_then(|formula| formula.next.as_ref()).map(row),
            "published": answer.published.as_ref().map(row),
            "timed": answer.timed.as_ref().map(|timed| json!({
                "limit_seconds": timed.limit,
                "runtime": timed.runtime.to_string(),
                "threads": timed.threads,
                "seconds": timed.fastest.time,
                "next_seconds": timed.fastest.next_time,
                "published_seconds": timed.fastest.published.map(|(_, time)| time),
                "samples": timed.fastest.samples.iter().map(|sample| json!({
                    "point": point(&sample.scaling),
                    "phi": phi(&sample.scaling),
                    "macs": sample.macs,
                    "seconds": sample.time,
                })).collect::<Vec<_>>(),
            })),
        })),
    })
}

/// A line for each row, after one of names.
pub fn csv(rows: &[&Point]) -> String {
    let mut text = "point,width,depth,exact_resolution,resolution,parameters,macs,predicted_macs,peak_activation_elements".to_owned();
    for element in form::elements() {
        text += ",file_bytes_";
        text += element.as_str();
    }
    text += ",top1\n";
    for row in rows {
        let [width, depth, resolution] = row.exact;
        let top1 = row
            .accuracy
            .map_or_else(String::new, |accuracy| accuracy.top1.to_string());
        let cost = row.cost;
        let files: Vec<String> = row
            .files
            .iter()
            .map(|(_, bytes)| bytes.to_string())
            .collect();
        let files = files.join(",");
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{},{width},{depth},{resolution},{},{},{},{},{},{files},{top1}",
            label(row),
            row.scaling.resolution,
            cost.parameters,
            cost.macs,
            row.predicted_macs,
            cost.peak_activations,
        );
    }
    text
}

/// Candidates of the grid search.
pub fn grid_json(grid: &Grid, found: &[Candidate]) -> Value {
    let candidate = |candidate: &Candidate| {
        json!({
            "alpha": candidate.compound.alpha,
            "beta": candidate.compound.beta,
            "gamma": candidate.compound.gamma,
            "product": candidate.product,
            "resolution": candidate.resolution,
            "macs": candidate.macs,
            "parameters": candidate.parameters,
            "front": candidate.is_on_front,
            "paper": grid::is_papers(candidate.compound),
        })
    };
    json!({
        "schema": SCHEMA,
        "bases": grid.bases.iter().map(|base| base.name()).collect::<Vec<_>>(),
        "constraint": grid.constraint,
        "tolerance": grid.tolerance,
        "step": grid.step,
        "candidates": found.iter().map(candidate).collect::<Vec<_>>(),
    })
}

/// A line for each candidate, after one of names.
pub fn grid_csv(found: &[Candidate]) -> String {
    let mut text = "alpha,beta,gamma,product,resolution,macs,parameters,front,paper\n".to_owned();
    for one in found {
        let bases = one.compound;
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            bases.alpha,
            bases.beta,
            bases.gamma,
            one.product,
            one.resolution,
            one.macs,
            one.parameters,
            one.is_on_front,
            grid::is_papers(bases),
        );
    }
    text
}
