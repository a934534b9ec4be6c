//! The cache that huggingface_hub shares: `models--ORG--NAME/{refs,blobs,snapshots}`, as its documentation describes it
//! (guides/manage-cache).

use super::Snapshot;
use super::address::{Address, is_commit};
use super::folder;
use super::settings::HubSettings;
use crate::files::read_input;
use std::path::{Path, PathBuf};

/// Longest text of a ref that is read: a commit and some space.
const LONGEST_REF: u64 = 64;

/// The snapshot at an address, if the cache has all its files.
#[must_use]
pub fn find(address: &Address, settings: &HubSettings) -> Option<Snapshot> {
    let repository = settings.cache.join(address.folder());
    let commit = match address.revision() {
        commit if is_commit(commit) => commit.to_owned(),
        revision => read_ref(&reference(&repository, revision))?,
    };
    let folder = snapshot(&repository, &commit);
    let has = |name: &str| folder.join(name).is_file();
    folder::choose("", has).ok()?;
    Some(Snapshot {
        folder,
        repository: address.repository(),
        commit,
    })
}

/// Where the commit of a revision is kept.
pub(super) fn reference(repository: &Path, revision: &str) -> PathBuf {
    repository.join("refs").join(revision)
}

/// Where the files of a commit are.
pub(super) fn snapshot(repository: &Path, commit: &str) -> PathBuf {
    repository.join("snapshots").join(commit)
}

fn read_ref(path: &Path) -> Option<String> {
    let text = read_input(path, LONGEST_REF).ok()?;
    let text = String::from_utf8(text).ok()?;
    let commit = text.trim();
    is_commit(commit).then(|| commit.to_owned())
}
