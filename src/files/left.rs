//! What processes left behind that were killed: incomplete outputs are removed, and files that a commit had moved aside get their
//! names again.
//!
//! Only folders with this program's prefix and structure are touched, of the same owner, and only those whose lock is free: their
//! process has ended. Where the file system has no locks, nothing is touched.

use super::note::OutputNote;
use super::parts::{NEW, OLD, PLACED, PREFIX, REPLACED, remove};
use super::place::place_new;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// Tidies the folder in which `own` is. Where `locked`, no other process commits there, and files that were moved aside are put
/// back; else folders with such files are left alone.
pub(super) fn tidy(parent: &Path, own: &Path, locked: bool) -> Vec<OutputNote> {
    let mut notes = Vec::new();
    let entries = fs::read_dir(parent).into_iter().flatten();
    for entry in entries.take(MOST_ENTRIES).flatten() {
        let name = entry.file_name();
        let is_ours = name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let root = entry.path();
        // The lock keeps others away from it until it is dropped.
        if is_ours
            && root != own
            && let Some(_lock) = lock(&root, own)
        {
            // What cannot be looked at stays for the next run.
            notes.extend(settle(parent, &root, locked).ok().flatten());
        }
    }
    notes
}

/// The lock of a folder of the same owner with nothing else in it than temporary folders have, if no process holds it.
#[cfg(unix)]
fn lock(root: &Path, own: &Path) -> Option<File> {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::symlink_metadata(own).ok()?.uid();
    let found = fs::symlink_metadata(root).ok()?;
    if !found.is_dir() || found.uid() != owner {
        return None;
    }
    let opened = super::lock::open(root).ok()?;
    let same = opened.metadata().ok()?;
    if same.ino() != found.ino() || same.dev() != found.dev() {
        return None;
    }
    opened.try_lock().ok()?;
    let known = names(root).ok()?.into_iter().all(|name| {
        let is_known = [NEW, OLD, PLACED, REPLACED]
            .iter()
            .any(|part| name == *part);
        is_known && fs::symlink_metadata(root.join(name)).is_ok_and(|found| found.is_dir())
    });
    known.then_some(opened)
}

/// Folders have no locks here.
#[cfg(not(unix))]
fn lock(_root: &Path, _own: &Path) -> Option<File> {
    None
}

/// Puts back what was moved aside, and removes the rest; or keeps all of it.
fn settle(parent: &Path, root: &Path, locked: bool) -> io::Result<Option<OutputNote>> {
    let [new, old, placed, replaced] = [NEW, OLD, PLACED, REPLACED].map(|part| root.join(part));
    if !locked && [&old, &placed, &replaced].iter().any(|part| part.exists()) {
        return Ok(None);
    }
    let is_complete = names(&new)?.is_empty();
    if !is_complete {
        withdraw(parent, &placed)?;
        // What would have been replaced has not been.
        if replaced.exists() {
            fs::rename(replaced, &old)?;
        }
    }
    let mut aside = names(&old)?;
    // Data before its model, whose name is shorter.
    aside.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let is_free = |name: &OsString| parent.join(name).symlink_metadata().is_err();
    let put_back = |name: &OsString| place_new(&old.join(name), &parent.join(name)).is_ok();
    if !aside.iter().all(is_free) || !aside.iter().all(put_back) {
        let kept = names(&old)?;
        let kept = kept.iter().map(|name| name.to_string_lossy().into_owned());
        return Ok(Some(OutputNote::Kept {
            names: kept.collect(),
            folder: old,
        }));
    }
    remove(root);
    // As people call it.
    let within = parent.strip_prefix(".").unwrap_or(parent);
    let model = aside.last().map(|name| within.join(name));
    Ok(model.map(OutputNote::PutBack))
}

/// Removes the data that has its final name of a model that has not.
fn withdraw(parent: &Path, placed: &Path) -> io::Result<()> {
    for name in names(placed)? {
        let place = parent.join(&name);
        if is_same(&placed.join(&name), &place) {
            fs::remove_file(place)?;
        }
    }
    Ok(())
}

/// Whether two names are links to the same file.
#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| {
        let found = fs::symlink_metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    identity(one).is_some_and(|found| Some(found) == identity(other))
}

/// Not known here.
#[cfg(not(unix))]
fn is_same(_one: &Path, _other: &Path) -> bool {
    false
}

/// Names of what is in a folder; none if the folder is absent.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
