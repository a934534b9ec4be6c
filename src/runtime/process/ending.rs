//! What is said of a worker that ended without a result: how its process ended, and its last words.
//!
//! Independent of runtimes and files.

use std::io::Read;
use std::process::{ChildStderr, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How many bytes of the last words are kept.
const KEPT: usize = 2048;

/// The end of what the child writes to its standard error, sent when it has closed it.
pub fn read_last_lines(mut errors: ChildStderr) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut last = Vec::new();
        let mut piece = [0; KEPT];
        while let Ok(count @ 1..) = errors.read(&mut piece) {
            last.extend_from_slice(&piece[..count]);
            last.drain(..last.len().saturating_sub(KEPT));
        }
        let _ = send.send(String::from_utf8_lossy(&last).trim().to_owned());
    });
    receive
}

/// What to add to a message about the child: its last words, if it said any.
pub fn quote(last_lines: &Receiver<String>) -> String {
    quoted(&wait(last_lines))
}

/// How a child ended, if it has, and why as far as its last words tell.
pub fn explain(status: Option<ExitStatus>, last_lines: &Receiver<String>) -> String {
    let ended = status.map_or_else(|| "it ended without a result".to_owned(), describe);
    let lines = wait(last_lines);
    match cause(&lines) {
        Some(cause) => format!("{cause}: {ended}"),
        None => format!("{ended}{}", quoted(&lines)),
    }
}

/// Whether Ctrl-C ended it.
pub fn was_interrupted(status: ExitStatus) -> bool {
    signal(status) == Some(2)
}

fn wait(last_lines: &Receiver<String>) -> String {
    last_lines
        .recv_timeout(Duration::from_millis(500))
        .unwrap_or_default()
}

fn quoted(lines: &str) -> String {
    match lines {
        "" => String::new(),
        lines => format!("; it said: {}", lines.replace('\n', " / ")),
    }
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
        let (send, receive) = channel();
        send.send(lines.to_owned()).expect("a receiver");
        explain(Some(ExitStatus::from_raw(signal)), &receive)
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
