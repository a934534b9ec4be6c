//! A file that another program wrote: what it takes and gives, its operators, and what it costs.

use super::super::text;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::ops::TensorType;
use efficientnet_onnx::onnx::proto::ValueInfoProto;
use efficientnet_onnx::verify::survey::{Survey, survey};
use serde_json::{Value, json};

/// Nodes that are listed of those that could not be counted.
const MOST_LISTED: usize = 5;

fn typed(values: &[ValueInfoProto]) -> Vec<String> {
    let one = |value: &ValueInfoProto| match TensorType::from_proto(value.r#type.as_ref()) {
        Ok(Some(found)) => format!("{} {found}", value.name()),
        _ => value.name().to_owned(),
    };
    values.iter().map(one).collect()
}

/// Its operators, as `81 Conv, 65 Sigmoid`.
pub fn operators(survey: &Survey) -> String {
    let one = |(name, count): &(String, u64)| format!("{count} {}", name.shown());
    let all: Vec<String> = survey.operators.iter().map(one).collect();
    joined(&all)
}

/// A list, as `none` if it is empty.
fn joined(all: &[String]) -> String {
    match all {
        [] => "none".to_owned(),
        all => all.join(", "),
    }
}

/// The most activations, in words.
pub fn activations(survey: &Survey) -> String {
    if let Some(reason) = &survey.not_counted {
        return format!("not counted: {reason}");
    }
    match survey.peak_activations {
        Some(elements) => format!(
            "{} elements held at once, {} in f32",
            text::grouped(elements),
            text::bytes(elements.saturating_mul(4))
        ),
        None if survey.unsized_nodes.is_empty() => "not known".to_owned(),
        None => format!(
            "not known; nodes whose results have no known size: {}",
            listed(&survey.unsized_nodes)
        ),
    }
}

/// The first few of several names.
fn listed(names: &[String]) -> String {
    let first: Vec<String> = names
        .iter()
        .take(MOST_LISTED)
        .map(|name| name.shown().to_string())
        .collect();
    match names.len().saturating_sub(MOST_LISTED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A number, of which some may not be counted.
fn bounded(number: u64, of: &str, uncounted: &[String]) -> String {
    match uncounted {
        [] => format!("{}{of}", text::grouped(number)),
        uncounted => format!(
            "at least {}{of}; not counted: {}",
            text::grouped(number),
            listed(uncounted)
        ),
    }
}

/// Lines about a file without a recipe, and the same as JSON.
pub fn described(file: &ModelFile) -> (Vec<(&'static str, String)>, Value) {
    let contents = &file.contents;
    let found = survey(file);
    let initializers: Vec<&str> = contents
        .initializers
        .iter()
        .map(|initializer| initializer.name.as_str())
        .collect();
    let fed: Vec<ValueInfoProto> = contents
        .inputs
        .iter()
        .filter(|input| !initializers.contains(&input.name()))
        .cloned()
        .collect();
    let (inputs, outputs) = (typed(&fed), typed(&contents.outputs));
    let at: Vec<String> = found
        .inputs
        .iter()
        .map(|(name, shape)| format!("`{name}` {shape:?}"))
        .collect();
    let mut lines = vec![
        ("inputs", joined(&inputs)),
        ("outputs", joined(&outputs)),
        ("operators", operators(&found)),
        (
            "parameters",
            bounded(found.parameters, "", &found.uncounted_parameters),
        ),
        (
            "MACs",
            match &found.not_counted {
                Some(reason) => format!("not counted: {reason}"),
                None => bounded(found.macs, " of one image", &found.uncounted),
            },
        ),
        ("activations", activations(&found)),
    ];
    if !at.is_empty() {
        lines.push(("counted at", at.join(", ")));
    }
    let json = json!({
        "inputs": inputs,
        "outputs": outputs,
        "operators": found.operators.iter().map(|(name, count)| json!({ "operator": name, "nodes": count })).collect::<Vec<_>>(),
        "parameters": found.parameters,
        "not_counted": found.not_counted,
        "uncounted_parameters": found.uncounted_parameters,
        "macs": found.macs,
        "uncounted": found.uncounted,
        "peak_activation_elements": found.peak_activations,
        "unsized_nodes": found.unsized_nodes,
        "counted_at": found.inputs.iter().map(|(name, shape)| json!({ "input": name, "shape": shape })).collect::<Vec<_>>(),
    });
    (lines, json)
}
