//! Exit statuses, and errors that carry one.

use super::memory;
use efficientnet_onnx::memory::NoMemory;
use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All that was asked was done, or agrees.
    Done,
    /// It ran, and disagrees; a runtime failed; the file breaks a rule.
    Disagrees,
    /// Bad usage, bad input, input or output failed.
    BadInput,
    /// A runtime or provider that was asked for is not available.
    Unavailable,
    /// Ctrl-C.
    Interrupted,
}

impl Status {
    /// The status of two results together: 2 before 1 before 3; an interruption before all.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |status| match status {
            Self::Interrupted => 4,
            Self::BadInput => 3,
            Self::Disagrees => 2,
            Self::Unavailable => 1,
            Self::Done => 0,
        };
        if rank(self) >= rank(other) {
            self
        } else {
            other
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::Disagrees => 1,
            Status::BadInput => 2,
            Status::Unavailable => 3,
            Status::Interrupted => 130,
        })
    }
}

/// A command's error: what was expected and found, perhaps what to do, and the exit status.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: Status,
    /// Lower case, names in backticks, expected and found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// Bad usage or bad input, with a hint where memory is too small.
    pub fn bad_input(message: impl fmt::Display) -> Self {
        let message = message.to_string();
        let hint = NoMemory::is_told_by(&message).then(|| memory::HINT.to_owned());
        Self {
            status: Status::BadInput,
            message,
            hint,
        }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{BadInput, Disagrees, Done, Interrupted, Unavailable};

    #[test]
    fn the_worse_status_wins() {
        for (one, other, both) in [
            (Done, Unavailable, Unavailable),
            (Unavailable, Disagrees, Disagrees),
            (Disagrees, BadInput, BadInput),
            (BadInput, Interrupted, Interrupted),
            (Done, Done, Done),
        ] {
            assert_eq!(one.and(other), both);
            assert_eq!(other.and(one), both);
        }
    }
}
