//! `--weights DIR` and `--weights hf:ORG/NAME[@REV]`: which file of a published model is the checkpoint, and what is
//! said beside it.

use super::exit::{Failure, Status};
use super::progress::Bar;
use super::published::Published;
use efficientnet_onnx::hub::address::Address;
use efficientnet_onnx::hub::folder::{Folder, FolderError};
use efficientnet_onnx::hub::settings::Settings;
use efficientnet_onnx::hub::{self, HubError};
use std::path::{Path, PathBuf};

/// What stands before the name of a repository.
const HUB: &str = "hf:";
/// A folder with a file of this name has a checkpoint of TensorFlow's.
const TENSORFLOW: &str = "checkpoint";

/// The checkpoint that a user names: a file, the one in a folder, or the one in a repository, which is fetched.
pub fn locate(named: &Path, quiet: bool) -> Result<(PathBuf, Option<Published>), Failure> {
    let repository = named.to_str().and_then(|named| named.strip_prefix(HUB));
    let (folder, source) = match repository {
        Some(repository) => {
            let address: Address = repository.parse().map_err(Failure::bad_input)?;
            let snapshot = snapshot(&address, quiet)?;
            let source = format!("{HUB}{}@{}", snapshot.repository, snapshot.commit);
            (snapshot.folder, Some(source))
        }
        None if named.is_dir() && !named.join(TENSORFLOW).is_file() => (named.to_path_buf(), None),
        None => return Ok((named.to_path_buf(), None)),
    };
    let folder = Folder::open(&folder).map_err(|error| unusable(&error))?;
    let published = Published::read(&folder, source)?;
    Ok((folder.weights, Some(published)))
}

/// The published model whose configuration lies in the folder of a checkpoint that is named itself, if one does.
pub fn around(checkpoint: &Path) -> Result<Option<Published>, Failure> {
    let folder = Folder::around(checkpoint).map_err(|error| unusable(&error))?;
    match folder {
        Some(folder) if Published::may_describe(&folder) => {
            Published::read(&folder, None).map(Some)
        }
        _ => Ok(None),
    }
}

fn unusable(error: &FolderError) -> Failure {
    let mut failure = Failure::bad_input(error);
    failure.hint = error.hint();
    failure
}

fn snapshot(address: &Address, quiet: bool) -> Result<hub::Snapshot, Failure> {
    let bar = Bar::new();
    let snapshot = Settings::read(|name| std::env::var_os(name)).and_then(|settings| {
        hub::snapshot(address, &settings, &|bytes| bar.start(bytes, quiet), &bar)
    });
    bar.finish();
    snapshot.map_err(|error| {
        let mut failure = Failure::bad_input(&error);
        failure.hint = error.hint();
        if matches!(error, HubError::Cancelled) {
            failure.status = Status::Interrupted;
        }
        failure
    })
}
