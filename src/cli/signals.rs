//! The signals that ask this process to end, and the one of a file that has become too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The signals that end this process, each with whether it has arrived since that was last asked.
pub struct Signals(Vec<Arc<AtomicBool>>);

impl Signals {
    /// How many of them have arrived since this was last asked; one that arrived twice counts once.
    pub fn arrived(&self) -> usize {
        let arrived = |signal: &&Arc<AtomicBool>| signal.swap(false, Ordering::SeqCst);
        self.0.iter().filter(arrived).count()
    }

    /// Catches INT, TERM and HUP, each of which sets `requested`, but for those that were ignored when this process started, as
    /// `nohup` has it.
    #[cfg(unix)]
    pub fn catch(requested: &Arc<AtomicBool>) -> Self {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let ignored = ignored();
        let mut caught = Vec::new();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored >> (signal - 1) & 1 == 1 {
                continue;
            }
            let arrived = Arc::default();
            // One that cannot be caught ends the process at once, as it does with programs that know of no signals.
            if signal_hook::flag::register(signal, Arc::clone(requested)).is_ok()
                && signal_hook::flag::register(signal, Arc::clone(&arrived)).is_ok()
            {
                caught.push(arrived);
            }
        }
        Self(caught)
    }

    /// Catches Ctrl-C, which sets `requested`.
    #[cfg(not(unix))]
    pub fn catch(requested: &Arc<AtomicBool>) -> Self {
        let arrived: Arc<AtomicBool> = Arc::default();
        let (requested, sent) = (Arc::clone(requested), Arc::clone(&arrived));
        let caught = ctrlc::set_handler(move || {
            requested.store(true, Ordering::SeqCst);
            sent.store(true, Ordering::SeqCst);
        });
        Self(caught.ok().map(|()| arrived).into_iter().collect())
    }
}

/// The signals that are ignored, one a bit from that of signal 1: on Linux alone the system tells.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Makes a write beyond the limit on the length of files (`ulimit -f`) an error like that of a full disk, in place of the
/// end of the process. A process that this one starts has the system's behaviour again.
pub fn survive_long_files() {
    #[cfg(unix)]
    {
        // Whoever catches the signal gets the error.
        let _ =
            signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::<AtomicBool>::default());
    }
}

/// Ends this process at once: without what libraries do at the end, which may wait for others.
pub fn exit(status: i32) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(status);
    #[cfg(not(unix))]
    {
        #[expect(clippy::exit, reason = "an interruption ends the process")]
        std::process::exit(status)
    }
}
