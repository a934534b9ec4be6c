//! Results on standard output; a reader that has gone away is no error.

use super::exit::{Failure, Status};
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints a result and a line break.
pub fn line(result: impl Display) -> Result<(), Failure> {
    writeln!(io::stdout(), "{result}").map_err(|error| failure(&error))
}

/// What a failed write to standard output means: a closed pipe ends the command well.
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
