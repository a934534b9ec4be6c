//! Locks on folders: advisory, without a file for the lock, and gone with the process that holds them.

use super::note::OutputNote;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Whether a folder is locked.
#[derive(Debug)]
pub(super) enum FolderLock {
    /// It is, until this is dropped.
    Held(#[expect(dead_code, reason = "closed when it is dropped")] File),
    /// It is not, which is to be told where that matters.
    Refused(OutputNote),
    /// Folders have no locks on this system.
    #[cfg(not(unix))]
    Absent,
}

impl FolderLock {
    /// Folders cannot be opened here.
    #[cfg(not(unix))]
    pub fn acquire(_folder: &Path, _patience: Duration) -> Self {
        Self::Absent
    }

    /// Locks a folder; waits for another process that holds the lock, but no longer than `patience`.
    #[cfg(unix)]
    pub fn acquire(folder: &Path, patience: Duration) -> Self {
        use std::fs::TryLockError;
        use std::time::Instant;
        /// How often the lock is tried.
        const AGAIN: Duration = Duration::from_millis(5);
        let refused = |reason: String| {
            Self::Refused(OutputNote::NotLocked {
                folder: folder.to_owned(),
                reason,
            })
        };
        let opened = match open(folder) {
            Ok(opened) => opened,
            Err(error) => return refused(error.to_string()),
        };
        let deadline = Instant::now() + patience;
        loop {
            match opened.try_lock() {
                Ok(()) => return Self::Held(opened),
                Err(TryLockError::Error(error)) => return refused(error.to_string()),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(AGAIN);
                }
                Err(TryLockError::WouldBlock) => {
                    let seconds = patience.as_secs();
                    return refused(format!("another process has held its lock for {seconds} s"));
                }
            }
        }
    }

    /// Whether it is held.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// Opens a folder, and nothing else.
#[cfg(unix)]
pub(super) fn open(folder: &Path) -> std::io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(open(folder, flags, Mode::empty())?))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_until_it_is_dropped_and_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = FolderLock::acquire(folder.path(), Duration::from_mins(1));
        assert!(lock.is_held());
        let second = FolderLock::acquire(folder.path(), Duration::ZERO);
        let FolderLock::Refused(note) = second else {
            panic!("{second:?}");
        };
        let said = note.to_string();
        assert!(
            said.contains("(another process has held its lock for 0 s)"),
            "{said}"
        );
        drop(lock);
        assert!(FolderLock::acquire(folder.path(), Duration::from_mins(1)).is_held());
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            0
        );
        // Neither a file nor an absent folder is locked.
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        for path in [file, folder.path().join("absent")] {
            assert!(!FolderLock::acquire(&path, Duration::ZERO).is_held());
        }
    }
}
