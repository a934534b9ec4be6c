//! Giving a file its final name without replacing what has it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Gives a file or a folder the name `to`, unless something has it.
///
/// The first way that the file system has: a rename that never replaces; for files, a second link; a rename over an empty file of
/// one's own.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if something has the name; or if the file system refuses.
pub(super) fn place_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut failed = None;
    for way in [rename_new, link_new, reserve] {
        match way(from, to) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            // What the last way says is the plainest.
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| ErrorKind::Unsupported.into()))
}

/// One call, which some file systems lack.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// This system has no such call.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_new(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// A second name, where the file system has links and `from` is a file.
fn link_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    // Under both names it is complete; the first goes with its folder.
    let _ = fs::remove_file(from);
    Ok(())
}

/// The name is taken by an empty file or folder that is new, which is then replaced.
fn reserve(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir(to)?;
        return fs::rename(from, to).inspect_err(|_| drop(fs::remove_dir(to)));
    }
    File::create_new(to)?;
    fs::rename(from, to).inspect_err(|_| drop(fs::remove_file(to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_places_what_is_new_and_replaces_nothing() {
        type Way = fn(&Path, &Path) -> io::Result<()>;
        let ways: [(&str, Way); 4] = [
            ("all", place_new),
            ("rename", rename_new),
            ("link", link_new),
            ("reserve", reserve),
        ];
        for (name, way) in ways {
            if name == "rename" && cfg!(not(target_os = "linux")) {
                continue;
            }
            let folder = tempfile::tempdir().expect("a folder");
            let (from, to) = (folder.path().join("from"), folder.path().join("to"));
            fs::write(&from, "new").expect("a file");
            way(&from, &to).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!from.exists());
            fs::write(&from, "newer").expect("a file");
            let error = way(&from, &to).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}");
            assert_eq!(fs::read(&to).expect("a file"), b"new");
            assert_eq!(fs::read(&from).expect("a file"), b"newer");
        }
    }

    #[test]
    fn folders_are_placed_too() {
        for way in [place_new, reserve] {
            let folder = tempfile::tempdir().expect("a folder");
            let (from, to) = (folder.path().join("from"), folder.path().join("to"));
            fs::create_dir(&from).expect("a folder");
            fs::write(from.join("file"), "").expect("a file");
            way(&from, &to).expect("placed");
            assert!(to.join("file").exists() && !from.exists());
            // Not even an empty folder is replaced.
            for name in ["from", "empty"] {
                fs::create_dir(folder.path().join(name)).expect("a folder");
            }
            let error = way(&from, &folder.path().join("empty")).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn what_cannot_be_placed_leaves_no_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("to");
        assert!(place_new(&folder.path().join("absent"), &to).is_err());
        assert!(to.symlink_metadata().is_err());
    }
}
