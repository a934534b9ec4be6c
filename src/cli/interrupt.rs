//! Ctrl-C: asked for once, the work at hand stops and cleans up; asked for twice, the process ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Catches Ctrl-C, SIGTERM and SIGHUP from here on.
pub fn catch() {
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the second Ctrl-C means now")]
            std::process::exit(130);
        }
    };
    // Without a handler Ctrl-C ends the process at once, which is still correct, only less clean.
    let _ = ctrlc::set_handler(handler);
}

/// Whether Ctrl-C was pressed.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// What Ctrl-C sets.
pub fn flag() -> Arc<AtomicBool> {
    Arc::clone(&REQUESTED)
}
