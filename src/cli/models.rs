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

/// Columns of a terminal that is not wide.
const WIDTH: usize = 80;
/// Before the names of a model.
const INDENT: &str = "     ";

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
        print::line(listed(&models))?;
    }
    Ok(Status::Done)
}

/// A line of numbers for each model, and below it the libraries' names.
fn listed(models: &[Model]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "variant",
        "family",
        "φ",
        "size",
        "parameters",
        "MACs",
        "top-1 %",
    ]);
    for model in models {
        let variant = model.variant;
        let top1 = variant
            .accuracy()
            .map(|accuracy| format!("{:.1}", accuracy.top1));
        table.add_row([
            variant.name.to_owned(),
            variant.baseline.family.name.to_owned(),
            variant.phi.map_or_else(String::new, |phi| phi.to_string()),
            variant.resolution.to_string(),
            text::grouped(model.parameters),
            text::scaled(model.macs),
            top1.unwrap_or_default(),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let table = table.trim_fmt();
    let mut lines = table.lines();
    let mut text = lines.next().unwrap_or_default().to_owned();
    for (line, model) in lines.zip(models) {
        text = format!("{text}\n{line}");
        for names in wrapped(&model.names) {
            text = format!("{text}\n{INDENT}{names}");
        }
    }
    format!("{text}\n\nBelow each: its names for `--like`.")
}

/// Names in as few lines as fit.
fn wrapped(names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if INDENT.len() + line.len() + 2 + name.len() <= WIDTH => {
                line.push_str("  ");
                line.push_str(name);
            }
            _ => lines.push(name.clone()),
        }
    }
    lines
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
