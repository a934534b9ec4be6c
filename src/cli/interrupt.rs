//! Ctrl-C, SIGTERM and SIGHUP: work that looks for an interruption ends by itself within a short grace. Otherwise, and on a
//! second signal, the process ends from here, and removes what it has not completed.

use super::signals::{self, Signals};
use efficientnet_onnx::files;
use efficientnet_onnx::runtime::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

/// How long work that looks for an interruption has to end by itself.
const GRACE: Duration = Duration::from_millis(500);
/// How long a commit under way may take to complete.
const COMMIT: Duration = Duration::from_secs(5);
/// How long standard error is waited for.
const WORDS: Duration = Duration::from_millis(100);
/// How often a signal is looked for.
const ATTENTION: Duration = Duration::from_millis(20);
/// The exit status.
const STATUS: i32 = 130;

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether the process ends here, whatever its other threads do.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C, SIGTERM and SIGHUP from here on, but for those that were ignored when the process started.
pub fn catch() {
    let signals = Signals::catch(&REQUESTED);
    let watch = move || {
        while signals.arrived() == 0 {
            thread::sleep(ATTENTION);
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && signals.arrived() == 0 {
            thread::sleep(ATTENTION);
        }
        end();
    };
    // Where the system refuses a thread, work that looks for an interruption still ends by itself.
    let _ = thread::Builder::new().spawn(watch);
}

/// Whether Ctrl-C was pressed.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// What Ctrl-C sets.
pub fn flag() -> Arc<AtomicBool> {
    Arc::clone(&REQUESTED)
}

/// Returns unless the process ends here: then what the command came to is of no account.
pub fn settle() {
    while ENDING.load(Ordering::SeqCst) {
        thread::sleep(ATTENTION);
    }
}

/// Ends the process, and removes what is not complete.
fn end() -> ! {
    ENDING.store(true, Ordering::SeqCst);
    process::end_workers();
    let _abandoned = files::abandon(COMMIT);
    // Standard error may have a reader that does not read.
    let (send, said) = channel();
    let say = move || {
        tell!("error: interrupted");
        let _ = send.send(());
    };
    if thread::Builder::new().spawn(say).is_ok() {
        let _ = said.recv_timeout(WORDS);
    }
    signals::exit(STATUS)
}
