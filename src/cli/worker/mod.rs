//! Runs a file in a runtime in a process of its own, under a time limit.
//!
//! The child is this same program with a hidden subcommand. Whatever a runtime does, crash, hang, run out
//! of memory or write nonsense, is an [`Outcome`] and never an error of this process. The child's environment
//! always has ONNX Runtime's telemetry turned off.

mod child;
mod ending;
mod found;
mod protocol;

use super::exit::{Failure, Status};
use super::interrupt;
pub use child::{Arguments, main};
use efficientnet_onnx::runtime::outcome::{Event, Outcome, Trouble};
use efficientnet_onnx::runtime::{RuntimeName, TELEMETRY_OPT_OUT};
use efficientnet_onnx::tensor::NamedTensor;
use ending::{explain, quote, read_last_lines, was_interrupted};
pub use found::run_found;
use protocol::{Job, read_event, write_job};
use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The name of the hidden subcommand.
pub const SUBCOMMAND: &str = "worker";

/// The variable with the loader's search path.
pub const SEARCH_PATH: &str = "LD_LIBRARY_PATH";

/// The variable with another program for workers: one that runs this program in an emulator or a debugger, and passes its
/// arguments, standard input and output on.
const PROGRAM: &str = "EFFICIENTNET_ONNX_WORKER";

/// How often Ctrl-C is looked for.
const ATTENTION: Duration = Duration::from_millis(50);
/// Longer than anyone waits, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// How long a child that has sent its last event may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The runtime and the file of a run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The runtime.
    pub runtime: RuntimeName,
    /// Its shared library, absolute, where it has one.
    pub library: Option<PathBuf>,
    /// The file to run.
    pub model: PathBuf,
    /// Threads within one operation; by default what the runtime chooses.
    pub threads: Option<usize>,
    /// Whether the reference rounds every value to its type.
    pub rounded: bool,
    /// Whether the first case is run several times to time it.
    pub timed: bool,
    /// Runs of the first case to time, in place of computing every case; by default none.
    pub runs: usize,
    /// Outputs that are not wanted, by name.
    pub leave_out: Vec<String>,
    /// Folders in which the system's loader looks for libraries first; by default this process's own.
    pub search_path: Option<OsString>,
}

/// Runs a file with each set of inputs in a worker process, all within `limit`.
///
/// # Errors
/// If there is no room for a worker's temporary files, and on Ctrl-C.
pub fn run(spec: &Spec, cases: Vec<Vec<NamedTensor>>, limit: Duration) -> Result<Outcome, Failure> {
    let program = match program() {
        Ok(program) => program,
        Err(error) => {
            return Ok(crashed(format!(
                "the worker's program cannot be found: {error}"
            )));
        }
    };
    let job = Job {
        cases,
        timed: spec.timed,
        leave_out: spec.leave_out.clone(),
    };
    // The worker's own temporary files, such as profiles, go with it even if it is killed.
    let scratch = tempfile::tempdir().map_err(|error| {
        let folder = std::env::temp_dir();
        let reason = error.kind();
        Failure::bad_input(format!(
            "cannot write to the folder for temporary files, `{}`: {reason}",
            folder.display()
        ))
        .hint("set TMPDIR to a folder that can be written to")
    })?;
    let mut command = command(&program, spec);
    command.env("TMPDIR", scratch.path());
    run_command(command, job, limit)
}

/// The program that runs as a worker: this one, unless [`PROGRAM`] names another.
fn program() -> std::io::Result<PathBuf> {
    match std::env::var_os(PROGRAM) {
        Some(program) => Ok(program.into()),
        None => std::env::current_exe(),
    }
}

/// The command that starts a worker.
fn command(program: &Path, spec: &Spec) -> Command {
    let mut command = Command::new(program);
    command
        .arg(SUBCOMMAND)
        .arg("--runtime")
        .arg(spec.runtime.as_str());
    if let Some(library) = &spec.library {
        command.arg("--library").arg(library);
    }
    if let Some(threads) = spec.threads {
        command.arg("--threads").arg(threads.to_string());
    }
    if spec.rounded {
        command.arg("--rounded");
    }
    if spec.runs > 0 {
        command.arg("--runs").arg(spec.runs.to_string());
    }
    if let Some(path) = &spec.search_path {
        command.env(SEARCH_PATH, path);
    }
    command.arg("--").arg(&spec.model);
    command
}

fn run_command(mut command: Command, job: Job, limit: Duration) -> Result<Outcome, Failure> {
    command
        .env(TELEMETRY_OPT_OUT, "1")
        // A list of addresses would push its last words out of what is kept.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let limit = limit.min(LONGEST);
    let deadline = Instant::now() + limit;
    let mut worker = match command.spawn() {
        Ok(child) => Worker(child),
        Err(error) => return Ok(crashed(format!("the worker cannot be started: {error}"))),
    };
    let (Some(mut input), Some(output), Some(errors)) = (
        worker.0.stdin.take(),
        worker.0.stdout.take(),
        worker.0.stderr.take(),
    ) else {
        return Ok(crashed("the worker has no pipes".to_owned()));
    };
    let events = read_events(output);
    let last_lines = read_last_lines(errors);
    // A child that does not read must not block this thread; the pipe stays open as long as the handle lives.
    let (send_input, keep_input) = channel();
    thread::spawn(move || {
        let written = write_job(&job, &mut input);
        let _ = send_input.send((input, written));
    });

    let mut outcome = Outcome::default();
    while !outcome.is_over() {
        if interrupt::requested() {
            return Err(interrupted());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match events.recv_timeout(left.min(ATTENTION)) {
            Ok(Ok(event)) => outcome.add(event),
            Ok(Err(error)) => {
                worker.end();
                let message = format!(
                    "it wrote what no worker writes: {error}{}",
                    quote(&last_lines)
                );
                outcome.add(Event::Failed(Trouble::Crashed { message }));
            }
            Err(RecvTimeoutError::Timeout) if left > ATTENTION => {}
            Err(RecvTimeoutError::Timeout) => {
                worker.end();
                outcome.add(Event::Failed(Trouble::TimedOut {
                    seconds: limit.as_secs_f64(),
                }));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let left = deadline
                    .saturating_duration_since(Instant::now())
                    .min(FAREWELL);
                let status = worker.wait(left);
                // A terminal sends Ctrl-C to this process and to its children.
                if interrupt::requested() || status.is_some_and(was_interrupted) {
                    return Err(interrupted());
                }
                let message = explain(status, &last_lines);
                outcome.add(Event::Failed(Trouble::Crashed { message }));
            }
        }
    }
    drop(keep_input);
    worker.wait(FAREWELL);
    Ok(outcome)
}

/// A child that does not outlive this.
struct Worker(Child);

impl Worker {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Its status, if it ends within `limit`.
    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

fn read_events(output: ChildStdout) -> Receiver<std::io::Result<Event>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        while let Some(event) = read_event(&mut output).transpose() {
            let failed = event.is_err();
            if send.send(event).is_err() || failed {
                break;
            }
        }
    });
    receive
}

fn interrupted() -> Failure {
    Failure {
        status: Status::Interrupted,
        message: "interrupted".to_owned(),
        hint: None,
    }
}

fn crashed(message: String) -> Outcome {
    Outcome {
        trouble: Some(Trouble::Crashed { message }),
        ..Outcome::default()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn fake(script: &str, limit_ms: u64) -> (Outcome, Duration) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let input = NamedTensor::single("input", vec![1, 1 << 20], &vec![0.0; 1 << 20]);
        let job = Job {
            cases: vec![vec![input]],
            timed: false,
            leave_out: vec![],
        };
        let start = Instant::now();
        (
            run_command(command, job, Duration::from_millis(limit_ms)).expect("no Ctrl-C"),
            start.elapsed(),
        )
    }

    fn message(outcome: &Outcome) -> &str {
        match &outcome.trouble {
            Some(Trouble::Crashed { message }) => message,
            other => panic!("expected a crash, found {other:?}"),
        }
    }

    #[test]
    fn a_hang_ends_at_the_limit_even_if_the_job_is_never_read() {
        let (outcome, took) = fake("exec sleep 60", 300);
        assert_eq!(outcome.trouble, Some(Trouble::TimedOut { seconds: 0.3 }));
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn a_grandchild_that_holds_the_pipes_does_not_block() {
        let (outcome, took) = fake("sleep 20 & wait", 300);
        assert_eq!(outcome.trouble, Some(Trouble::TimedOut { seconds: 0.3 }));
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn a_crash_tells_its_signal_or_status_and_its_last_words() {
        let (outcome, _) = fake(
            "echo '{\"ready\":{\"version\":\"7\"}}'; echo bad news >&2; kill -SEGV $$",
            20_000,
        );
        assert_eq!(outcome.version.as_deref(), Some("7"));
        assert_eq!(
            message(&outcome),
            "it was ended by signal 11 (SIGSEGV: memory that is not its own); it said: bad news"
        );
        let (outcome, _) = fake("kill -KILL $$", 20_000);
        assert!(
            message(&outcome).contains("SIGKILL: out of memory"),
            "{outcome:?}"
        );
        let (outcome, _) = fake("echo no >&2; exit 101", 20_000);
        assert_eq!(
            message(&outcome),
            "it ended with status 101 and without a result; it said: no"
        );
        let (outcome, _) = fake("exit 0", 20_000);
        assert_eq!(message(&outcome), "it ended without a result");
    }

    #[test]
    fn nonsense_is_a_crash() {
        let (outcome, _) = fake("echo hello; exec sleep 60", 20_000);
        assert!(
            message(&outcome).contains("`hello` is no message"),
            "{outcome:?}"
        );
    }

    #[test]
    fn what_came_before_a_crash_is_kept() {
        let case = "{\"case\":{\"prepare_seconds\":0.5,\"run_seconds\":0.25,\"outputs\":[]}}";
        let (outcome, _) = fake(&format!("echo '{case}'; exit 3"), 20_000);
        assert_eq!(outcome.cases.len(), 1);
        let (outcome, _) = fake(&format!("echo '{case}'; echo '\"done\"'; exit 3"), 20_000);
        assert!(outcome.done && outcome.trouble.is_none(), "{outcome:?}");
    }

    #[test]
    fn telemetry_is_off_in_every_worker() {
        let (outcome, _) = fake(
            "echo \"{\\\"ready\\\":{\\\"version\\\":\\\"$ORT_DISABLE_TELEMETRY\\\"}}\"",
            20_000,
        );
        assert_eq!(outcome.version.as_deref(), Some("1"));
    }

    #[test]
    fn a_program_that_is_not_there_is_a_crash() {
        let job = Job {
            cases: vec![],
            timed: false,
            leave_out: vec![],
        };
        let outcome = run_command(
            Command::new("/nonexistent/worker"),
            job,
            Duration::from_secs(1),
        )
        .expect("no Ctrl-C");
        assert!(message(&outcome).contains("cannot be started"));
    }
}
