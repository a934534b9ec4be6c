//! Flags, terminal and exit statuses: everything that prints or exits.

mod exit;

use clap::{Parser, Subcommand};
use exit::{Failure, Status};
use std::process::ExitCode;

/// Turns compound-scaling parameters into EfficientNet ONNX graphs, and proves each one by running it.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Parses the command line, runs the command, prints its error and gives the exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result: Result<Status, Failure> = match cli.command {};
    match result {
        Ok(status) => status.into(),
        Err(failure) => {
            eprintln!("{failure}");
            failure.status.into()
        }
    }
}
