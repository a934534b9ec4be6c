//! The worker's side: does one job for the process that started it, and sends every event back.

use super::event::Event;
use super::look::contents;
use super::perform::perform;
use super::protocol::{Job, read_job, write_contents, write_event};
use crate::memory::{self, NoMemory};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;
use crate::tensor::start_threads;
use std::io::{self, Read};
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Makes this process a worker: reads a job from standard input, does it, and writes what comes of it to standard output.
///
/// To be called at the start of the process and to be the last thing that it does. The process ends at once when the one
/// that started it closes the pipe, which it does by ending in whatever way. On Linux it offers itself to the kernel as the
/// first to end when memory runs out. A panic of a runtime is an event.
///
/// # Errors
/// If what comes over standard input is not a job, or the system refuses the thread that waits for the parent's end.
pub fn serve() -> io::Result<()> {
    offer_to_the_out_of_memory_killer();
    let job = match read_job(&mut io::stdin().lock(), memory::set_limit) {
        Ok(job) => job,
        Err(error) => {
            let Some(refused) = NoMemory::within(&error) else {
                return Err(error);
            };
            let message = format!("receiving the inputs: {refused}");
            let failed = Event::Failed(Trouble::NoMemory { message });
            return write_event(&failed, &mut io::stdout().lock());
        }
    };
    thread::Builder::new().spawn(end_with_the_parent)?;
    let run = match job {
        Job::Run(run) => {
            if run.options.runtime == RuntimeName::Reference {
                start_threads(None);
            }
            run
        }
        Job::LookAt(library) => {
            return write_contents(&contents(&library), &mut io::stdout().lock());
        }
    };

    let panicked = Arc::new(Mutex::new(String::new()));
    let message = Arc::clone(&panicked);
    panic::set_hook(Box::new(move |info| {
        *message.lock().unwrap_or_else(PoisonError::into_inner) =
            info.to_string().replace('\n', " ");
    }));
    let mut tell = |event: Event| {
        // Without a parent to tell there is nothing left to do.
        if write_event(&event, &mut io::stdout().lock()).is_err() {
            end();
        }
    };
    let done = panic::catch_unwind(panic::AssertUnwindSafe(|| perform(&run, &mut tell)));
    if done.is_err() {
        let message = panicked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        tell(Event::Failed(Trouble::Crashed { message }));
    }
    Ok(())
}

/// When memory runs out, Linux is to end this process and not the parent that reports it.
fn offer_to_the_out_of_memory_killer() {
    // Anyone may raise their own score; elsewhere there is no such file.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Waits until the parent closes the pipe, which it does by ending in whatever way.
fn end_with_the_parent() {
    let mut rest = [0; 64];
    while matches!(io::stdin().lock().read(&mut rest), Ok(1..)) {}
    end();
}

/// Ends the process, even if a library's own clean-up hangs because it is still computing.
#[expect(clippy::exit, reason = "there is no one left to return to")]
fn end() -> ! {
    let watch = thread::Builder::new().spawn(|| {
        thread::sleep(Duration::from_secs(1));
        std::process::abort();
    });
    if watch.is_err() {
        std::process::abort();
    }
    std::process::exit(1)
}
