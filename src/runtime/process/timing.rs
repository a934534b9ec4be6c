//! How long one set of inputs takes in a runtime.

use crate::runtime::outcome::Timings;
use crate::runtime::{RuntimeError, Session};
use crate::tensor::NamedTensor;
use std::time::Instant;

/// Runs before the ones that count.
const WARM_UP_RUNS: usize = 3;

/// Times runs of one set of inputs: [`WARM_UP_RUNS`] that do not count, then `runs` that do.
///
/// # Errors
/// If the runtime does not take the inputs, or fails.
pub fn time_session(
    session: &mut dyn Session,
    inputs: &[NamedTensor],
    runs: usize,
) -> Result<Timings, RuntimeError> {
    let start = Instant::now();
    session.prepare(inputs)?;
    let prepare_seconds = start.elapsed().as_secs_f64();
    let mut timed = || -> Result<f64, RuntimeError> {
        let start = Instant::now();
        session.run(inputs)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let first_seconds = timed()?;
    for _ in 1..WARM_UP_RUNS {
        timed()?;
    }
    let run_seconds = (0..runs).map(|_| timed()).collect::<Result<_, _>>()?;
    Ok(Timings {
        prepare_seconds,
        first_seconds,
        run_seconds,
        peak_bytes: peak_bytes(),
    })
}

/// The most memory that this process has held.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Slow to prepare, and in as many runs.
    struct Slow {
        runs: usize,
        prepared: bool,
    }

    impl Session for Slow {
        fn prepare(&mut self, _: &[NamedTensor]) -> Result<(), RuntimeError> {
            assert!(!self.prepared, "it is prepared once");
            self.prepared = true;
            std::thread::sleep(SLOW);
            Ok(())
        }

        fn run(&mut self, _: &[NamedTensor]) -> Result<Vec<NamedTensor>, RuntimeError> {
            if self.runs > 0 {
                self.runs -= 1;
                std::thread::sleep(SLOW);
            }
            Ok(Vec::new())
        }
    }

    const SLOW: Duration = Duration::from_millis(200);

    #[test]
    fn the_runs_that_warm_up_are_not_counted() {
        let mut session = Slow {
            runs: 3,
            prepared: false,
        };
        let timings = time_session(&mut session, &[], 4).expect("timings");
        assert_eq!(timings.run_seconds.len(), 4);
        let slow = SLOW.as_secs_f64();
        assert!(timings.run_seconds.iter().all(|seconds| *seconds < slow));
        assert!(timings.prepare_seconds >= slow && timings.first_seconds >= slow);
    }
}
