//! `emit --islands auto --images DIR`: islands of f32 where an audit of the network asks for them.

use super::converting;
use super::exit::Failure;
use super::text::counted;
use super::{verify, written};
use efficientnet_onnx::convert::{Conversion, PlaceError, PlacedIslands};
use efficientnet_onnx::emit::Observer;
use efficientnet_onnx::files::OutputFile;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::metadata::Orientation;
use efficientnet_onnx::verify::range::Island;
use efficientnet_onnx::verify::session::PictureSample;
use std::path::Path;

/// Islands that are listed with their reasons.
const LISTED: usize = 10;

/// Audits the network on pictures of a folder and places islands; says which and why, unless `quiet`.
///
/// # Errors
/// If the network cannot be written or audited in f32.
pub fn place(
    conversion: &mut Conversion,
    (folder, orientation): (&Path, Orientation),
    (output, replace): (&Path, bool),
    observer: &dyn Observer,
    quiet: bool,
) -> Result<PlacedIslands, Failure> {
    // An output that cannot be written is said before the audit takes its time. A pipe or device is left alone.
    if output.is_file() || !output.exists() && output != Path::new("-") {
        let opened = OutputFile::open(output, replace, &conversion.inputs());
        opened.map_err(|error| written::output(&error))?;
    }
    let mut verifier = verify::usual(&output.to_string_lossy())?;
    verifier.orientation = orientation;
    let pictures = PictureSample::of(folder);
    let mut tell = verify::tell(quiet);
    let placed = conversion.place_islands(&verifier, pictures, observer, &mut tell);
    let placed = placed.map_err(|error| match error {
        PlaceError::Convert(error) => converting::failure(*error),
        PlaceError::Audit(error) => (*error).into(),
        error => Failure::bad_input(error),
    })?;
    if !quiet {
        verify::print_note_list(&placed.report.notes, quiet);
        describe(&placed);
    }
    Ok(placed)
}

fn describe(placed: &PlacedIslands) {
    let audited = placed.audited.len();
    let pictures: usize = placed
        .report
        .cases
        .iter()
        .map(|case| case.pictures.len())
        .sum();
    tell!(
        "islands in f32: {} by default, and {} by the audit on {}",
        counted(placed.usual as u64, "node"),
        counted(audited as u64, "node"),
        counted(pictures as u64, "picture")
    );
    for Island { node, reasons } in placed.audited.iter().take(LISTED) {
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        tell!("  {}: {}", node.shown(), reasons.join("; "));
    }
    if audited > LISTED {
        tell!("  and {} more", audited - LISTED);
    }
    for name in &placed.too_large {
        tell!(
            "note: `{}` is an input or output of the file and does not fit its element type; `--keep-io` keeps it in f32",
            name.shown()
        );
    }
}
