//! Results on standard output, and everything else on standard error; a reader that has gone away is no error.

use super::exit::{Failure, Status};
use efficientnet_onnx::files::foreign;
use serde::Serialize;
use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};

/// Prints a result and a line break. What it says of the exit status holds, whether or not anyone reads it.
pub fn line(result: impl Display) -> Result<(), Failure> {
    text(&format!("{result}\n"))
}

/// Prints a result that ends with a line break. Of control characters only line breaks reach a terminal.
pub fn text(result: &str) -> Result<(), Failure> {
    let result = foreign::lines(result);
    match io::stdout().lock().write_all(result.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failure(&error)),
        _ => Ok(()),
    }
}

/// Prints one line that is no result on standard error, as `eprintln!` does, but that one which cannot be written is no
/// panic: nobody is there to be told. Whatever its parts hold, it stays one line and is not endless.
macro_rules! tell {
    ($($part:tt)*) => {
        $crate::cli::print::note(format_args!($($part)*))
    };
}

/// What `tell!` does.
pub fn note(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{}", foreign::said(&line));
}

/// Prints a message whose further lines are indented on standard error.
pub fn message(message: &impl Display) {
    let message = message.to_string();
    let _ = writeln!(io::stderr(), "{}", foreign::indented(&message));
}

/// Prints an error, with its hint on a line of its own.
pub fn error(failure: &Failure) {
    message(&format_args!("error: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(format_args!("hint: {hint}"));
    }
}

/// A result as JSON, without a last line break.
pub fn json(result: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(result).map_err(Failure::bad_input)?;
    Ok(foreign::json(&json).into_owned())
}

/// What a failed write of a file to standard output means: a closed pipe ends the command well.
pub fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure {
            status: Status::Done,
            message: String::new(),
            hint: None,
        },
        _ => Failure::bad_input(format!("cannot write to standard output: {error}")),
    }
}
