//! Flags, terminal and exit statuses: everything that prints or exits.

// First, for its macro.
#[macro_use]
mod print;

mod bench;
mod check;
mod choice;
mod classes;
mod classify;
mod converting;
mod doctor;
mod emit;
mod exit;
mod fitted;
mod form;
mod hub;
mod inspect;
mod interrupt;
mod islands;
mod libraries;
mod like;
mod list;
mod memory;
mod models;
mod page;
mod picture;
mod plan;
mod progress;
mod reading;
mod select;
mod signals;
mod source;
mod spelling;
mod svg;
mod text;
mod verify;
mod weights;
mod worker;
mod written;

use clap::{Parser, Subcommand};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::tensor::start_threads;
use std::ffi::OsString;
use std::num::NonZero;
use std::process::ExitCode;

/// Turns compound-scaling parameters into EfficientNet ONNX graphs, and proves each one by running it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Most memory for what files make this program hold, such as 512MiB or 2GB [default: half of what the machine, its
    /// control groups and `ulimit -v` allow]
    #[arg(long, global = true, value_name = "SIZE", value_parser = memory::size)]
    memory_limit: Option<u64>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an EfficientNet as an ONNX file
    Emit(Box<emit::EmitArgs>),
    /// Show the recipe, the stages and the totals of a file or a network
    Inspect(Box<inspect::InspectArgs>),
    /// Show what points of compound scaling cost, and which one fits a budget
    Plan(Box<plan::PlanArgs>),
    /// List the published models, with what they cost and what libraries call them
    Models(models::ModelsArgs),
    /// Name what is on pictures
    Classify(classify::ClassifyArgs),
    /// Run a file in every runtime that is here, and compare what they compute
    Verify(Box<verify::VerifyArgs>),
    /// Time a file in each runtime
    Bench(bench::BenchArgs),
    /// List the rules of ONNX that a file breaks, without running it
    Check(check::CheckArgs),
    /// Show which runtimes, libraries and devices are here, and what to install for the others
    Doctor(doctor::DoctorArgs),
    /// Run one file in one runtime, for another process of this program
    #[command(name = worker::SUBCOMMAND, hide = true)]
    Worker,
    /// Work with weights alone
    Weights(weights::WeightsArgs),
}

/// Parses the command line; prints its help or what is wrong with it.
fn parse() -> Result<Cli, ExitCode> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let found = Cli::try_parse_from(&given);
    found.map_err(|error| {
        // What is wrong quotes the arguments, so it is said of arguments that can be shown.
        let shown = given.iter().map(|argument| argument.shown().to_string());
        let error = Cli::try_parse_from(shown).err().unwrap_or(error);
        // Nobody is there to be told.
        let _ = error.print();
        u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    })
}

/// Parses the command line, runs the command, prints its error and gives the exit status.
pub fn main() -> ExitCode {
    signals::survive_long_files();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    if !matches!(cli.command, Command::Worker) {
        interrupt::catch();
    }
    memory::limit(cli.memory_limit);
    match &cli.command {
        Command::Emit(args) => start_threads(args.threads.map(usize::from).and_then(NonZero::new)),
        // A worker starts what its job needs.
        Command::Worker => 1,
        _ => start_threads(None),
    };
    let result = match &cli.command {
        Command::Emit(args) => emit::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Models(args) => models::run(args),
        Command::Classify(args) => classify::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Check(args) => check::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Worker => worker::run(),
        Command::Weights(args) => weights::run(args),
    };
    interrupt::settle();
    match result {
        Ok(status) => status.into(),
        Err(failure) => {
            if failure.status != exit::Status::Done {
                print::error(&failure);
            }
            failure.status.into()
        }
    }
}
