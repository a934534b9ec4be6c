//! Converts a checkpoint of a library's model to ONNX, and keeps the file only if it passes verification.
//!
//!     cargo run --release --no-default-features --features tract,ort --example convert_and_verify \
//!         b0.safetensors timm/tf_efficientnet_b0 b0.onnx

use efficientnet_onnx::convert::{Conversion, Network, Weights, Wishes};
use efficientnet_onnx::emit::{Destination, Emitted};
use efficientnet_onnx::like;
use efficientnet_onnx::runtime::{discover::Places, process::Host};
use efficientnet_onnx::verify::report::Verdict;
use efficientnet_onnx::verify::session::Verifier;
use std::path::Path;

#[expect(clippy::print_stdout, reason = "a program prints")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, model, output] = &arguments[..] else {
        return Err("expected a checkpoint, LIBRARY/MODEL and the name of a new file".into());
    };
    let wishes = Wishes {
        network: Some(Network::Like(Box::new(like::find(model)?))),
        ..Wishes::default()
    };
    let conversion = Conversion::new(Weights::open(Path::new(checkpoint))?, wishes)?;
    for note in conversion.notes() {
        println!("{note}");
    }
    let destination = Destination::new_file(output.into());
    let emitted = conversion.write(&conversion.recipe(None)?, destination, &())?;
    let Emitted::Staged(staged) = emitted else {
        return Err(format!("`{output}` is a stream, expected a file").into());
    };
    let verifier = Verifier::new(Host::in_this_process(Places::from_environment(None)));
    let report = verifier.verify(&staged.path(), &mut |_| {})?;
    if report.verdict != Verdict::Agree {
        return Err(format!("`{output}` is not written: {:?}", report.verdict).into());
    }
    for note in staged.commit()? {
        println!("{note}");
    }
    Ok(())
}
