//! `weights ls`: a checkpoint's tensors, and the parameter that each would become.

use super::exit::{Failure, Status};
use super::hub;
use super::offered;
use super::print;
use clap::Args;
use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::recognise::recognise;
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::tensor::TensorSource;
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::NameMap;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Flags of `weights ls`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Checkpoint, as `emit --weights` takes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prints a line for each tensor: name, element type, shape in PyTorch's layout, parameter.
pub fn run(args: &ListArgs) -> Result<Status, Failure> {
    let (path, _) = hub::locate(&args.file, false)?;
    let checkpoint = Checkpoint::open(&path).map_err(Failure::bad_input)?;
    let becomes = becomes(&checkpoint);
    let width = checkpoint.tensors().iter();
    let width = width.map(|tensor| tensor.name.escape_debug().count()).max();
    let width = width.unwrap_or_default().min(WIDEST);
    for tensor in checkpoint.tensors() {
        // Names are the file's, so they may hold anything.
        let name = tensor.name.escape_debug().to_string();
        let shape = format!("{:?}", tensor.shape);
        let target = becomes.get(&tensor.name).map_or("-", String::as_str);
        let element = tensor.element.to_string();
        print::line(format_args!(
            "{name:width$}  {element:7}  {shape:20}  {target}"
        ))?;
    }
    Ok(Status::Done)
}

/// Tensors by which a checkpoint may differ from a model and still be shown against it.
const MOST_STRAYS: usize = 8;
/// Columns that a name takes at most before it pushes the others.
const WIDEST: usize = 60;

/// Timm's name by the checkpoint's; empty where no published model is recognised, which a line says.
fn becomes(checkpoint: &Checkpoint) -> BTreeMap<String, String> {
    if let Some(refusal) = checkpoint.refusal() {
        tell!("{refusal}");
        return BTreeMap::new();
    }
    let Some(naming) = checkpoint.naming() else {
        tell!("the tensors have the names of no known library");
        return BTreeMap::new();
    };
    let variant = match recognise(checkpoint.tensors(), naming) {
        Ok(variant) => {
            tell!("names are {naming}'s; recognised {}", variant.name);
            variant
        }
        Err(error) => {
            tell!("names are {naming}'s; {error}");
            match Variant::by_name(error.nearest) {
                Some(nearest) if error.faults <= MOST_STRAYS => nearest,
                _ => return BTreeMap::new(),
            }
        }
    };
    for note in offered::notes(checkpoint, false) {
        tell!("{note}");
    }
    let parameters = Request::new(Blueprint::published(variant)).parameters();
    let parameters = parameters.unwrap_or_default();
    let timm = parameters.iter().map(|parameter| parameter.name.as_str());
    let Ok(names) = NameMap::new(naming, timm) else {
        return BTreeMap::new();
    };
    names
        .iter()
        .map(|(timm, source)| (source.to_owned(), timm.to_owned()))
        .collect()
}
