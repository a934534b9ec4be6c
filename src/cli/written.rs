//! What a write that failed means to the person who asked for it.

use super::exit::{Failure, Status};
use super::{print, text};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::files::{Inputs, OutputError, OutputNote};
use efficientnet_onnx::tensor::StreamError;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Bytes of weights that are said before they are written.
const WORTH_A_LINE: u64 = 1_000_000_000;

/// The output cannot be opened or completed.
pub fn output(error: &OutputError) -> Failure {
    let failure = Failure::bad_input(error);
    match error {
        OutputError::Exists(_) => failure.hint("`--force` replaces it"),
        OutputError::Input { .. } | OutputError::Same { .. } => {
            failure.hint("give the output another name")
        }
        OutputError::LinkedPair(_) => failure.hint("name the target itself"),
        OutputError::Terminal(_) => {
            failure.hint("write to a file with `-o FILE`, or into a pipe with `-o - | …`")
        }
        _ => failure,
    }
}

/// What happened beside the writing of an output.
pub fn note(note: &OutputNote, quiet: bool) {
    if !quiet {
        tell!("note: {note}");
    }
}

/// Standard output for a model or weights, if it is no terminal and none of the `inputs`.
pub fn stdout(inputs: &Inputs) -> Result<Box<dyn Write + Send>, Failure> {
    let path = Path::new("-");
    if io::stdout().is_terminal() {
        return Err(output(&OutputError::Terminal(path.to_owned())));
    }
    let input = open_stdout().and_then(|file| inputs.same_as_open(&file).map(Path::to_owned));
    match input {
        None => Ok(Box::new(io::stdout())),
        Some(input) => Err(output(&OutputError::Input {
            path: path.to_owned(),
            input,
        })),
    }
}

#[cfg(unix)]
fn open_stdout() -> Option<File> {
    use std::os::fd::AsFd;
    let stdout = io::stdout().as_fd().try_clone_to_owned().ok()?;
    Some(File::from(stdout))
}

#[cfg(not(unix))]
fn open_stdout() -> Option<File> {
    None
}

/// It is too large to be written unasked.
pub fn no_room(error: &impl Display) -> Failure {
    Failure::bad_input(error).hint("`--allow-large` writes it all the same")
}

/// What is said before so many bytes are written, if that is worth a line.
pub fn announcement(bytes: u64, path: &Path) -> Option<String> {
    (bytes >= WORTH_A_LINE).then(|| {
        format!(
            "writing {} of weights to `{}`",
            text::bytes(bytes),
            path.shown()
        )
    })
}

/// A tensor did not arrive at `path`; `-` is standard output, whose reader may leave.
pub fn stream(error: &StreamError, path: &Path) -> Failure {
    match error {
        StreamError::Cancelled => Failure {
            status: Status::Interrupted,
            message: "interrupted".into(),
            hint: None,
        },
        StreamError::Source(error) => Failure::bad_input(error),
        StreamError::Write(error) if path.as_os_str() == "-" => print::failure(error),
        StreamError::Write(error) => {
            Failure::bad_input(format!("cannot write `{}`: {error}", path.shown()))
        }
    }
}
