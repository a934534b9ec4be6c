//! How a worker process ended without its last message, and its last words.
//!
//! Independent of runtimes and files.

use crate::files::foreign::Foreign;
use std::fmt;
use std::io::{self, Read};
use std::process::{ChildStderr, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How many bytes of the last words are kept.
const KEPT: usize = 2048;

/// How a worker process ended without its last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It could not be started.
    NotStarted {
        /// Why not.
        reason: String,
    },
    /// It was ended at its time limit.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// It wrote what no worker writes, and was ended.
    Nonsense {
        /// What is wrong with it.
        fault: String,
        /// The end of its standard error, trimmed.
        last_words: String,
    },
    /// It sent more than the memory limit of this process allows, and was ended.
    NoMemory {
        /// What it sent, and the limit.
        message: String,
    },
    /// It ended, by itself or by a signal.
    Ended {
        /// Its status, if it is known.
        status: Option<ExitStatus>,
        /// The end of its standard error, trimmed.
        last_words: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { reason } => {
                write!(f, "the worker cannot be started: {}", reason.shown())
            }
            Self::TimedOut { limit } => {
                write!(f, "it was not done after {} s", limit.as_secs_f64())
            }
            Self::Nonsense { fault, last_words } => {
                write!(
                    f,
                    "it wrote what no worker writes: {}{}",
                    fault.shown(),
                    quote(last_words)
                )
            }
            Self::NoMemory { message } => write!(f, "receiving what it sent: {}", message.shown()),
            Self::Ended { status, last_words } => {
                let ended = status.map_or_else(|| "it ended without a result".to_owned(), describe);
                match cause(last_words) {
                    Some(cause) => write!(f, "{}: {ended}", cause.shown()),
                    None => write!(f, "{ended}{}", quote(last_words)),
                }
            }
        }
    }
}

/// What to add to a message about a process: its last words, if it said any.
fn quote(last_words: &str) -> String {
    match last_words {
        "" => String::new(),
        words => format!("; it said: {}", words.replace('\n', " / ").shown()),
    }
}

/// The end of what the child writes to its standard error, sent when it has closed it.
pub fn read_last_words(mut errors: ChildStderr) -> io::Result<Receiver<String>> {
    let (send, receive) = channel();
    thread::Builder::new().spawn(move || {
        let mut last = Vec::new();
        let mut piece = [0; KEPT];
        while let Ok(count @ 1..) = errors.read(&mut piece) {
            last.extend_from_slice(&piece[..count]);
            last.drain(..last.len().saturating_sub(KEPT));
        }
        let _ = send.send(String::from_utf8_lossy(&last).trim().to_owned());
    })?;
    Ok(receive)
}

/// Whether Ctrl-C ended it.
pub fn was_interrupted(status: ExitStatus) -> bool {
    signal(status) == Some(2)
}

/// Whether one of the signals that people end programs with ended it: HUP, INT or TERM.
pub fn was_told_to_end(status: ExitStatus) -> bool {
    matches!(signal(status), Some(1 | 2 | 15))
}

/// The last words of a process that has ended.
pub fn wait(last_words: &Receiver<String>) -> String {
    last_words
        .recv_timeout(Duration::from_millis(500))
        .unwrap_or_default()
}

/// What Rust and C++ say before they abort.
fn cause(lines: &str) -> Option<String> {
    for line in lines.lines() {
        let size = line.strip_prefix("memory allocation of ");
        if let Some(size) = size.and_then(|rest| rest.strip_suffix(" bytes failed")) {
            return Some(format!(
                "it ran out of memory when it asked for {size} bytes (a smaller batch or size needs less)"
            ));
        }
        if line.contains("std::bad_alloc") {
            return Some("it ran out of memory (a smaller batch or size needs less)".to_owned());
        }
        if line.starts_with("thread ") && line.ends_with(" has overflowed its stack") {
            return Some("it overflowed its stack".to_owned());
        }
    }
    None
}

fn describe(status: ExitStatus) -> String {
    if let Some(signal) = signal(status) {
        let meaning = match signal {
            4 => " (SIGILL: an instruction that this machine lacks)",
            6 => " (SIGABRT: it gave up)",
            7 => " (SIGBUS: memory that is not there)",
            8 => " (SIGFPE: an integer division that has no result)",
            9 => " (SIGKILL: out of memory, or killed from outside)",
            11 => " (SIGSEGV: memory that is not its own)",
            15 => " (SIGTERM)",
            _ => "",
        };
        return format!("it was ended by signal {signal}{meaning}");
    }
    match status.code() {
        Some(0) | None => "it ended without a result".to_owned(),
        Some(code) => format!("it ended with status {code} and without a result"),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn explained(signal: i32, lines: &str) -> String {
        let ended = Ending::Ended {
            status: Some(ExitStatus::from_raw(signal)),
            last_words: lines.to_owned(),
        };
        ended.to_string()
    }

    #[test]
    fn last_words_that_tell_the_cause_are_put_in_ours() {
        let aborted = "it was ended by signal 6 (SIGABRT: it gave up)";
        assert_eq!(
            explained(6, "a note\nmemory allocation of 403 bytes failed"),
            format!(
                "it ran out of memory when it asked for 403 bytes (a smaller batch or size needs less): {aborted}"
            )
        );
        let words = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc";
        assert_eq!(
            explained(6, words),
            format!("it ran out of memory (a smaller batch or size needs less): {aborted}")
        );
        let words = "thread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting";
        assert_eq!(
            explained(6, words),
            format!("it overflowed its stack: {aborted}")
        );
    }

    #[test]
    fn other_last_words_are_quoted() {
        assert_eq!(
            explained(8, "one\ntwo"),
            "it was ended by signal 8 (SIGFPE: an integer division that has no result); it said: one / two"
        );
        assert_eq!(
            explained(9, ""),
            "it was ended by signal 9 (SIGKILL: out of memory, or killed from outside)"
        );
    }
}
