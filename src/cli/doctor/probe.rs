//! Loads one library of ONNX Runtime in a process of its own, so that a broken one ends only that process.

use crate::cli::exit::{Failure, Status};
use crate::cli::interrupt;
use efficientnet_onnx::runtime::cuda::Cuda;
use efficientnet_onnx::runtime::{TELEMETRY_OPT_OUT, probe};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The hidden flag of the process that loads the library.
pub const FLAG: &str = "--probe";
/// The variable with the loader's search path.
pub const SEARCH_PATH: &str = "LD_LIBRARY_PATH";
/// How long it may take.
const LIMIT: Duration = Duration::from_mins(1);
/// The last bytes of its standard error that are quoted.
const QUOTED: usize = 400;
/// No answer is longer.
const LONGEST: u64 = 1 << 20;

/// What the process answers: the version and what there is for CUDA, or why the library cannot be used.
pub type Answer = Result<Found, String>;

/// A library that could be loaded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Found {
    /// Its version.
    pub version: String,
    /// What it has and lacks for CUDA.
    pub cuda: Cuda,
}

/// The process itself: loads the library and prints the answer as JSON.
pub fn answer(library: &Path) -> Result<Status, Failure> {
    let answer: Answer = probe(library)
        .map(|(version, cuda)| Found { version, cuda })
        .map_err(|error| error.to_string());
    let json = serde_json::to_vec(&answer).map_err(Failure::bad_input)?;
    io::stdout().write_all(&json).map_err(Failure::bad_input)?;
    Ok(Status::Done)
}

/// Asks a process of this program about a library.
///
/// # Errors
/// Only on Ctrl-C.
pub fn ask(library: &Path, search_path: &OsStr) -> Result<Answer, Failure> {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Ok(Err(format!("this program cannot be found: {error}"))),
    };
    let mut command = Command::new(program);
    command.arg("doctor").arg(FLAG).arg(library);
    command
        .env(TELEMETRY_OPT_OUT, "1")
        .env(SEARCH_PATH, search_path);
    run(command, LIMIT)
}

fn run(mut command: Command, limit: Duration) -> Result<Answer, Failure> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(format!("the process cannot be started: {error}"))),
    };
    let output = child.stdout.take().map(read);
    let errors = child.stderr.take().map(read);
    let ended = wait(&mut child, limit)?;
    let text = |reader: Option<JoinHandle<Vec<u8>>>| {
        reader
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default()
    };
    let Some(status) = ended else {
        return Ok(Err(format!(
            "loading it was not done after {} s",
            limit.as_secs()
        )));
    };
    let (output, errors) = (text(output), text(errors));
    if let Ok(answer) = serde_json::from_slice(&output) {
        return Ok(answer);
    }
    let tail = &errors[errors.len().saturating_sub(QUOTED)..];
    let tail = String::from_utf8_lossy(tail).trim().replace('\n', " / ");
    let said = if tail.is_empty() {
        String::new()
    } else {
        format!("; it said: {tail}")
    };
    Ok(Err(format!("loading it crashed ({status}){said}")))
}

/// How the process ended; none if it was ended at the limit.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        let interrupted = interrupt::requested();
        match child.try_wait() {
            Ok(Some(status)) if !interrupted => return Ok(Some(status)),
            Ok(None) if !interrupted && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(10));
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                if interrupted {
                    return Err(Failure {
                        status: Status::Interrupted,
                        message: "interrupted".to_owned(),
                        hint: None,
                    });
                }
                return Ok(None);
            }
        }
    }
}

fn read(stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.take(LONGEST).read_to_end(&mut bytes);
        bytes
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn error_of(script: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let answer = run(command, Duration::from_millis(500)).expect("no Ctrl-C");
        answer.expect_err("no answer")
    }

    #[test]
    fn a_crash_a_hang_and_nonsense_are_answers() {
        let crash = error_of("echo no memory >&2; kill -SEGV $$");
        assert!(crash.contains("signal: 11"), "{crash}");
        assert!(crash.ends_with("it said: no memory"), "{crash}");
        assert!(error_of("exec sleep 30").contains("was not done"));
        assert!(error_of("echo hello").contains("crashed"));
    }
}
