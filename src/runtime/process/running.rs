//! The worker processes that run: none outlives its owner, and all end together when this process is about to.

use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a child that should end is looked at.
const AGAIN: Duration = Duration::from_millis(5);
/// How long a child that was killed is waited for when this process is about to end.
const LAST: Duration = Duration::from_secs(1);

static RUNNING: Mutex<Running> = Mutex::new(Running {
    ending: false,
    children: Vec::new(),
});

struct Running {
    ending: bool,
    children: Vec<Arc<Mutex<Child>>>,
}

/// Ends every worker of this process and lets none start: a run then gives [`ProcessError::Interrupted`](super::ProcessError).
///
/// For a program that is about to exit while other threads are at work.
pub fn end_workers() {
    let mut running = held(&RUNNING);
    running.ending = true;
    let children = std::mem::take(&mut running.children);
    drop(running);
    for child in &children {
        let _ = held(child).kill();
    }
    for child in &children {
        wait(child, LAST);
    }
}

/// A child that does not outlive this.
#[derive(Debug)]
pub struct Worker(Arc<Mutex<Child>>);

/// The three pipes of a child.
pub type Pipes = (ChildStdin, ChildStdout, ChildStderr);

/// Why a child does not run.
#[derive(Debug)]
pub enum StartError {
    /// This process is about to end.
    Ending,
    /// The system refused, or the child has no pipes.
    Refused(io::Error),
}

impl Worker {
    /// Starts a command whose standard streams are pipes.
    pub fn start(mut command: Command) -> Result<(Self, Pipes), StartError> {
        let mut running = held(&RUNNING);
        if running.ending {
            return Err(StartError::Ending);
        }
        let mut child = command.spawn().map_err(StartError::Refused)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        running.children.push(Arc::clone(&child));
        drop(running);
        let worker = Self(child);
        match pipes {
            (Some(input), Some(output), Some(errors)) => Ok((worker, (input, output, errors))),
            _ => Err(StartError::Refused(io::Error::other("it has no pipes"))),
        }
    }

    /// Kills it.
    pub fn end(&mut self) {
        let mut child = held(&self.0);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Its status, if it ends within `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait(&self.0, limit)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
        let others = |child: &Arc<Mutex<Child>>| !Arc::ptr_eq(child, &self.0);
        held(&RUNNING).children.retain(others);
    }
}

fn wait(child: &Mutex<Child>, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        let status = held(child).try_wait();
        match status {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(AGAIN),
            _ => return None,
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
