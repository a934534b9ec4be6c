//! Which file of a published model is its checkpoint, and what is said beside it.

use super::error::ConvertError;
use super::published::Published;
use crate::files::has_file;
use crate::hub::address::Address;
use crate::hub::folder::Folder;
use crate::hub::{HubError, Snapshot};
use crate::weights::recognised::IN_FOLDERS;
use std::path::{Path, PathBuf};

/// What stands before the name of a repository on Hugging Face.
const HUB: &str = "hf:";
/// A folder with a file of one of these names has a checkpoint or a SavedModel of TensorFlow's.
const TENSORFLOW: [&str; 2] = ["checkpoint", "saved_model.pb"];

/// A checkpoint on this machine.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its file, or what its files have in common.
    pub path: PathBuf,
    /// The published model that it is, if a folder or a repository was named.
    pub published: Option<Published>,
    /// What stands before the names of the tensors that are read, without the last dot; none where it is to be found.
    pub prefix: Option<String>,
    /// The folder that was named.
    pub(super) folder: Option<PathBuf>,
}

impl Located {
    /// The checkpoint that a path names: a file, or the one in a folder. No network is asked.
    ///
    /// # Errors
    /// If the folder has no published model that can be read.
    pub fn on_disk(named: &Path) -> Result<Self, ConvertError> {
        let mut known = TENSORFLOW.into_iter().chain(IN_FOLDERS);
        if !named.is_dir() || known.any(|name| has_file(&named.join(name))) {
            return Ok(Self {
                path: named.to_path_buf(),
                published: None,
                prefix: None,
                folder: named.is_dir().then(|| named.to_path_buf()),
            });
        }
        Self::in_folder(named, None)
    }

    /// As [`Located::on_disk`]; `hf:ORG/NAME[@REV]` is the model of a repository on Hugging Face, which `fetch` brings here.
    ///
    /// # Errors
    /// If the address cannot be read, or the model not be had.
    pub fn find(
        named: &Path,
        fetch: impl FnOnce(&Address) -> Result<Snapshot, HubError>,
    ) -> Result<Self, ConvertError> {
        let repository = named.to_str().and_then(|named| named.strip_prefix(HUB));
        let Some(repository) = repository else {
            return Self::on_disk(named);
        };
        let address: Address = repository.parse().map_err(ConvertError::Address)?;
        let snapshot = fetch(&address)?;
        let source = format!("{HUB}{}@{}", snapshot.repository, snapshot.commit);
        Self::in_folder(&snapshot.folder, Some(source))
    }

    /// The same, of which only the tensors are read whose names begin so.
    #[must_use]
    pub fn below(self, prefix: Option<String>) -> Self {
        Self { prefix, ..self }
    }

    fn in_folder(folder: &Path, source: Option<String>) -> Result<Self, ConvertError> {
        let found = Folder::open(folder)?;
        let published = Published::read(&found, source)?;
        Ok(Self {
            path: found.weights,
            published: Some(published),
            prefix: None,
            folder: Some(folder.to_path_buf()),
        })
    }
}

/// The published model whose configuration lies in the folder of a checkpoint that is named itself, if one does.
pub(super) fn around(checkpoint: &Path) -> Result<Option<Published>, ConvertError> {
    match Folder::around(checkpoint)? {
        Some(folder) if Published::may_describe(&folder) => {
            Published::read(&folder, None).map(Some)
        }
        _ => Ok(None),
    }
}
