//! `models`: what can be named, with what it costs.

use super::exit::{Failure, Status};
use super::{print, text};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use efficientnet_onnx::architecture::{Scaling, Variant};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::like;
use efficientnet_onnx::request::{Blueprint, Request};
use serde_json::{Value, json};

/// Flags of `models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Only models of whose names or families one contains this, in any case
    #[arg(value_name = "TEXT")]
    filter: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// A published model, and what libraries call it.
struct Model {
    variant: &'static Variant,
    parameters: u64,
    macs: u64,
    names: Vec<String>,
}

/// Prints the published models.
pub fn run(args: &ModelsArgs) -> Result<Status, Failure> {
    let mut names: Vec<(String, &str)> = Vec::new();
    for like in like::all() {
        let name = (like.untagged(), like.variant.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let model = |variant: &'static Variant| {
        let counts = Request::new(Blueprint::Scaled(Scaling::published(variant))).counts();
        let counts = counts.map_err(Failure::bad_input)?;
        let of = names.iter().filter(|(_, name)| *name == variant.name);
        Ok(Model {
            variant,
            parameters: counts.parameters,
            macs: counts.macs,
            names: of.map(|(name, _)| name.clone()).collect(),
        })
    };
    let wanted = args.filter.as_deref().unwrap_or_default().to_lowercase();
    let is_wanted = |model: &Model| {
        let own = [model.variant.name, model.variant.baseline.family.name];
        let mut all = own
            .into_iter()
            .chain(model.names.iter().map(String::as_str));
        all.any(|name| name.to_lowercase().contains(&wanted))
    };
    let models: Result<Vec<Model>, Failure> = Variant::all().map(model).collect();
    let models: Vec<Model> = models?.into_iter().filter(is_wanted).collect();
    if models.is_empty() {
        let wanted = args.filter.as_deref().unwrap_or_default().shown();
        return Err(
            Failure::bad_input(format!("no published model has `{wanted}` in a name"))
                .hint("`models` without a text lists all"),
        );
    }
    if args.json {
        let models: Vec<Value> = models.iter().map(as_json).collect();
        print::line(print::json(&json!({ "schema": 1, "models": models }))?)?;
    } else {
        print::line(table(&models).trim_fmt())?;
    }
    Ok(Status::Done)
}

fn table(models: &[Model]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "variant",
        "family",
        "φ",
        "size",
        "parameters",
        "MACs",
        "top-1",
        "as --like",
    ]);
    for model in models {
        let variant = model.variant;
        table.add_row([
            variant.name.to_owned(),
            variant.baseline.family.name.to_owned(),
            variant.phi.map_or_else(String::new, |phi| phi.to_string()),
            variant.resolution.to_string(),
            text::grouped(model.parameters),
            text::scaled(model.macs),
            variant
                .accuracy()
                .map_or_else(String::new, |accuracy| accuracy.top1.to_string()),
            model.names.first().cloned().unwrap_or_default(),
        ]);
        for name in model.names.iter().skip(1) {
            let mut row = vec![String::new(); 7];
            row.push(name.clone());
            table.add_row(row);
        }
    }
    for index in 2..7 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn as_json(model: &Model) -> Value {
    let variant = model.variant;
    json!({
        "variant": variant.name,
        "family": variant.baseline.family.name,
        "phi": variant.phi,
        "size": variant.resolution,
        "width": variant.coefficients.width,
        "depth": variant.coefficients.depth,
        "parameters": model.parameters,
        "macs": model.macs,
        "top1": variant.accuracy().map(|accuracy| json!({ "percent": accuracy.top1, "source": accuracy.source })),
        "like": model.names,
    })
}
