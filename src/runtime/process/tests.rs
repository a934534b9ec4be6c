//! The supervision of children that are no workers: what each of them comes to.

use super::found::run_in;
use super::protocol::RunJob;
use super::*;
use crate::runtime::outcome::Trouble;
use crate::tensor::NamedTensor;
use std::process::Command;
use std::time::{Duration, Instant};

fn job(cases: Vec<Vec<NamedTensor>>) -> RunJob {
    RunJob {
        options: RunOptions::new(RuntimeName::Reference, "a.onnx"),
        library: None,
        cases,
        memory_limit: None,
    }
}

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

fn fake(text: &str, limit_ms: u64) -> (Outcome, Duration) {
    let input = NamedTensor::single("input", vec![1, 1 << 20], &vec![0.0; 1 << 20]);
    let start = Instant::now();
    let limit = Duration::from_millis(limit_ms);
    let never = AtomicBool::default();
    let outcome = run_in(script(text), job(vec![vec![input]]), limit, &never);
    (outcome.expect("no Ctrl-C"), start.elapsed())
}

fn message(outcome: &Outcome) -> &str {
    match &outcome.trouble {
        Some(Trouble::Crashed { message }) => message,
        other => panic!("expected a crash, found {other:?}"),
    }
}

#[test]
fn outputs_that_no_memory_holds_are_refused_when_they_are_announced() {
    let case = r#"{"case":{"prepare_seconds":0,"run_seconds":0,"outputs":[{"name":"y","shape":[1125899906842624],"element":"f32"}]}}"#;
    let (outcome, took) = fake(&format!("echo '{case}'; exec sleep 60"), 20_000);
    match &outcome.trouble {
        Some(Trouble::NoMemory { message }) => {
            let begins =
                "receiving what it sent: `y` needs 8589934592 MiB of memory: the memory limit is ";
            assert!(message.starts_with(begins), "{message}");
        }
        other => panic!("expected too little memory, found {other:?}"),
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
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
    let outcome = run_in(command, job(vec![]), limit, &AtomicBool::default());
    let outcome = outcome.expect("no Ctrl-C");
    assert!(message(&outcome).contains("cannot be started"));
}

#[test]
fn an_interruption_ends_the_worker() {
    let start = Instant::now();
    let limit = Duration::from_mins(1);
    let outcome = run_in(
        script("exec sleep 60"),
        job(vec![]),
        limit,
        &AtomicBool::new(true),
    );
    assert!(matches!(outcome, Err(ProcessError::Interrupted)));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_look_at_a_library_that_crashes_hangs_or_says_nonsense_is_an_error() {
    let error_of = |text: &str| {
        let limit = Duration::from_millis(500);
        let looked = look::look_in(script(text), "a.so".as_ref(), limit, &AtomicBool::default());
        match looked.expect("no Ctrl-C") {
            Err(LookError::Ended(ending)) => ending,
            other => panic!("expected an ending, found {other:?}"),
        }
    };
    let crash = error_of("echo no memory >&2; kill -SEGV $$").to_string();
    assert!(
        crash.contains("SIGSEGV") && crash.ends_with("it said: no memory"),
        "{crash}"
    );
    let limit = Duration::from_millis(500);
    assert_eq!(error_of("exec sleep 30"), Ending::TimedOut { limit });
    assert!(matches!(error_of("echo hello"), Ending::Nonsense { .. }));
}
