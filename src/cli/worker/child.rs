//! The worker process: the hidden subcommand that runs one file in one runtime.

use super::protocol::{read_job, write_event};
use crate::cli::exit::{Failure, Status};
use clap::Args;
use efficientnet_onnx::runtime::outcome::{Event, Trouble, execute, measure};
use efficientnet_onnx::runtime::{Options, RuntimeName};
use std::io::{self, Read};
use std::panic;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Arguments of the hidden subcommand; the job comes over standard input.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The runtime to use.
    #[arg(long)]
    runtime: RuntimeName,
    /// The shared library of the runtime.
    #[arg(long)]
    library: Option<PathBuf>,
    /// Threads within one operation.
    #[arg(long)]
    threads: Option<usize>,
    /// Whether the reference rounds every value.
    #[arg(long)]
    rounded: bool,
    /// Runs of the first case to time, in place of computing every case.
    #[arg(long, default_value_t = 0)]
    runs: usize,
    /// The file to run.
    model: PathBuf,
}

/// Reads the job, runs it and sends every event to the parent.
pub fn main(arguments: &Arguments) -> Result<Status, Failure> {
    offer_to_the_out_of_memory_killer();
    let job = read_job(&mut io::stdin().lock()).map_err(Failure::bad_input)?;
    thread::spawn(end_with_the_parent);
    let options = Options {
        library: arguments.library.clone(),
        threads: arguments.threads,
        rounded: arguments.rounded,
        leave_out: job.leave_out.clone(),
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
    let run = panic::AssertUnwindSafe(|| {
        if let (1.., Some(inputs)) = (arguments.runs, job.cases.first()) {
            let (runtime, model) = (arguments.runtime, &arguments.model);
            return measure(runtime, &options, model, inputs, arguments.runs, &mut tell);
        }
        execute(
            arguments.runtime,
            &options,
            &arguments.model,
            &job.cases,
            job.timed,
            &mut tell,
        );
    });
    if panic::catch_unwind(run).is_err() {
        let message = panicked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        tell(Event::Failed(Trouble::Crashed { message }));
    }
    Ok(Status::Done)
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
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(1));
        std::process::abort();
    });
    std::process::exit(1)
}
