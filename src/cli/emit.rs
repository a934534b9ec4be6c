//! `emit`: from flags to a file.

use super::choice::one_of;
use super::classes::ClassArgs;
use super::converting;
use super::exit::{Failure, Status};
use super::form::{self, FormArgs};
use super::islands;
use super::print;
use super::progress::Bar;
use super::select::{Selection, Shape};
use super::source::{self, WeightArgs};
use super::text;
use super::verify;
use super::written;
use clap::Args;
use efficientnet_onnx::convert::{Conversion, ConvertError, PlacedIslands, Weights, Wishes};
use efficientnet_onnx::emit::{
    Destination, EmitError, Emitted, Observer, Payload, Sink, StagedModel,
};
use efficientnet_onnx::files::OutputNote;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::metadata::Recipe;
use efficientnet_onnx::network::{ClassActivation, Output};
use efficientnet_onnx::onnx::ModelError;
use efficientnet_onnx::tensor::Progress;
use efficientnet_onnx::verify::report::Report;
use efficientnet_onnx::weights::finite::Unsound;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
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
    /// Results, separated by commas: logits, probabilities, embedding (what the last linear layer reads, of norm 1), pooled, cam (class activation maps); feature maps: features_1, features_2, features_3, features_4, features_5 [default: logits; embedding of a head without classes]
    #[arg(long, value_name = "LIST", value_parser = parse_outputs, help_heading = "Graph")]
    outputs: Option<Outputs>,
    /// What turns logits into probabilities, here and in `classify`: `softmax`, or `sigmoid`, by which each class has its own
    /// [default: the checkpoint's, else softmax, but sigmoid for one class]
    #[arg(long, value_name = "A", value_parser = one_of(ClassActivation::ALL, |activation| activation.name()), help_heading = "Graph")]
    activation: Option<ClassActivation>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    weights: WeightArgs,
    #[command(flatten)]
    classes: ClassArgs,
    /// Threads that draw or read weights [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
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

/// The terminal, told how far a file has come.
struct Watching<'a> {
    args: &'a EmitArgs,
    bar: Bar,
    payload: OnceLock<Payload>,
}

/// Emits a file; renames it into place only when it is complete.
pub fn run(args: &EmitArgs) -> Result<Status, Failure> {
    let start = Instant::now();
    args.refuse_stream()?;
    let mut conversion = args.conversion()?;
    let watching = Watching {
        args,
        bar: Bar::new(),
        payload: OnceLock::new(),
    };
    let placed = args.place_islands(&mut conversion, &watching)?;
    let recipe = args.recipe(&conversion)?;
    let emitted = args.destination(&conversion).and_then(|destination| {
        let emitted = conversion.write(&recipe, destination, &watching);
        emitted.map_err(|error| args.failure(error))
    });
    watching.bar.finish();
    let report = match emitted? {
        Emitted::Streamed => None,
        Emitted::Staged(staged) => match args.commit(staged)? {
            Verified::Passed(report) => report,
            Verified::Refused(status) => return Ok(status),
        },
    };
    let payload = watching.payload.get().copied().unwrap_or_default();
    args.report(&recipe, payload, start, (report.as_deref(), placed))?;
    Ok(Status::Done)
}

/// What came of a file that may have been verified.
enum Verified {
    /// It has its name.
    Passed(Option<Box<Report>>),
    /// It was not written.
    Refused(Status),
}

impl Progress for Watching<'_> {
    fn advance(&self, bytes: u64) {
        self.bar.advance(bytes);
    }

    fn cancelled(&self) -> bool {
        self.bar.cancelled()
    }
}

impl Observer for Watching<'_> {
    fn started(&self, payload: Payload) {
        let EmitArgs { output, quiet, .. } = self.args;
        let announcement = written::announcement(payload.bytes, output);
        if let Some(line) = announcement.filter(|_| !quiet) {
            tell!("{line}");
        }
        self.bar.start(payload.bytes, *quiet);
        // It is told once.
        let _ = self.payload.set(payload);
    }

    fn noted(&self, note: &OutputNote) {
        written::note(note, self.args.quiet);
    }

    fn accepts(&self, found: &Unsound) -> bool {
        source::accepts(found, self.args.weights.allow_nan, self.args.quiet)
    }
}

impl EmitArgs {
    /// Refuses what a stream cannot be used for.
    fn refuse_stream(&self) -> Result<(), Failure> {
        let is_stdout = self.output.as_os_str() == "-";
        let is_device = || {
            let found = self.output.metadata();
            found.is_ok_and(|found| !found.is_file() && !found.is_dir())
        };
        if self.verify && (is_stdout || is_device()) {
            return Err(Failure::bad_input(format!(
                "`--verify` needs a file that can be read again, found the stream `{}`",
                self.output.shown()
            ))
            .hint("write to a file with `-o FILE`"));
        }
        if is_stdout && self.json {
            return Err(
                Failure::bad_input("`-o -` and `--json` both write to standard output")
                    .hint("write the model to a file, or leave `--json` out"),
            );
        }
        Ok(())
    }

    /// Opens the weights and resolves the request; says what is to be said of it.
    fn conversion(&self) -> Result<Conversion, Failure> {
        let weights = self.weights.open(self.quiet)?;
        let is_drawn = matches!(weights, Weights::Seed(_)) && self.weights.seed.is_default();
        let wishes = self.wishes()?;
        let asked = wishes.like().filter(|_| is_drawn).cloned();
        let conversion = Conversion::new(weights, wishes).map_err(|error| self.failure(error))?;
        if !self.quiet {
            for note in conversion.notes() {
                converting::tell_drawn(note, asked.as_ref());
            }
        }
        Ok(conversion)
    }

    /// Places islands by an audit, where that is asked for.
    fn place_islands(
        &self,
        conversion: &mut Conversion,
        observer: &dyn Observer,
    ) -> Result<Option<PlacedIslands>, Failure> {
        let place = |folder| {
            let output = (self.output.as_path(), self.force);
            let pictures = (folder, self.form.orientation());
            islands::place(conversion, pictures, output, observer, self.quiet)
        };
        self.form.images().map(place).transpose()
    }

    fn wishes(&self) -> Result<Wishes, Failure> {
        Ok(Wishes {
            batch: self.batch.0,
            outputs: self.outputs.clone().map(|Outputs(outputs)| outputs),
            activation: self.activation,
            form: self.form.form()?,
            normalize: self.form.normalize(),
            labels: self.classes.labels()?,
            thresholds: self.classes.thresholds()?,
            ..self.selection.wishes(&self.shape)?
        })
    }

    /// The record of the request; says how φ was read.
    fn recipe(&self, conversion: &Conversion) -> Result<Recipe, Failure> {
        let reading = self.selection.reading(conversion.request());
        let recipe = conversion
            .recipe(reading)
            .map_err(|error| self.failure(error))?;
        if let Some(reading) = recipe.reading.as_ref().filter(|_| !self.quiet) {
            tell!("{reading}");
        }
        Ok(recipe)
    }

    fn destination(&self, conversion: &Conversion) -> Result<Destination, Failure> {
        let mut inputs = conversion.inputs();
        for path in self
            .selection
            .file()
            .into_iter()
            .chain(self.classes.files())
        {
            inputs.add(path);
        }
        Ok(Destination {
            target: if self.output.as_os_str() == "-" {
                Sink::Stream(written::stdout(&inputs)?)
            } else {
                Sink::Path(self.output.clone())
            },
            replace: self.force,
            external_data: self.external_data,
            external_layout: self.form.layout(),
            allow_large: self.allow_large,
            inputs,
        })
    }

    /// Verifies a file where that is asked for, and gives it its name.
    fn commit(&self, staged: StagedModel) -> Result<Verified, Failure> {
        let mut report = None;
        if self.verify {
            let verdict = self.verify(&staged.path())?;
            let status = verify::status(&verdict);
            if status != Status::Done {
                self.report_refusal(&verdict)?;
                return Ok(Verified::Refused(status));
            }
            report = Some(Box::new(verdict));
        }
        let notes = staged
            .commit()
            .map_err(|error| self.failure(ConvertError::Emit(error)))?;
        for note in &notes {
            written::note(note, self.quiet);
        }
        Ok(Verified::Passed(report))
    }

    fn verify(&self, path: &Path) -> Result<Report, Failure> {
        let shown = self.output.to_string_lossy().into_owned();
        verify::verify_path(path, &shown, self.quiet)
    }

    /// What a failed verification found; the file is gone then.
    fn report_refusal(&self, verdict: &Report) -> Result<(), Failure> {
        if self.json {
            let result = json!({ "schema": 1, "path": null, "verify": verify::json(verdict)? });
            print::line(print::json(&result)?)?;
        } else {
            print::line(verify::table(verdict).trim_end())?;
        }
        tell!(
            "error: `{}` was not written: it did not pass verification",
            self.output.shown()
        );
        Ok(())
    }

    fn report(
        &self,
        recipe: &Recipe,
        payload: Payload,
        start: Instant,
        (verdict, placed): (Option<&Report>, Option<PlacedIslands>),
    ) -> Result<(), Failure> {
        let path = self.output.to_string_lossy().into_owned();
        if self.json {
            let result = json!({
                "schema": 1,
                "path": path,
                "external_data": payload.external.then(|| format!("{path}.data")),
                "weight_bytes": payload.bytes,
                "recipe": recipe,
                "verify": verdict.map(verify::json).transpose()?,
                "islands": placed.map(|placed| placed.audited),
            });
            print::line(print::json(&result)?)?;
            return Ok(());
        }
        if let Some(verdict) = verdict {
            print::line(verify::table(verdict).trim_end())?;
        }
        if !self.quiet {
            let data = if payload.external {
                format!(" and `{path}.data`")
            } else {
                String::new()
            };
            let form = form::described(recipe);
            let form = form.map_or(String::new(), |form| format!(" ({form})"));
            let [height, width] = recipe.default_size;
            tell!(
                "wrote `{path}`{data}{form}: {} parameters, {} MACs at {height}x{width}, {} of weights in {:.2} s",
                text::grouped(recipe.parameters),
                text::scaled(recipe.macs),
                text::bytes(payload.bytes),
                start.elapsed().as_secs_f64(),
            );
        }
        Ok(())
    }
    /// An error with its exit status and a hint.
    fn failure(&self, error: ConvertError) -> Failure {
        let error = match error {
            ConvertError::Emit(error) => error,
            error @ (ConvertError::LabelCount { .. } | ConvertError::Thresholds(_)) => {
                return self.classes.failure(&error);
            }
            error => return converting::failure(error),
        };
        match &error {
            EmitError::Model(ModelError::Stream(error)) => written::stream(error, &self.output),
            EmitError::Output(error) => written::output(error),
            EmitError::Unsound(found) => source::unsound(found),
            EmitError::NoRoom(_) => written::no_room(&error),
            EmitError::ExternalStream(_) => {
                Failure::bad_input(&error).hint("write to a file with `-o FILE`")
            }
            EmitError::Request(error) => converting::request(error),
            _ => Failure::bad_input(&error),
        }
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
