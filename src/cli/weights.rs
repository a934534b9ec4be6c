//! `weights`: `ls`, and `export`: parameters from a file or a seed, as safetensors in any library's names.

use super::choice::one_of;
use super::converting;
use super::exit::{Failure, Status};
use super::list::{self, ListArgs};
use super::progress::Bar;
use super::select::{Selection, Shape};
use super::source::{self, SeedArgs};
use super::text;
use super::written;
use clap::{Args, Subcommand};
use efficientnet_onnx::convert::{self, Exported};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::files::{OutputFile, OutputNote, room};
use efficientnet_onnx::weights::export::WriteError;
use efficientnet_onnx::weights::finite::Unsound;
use efficientnet_onnx::weights::names::Naming;
use std::io::Write;
use std::path::PathBuf;

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
    /// Whose names and layout: timm, torchvision, lukemelas, transformers, mmpretrain or keras
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

/// Runs a command of `weights`.
pub fn run(args: &WeightsArgs) -> Result<Status, Failure> {
    match &args.command {
        Command::Export(args) => export(args),
        Command::Ls(args) => list::run(args),
    }
}

fn export(args: &ExportArgs) -> Result<Status, Failure> {
    let exported = match &args.file {
        Some(path) => Exported::from_model(path).map_err(converting::failure)?,
        None => drawn(args)?,
    };
    let mut inputs = exported.inputs().clone();
    if let Some(path) = args.selection.file() {
        inputs.add(path);
    }
    let naming = args.names;
    if let Some(note) = convert::elsewhere(naming, exported.request()).filter(|_| !args.quiet) {
        tell!("{}", converting::note(&note));
    }
    let export = exported.named(naming).map_err(converting::failure)?;
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
        let accepts = |found: &Unsound| source::accepts(found, args.allow_nan, args.quiet);
        let written = export.write(exported.metadata(), out, &bar, &accepts);
        written.map_err(|error| match error {
            WriteError::Stream(error) => written::stream(&error, &args.output),
            WriteError::Unsound(found) => source::unsound(&found),
        })
    };
    let bad = |error| written::output(&error);
    if args.output.as_os_str() == "-" {
        let stdout = written::stdout(&inputs)?;
        has_room(None)?;
        write(stdout)?;
    } else {
        match OutputFile::open(&args.output, args.force, &inputs).map_err(bad)? {
            OutputFile::Stream(device) => {
                has_room(None)?;
                write(Box::new(device))?;
            }
            OutputFile::Staged(staged) => {
                let tell = |note: &OutputNote| written::note(note, args.quiet);
                staged.notes().iter().for_each(tell);
                has_room(staged.free())?;
                write(staged.create(None).map_err(bad)?)?;
                let notes = staged.commit(None, None).map_err(bad)?;
                notes.iter().for_each(tell);
            }
        }
    }
    bar.finish();
    if !args.quiet {
        let size = text::bytes(bytes);
        tell!(
            "wrote `{}`: {}, {size}",
            args.output.shown(),
            text::counted(exported.tensors() as u64, "tensor")
        );
    }
    Ok(Status::Done)
}

fn drawn(args: &ExportArgs) -> Result<Exported, Failure> {
    let wishes = args.selection.wishes(&args.shape)?;
    let request = wishes.request().map_err(converting::failure)?;
    let reading = args.selection.reading(&request);
    let exported =
        Exported::drawn(&wishes, args.seed.read(), reading.clone()).map_err(converting::failure)?;
    if !args.quiet {
        if let Some(reading) = reading {
            tell!("{reading}");
        }
        let asked = wishes.like().filter(|_| args.seed.is_default());
        for note in exported.notes() {
            converting::tell_drawn(note, asked);
        }
    }
    Ok(exported)
}
