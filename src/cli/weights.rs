//! `weights`: `ls`, and `export`: parameters from a file or a seed, as safetensors in any library's names.

use super::choice::one_of;
use super::exit::{Failure, Status};
use super::like;
use super::list::{self, ListArgs};
use super::progress::Bar;
use super::recorded;
use super::select::{Selection, Shape};
use super::source::{self, SeedArgs};
use super::text;
use super::written;
use clap::{Args, Subcommand};
use efficientnet_onnx::form::BatchNorms;
use efficientnet_onnx::metadata::{CHECKSUMS_KEY, Head, Metadata, RECIPE_KEY, Recipe};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::onnx::model::inputs::Inputs;
use efficientnet_onnx::onnx::model::output::{Output, Stdout};
use efficientnet_onnx::onnx::model::room;
use efficientnet_onnx::request::Request;
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::export::{Export, WriteError};
use efficientnet_onnx::weights::names::Naming;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Flags of `weights`.
#[derive(Debug, Args)]
pub struct WeightsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write parameters as safetensors, in the names and the layout of a library
    Export(Box<ExportArgs>),
    /// List a checkpoint's tensors: names, element types, shapes, and what each would become
    Ls(ListArgs),
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// ONNX file that `emit --bn keep` wrote; or choose a network and draw its weights
    #[arg(
        value_name = "FILE.onnx",
        group = "network",
        conflicts_with_all = [
            "family", "formula", "size", "padding", "bn_epsilon", "classes", "in_channels", "init", "seed",
        ]
    )]
    file: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    seed: SeedArgs,
    /// Go on with weights that are NaN, infinite or a negative variance, which otherwise are an error
    #[arg(long, requires = "file")]
    allow_nan: bool,
    /// Whose names and layout: timm, torchvision, lukemelas or keras
    #[arg(long, value_name = "LIB", default_value = "timm", value_parser = one_of(Naming::EXPORTED, |naming| naming.name()))]
    names: Naming,
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
    /// No progress, no notes
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// What is exported.
struct Parameters {
    request: Request,
    source: Box<dyn TensorSource>,
    metadata: Vec<(String, String)>,
    inputs: Inputs,
}

/// Runs a command of `weights`.
pub fn run(args: &WeightsArgs) -> Result<Status, Failure> {
    match &args.command {
        Command::Export(args) => export(args),
        Command::Ls(args) => list::run(args),
    }
}

fn export(args: &ExportArgs) -> Result<Status, Failure> {
    let Parameters {
        request,
        source,
        metadata,
        mut inputs,
    } = match &args.file {
        Some(path) => from_file(path)?,
        None => from_seed(args)?,
    };
    if let Some(path) = args.selection.file() {
        inputs.add(path);
    }
    let naming = args.names;
    if let Some(note) = like::elsewhere(naming, &request).filter(|_| !args.quiet) {
        tell!("{note}");
    }
    let canonical = request.canonical().map_err(Failure::bad_input)?;
    let export = Export::new(&canonical, &*source, naming).map_err(Failure::bad_input)?;
    let bytes = export.payload_bytes();
    let has_room = |free: Option<u64>| {
        let refused = |error| written::no_room(&format!("the weights were not written: {error}"));
        if args.allow_large {
            return Ok(());
        }
        room::refuse(bytes, free).map_err(refused)
    };
    let bar = Bar::new();
    let write = |out: Box<dyn Write + Send>| {
        let announcement = written::announcement(bytes, &args.output);
        if let Some(line) = announcement.filter(|_| !args.quiet) {
            tell!("{line}");
        }
        bar.start(bytes, args.quiet);
        let accepts = source::accepts(args.allow_nan, args.quiet);
        let written = export.write(&metadata, out, &bar, &accepts);
        written.map_err(|error| match error {
            WriteError::Stream(error) => written::stream(&error, &args.output),
            WriteError::Unsound(found) => source::unsound(&found),
        })
    };
    let bad = |error| written::output(&error);
    if args.output.as_os_str() == "-" {
        let stdout = Stdout::open(&inputs).map_err(bad)?;
        has_room(None)?;
        write(stdout.writer())?;
    } else {
        match Output::open(&args.output, args.force, &inputs).map_err(bad)? {
            Output::Stream(device) => {
                has_room(None)?;
                write(Box::new(device))?;
            }
            Output::Staged(staged) => {
                has_room(staged.free())?;
                write(staged.create(None).map_err(bad)?)?;
                staged.commit(None).map_err(bad)?;
            }
        }
    }
    bar.finish();
    if !args.quiet {
        let size = text::bytes(bytes);
        tell!(
            "wrote `{}`: {}, {size}",
            args.output.display(),
            text::counted(canonical.parameters.len() as u64, "tensor")
        );
    }
    Ok(Status::Done)
}

fn from_file(path: &Path) -> Result<Parameters, Failure> {
    let file = ModelFile::open(path).map_err(Failure::bad_input)?;
    let shown = path.display();
    let recipe = file.metadata(RECIPE_KEY).ok_or_else(|| {
        Failure::bad_input(format!("`{shown}` has no `{RECIPE_KEY}` in its metadata"))
            .hint("only files that `emit` wrote can be exported")
    })?;
    let recipe: Recipe = serde_json::from_str(recipe).map_err(|error| {
        Failure::bad_input(format!("`{RECIPE_KEY}` of `{shown}` is not valid: {error}"))
    })?;
    let request = recipe.request().map_err(Failure::bad_input)?;
    if request.form.batch_norms == BatchNorms::Fold {
        return Err(Failure::bad_input(format!(
            "`{shown}` has its batch norms folded into the convolutions, expected them kept"
        ))
        .hint("emit it again with `--bn keep`"));
    }
    let mut metadata = file.contents.metadata_props.clone();
    // They are the checksums of the model's initializers, which an export lays out anew.
    metadata.retain(|(key, _)| key != CHECKSUMS_KEY);
    let source = Checkpoint::open(path).map_err(Failure::bad_input)?;
    Ok(Parameters {
        request,
        inputs: source.files().collect(),
        source: Box::new(source),
        metadata,
    })
}

fn from_seed(args: &ExportArgs) -> Result<Parameters, Failure> {
    let mut request = args.selection.request(&args.shape)?;
    request.form.batch_norms = BatchNorms::Keep;
    let canonical = request.canonical().map_err(Failure::bad_input)?;
    let reading = args.selection.reading(&request);
    if let Some(reading) = reading.as_ref().filter(|_| !args.quiet) {
        tell!("{reading}");
    }
    let asked = args.selection.like();
    let departure = asked.and_then(|asked| like::departure(asked, &request));
    if let Some(departure) = departure.filter(|_| !args.quiet) {
        tell!("{departure}");
    }
    let mut recipe = Recipe::new(&request, canonical.counts(), reading);
    recipe.like = like::recorded(asked, &request);
    let seed = args.seed.read();
    if !args.quiet {
        tell!("{}", recorded::drawn(seed, asked));
    }
    let preprocessing = like::preprocessing(asked, &request);
    let metadata = Metadata {
        recipe,
        origin: seed.origin(),
        preprocessing,
        labels: None,
        head: Some(Head {
            activation: request.activation(),
        }),
    };
    Ok(Parameters {
        source: Box::new(seed.draw(canonical.parameters)),
        metadata: metadata.entries(),
        inputs: Inputs::none(),
        request,
    })
}
