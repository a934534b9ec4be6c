//! Worker processes of this program: the hidden subcommand that is one, and how the library starts it.

use super::exit::{Failure, Status};
use super::interrupt;
use efficientnet_onnx::runtime::discover::Places;
use efficientnet_onnx::runtime::process::{Host, ProcessError, Program, serve};
use std::path::PathBuf;

/// The name of the hidden subcommand.
pub const SUBCOMMAND: &str = "worker";

/// The variable with another program for workers: one that runs this program in an emulator or a debugger, and passes its
/// arguments, standard input and output on.
const PROGRAM: &str = "EFFICIENTNET_ONNX_WORKER";

/// Runs the hidden subcommand.
///
/// # Errors
/// If it is not started by this program.
pub fn run() -> Result<Status, Failure> {
    serve().map_err(Failure::bad_input)?;
    Ok(Status::Done)
}

/// Runs runtimes in processes of this program, unless [`PROGRAM`] names another, until Ctrl-C.
pub fn host(places: Places) -> Host {
    let this = || {
        // Where the system does not tell, the name under which it was started.
        std::env::current_exe()
            .unwrap_or_else(|_| std::env::args_os().next().unwrap_or_default().into())
    };
    let program = Program {
        path: std::env::var_os(PROGRAM).map_or_else(this, PathBuf::from),
        arguments: vec![SUBCOMMAND.into()],
    };
    Host {
        interrupted: interrupt::flag(),
        ..Host::in_workers(places, program)
    }
}

impl From<ProcessError> for Failure {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Interrupted => Failure {
                status: Status::Interrupted,
                message: error.to_string(),
                hint: None,
            },
            ProcessError::TemporaryFiles { .. } => {
                Failure::bad_input(error).hint("set TMPDIR to a folder that can be written to")
            }
            ProcessError::SearchPath(_) | ProcessError::Memory(_) | ProcessError::Copy(_) => {
                Failure::bad_input(error)
            }
        }
    }
}
