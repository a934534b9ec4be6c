//! `emit`: from flags to a file.

use super::choice::one_of;
use super::classes::LabelArgs;
use super::exit::{Failure, Status};
use super::like;
use super::print;
use super::progress::Bar;
use super::select::{Selection, Shape};
use super::source::{self, WeightArgs, Weights};
use super::text;
use super::verify;
use super::written;
use clap::Args;
use efficientnet_onnx::emit::{self, Destination, EmitError, Emitted, Plan, Target};
use efficientnet_onnx::form::{self, BatchNorms, Form, SpellError, WRITABLE};
use efficientnet_onnx::metadata::{Head, Metadata, Recipe};
use efficientnet_onnx::network::{ClassActivation, Output};
use efficientnet_onnx::onnx::model::ModelError;
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::request::{Request, RequestError};
use efficientnet_onnx::tensor::Element;
use efficientnet_onnx::verify::report::Report;
use serde_json::json;
use std::path::{Path, PathBuf};
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
    #[arg(long, value_name = "HOW", default_value = "fold", value_parser = one_of(BatchNorms::ALL, |choice| choice.name()), help_heading = "Graph")]
    bn: BatchNorms,
    /// Results: logits, probabilities, pooled; separated by commas
    #[arg(long, value_name = "LIST", default_value = "logits", value_parser = parse_outputs, help_heading = "Graph")]
    outputs: Outputs,
    /// What turns logits into probabilities, here and in `classify`: `softmax`, or `sigmoid`, by which each class has its own
    /// [default: the checkpoint's, else softmax, but sigmoid for one class]
    #[arg(long, value_name = "A", value_parser = one_of(ClassActivation::ALL, |activation| activation.name()), help_heading = "Graph")]
    activation: Option<ClassActivation>,
    /// Operator set
    #[arg(long, value_name = "N", default_value = "17", value_parser = parse_opset, help_heading = "Graph", hide = WRITABLE.len() < 2)]
    opset: Opset,
    /// Element type of weights, input and outputs
    #[arg(long, value_name = "D", default_value = "f32", value_parser = one_of(form::elements(), |element| element.as_str()), help_heading = "Graph", hide = form::elements().len() < 2)]
    dtype: Element,
    #[command(flatten)]
    weights: WeightArgs,
    #[command(flatten)]
    labels: LabelArgs,
    /// Threads that draw or read weights [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// File to write; `-` is standard output
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FILE",
        help_heading = "Output"
    )]
    output: PathBuf,
    /// Replace an existing file
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write more than 8 GB, or more than the disk seems to have free
    #[arg(long, help_heading = "Output")]
    allow_large: bool,
    /// Put weights into FILE.data even where they fit one file (2 GiB)
    #[arg(long, help_heading = "Output")]
    external_data: bool,
    /// Verify the file as `verify` does, and give it its name only if that passes
    #[arg(long, help_heading = "Output")]
    verify: bool,
    /// Print the result as JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// No progress, no notes
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

#[derive(Clone, Copy, Debug)]
struct Batch(Option<u64>);

#[derive(Clone, Debug)]
struct Outputs(Vec<Output>);

/// Emits a file; renames it into place only when it is complete.
pub fn run(args: &EmitArgs) -> Result<Status, Failure> {
    let start = Instant::now();
    if let Some(threads) = args.threads {
        // The pool can be set only once a process, and nothing has used it yet.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.into())
            .build_global();
    }
    let to_stream = args.output.as_os_str() == "-"
        || args
            .output
            .metadata()
            .is_ok_and(|found| !found.is_file() && !found.is_dir());
    if to_stream && args.verify {
        return Err(Failure::bad_input(format!(
            "`--verify` needs a file that can be read again, found the stream `{}`",
            args.output.display()
        ))
        .hint("write to a file with `-o FILE`"));
    }
    if args.output.as_os_str() == "-" && args.json {
        return Err(
            Failure::bad_input("`-o -` and `--json` both write to standard output")
                .hint("write the model to a file, or leave `--json` out"),
        );
    }
    let weights = args.weights.open(args.quiet)?;
    let request = args.request(&weights)?;
    let agreement = weights.agreement(&args.shape, &request)?;
    let labels = args
        .labels
        .read(weights.labels(), request.options.classes)?;
    if !args.quiet {
        let notes = weights.notes(&args.selection, &args.shape, &request);
        for note in notes.into_iter().chain(agreement) {
            tell!("{note}");
        }
    }
    let recipe = args.recipe(&weights, &request)?;
    let parameters = request.parameters().map_err(Failure::bad_input)?;
    let (source, expected) = weights.source(parameters)?;
    let accepts = args.weights.accepts(args.quiet);
    let bar = Bar::new();
    let mut plan = Plan {
        payload_bytes: 0,
        external: false,
    };
    let started = |started: Plan| {
        plan = started;
        let announcement = written::announcement(started.payload_bytes, &args.output);
        if let Some(line) = announcement.filter(|_| !args.quiet) {
            tell!("{line}");
        }
        bar.start(started.payload_bytes, args.quiet);
    };
    let emitted = std::thread::scope(|scope| {
        // A checkpoint is hashed while it is converted; the metadata ends the file.
        let origin = scope.spawn(|| weights.origin());
        let metadata = || {
            let origin = origin
                .join()
                .map_err(|_| "hashing the checkpoint panicked".to_owned())?;
            let metadata = Metadata {
                recipe: recipe.clone(),
                origin: origin.map_err(|error| error.to_string())?,
                preprocessing: weights.preprocessing(&args.selection, &request),
                labels,
                head: request.has_classes().then(|| Head {
                    activation: request.activation(),
                }),
            };
            Ok(metadata.entries())
        };
        let weights_from = &weights;
        let weights = emit::Weights {
            source: source.as_ref(),
            expected: &expected,
            accepts: &accepts,
        };
        emit::emit(
            &request,
            &weights,
            &args.destination(weights_from),
            &bar,
            started,
            metadata,
        )
    });
    bar.finish();
    let emitted = emitted.map_err(|error| match error {
        EmitError::Bind(misfit) => match weights.misfit(&request, &misfit) {
            Some(hint) => Failure::bad_input(misfit).hint(hint),
            None => Failure::bad_input(misfit),
        },
        _ => failure(&error, &args.output),
    })?;
    let mut report = None;
    if let Emitted::Staged(staged) = emitted {
        if args.verify {
            let verdict = args.verify(&staged.path())?;
            let status = verify::status(&verdict);
            if status != Status::Done {
                args.report_refusal(&verdict)?;
                return Ok(status);
            }
            report = Some(verdict);
        }
        staged
            .commit()
            .map_err(|error| failure(&error, &args.output))?;
    }
    args.report(&recipe, plan, start, report.as_ref())?;
    Ok(Status::Done)
}

impl EmitArgs {
    fn request(&self, weights: &Weights) -> Result<Request, Failure> {
        let mut request = weights.request(&self.selection, &self.shape)?;
        request.batch = self.batch.0;
        request.outputs.clone_from(&self.outputs.0);
        request.activation = self.activation(&request, weights)?;
        request.form = Form {
            batch_norms: self.bn,
            opset: self.opset,
            element: self.dtype,
        };
        Ok(request)
    }

    fn activation(
        &self,
        request: &Request,
        weights: &Weights,
    ) -> Result<Option<ClassActivation>, Failure> {
        let Some(asked) = self.activation else {
            return Ok(weights.activation());
        };
        if !request.has_classes() {
            return Err(Failure::bad_input(
                "`--activation` is for outputs of classes, found `--outputs pooled` alone",
            )
            .hint("leave it out, or ask for `logits` or `probabilities`"));
        }
        if asked == ClassActivation::Softmax && request.options.classes == 1 {
            return Err(Failure::bad_input(
                "`--activation softmax` of one class is 1 for every image, expected `sigmoid`",
            )
            .hint("leave `--activation` out: one class has a sigmoid"));
        }
        Ok(Some(asked))
    }

    /// The record of the request; says how φ was read.
    fn recipe(&self, weights: &Weights, request: &Request) -> Result<Recipe, Failure> {
        let counts = request.counts().map_err(Failure::bad_input)?;
        let reading = self.selection.reading(request);
        if let Some(reading) = reading.as_ref().filter(|_| !self.quiet) {
            tell!("{reading}");
        }
        let mut recipe = Recipe::new(request, counts, reading);
        recipe.like = like::recorded(weights.like(&self.selection).as_ref(), request);
        Ok(recipe)
    }

    fn destination(&self, weights: &Weights) -> Destination {
        let mut inputs = self.weights.inputs(weights);
        let named = [self.selection.file(), self.labels.file()];
        for path in named.into_iter().flatten() {
            inputs.add(path);
        }
        Destination {
            target: if self.output.as_os_str() == "-" {
                Target::Stdout
            } else {
                Target::Path(self.output.clone())
            },
            replace: self.force,
            external_data: self.external_data,
            allow_large: self.allow_large,
            inputs,
        }
    }

    fn verify(&self, path: &Path) -> Result<Report, Failure> {
        let shown = self.output.display().to_string();
        verify::verify_path(path, &shown, &verify::Request::default(), self.quiet)
    }

    /// What a failed verification found; the file is gone then.
    fn report_refusal(&self, verdict: &Report) -> Result<(), Failure> {
        if self.json {
            print::line(format_args!(
                "{:#}",
                json!({ "schema": 1, "path": null, "verify": verify::json(verdict)? })
            ))?;
        } else {
            print::line(verify::table(verdict).trim_end())?;
        }
        tell!(
            "error: `{}` was not written: it did not pass verification",
            self.output.display()
        );
        Ok(())
    }

    fn report(
        &self,
        recipe: &Recipe,
        plan: Plan,
        start: Instant,
        verdict: Option<&Report>,
    ) -> Result<(), Failure> {
        let path = self.output.display().to_string();
        if self.json {
            let result = json!({
                "schema": 1,
                "path": path,
                "external_data": plan.external.then(|| format!("{path}.data")),
                "weight_bytes": plan.payload_bytes,
                "recipe": recipe,
                "verify": verdict.map(verify::json).transpose()?,
            });
            print::line(format_args!("{result:#}"))?;
            return Ok(());
        }
        if let Some(verdict) = verdict {
            print::line(verify::table(verdict).trim_end())?;
        }
        if !self.quiet {
            let data = if plan.external {
                format!(" and `{path}.data`")
            } else {
                String::new()
            };
            let [height, width] = recipe.default_size;
            tell!(
                "wrote `{path}`{data}: {} parameters, {} MACs at {height}x{width}, {} of weights in {:.2} s",
                text::grouped(recipe.parameters),
                text::scaled(recipe.macs),
                text::bytes(plan.payload_bytes),
                start.elapsed().as_secs_f64(),
            );
        }
        Ok(())
    }
}

/// An emit error with its exit status and a hint; `output` is what was being written.
fn failure(error: &EmitError, output: &Path) -> Failure {
    match error {
        EmitError::Model(ModelError::Stream(error)) => written::stream(error, output),
        EmitError::Output(error) => written::output(error),
        EmitError::Unsound(found) => source::unsound(found),
        EmitError::NoRoom(_) => written::no_room(error),
        EmitError::ExternalStream(_) => {
            Failure::bad_input(error).hint("write to a file with `-o FILE`")
        }
        EmitError::Request(RequestError::Spell(SpellError::Padding { .. })) => {
            Failure::bad_input(error)
                .hint("the network halves its input more than five times: give a fixed `--size`")
        }
        _ => Failure::bad_input(error),
    }
}

fn parse_batch(text: &str) -> Result<Batch, String> {
    match (text, text.parse::<u64>()) {
        ("dynamic", _) => Ok(Batch(None)),
        (_, Ok(images)) if (1..=1 << 20).contains(&images) => Ok(Batch(Some(images))),
        _ => Err("expected a number of images of at least 1, or `dynamic`".into()),
    }
}

fn parse_outputs(list: &str) -> Result<Outputs, String> {
    let mut outputs = Vec::new();
    for name in list.split(',') {
        let output = Output::by_name(name).ok_or_else(|| {
            let known = text::either(&Output::ALL.map(|output| format!("`{}`", output.name())));
            format!("expected {known}, found `{name}`")
        })?;
        if outputs.contains(&output) {
            return Err(format!("`{name}` stands there twice"));
        }
        outputs.push(output);
    }
    Ok(Outputs(outputs))
}

fn parse_opset(number: &str) -> Result<Opset, String> {
    number.parse().ok().and_then(form::writable).ok_or_else(|| {
        let known = text::either(&WRITABLE.map(|row| row.opset.version().to_string()));
        format!("expected {known}, found `{number}`")
    })
}
