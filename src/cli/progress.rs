//! A bar with bytes and rate where a write is long, and a line on what is under way: on a terminal, and gone in the end.

use super::interrupt;
use efficientnet_onnx::tensor::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Below this many bytes a write is over before anyone looks.
const LONG: u64 = 64 << 20;
/// How often elapsed time is shown anew.
const TICK: Duration = Duration::from_millis(200);

/// A bar, or nothing; cancels on Ctrl-C.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that does not show yet.
    pub fn new() -> Self {
        Self(ProgressBar::with_draw_target(
            None,
            ProgressDrawTarget::hidden(),
        ))
    }

    /// Shows the bar if the work is long and standard error is a terminal.
    pub fn start(&self, bytes: u64, quiet: bool) {
        self.0.set_length(bytes);
        if quiet || bytes < LONG || !std::io::stderr().is_terminal() {
            return;
        }
        let template = "{bar:32} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_draw_target(ProgressDrawTarget::stderr());
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn cancelled(&self) -> bool {
        interrupt::requested()
    }
}

/// A line on what is under way, with the time since it was made; nothing where standard error is no terminal.
pub struct Line(ProgressBar);

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if std::io::stderr().is_terminal() {
            if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {wide_msg}") {
                line.set_style(style);
            }
            line.set_draw_target(ProgressDrawTarget::stderr());
            line.enable_steady_tick(TICK);
        }
        Self(line)
    }

    /// Says what is under way from here on.
    pub fn say(&self, text: String) {
        self.0.set_message(text);
    }

    /// Removes the line.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
