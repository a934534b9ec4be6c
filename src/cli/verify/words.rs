//! What the library leaves to be said in terms of flags: notes and hints of a report, and its JSON with them.

use crate::cli::exit::Failure;
use crate::cli::libraries;
use efficientnet_onnx::runtime::hint::Hint;
use efficientnet_onnx::verify::note::{Consequence, MovesNotMeasured, VerifyNote};
use efficientnet_onnx::verify::report::{Report, RuntimeReport, RuntimeStatus};
use serde_json::Value;

/// A note, with the flags that help.
pub fn note(note: &VerifyNote) -> String {
    match note {
        VerifyNote::Untrained => {
            "the weights are those with which training starts (`--init official`); in deep networks they amplify \
             rounding from block to block: `--init probe` draws weights that do not, and `reference` among `--runtime` \
             tells what rounding alone does"
                .to_owned()
        }
        VerifyNote::Rounding {
            precision,
            consequence: Consequence::NoneCanAgree,
            factor,
        } => format!(
            "rounding every value to {precision}, and nothing else, moves the outputs of `reference` by {factor:.3} of \
             what is allowed: no runtime in {precision} can be expected to agree; trained weights, and those of `--init \
             probe`, do not make so much of rounding"
        ),
        VerifyNote::MovesNotMeasured(MovesNotMeasured::TooManyMacs { .. }) => {
            format!("{note}; `--runtime reference` measures it")
        }
        VerifyNote::MovesNotMeasured(MovesNotMeasured::ReferenceNotAsked) => {
            format!("{note}; add it to `--runtime`")
        }
        VerifyNote::ReferenceTooSlow { .. } => format!("{note}; `--runtime reference` runs it"),
        VerifyNote::ReferenceTimedOut { .. } => {
            format!("{note}; `--runtime reference --timeout SECONDS` runs it for longer")
        }
        VerifyNote::NotAvailable { .. } => {
            format!("{note}; to have it: {}", libraries::hint(&Hint::OnnxRuntime))
        }
        _ => note.to_string(),
    }
}

/// What to do about a runtime that did not run.
pub fn hint(runtime: &RuntimeReport) -> Option<String> {
    match runtime.status {
        RuntimeStatus::TimedOut => Some("give it more time with `--timeout SECONDS`".to_owned()),
        _ => libraries::hints(&runtime.hints),
    }
}

/// A report as JSON.
pub fn json(report: &Report) -> Result<Value, Failure> {
    let mut json = serde_json::to_value(report).map_err(Failure::bad_input)?;
    json["notes"] = report.notes.iter().map(note).collect();
    for (index, runtime) in report.runtimes.iter().enumerate() {
        json["runtimes"][index]["hint"] = hint(runtime).into();
    }
    Ok(json)
}
