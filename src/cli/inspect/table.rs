//! What is known of a network, and its stages, as text.

use super::super::{form, text};
use super::FileFacts;
use comfy_table::{CellAlignment, Table, presets};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::network::Row;
use efficientnet_onnx::request::Request;

/// Lines about the network and its file, and the table of stages.
pub fn as_text(request: &Request, facts: &FileFacts, rows: &[Row]) -> String {
    let recipe = &facts.recipe;
    let [height, width] = &recipe.size;
    let batch = recipe
        .batch
        .map_or_else(|| "dynamic".to_owned(), |batch| batch.to_string());
    let mut lines = vec![
        (
            "network",
            match request.blueprint.scaling() {
                Some(scaling) => format!(
                    "{}: width {}, depth {}",
                    request.blueprint.name(),
                    text::rounded(scaling.coefficients.width),
                    text::rounded(scaling.coefficients.depth)
                ),
                None => format!("{}: a custom architecture", request.blueprint.name()),
            },
        ),
        (
            "input",
            format!(
                "batch {batch}, {}, {height} x {width}",
                text::counted(recipe.in_channels, "channel")
            ),
        ),
        (
            "outputs",
            if request.has_classes() {
                let classes = text::counted(recipe.classes, "class");
                format!("{} ({classes})", recipe.outputs.join(", "))
            } else {
                recipe.outputs.join(", ")
            },
        ),
        (
            "details",
            format!(
                "padding {}, batch norms {} with epsilon {:e}",
                recipe.padding,
                if recipe.bn == "fold" {
                    "folded"
                } else {
                    "kept"
                },
                recipe.bn_epsilon
            ),
        ),
    ];
    if let Some(form) = form::described(recipe) {
        lines.push(("form", form));
    }
    if let Some(like) = &recipe.like {
        lines.push(("like", like.clone()));
    }
    if let Some(reading) = &recipe.reading {
        lines.push(("phi", reading.clone()));
    }
    lines.extend(facts.lines.iter().cloned());
    let text: Vec<String> = lines
        .iter()
        .map(|(name, value)| format!("{name:<9} {}", value.shown()))
        .collect();
    format!("{}\n\n{}", text.join("\n"), table(rows).trim_fmt())
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "part",
        "operator",
        "input",
        "channels",
        "repeats",
        "stride",
        "parameters",
        "MACs",
    ]);
    let (mut parameters, mut macs) = (0, 0);
    for row in rows {
        let [height, width] = row.resolution;
        parameters += row.counts.parameters;
        macs += row.counts.macs;
        table.add_row([
            row.part.shown().to_string(),
            row.operator.shown().to_string(),
            format!("{height}x{width}"),
            text::grouped(row.channels),
            row.repeats.to_string(),
            row.stride.to_string(),
            text::grouped(row.counts.parameters),
            text::grouped(row.counts.macs),
        ]);
    }
    let blank = String::new;
    table.add_row([
        "total".to_owned(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        text::grouped(parameters),
        text::grouped(macs),
    ]);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
