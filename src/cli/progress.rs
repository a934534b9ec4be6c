//! A bar with bytes and rate, on a terminal and where the work is long.

use super::interrupt;
use efficientnet_onnx::tensor::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Below this many bytes a write is over before anyone looks.
const LONG: u64 = 64 << 20;

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
