//! What a process that ends in the middle of its work must not leave behind, and how it ends without that.
//!
//! Everything temporary is listed here from the moment that it exists. Steps that give files their final names are
//! marked, so that none is cut short.

use super::parts::remove;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};
use std::{io, thread};

/// How often something that is held by others is looked at again.
const AGAIN: Duration = Duration::from_millis(2);

/// The list of this process.
pub(super) static LIST: List = List::new();

/// What is temporary, and what is being given its final name.
#[derive(Debug)]
pub(super) struct List {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    next: u64,
    paths: BTreeMap<u64, PathBuf>,
    /// Those from which files get their final names just now.
    placing: BTreeSet<u64>,
    abandoned: bool,
}

/// A temporary file or folder on the list; dropped, it is off the list.
#[derive(Debug)]
pub(super) struct Listed {
    list: &'static List,
    id: u64,
}

/// Marks that files get their final names; [`abandon`] waits until this is dropped.
#[derive(Debug)]
pub(super) struct Placing {
    list: &'static List,
    id: u64,
}

/// Holds up every thread that would create something temporary or give files their final names.
#[derive(Debug)]
#[must_use = "dropped, it lets the other threads go on"]
pub struct Abandoned(&'static List);

/// Removes everything temporary of this process: incomplete outputs, copies, and folders of workers.
///
/// For a program that is about to exit while other threads are at work, as on Ctrl-C. A commit under way is completed or
/// rolled back first; one that takes longer than `limit` is left alone, with what it needs. Until the returned value is
/// dropped, other threads wait when they create or commit an output.
pub fn abandon(limit: Duration) -> Abandoned {
    LIST.abandon(limit)
}

impl List {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                next: 0,
                paths: BTreeMap::new(),
                placing: BTreeSet::new(),
                abandoned: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Makes something temporary, and lists it before anyone can abandon it.
    pub fn create(
        &'static self,
        make: impl FnOnce() -> io::Result<PathBuf>,
    ) -> io::Result<(Listed, PathBuf)> {
        let mut state = self.enter();
        let path = make()?;
        let id = state.next;
        state.next += 1;
        state.paths.insert(id, path.clone());
        Ok((Listed { list: self, id }, path))
    }

    fn abandon(&'static self, limit: Duration) -> Abandoned {
        let deadline = Instant::now() + limit;
        let Some(mut state) = self.lock_before(deadline) else {
            return Abandoned(self);
        };
        state.abandoned = true;
        while !state.placing.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let idle = |id: &u64| !state.placing.contains(id);
        let idle = state.paths.iter().filter(|(id, _)| idle(id));
        let paths: Vec<PathBuf> = idle.map(|(_, path)| path.clone()).collect();
        // Others may take things off the list, which needs no waiting.
        drop(state);
        for path in paths {
            remove(&path);
        }
        Abandoned(self)
    }

    /// The state, once nothing is abandoned.
    fn enter(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.abandoned {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_before(&self, deadline: Instant) -> Option<MutexGuard<'_, State>> {
        loop {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(AGAIN),
            }
        }
    }
}

impl Listed {
    /// Marks that what is in it, or it itself, gets its final name.
    pub fn placing(&self) -> Placing {
        self.list.enter().placing.insert(self.id);
        Placing {
            list: self.list,
            id: self.id,
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.lock().paths.remove(&self.id);
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        self.list.lock().placing.remove(&self.id);
        self.list.changed.notify_all();
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.lock().abandoned = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc::channel;

    /// A list of its own: this process's holds what other tests use.
    fn list() -> &'static List {
        Box::leak(Box::new(List::new()))
    }

    fn made(list: &'static List, path: &Path) -> Listed {
        let make = || fs::create_dir(path).map(|()| path.to_owned());
        list.create(make).expect("a folder").0
    }

    #[test]
    fn what_is_abandoned_is_gone_and_nothing_new_begins() {
        let (root, list) = (tempfile::tempdir().expect("a folder"), list());
        let (kept, gone) = (root.path().join("kept"), root.path().join("gone"));
        drop(made(list, &kept));
        let listed = made(list, &gone);
        fs::write(gone.join("file"), "bytes").expect("a file");
        let abandoned = list.abandon(Duration::from_mins(1));
        assert!(!gone.exists() && kept.exists());
        let (send, received) = channel();
        let (new, placing) = (root.path().join("new"), send.clone());
        thread::spawn(move || send.send(made(list, &new).id));
        thread::spawn(move || placing.send(listed.placing().id));
        let held_up = received.recv_timeout(Duration::from_millis(200));
        assert!(held_up.is_err() && !root.path().join("new").exists());
        drop(abandoned);
        for _ in 0..2 {
            received.recv().expect("both go on");
        }
    }

    #[test]
    fn a_placement_under_way_is_waited_for_and_left_alone_beyond_the_limit() {
        let (root, list) = (tempfile::tempdir().expect("a folder"), list());
        let (slow, other) = (root.path().join("slow"), root.path().join("other"));
        let (listed, _other) = (made(list, &slow), made(list, &other));
        let placing = listed.placing();
        drop(list.abandon(Duration::ZERO));
        assert!(slow.exists() && !other.exists());
        let seen = slow.clone();
        let end = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            let complete = seen.exists();
            drop(placing);
            complete
        });
        let _abandoned = list.abandon(Duration::from_mins(1));
        assert!(end.join().expect("an end"), "it was removed too early");
        assert!(!slow.exists());
    }
}
