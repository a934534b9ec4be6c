//! Starts a worker, sends it a job, gathers its events, and ends it at its time limit.
//!
//! The child's environment always has ONNX Runtime's telemetry turned off.

use super::ProcessError;
use super::ending::{explain, quote, read_last_lines, was_interrupted};
use super::protocol::{Job, read_event, write_job};
use crate::runtime::TELEMETRY_OPT_OUT;
use crate::runtime::outcome::{Event, Outcome, Trouble};
use std::io::BufReader;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often an interruption is looked for.
const ATTENTION: Duration = Duration::from_millis(50);
/// Longer than anyone waits, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// How long a child that has sent its last event may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs a job in a worker process, all within `limit`.
///
/// # Errors
/// If there is no room for the worker's temporary files, and if the run is interrupted.
pub fn supervise(
    mut command: Command,
    job: Job,
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<Outcome, ProcessError> {
    // The worker's own temporary files, such as profiles, go with it even if it is killed.
    let scratch = tempfile::tempdir().map_err(|source| ProcessError::TemporaryFiles {
        folder: std::env::temp_dir(),
        source,
    })?;
    command
        .env("TMPDIR", scratch.path())
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
        if interrupted.load(Ordering::SeqCst) {
            return Err(ProcessError::Interrupted);
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
                if interrupted.load(Ordering::SeqCst) || status.is_some_and(was_interrupted) {
                    return Err(ProcessError::Interrupted);
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

fn crashed(message: String) -> Outcome {
    Outcome {
        trouble: Some(Trouble::Crashed { message }),
        ..Outcome::default()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::RunOptions;
    use super::*;
    use crate::runtime::RuntimeName;
    use crate::tensor::NamedTensor;

    fn job(cases: Vec<Vec<NamedTensor>>) -> Job {
        Job {
            options: RunOptions::new(RuntimeName::Reference, "a.onnx"),
            library: None,
            cases,
        }
    }

    fn fake(script: &str, limit_ms: u64) -> (Outcome, Duration) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let input = NamedTensor::single("input", vec![1, 1 << 20], &vec![0.0; 1 << 20]);
        let start = Instant::now();
        let limit = Duration::from_millis(limit_ms);
        let outcome = supervise(
            command,
            job(vec![vec![input]]),
            limit,
            &AtomicBool::default(),
        );
        (outcome.expect("no Ctrl-C"), start.elapsed())
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
        let command = Command::new("/nonexistent/worker");
        let limit = Duration::from_secs(1);
        let outcome = supervise(command, job(vec![]), limit, &AtomicBool::default());
        let outcome = outcome.expect("no Ctrl-C");
        assert!(message(&outcome).contains("cannot be started"));
    }

    #[test]
    fn an_interruption_ends_the_worker() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let start = Instant::now();
        let outcome = supervise(
            command,
            job(vec![]),
            Duration::from_mins(1),
            &AtomicBool::new(true),
        );
        assert!(matches!(outcome, Err(ProcessError::Interrupted)));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
