//! Which index file a path means: TensorFlow's checkpoints are several files, and people name any of them.

use super::table::MAGIC;
use super::{FORMAT, SourceError};
use crate::files::{WithinError, has_file, inside, open_input};
use crate::tensor::read_at;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What follows the common part of the files' names.
pub(super) const INDEX: &str = ".index";
/// The file in which `tf.train.Saver` names its newest checkpoint, and the entry that does.
const POINTER: &str = "checkpoint";
const POINTER_KEY: &str = "model_checkpoint_path:";
/// The graph of a SavedModel, and its variables beside it (tensorflow `saved_model/constants.py`).
const SAVED_MODEL: &str = "saved_model.pb";
const VARIABLES: &str = "variables";
/// The largest such file that is read; it names a few paths.
const LARGEST_POINTER: u64 = 1 << 16;

/// The index file that a path means, if it means a TensorFlow checkpoint: the path itself, one of its data files, their common
/// part, a folder's `checkpoint` file or the folder; and that of a SavedModel: its folder, or its `saved_model.pb`.
pub(in crate::weights) fn index(path: &Path) -> Result<Option<PathBuf>, SourceError> {
    let Ok(metadata) = path.metadata() else {
        return Ok(Some(with_suffix(path, INDEX)).filter(|index| has_file(index)));
    };
    if metadata.is_dir() {
        if has_file(&path.join(SAVED_MODEL)) {
            return variables(path).map(Some);
        }
        let pointer = path.join(POINTER);
        return if has_file(&pointer) {
            pointed(&pointer).map(Some)
        } else {
            Ok(None)
        };
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name == POINTER {
        return pointed(path).map(Some);
    }
    if name == SAVED_MODEL {
        return variables(folder_of(path)).map(Some);
    }
    if let Some((prefix, _)) = name.rsplit_once(".data-") {
        let index = path.with_file_name(format!("{prefix}{INDEX}"));
        if has_file(&index) {
            return Ok(Some(index));
        }
    }
    let is_table = ends_as_table(path).map_err(|source| io(path, source))?;
    Ok(is_table.then(|| path.to_path_buf()))
}

/// The index of a SavedModel's variables.
fn variables(folder: &Path) -> Result<PathBuf, SourceError> {
    let index = folder.join(VARIABLES).join(format!("{VARIABLES}{INDEX}"));
    if has_file(&index) {
        return within_folder(&folder.join(SAVED_MODEL), index);
    }
    Err(SourceError::Malformed {
        path: folder.to_string_lossy().into_owned(),
        format: FORMAT,
        reason: format!(
            "it is a SavedModel without variables: `{VARIABLES}/{VARIABLES}{INDEX}` is missing, expected one whose weights are not frozen into its graph"
        ),
    })
}

/// The folder of the SavedModel that an index is of, if it is of one.
pub(super) fn saved_model(index: &Path) -> Option<&Path> {
    let variables = index
        .parent()
        .filter(|folder| folder.ends_with(VARIABLES))?;
    let folder = variables.parent()?;
    has_file(&folder.join(SAVED_MODEL)).then_some(folder)
}

/// The name of a data file.
pub(super) fn shard(prefix: &Path, number: u32, of: u32) -> PathBuf {
    with_suffix(prefix, &format!(".data-{number:05}-of-{of:05}"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(suffix);
    whole.into()
}

/// The index of the checkpoint that a `checkpoint` file names; beside it, if it has moved since.
fn pointed(pointer: &Path) -> Result<PathBuf, SourceError> {
    let bad = |reason: &str| SourceError::Malformed {
        path: pointer.to_string_lossy().into_owned(),
        format: FORMAT,
        reason: reason.to_owned(),
    };
    let mut text = String::new();
    open_input(pointer)
        .and_then(|file| file.take(LARGEST_POINTER).read_to_string(&mut text))
        .map_err(|source| io(pointer, source))?;
    let named = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(POINTER_KEY))
        .ok_or_else(|| bad("it has no `model_checkpoint_path`"))?
        .trim()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|named| !named.is_empty() && !named.contains(['\\', '"']))
        .ok_or_else(|| bad("its `model_checkpoint_path` is not a plain path in quotes"))?;
    let index = |named: &Path| with_suffix(&pointer.with_file_name(named), INDEX);
    let named = Path::new(named);
    let whole = index(named);
    let beside = index(named.file_name().unwrap_or_default().as_ref());
    match inside(folder_of(pointer), &whole) {
        Ok(_) => Ok(whole),
        Err(WithinError::Outside) if !has_file(&beside) => Err(SourceError::Outside {
            path: pointer.to_string_lossy().into_owned(),
            place: whole.to_string_lossy().into_owned(),
        }),
        Err(_) => within_folder(pointer, beside),
    }
}

/// A file of a checkpoint, which lies in the folder of the file that names it unless a link leads elsewhere.
pub(super) fn within_folder(naming: &Path, path: PathBuf) -> Result<PathBuf, SourceError> {
    match inside(folder_of(naming), &path) {
        Err(WithinError::Outside) => Err(SourceError::Outside {
            path: naming.to_string_lossy().into_owned(),
            place: path.to_string_lossy().into_owned(),
        }),
        Ok(_) | Err(WithinError::Io(_)) => Ok(path),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn ends_as_table(path: &Path) -> std::io::Result<bool> {
    let file = open_input(path)?;
    let mut end = [0; MAGIC.len()];
    let Some(place) = file.metadata()?.len().checked_sub(end.len() as u64) else {
        return Ok(false);
    };
    read_at(&file, &mut end, place)?;
    Ok(end == MAGIC)
}

fn io(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Io {
        path: path.to_string_lossy().into_owned(),
        source,
    }
}
