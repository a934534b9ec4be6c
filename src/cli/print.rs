//! Results on standard output, and everything else on standard error; a reader that has gone away is no error.

use super::exit::{Failure, Status};
use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};

/// Prints a result and a line break. What it says of the exit status holds, whether or not anyone reads it.
pub fn line(result: impl Display) -> Result<(), Failure> {
    text(&format!("{result}\n"))
}

/// Prints a result that ends with a line break.
pub fn text(result: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(result.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failure(&error)),
        _ => Ok(()),
    }
}

/// Prints a line that is no result on standard error, as `eprintln!` does, but that one which cannot be written is no
/// panic: nobody is there to be told.
macro_rules! tell {
    ($($part:tt)*) => {
        $crate::cli::print::note(format_args!($($part)*))
    };
}

/// What `tell!` does.
pub fn note(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
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
