//! Models as timm and transformers publish them on Hugging Face: a folder with `config.json` and one weights file.
//!
//! Owns the folder, its configuration, the cache that Python's huggingface_hub shares, and (with the feature `hub`) the
//! HTTP client that fills it. Knows nothing of graphs, and of weights no more than their files' names.

pub mod address;
pub mod cache;
pub mod config;
pub mod folder;
pub mod json;
pub mod processor;
pub mod settings;
pub mod transformers;

#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod fetch;

use crate::files::foreign::{Foreign, said};
use crate::tensor::Progress;
use address::Address;
use settings::HubSettings;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A snapshot of a repository on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder that has its files.
    pub folder: PathBuf,
    /// Which repository.
    pub repository: String,
    /// Which of its commits, 40 hexadecimal digits.
    pub commit: String,
}

/// Why a snapshot cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Not there, and the network is not to be asked.
    #[error("`{address}` is not in the cache `{cache}`, and {reason}", address = address.shown(), cache = cache.shown())]
    NotCached {
        /// As it was asked for.
        address: String,
        /// Where it was looked for.
        cache: String,
        /// Why the network is not asked.
        reason: NoNetwork,
    },
    /// The settings cannot be used.
    #[error("{text}", text = .0.shown())]
    HubSettings(String),
    /// The repository is closed to this user.
    #[error("`{repository}` refuses access (status {status})", repository = repository.shown())]
    Refused {
        /// Which repository.
        repository: String,
        /// HTTP status, 401 or 403.
        status: u16,
        /// Where its conditions can be read.
        page: String,
        /// Whether a token was sent.
        had_token: bool,
    },
    /// There is no such thing.
    #[error("`{endpoint}` has no {what} `{name}`", endpoint = endpoint.shown(), name = name.shown())]
    Absent {
        /// The hub.
        endpoint: String,
        /// Repository, revision or file.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It has no weights file that can be read.
    #[error(transparent)]
    Folder(#[from] folder::FolderError),
    /// The connection failed.
    #[error("cannot get `{url}`: {reason}", url = url.shown(), reason = reason.shown())]
    Network {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer is not what it should be.
    #[error("`{url}` answered with {problem}", url = url.shown(), problem = problem.shown())]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// The cache cannot be written.
    #[error("cannot write `{path}`: {source}", path = path.shown(), source = said(source))]
    Write {
        /// Which file or folder.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The user has stopped it.
    #[error("interrupted")]
    Cancelled,
}

/// Why the network is not asked for what is not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoNetwork {
    /// `HF_HUB_OFFLINE` is set.
    Forbidden,
    /// The crate was built without the feature `hub`.
    NoClient,
}

impl fmt::Display for NoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "`HF_HUB_OFFLINE` forbids the network",
            Self::NoClient => "this build has no network client",
        })
    }
}

/// The snapshot at an address: from the cache, else fetched into it.
///
/// `started` is told how many bytes a long download has.
///
/// # Errors
/// If it is neither in the cache nor can be fetched.
pub fn snapshot(
    address: &Address,
    settings: &HubSettings,
    started: &dyn Fn(u64),
    progress: &dyn Progress,
) -> Result<Snapshot, HubError> {
    if let Some(snapshot) = cache::find(address, settings) {
        return Ok(snapshot);
    }
    let not_cached = |reason| HubError::NotCached {
        address: address.to_string(),
        cache: settings.cache.to_string_lossy().into_owned(),
        reason,
    };
    if settings.offline {
        return Err(not_cached(NoNetwork::Forbidden));
    }
    #[cfg(feature = "hub")]
    return fetch::fetch(address, settings, started, progress);
    #[cfg(not(feature = "hub"))]
    {
        let _ = (started, progress);
        Err(not_cached(NoNetwork::NoClient))
    }
}
