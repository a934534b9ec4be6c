//! Starts a child process, sends it a job, receives its messages, and ends it at its time limit.
//!
//! The child's environment always has ONNX Runtime's telemetry turned off.

use super::ProcessError;
use super::ending::{Ending, read_last_words, wait, was_interrupted, was_told_to_end};
use super::protocol::{Job, write_job};
use super::running::{StartError, Worker};
use crate::files::TemporaryFolder;
use crate::memory::NoMemory;
use crate::runtime::TELEMETRY_OPT_OUT;
use std::io::{self, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often an interruption is looked for.
const ATTENTION: Duration = Duration::from_millis(50);
/// Longer than anyone waits, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// How long a child that has sent its last event may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Receives a message of type `T`; none at the end of the stream.
pub type Receive<T> = fn(&mut BufReader<ChildStdout>) -> io::Result<Option<T>>;

/// Does a job in a child process, all within `limit`, and gives every message to `take`, which tells whether it was the
/// last. Gives how the child ended if it did so without its last message.
///
/// # Errors
/// If there is no room for the child's temporary files, and on an interruption.
pub fn supervise<T: Send + 'static>(
    mut command: Command,
    job: Job,
    receive: Receive<T>,
    limit: Duration,
    interrupted: &AtomicBool,
    take: &mut dyn FnMut(T) -> bool,
) -> Result<Option<Ending>, ProcessError> {
    // The child's own temporary files, such as profiles, go with it even if it is killed.
    let scratch = TemporaryFolder::new().map_err(|source| ProcessError::TemporaryFiles {
        folder: std::env::temp_dir(),
        source,
    })?;
    command
        .env("TMPDIR", scratch.path())
        .env(TELEMETRY_OPT_OUT, "1")
        // A list of addresses would push its last words out of what is kept.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let limit = limit.min(LONGEST);
    let deadline = Instant::now() + limit;
    let (mut child, (mut input, output, errors)) = match Worker::start(command) {
        Ok(started) => started,
        Err(StartError::Ending) => return Err(ProcessError::Interrupted),
        Err(StartError::Refused(error)) => {
            let reason = error.to_string();
            return Ok(Some(Ending::NotStarted { reason }));
        }
    };
    // A child that does not read must not block this thread; the pipe stays open as long as the handle lives.
    let (send_input, keep_input) = channel();
    let send_job = move || {
        let written = write_job(&job, &mut input);
        let _ = send_input.send((input, written));
    };
    let started = || -> io::Result<_> {
        let messages = read_messages(output, receive)?;
        let last_words = read_last_words(errors)?;
        thread::Builder::new().spawn(send_job)?;
        Ok((messages, last_words))
    };
    let (messages, last_words) = match started() {
        Ok(started) => started,
        Err(error) => {
            let reason = format!("no thread can listen to it: {error}");
            return Ok(Some(Ending::NotStarted { reason }));
        }
    };

    loop {
        if interrupted.load(Ordering::SeqCst) {
            return Err(ProcessError::Interrupted);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match messages.recv_timeout(left.min(ATTENTION)) {
            Ok(Ok(message)) => {
                if take(message) {
                    break;
                }
            }
            Ok(Err(error)) => {
                child.end();
                return Ok(Some(match NoMemory::within(&error) {
                    Some(refused) => Ending::NoMemory {
                        message: refused.to_string(),
                    },
                    None => Ending::Nonsense {
                        fault: error.to_string(),
                        last_words: wait(&last_words),
                    },
                }));
            }
            Err(RecvTimeoutError::Timeout) if left > ATTENTION => {}
            Err(RecvTimeoutError::Timeout) => {
                child.end();
                return Ok(Some(Ending::TimedOut { limit }));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let left = deadline
                    .saturating_duration_since(Instant::now())
                    .min(FAREWELL);
                let status = child.wait(left);
                // A terminal sends Ctrl-C to this process and to its children; which hears of it first is not known.
                if status.is_some_and(was_told_to_end) && !interrupted.load(Ordering::SeqCst) {
                    thread::sleep(ATTENTION);
                }
                if interrupted.load(Ordering::SeqCst) || status.is_some_and(was_interrupted) {
                    return Err(ProcessError::Interrupted);
                }
                return Ok(Some(Ending::Ended {
                    status,
                    last_words: wait(&last_words),
                }));
            }
        }
    }
    drop(keep_input);
    child.wait(FAREWELL);
    Ok(None)
}

fn read_messages<T: Send + 'static>(
    output: ChildStdout,
    receive: Receive<T>,
) -> io::Result<Receiver<io::Result<T>>> {
    let (send, received) = channel();
    thread::Builder::new().spawn(move || {
        let mut output = BufReader::new(output);
        while let Some(message) = receive(&mut output).transpose() {
            let failed = message.is_err();
            if send.send(message).is_err() || failed {
                break;
            }
        }
    })?;
    Ok(received)
}
