//! Runs a file in this process, from beginning to end, and tells every event.

use super::Mode;
use super::event::Event;
use super::protocol::RunJob;
use super::timing::time_session;
use crate::runtime::outcome::CaseOutcome;
use crate::runtime::{RuntimeError, Session, open};
use crate::tensor::NamedTensor;
use std::time::{Duration, Instant};

/// How often, and for how long together, the first case is run again to time it.
const TIMED_RUNS: u32 = 5;
const TIMED_SECONDS: Duration = Duration::from_secs(1);

/// Runs a file on each set of inputs, and tells every event to `tell`; the last is [`Event::Done`] or [`Event::Failed`].
pub fn perform(job: &RunJob, tell: &mut dyn FnMut(Event)) {
    let end = match attempt(job, tell) {
        Ok(()) => Event::Done,
        Err(error) => Event::Failed(error.into()),
    };
    tell(end);
}

fn attempt(job: &RunJob, tell: &mut dyn FnMut(Event)) -> Result<(), RuntimeError> {
    let (options, cases) = (&job.options, job.cases.as_slice());
    let library = job.library.as_deref();
    let opened = open(options.runtime, &options.opened_with(library))?;
    tell(Event::Ready {
        version: opened.version(),
    });
    if let Some(device) = opened.device() {
        tell(Event::Device(device));
    }
    let start = Instant::now();
    let mut session = opened.load(&options.file).inspect_err(|error| {
        if let RuntimeError::Elsewhere(placement) = error {
            tell(Event::Placement(placement.as_ref().clone()));
        }
    })?;
    let seconds = start.elapsed().as_secs_f64();
    tell(Event::Loaded { seconds });
    if let (Mode::Time { runs }, Some(inputs)) = (options.mode, cases.first()) {
        let timings = time_session(session.as_mut(), inputs, runs)?;
        tell(Event::Timings(timings));
        return Ok(());
    }
    if !options.roundings.is_empty() {
        return run_rounded(session.as_mut(), job, tell);
    }
    let timed = options.mode == Mode::Verify;
    run_cases(session.as_mut(), cases, timed, tell, Event::Case)?;
    drop(session);
    if !timed {
        return Ok(());
    }
    if let Some(session) = opened.load_tf32(&options.file) {
        run_cases(session?.as_mut(), cases, timed, tell, Event::Tf32Case)?;
    }
    Ok(())
}

fn run_cases(
    session: &mut dyn Session,
    cases: &[Vec<NamedTensor>],
    timed: bool,
    tell: &mut dyn FnMut(Event),
    event: fn(CaseOutcome) -> Event,
) -> Result<(), RuntimeError> {
    tell_placement(session, tell)?;
    for (index, inputs) in cases.iter().enumerate() {
        let start = Instant::now();
        session.prepare(inputs)?;
        let prepare_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let outputs = session.run(inputs)?;
        let mut fastest = start.elapsed();
        tell_placement(session, tell)?;
        let repeats = if timed && index == 0 { TIMED_RUNS } else { 0 };
        let repeating = Instant::now();
        for _ in 0..repeats {
            if repeating.elapsed() + fastest > TIMED_SECONDS {
                break;
            }
            let start = Instant::now();
            session.run(inputs)?;
            fastest = fastest.min(start.elapsed());
        }
        tell(event(CaseOutcome {
            prepare_seconds,
            run_seconds: fastest.as_secs_f64(),
            outputs,
        }));
    }
    Ok(())
}

/// Runs every case once for each rounding.
fn run_rounded(
    session: &mut dyn Session,
    job: &RunJob,
    tell: &mut dyn FnMut(Event),
) -> Result<(), RuntimeError> {
    for inputs in &job.cases {
        let mut start = Instant::now();
        let mut tell = |outputs| {
            let run_seconds = start.elapsed().as_secs_f64();
            start = Instant::now();
            tell(Event::Case(CaseOutcome {
                prepare_seconds: 0.0,
                run_seconds,
                outputs,
            }));
        };
        session.run_rounded(inputs, &job.options.roundings, &mut tell)?;
    }
    Ok(())
}

/// Outputs of nodes that were elsewhere are not told.
fn tell_placement(
    session: &mut dyn Session,
    tell: &mut dyn FnMut(Event),
) -> Result<(), RuntimeError> {
    let Some(placement) = session.placement()? else {
        return Ok(());
    };
    tell(Event::Placement(placement.clone()));
    if placement.is_complete() {
        Ok(())
    } else {
        Err(RuntimeError::Elsewhere(Box::new(placement)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::RuntimeName;
    use crate::runtime::outcome::{Outcome, Trouble};
    use crate::runtime::process::RunOptions;

    fn outcome(runtime: RuntimeName, file: &str) -> Outcome {
        let mut outcome = Outcome::default();
        let job = RunJob {
            options: RunOptions::new(runtime, file),
            library: None,
            cases: Vec::new(),
            memory_limit: None,
        };
        perform(&job, &mut |event| outcome.add(event));
        outcome
    }

    #[cfg(feature = "tract")]
    #[test]
    fn an_unreadable_file_is_refused_after_the_runtime_is_ready() {
        let outcome = outcome(RuntimeName::Tract, "/nonexistent/model.onnx");
        assert!(outcome.version.is_some() && outcome.load_seconds.is_none());
        assert!(outcome.is_over() && !outcome.done);
        assert!(
            matches!(&outcome.trouble, Some(Trouble::Refused { message }) if message.contains("loading the file"))
        );
    }

    #[test]
    fn a_runtime_without_its_library_is_unavailable() {
        let outcome = outcome(RuntimeName::OrtCpu, "model.onnx");
        assert!(matches!(
            &outcome.trouble,
            Some(Trouble::Unavailable { hints, .. }) if !hints.is_empty()
        ));
        assert_eq!(outcome.version, None);
    }
}
