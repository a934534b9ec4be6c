//! Files that are written: complete under their final name or not there at all, and never in place of one that is read.
//!
//! An [`OutputFile`] that is a regular file is written in a temporary folder beside its target and renamed when it is
//! complete. Devices and pipes are written through. [`Inputs`] are the files that no output may replace, and
//! [`room`] says whether the disk has space. [`printable`] makes text out of a file harmless for a terminal.

mod inputs;
mod output;
pub mod room;

pub use inputs::Inputs;
pub use output::{OutputError, OutputFile, Staged};

/// The text without control characters, which could command a terminal: each becomes U+FFFD.
#[must_use]
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
