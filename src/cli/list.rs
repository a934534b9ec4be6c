//! `weights ls`: a checkpoint's tensors, and the parameter that each would become.

use super::converting;
use super::exit::{Failure, Status};
use super::print;
use super::source::{self, PrefixArgs};
use clap::Args;
use efficientnet_onnx::convert::{self, ListedModel};
use efficientnet_onnx::files::foreign::{self, Foreign};
use std::path::PathBuf;

/// Flags of `weights ls`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Checkpoint, as `emit --weights` takes it
    #[arg(id = "weights", value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    prefix: PrefixArgs,
}

/// Columns that a name takes at most before it pushes the others.
const WIDEST: usize = 60;

/// Prints a line for each tensor: name, element type, shape in PyTorch's layout, parameter.
pub fn run(args: &ListArgs) -> Result<Status, Failure> {
    let located = args.prefix.below(source::locate(&args.file, false)?);
    let listing = convert::list(&located).map_err(converting::failure)?;
    print::message(&described(&listing.model));
    for note in &listing.notes {
        tell!("{}", converting::note(note));
    }
    let width = listing.tensors.iter();
    let width = width
        .map(|tensor| tensor.name.shown().to_string().chars().count())
        .max();
    let width = width.unwrap_or_default().min(WIDEST);
    for tensor in &listing.tensors {
        // Names are the file's, so they may hold anything.
        let name = tensor.name.shown().to_string();
        let shape = foreign::shape(&tensor.shape);
        let target = listing.becomes.get(&tensor.name);
        let target = target.map_or("-", String::as_str);
        let element = tensor.element.to_string();
        print::line(format_args!(
            "{name:width$}  {element:7}  {shape:20}  {target}"
        ))?;
    }
    Ok(Status::Done)
}

fn described(model: &ListedModel) -> String {
    match model {
        ListedModel::Refused(refusal) => refusal.to_string(),
        ListedModel::Unknown => "the tensors have the names of no known library".to_owned(),
        ListedModel::Named {
            naming,
            network: Ok(variant),
        } => format!("names are {naming}'s; recognised {}", variant.name),
        ListedModel::Named {
            naming,
            network: Err(error),
        } => format!("names are {naming}'s; {error}"),
    }
}
