//! `doctor`: which runtimes, libraries, providers and devices are here, and what is missing.
//!
//! The exit status is 0 whatever is missing, since that is what was asked.

mod report;
mod table;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::print;
use super::worker::host;
use clap::Args;
use efficientnet_onnx::doctor::examine;
use report::Report;

/// Shows which runtimes, libraries and devices can be used here, and what to install for the others.
///
/// The exit status is 0 whatever is missing.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    libraries: Libraries,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `doctor`.
pub fn run(args: &DoctorArgs) -> Result<Status, Failure> {
    let host = host(args.libraries.places());
    let report = Report::of(&examine(&host)?, &host.places);
    let text = if args.json {
        format!("{}\n", print::json(&report)?)
    } else {
        table::render(&report)
    };
    print::text(&text)?;
    Ok(Status::Done)
}
