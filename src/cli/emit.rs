//! `emit`: from flags to a file.

use super::exit::{Failure, Status};
use super::progress::Bar;
use super::select::{Selection, Shape};
use super::text;
use clap::Args;
use efficientnet_onnx::emit::{self, Destination, EmitError, Emitted, Plan, Weights};
use efficientnet_onnx::metadata::{self, Origin, Preprocessing, Recipe};
use efficientnet_onnx::network::Output;
use efficientnet_onnx::onnx::model::ModelError;
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::request::{BatchNorms, Request};
use efficientnet_onnx::tensor::StreamError;
use efficientnet_onnx::weights::Expected;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

/// Flags of `emit`.
#[derive(Debug, Args)]
pub struct EmitArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    shape: Shape,
    /// Images at once: a number or `dynamic`
    #[arg(long, value_name = "N", default_value = "dynamic", value_parser = parse_batch, help_heading = "Graph")]
    batch: Batch,
    /// Fold batch norms into the convolutions before them, or keep them
    #[arg(long, value_name = "HOW", default_value = "fold", value_parser = ["fold", "keep"], help_heading = "Graph")]
    bn: String,
    /// Results: logits, probabilities, pooled; separated by commas
    #[arg(long, value_name = "LIST", default_value = "logits", value_parser = parse_outputs, help_heading = "Graph")]
    outputs: Outputs,
    /// Operator set
    #[arg(long, value_name = "N", default_value = "17", value_parser = parse_opset, help_heading = "Graph")]
    opset: Opset,
    /// Element type of weights, input and outputs
    #[arg(long, value_name = "D", default_value = "f32", value_parser = ["f32"], help_heading = "Graph")]
    dtype: String,
    #[command(flatten)]
    seed: Seed,
    /// Threads that draw or read weights [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// File to write; `-` is standard output
    #[arg(short = 'o', value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    /// Replace an existing file
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Put weights into FILE.data even where they fit one file (2 GiB)
    #[arg(long, help_heading = "Output")]
    external_data: bool,
    /// Print the result as JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// No progress, no notes
    #[arg(long, help_heading = "Output")]
    quiet: bool,
}

/// Weights from a seed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights")]
pub struct Seed {
    /// Rule by which weights are drawn
    #[arg(long, value_name = "RULE", default_value = "official", value_parser = ["official", "probe", "constant"])]
    pub init: String,
    /// Seed from which weights are drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Batch(Option<u64>);

#[derive(Clone, Debug)]
struct Outputs(Vec<Output>);

/// Emits a file; renames it into place only when it is complete.
pub fn run(args: &EmitArgs) -> Result<Status, Failure> {
    let start = Instant::now();
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && args.json {
        return Err(
            Failure::bad_input("`-o -` and `--json` both write to standard output")
                .hint("write the model to a file, or leave `--json` out"),
        );
    }
    let request = args.request()?;
    let recipe = args.recipe(&request)?;
    let rule = Rule::by_name(&args.seed.init).unwrap_or(Rule::Official);
    let parameters = request.parameters().map_err(Failure::bad_input)?;
    let expected: Vec<Expected> = parameters
        .iter()
        .map(|parameter| Expected {
            parameter: parameter.clone(),
            source_name: parameter.name.clone(),
        })
        .collect();
    let source = SeededWeights::new(parameters, rule, args.seed.seed);
    let weights = Weights {
        source: &source,
        expected: &expected,
    };
    let destination = if to_stdout {
        Destination::Stdout
    } else {
        Destination::Path {
            path: args.output.clone(),
            replace: args.force,
            external_data: args.external_data,
        }
    };
    let bar = Bar::new();
    let mut plan = Plan {
        payload_bytes: 0,
        external: false,
    };
    let started = |started: Plan| {
        plan = started;
        bar.start(started.payload_bytes, args.quiet);
    };
    let metadata = || {
        metadata_of(
            &request,
            &recipe,
            &Origin::seed(rule.name(), args.seed.seed),
        )
    };
    let emitted = emit::emit(&request, &weights, &destination, &bar, started, metadata);
    bar.finish();
    if let Emitted::Staged(staged) = emitted.map_err(failure)? {
        staged.commit().map_err(failure)?;
    }
    args.report(&recipe, plan, start);
    Ok(Status::Done)
}

impl EmitArgs {
    fn request(&self) -> Result<Request, Failure> {
        let mut request = self.shape.request(self.selection.scaling()?);
        request.batch = self.batch.0;
        request.outputs.clone_from(&self.outputs.0);
        request.batch_norms = BatchNorms::by_name(&self.bn).unwrap_or(BatchNorms::Fold);
        request.opset = self.opset;
        Ok(request)
    }

    /// The record of the request; says how φ was read.
    fn recipe(&self, request: &Request) -> Result<Recipe, Failure> {
        let counts = request.counts().map_err(Failure::bad_input)?;
        let reading = self.selection.reading(request)?;
        if let Some(reading) = reading.as_ref().filter(|_| !self.quiet) {
            eprintln!("{reading}");
        }
        Ok(Recipe::new(request, counts, reading))
    }

    fn report(&self, recipe: &Recipe, plan: Plan, start: Instant) {
        let path = self.output.display().to_string();
        if self.json {
            let result = json!({
                "schema": 1,
                "path": path,
                "external_data": plan.external.then(|| format!("{path}.data")),
                "weight_bytes": plan.payload_bytes,
                "recipe": recipe,
            });
            println!("{result:#}");
        } else if !self.quiet {
            let data = if plan.external {
                format!(" and `{path}.data`")
            } else {
                String::new()
            };
            let [height, width] = recipe.default_size;
            eprintln!(
                "wrote `{path}`{data}: {} parameters, {} MACs at {height}x{width}, {} of weights in {:.2} s",
                text::grouped(recipe.parameters),
                text::scaled(recipe.macs),
                text::bytes(plan.payload_bytes),
                start.elapsed().as_secs_f64(),
            );
        }
    }
}

/// The metadata of a file, in the order in which it is written.
pub fn metadata_of(
    request: &Request,
    recipe: &Recipe,
    origin: &Origin,
) -> Result<Vec<(String, String)>, String> {
    let json = |value: serde_json::Result<String>| value.map_err(|error| error.to_string());
    let mut entries = vec![
        (
            metadata::RECIPE_KEY.to_owned(),
            json(serde_json::to_string(recipe))?,
        ),
        (
            metadata::ORIGIN_KEY.to_owned(),
            json(serde_json::to_string(origin))?,
        ),
    ];
    if request.options.in_channels == 3 {
        let preprocessing =
            Preprocessing::tensorflow(request.scaling.family, request.default_size());
        entries.push((
            metadata::PREPROCESSING_KEY.to_owned(),
            json(serde_json::to_string(&preprocessing))?,
        ));
    }
    Ok(entries)
}

/// An emit error with its exit status and a hint.
pub fn failure(error: EmitError) -> Failure {
    match &error {
        EmitError::Model(ModelError::Stream(StreamError::Cancelled)) => Failure {
            status: Status::Interrupted,
            message: "interrupted".into(),
            hint: None,
        },
        EmitError::Output(emit_output) if emit_output.is_exists() => {
            Failure::bad_input(&error).hint("`--force` replaces it")
        }
        EmitError::ExternalStream(_) => {
            Failure::bad_input(&error).hint("write to a file with `-o FILE`")
        }
        _ => Failure::bad_input(&error),
    }
}

fn parse_batch(text: &str) -> Result<Batch, String> {
    match (text, text.parse::<u64>()) {
        ("dynamic", _) => Ok(Batch(None)),
        (_, Ok(images)) if (1..=1 << 20).contains(&images) => Ok(Batch(Some(images))),
        _ => Err("expected a number of images of at least 1, or `dynamic`".into()),
    }
}

fn parse_outputs(text: &str) -> Result<Outputs, String> {
    let mut outputs = Vec::new();
    for name in text.split(',') {
        let output = Output::by_name(name).ok_or_else(|| {
            format!("expected `logits`, `probabilities` or `pooled`, found `{name}`")
        })?;
        if outputs.contains(&output) {
            return Err(format!("`{name}` stands there twice"));
        }
        outputs.push(output);
    }
    Ok(Outputs(outputs))
}

fn parse_opset(text: &str) -> Result<Opset, String> {
    text.parse()
        .ok()
        .and_then(Opset::writable)
        .ok_or_else(|| format!("expected 17, found `{text}`"))
}
