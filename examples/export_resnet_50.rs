//! Writes ResNet-50 with the weights of `--init probe --seed 0` as safetensors, under torchvision's names.
//!
//!     cargo run --release --example export_resnet_50 FILE

use efficientnet_onnx::architecture::Family;
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::weights::export::Export;
use efficientnet_onnx::weights::init::{Rule, SeededWeights};
use std::error::Error;
use std::fs::File;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("expected the name of a file")?;
    let request = Request::new(Blueprint::published(&Family::RESNET_50.variants[0]));
    let graph = request.canonical()?;
    let weights = SeededWeights::new(graph.parameters.clone(), Rule::Probe, 0);
    let export = Export::as_named(&graph, &weights)?;
    export.write(&[], Box::new(File::create(path)?), &(), &|_| false)?;
    Ok(())
}
