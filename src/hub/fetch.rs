//! Filling the cache from the hub, in a way that huggingface_hub finds: blobs by their entity tags, links to them in a
//! snapshot, and the commit of the revision.

use super::address::{Address, is_commit, is_hexadecimal};
use super::client::{Answer, Client, Failed, Status, broken, short};
use super::settings::HubSettings;
use super::{HubError, Snapshot, cache, folder};
use crate::files::foreign::Foreign;
use crate::files::{TemporaryFile, TemporaryFolder};
use crate::tensor::Progress;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the hub says of a repository takes no more bytes; parsed, a hostile answer takes up to 30 times its size.
const LARGEST_LISTING: u64 = 4 << 20;
/// Hexadecimal digits of a SHA-256, which a large file has for its entity tag.
const SHA256_DIGITS: usize = 64;
/// Bytes that are received at a time.
const AT_ONCE: usize = 1 << 17;
/// How long to wait until another process's lock is tried again.
const LOCK_AGAIN: Duration = Duration::from_millis(100);

/// Fetches the files of a model that the cache does not have.
pub(super) fn fetch(
    address: &Address,
    settings: &HubSettings,
    started: &dyn Fn(u64),
    progress: &dyn Progress,
) -> Result<Snapshot, HubError> {
    let client = Client::new(settings)?;
    let hub = Hub {
        address,
        settings,
        repository: settings.cache.join(address.folder()),
        client,
    };
    let (commit, files) = hub.listing()?;
    let place = address.to_string();
    let weights = folder::choose(&place, |name| files.iter().any(|file| file == name))?;
    let others = [folder::CONFIG, folder::PROCESSOR, folder::README].into_iter();
    let others = others.filter(|name| files.iter().any(|file| file == name));
    for name in others.chain([weights]) {
        hub.file(&commit, name, started, progress)?;
    }
    if address.revision() != commit {
        let reference = cache::reference(&hub.repository, address.revision());
        written(&reference, || {
            let within = reference.parent().unwrap_or(&hub.repository);
            fs::create_dir_all(within)?;
            let folder = TemporaryFolder::within(&hub.repository)?;
            let file = folder.path().join("commit");
            fs::write(&file, &commit)?;
            fs::rename(file, &reference)
        })?;
    }
    Ok(Snapshot {
        folder: cache::snapshot(&hub.repository, &commit),
        repository: address.repository(),
        commit,
    })
}

struct Hub<'a> {
    address: &'a Address,
    settings: &'a HubSettings,
    /// The repository's folder in the cache.
    repository: PathBuf,
    client: Client,
}

impl Hub<'_> {
    /// The commit of the revision, and the names of its files.
    fn listing(&self) -> Result<(String, Vec<String>), HubError> {
        let url = format!(
            "{}/api/models/{}/revision/{}",
            self.settings.endpoint,
            self.address.repository(),
            self.address.revision().replace('/', "%2F")
        );
        let answer = self
            .client
            .get(&url)
            .map_err(|failed| self.explain(failed, &url, None))?;
        let bytes = answer.into_bytes(LARGEST_LISTING)?;
        let wrong = |problem: &str| HubError::Answer {
            url: url.clone(),
            problem: problem.to_owned(),
        };
        let listing: Value =
            serde_json::from_slice(&bytes).map_err(|_| wrong("something that is not JSON"))?;
        let commit = listing["sha"].as_str().filter(|commit| is_commit(commit));
        let commit = commit.ok_or_else(|| wrong("no commit in its `sha`"))?;
        let files = listing["siblings"].as_array().into_iter().flatten();
        let files = files.filter_map(|file| Some(file["rfilename"].as_str()?.to_owned()));
        Ok((commit.to_owned(), files.collect()))
    }

    /// Puts one file of a commit into the snapshot.
    fn file(
        &self,
        commit: &str,
        name: &str,
        started: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), HubError> {
        let link = cache::snapshot(&self.repository, commit).join(name);
        if link.is_file() {
            return Ok(());
        }
        let (endpoint, repository) = (&self.settings.endpoint, self.address.repository());
        let url = format!("{endpoint}/{repository}/resolve/{commit}/{name}");
        let answer = self
            .client
            .get(&url)
            .map_err(|failed| self.explain(failed, &url, Some(name)))?;
        let etag = answer.etag.clone().unwrap_or_default();
        if !(32..=128).contains(&etag.len()) || !is_hexadecimal(&etag) {
            return Err(HubError::Answer {
                url,
                problem: format!("the entity tag `{}`, expected a hash", etag.shown()),
            });
        }
        let blob = self.repository.join("blobs").join(&etag);
        let lock = self
            .settings
            .cache
            .join(".locks")
            .join(self.address.folder());
        let _lock = locked(&lock.join(format!("{etag}.lock")), progress)?;
        if !blob.is_file() {
            started(answer.length.unwrap_or_default());
            receive(answer, &etag, &blob, progress)?;
        }
        written(&link, || link_to(&blob, &etag, &link))
    }

    /// What a failure means; `file` is what was asked for, if not the repository itself.
    fn explain(&self, failed: Failed, url: &str, file: Option<&str>) -> HubError {
        let Status { number, code } = match failed {
            Failed::Status(status) => status,
            Failed::Error(error) => return error,
        };
        let repository = self.address.repository();
        let absent = |what, name: String| HubError::Absent {
            endpoint: self.settings.endpoint.clone(),
            what,
            name,
        };
        match (number, code.as_str(), file) {
            (401 | 403, ..) => HubError::Refused {
                page: format!("{}/{repository}", self.settings.endpoint),
                repository,
                status: number,
                had_token: self.settings.token.is_some(),
            },
            (404, "RevisionNotFound", _) => absent(
                "revision",
                format!("{repository}@{}", self.address.revision()),
            ),
            (404, "RepoNotFound", _) | (404, _, None) => absent("repository", repository),
            (404, _, Some(name)) => absent("file", format!("{repository}/{name}")),
            _ => HubError::Answer {
                url: url.to_owned(),
                problem: format!("status {number}"),
            },
        }
    }
}

/// Receives a body into a blob, which appears only when it is complete and is what its tag says.
fn receive(
    answer: Answer,
    etag: &str,
    blob: &Path,
    progress: &dyn Progress,
) -> Result<(), HubError> {
    let path = blob.with_file_name(format!("{etag}.incomplete"));
    let (incomplete, file) = written(&path, || {
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        TemporaryFile::create(&path)
    })?;
    receive_into(answer, etag, (file, &path), progress)?;
    written(blob, || incomplete.rename(blob))
}

fn receive_into(
    answer: Answer,
    etag: &str,
    (mut file, path): (File, &Path),
    progress: &dyn Progress,
) -> Result<(), HubError> {
    let (url, length) = (answer.url.clone(), answer.length);
    let wrong = |problem| HubError::Answer {
        url: url.clone(),
        problem,
    };
    let mut reader = answer.into_reader();
    let mut hasher = Sha256::new();
    let mut piece = vec![0; AT_ONCE];
    let mut received = 0;
    loop {
        if progress.cancelled() {
            return Err(HubError::Cancelled);
        }
        let count = match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(wrong(broken(&error))),
        };
        hasher.update(&piece[..count]);
        written(path, || file.write_all(&piece[..count]))?;
        received += count as u64;
        progress.advance(count as u64);
    }
    if let Some(length) = length.filter(|length| *length != received) {
        return Err(wrong(short(received, length)));
    }
    let digest = hexadecimal(&hasher.finalize());
    if etag.len() == SHA256_DIGITS && digest != etag {
        return Err(wrong(format!(
            "content of SHA-256 {digest}, expected {etag}"
        )));
    }
    written(path, || file.sync_all())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Holds a file's lock as huggingface_hub does (`flock`); a file system without locks has none to hold.
fn locked(path: &Path, progress: &dyn Progress) -> Result<File, HubError> {
    let file = written(path, || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    })?;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if progress.cancelled() => {
                return Err(HubError::Cancelled);
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_AGAIN),
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// Makes `link` lead to a blob: `../../blobs/ETAG`, or a copy where links are not allowed.
fn link_to(blob: &Path, etag: &str, link: &Path) -> io::Result<()> {
    fs::create_dir_all(link.parent().unwrap_or(link))?;
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link)?;
    }
    let target = Path::new("../../blobs").join(etag);
    symbolic_link(&target, link).or_else(|_| {
        let folder = TemporaryFolder::within(blob.parent().unwrap_or(blob))?;
        let copy = folder.path().join(etag);
        fs::copy(blob, &copy)?;
        fs::rename(copy, link)
    })
}

#[cfg(unix)]
fn symbolic_link(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symbolic_link(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

fn written<T>(path: &Path, write: impl FnOnce() -> io::Result<T>) -> Result<T, HubError> {
    write().map_err(|source| HubError::Write {
        path: path.to_string_lossy().into_owned(),
        source,
    })
}
