//! The parts of a temporary folder, and its removal.
//!
//! Everything has its place: `new` what is written; `old` what a commit has moved aside; `placed` second
//! links to data that has its final name before its model has; `replaced` what no one needs once `new` is empty.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Beginning of the names of temporary folders.
pub(super) const PREFIX: &str = ".efficientnet-onnx-";
/// The folders in a temporary folder.
pub(super) const NEW: &str = "new";
pub(super) const OLD: &str = "old";
pub(super) const PLACED: &str = "placed";
pub(super) const REPLACED: &str = "replaced";
/// How often a removal is tried.
const AGAIN: Duration = Duration::from_millis(2);
/// Attempts to remove a folder into which another thread may still write.
const ATTEMPTS: usize = 200;

/// Removes a temporary file or a folder with all that is in it, if the system lets it.
pub(super) fn remove(path: &Path) {
    for _ in 0..ATTEMPTS {
        // Empty folders go without a descriptor, of which there may be none left.
        let _ = fs::remove_dir(path.join(NEW));
        let removed = fs::remove_dir(path)
            .or_else(|_| fs::remove_file(path))
            .or_else(|_| fs::remove_dir_all(path));
        if removed.is_ok() || path.symlink_metadata().is_err() {
            return;
        }
        thread::sleep(AGAIN);
    }
}
