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
    all.join(", ")
}

/// The most activations, in words.
pub fn activations(survey: &Survey) -> String {
    survey.peak_activations.map_or_else(
        || "not known".to_owned(),
        |elements| {
            format!(
                "{} elements held at once, {} in f32",
                text::grouped(elements),
                text::bytes(elements.saturating_mul(4))
            )
        },
    )
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
    let macs = match found.uncounted.as_slice() {
        [] => format!("{} of one image", text::grouped(found.macs)),
        uncounted => {
            let listed: Vec<&str> = uncounted
                .iter()
                .take(MOST_LISTED)
                .map(String::as_str)
                .collect();
            let more = uncounted.len().saturating_sub(MOST_LISTED);
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            format!(
                "at least {} of one image; not counted: {}{more}",
                text::grouped(found.macs),
                listed.join(", ")
            )
        }
    };
    let mut lines = vec![
        ("inputs", inputs.join(", ")),
        ("outputs", outputs.join(", ")),
        ("operators", operators(&found)),
        ("parameters", text::grouped(found.parameters)),
        ("MACs", macs),
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
        "macs": found.macs,
        "uncounted": found.uncounted,
        "peak_activation_elements": found.peak_activations,
        "counted_at": found.inputs.iter().map(|(name, shape)| json!({ "input": name, "shape": shape })).collect::<Vec<_>>(),
    });
    (lines, json)
}
