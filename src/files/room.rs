//! Whether there is room for an output: large ones are written only when that is wanted.

use std::path::Path;

/// More bytes than this are written only when that is wanted.
pub const LARGE: u64 = 8_000_000_000;

/// Why an output is too large to be written unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// It has more than [`LARGE`] bytes.
    #[error("it takes {} GB, more than the {} GB that are written unasked", gigabytes(*.0), gigabytes(LARGE))]
    Large(u64),
    /// The disk has less space than it takes.
    #[error("it takes {}, and {} are free in the folder", amount(*bytes), amount(*free))]
    Disk {
        /// What it takes.
        bytes: u64,
        /// What is free.
        free: u64,
    },
}

/// In the unit in which it is no zero.
fn amount(bytes: u64) -> String {
    match bytes {
        1_000_000_000.. => format!("{} GB", gigabytes(bytes)),
        _ => format!("{} MB", (bytes as f64 / 1e5).round() / 10.0),
    }
}

fn gigabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1e8).round() / 10.0
}

/// Refuses more than [`LARGE`] bytes, and more than are `free`, where that is known.
///
/// # Errors
/// If there is no room.
pub fn refuse(bytes: u64, free: Option<u64>) -> Result<(), NoRoom> {
    match free {
        Some(free) if bytes > free => Err(NoRoom::Disk { bytes, free }),
        _ if bytes > LARGE => Err(NoRoom::Large(bytes)),
        _ => Ok(()),
    }
}

/// Bytes that this user can still write into a folder, where the system says so.
#[must_use]
#[cfg(unix)]
pub fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Bytes that this user can still write into a folder: not known here.
#[must_use]
#[cfg(not(unix))]
pub fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_or_does_not_fit_is_refused() {
        assert_eq!(refuse(LARGE, None), Ok(()));
        assert_eq!(refuse(LARGE, Some(LARGE)), Ok(()));
        assert_eq!(refuse(LARGE + 1, None), Err(NoRoom::Large(LARGE + 1)));
        assert_eq!(
            refuse(1001, Some(1000)),
            Err(NoRoom::Disk {
                bytes: 1001,
                free: 1000
            })
        );
        let message =
            refuse(32_700_000_000, Some(55_012_345_678)).map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("it takes 32.7 GB, more than the 8 GB that are written unasked".to_owned())
        );
        let message = refuse(2_700_000_000, Some(1_040_000_000)).map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("it takes 2.7 GB, and 1 GB are free in the folder".to_owned())
        );
        let message = refuse(18_750_000, Some(12_400_000)).map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("it takes 18.8 MB, and 12.4 MB are free in the folder".to_owned())
        );
    }

    #[test]
    #[cfg(unix)]
    fn the_system_says_how_much_is_free() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free(folder.path()).is_some_and(|free| free > 0));
        assert_eq!(free(&folder.path().join("absent")), None);
        // A file system that nobody can write to has no room.
        #[cfg(target_os = "linux")]
        assert_eq!(free(Path::new("/proc")), Some(0));
    }
}
