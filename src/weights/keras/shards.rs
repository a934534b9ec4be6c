//! Weights in several HDF5 files, and the list of them: `model.weights.json` (keras `saving/saving_lib.py`, `ShardedH5IOStore`).

use super::{error_of, malformed};
use crate::files::{WithinError, has_file, open_input, within};
use crate::weights::SourceError;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a list; that of a model of 1,000 layers has 0.1 MB.
const LARGEST: usize = 4 << 20;
/// Files that a list may name; they are open all at once.
const MOST_FILES: usize = 128;
/// What the names of the files end in.
const ENDING: &str = ".weights.h5";
/// What the name of the list ends in.
const LIST: &str = ".weights.json";
/// Digits of a file's number.
const DIGITS: usize = 5;

/// A list, and the files that it names.
pub(in crate::weights) struct Shards {
    pub(super) list: PathBuf,
    /// In the order of their names.
    pub(super) files: Vec<PathBuf>,
}

impl Shards {
    /// The files that a path means: a list of them, or one that its list is beside. None if it means neither.
    ///
    /// # Errors
    /// If a list cannot be read, or names something else than files beside it.
    pub(in crate::weights) fn find(path: &Path) -> Result<Option<Self>, SourceError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(LIST) {
            return Self::read(path);
        }
        let Some(list) = list_of(&name).map(|name| path.with_file_name(name)) else {
            return Ok(None);
        };
        if !has_file(&list) {
            return Ok(None);
        }
        let found = Self::read(&list)?;
        Ok(found.filter(|found| {
            let names = found.files.iter().filter_map(|file| file.file_name());
            let mut names = names.map(|file| file.to_string_lossy());
            names.any(|file| file == name)
        }))
    }

    fn read(list: &Path) -> Result<Option<Self>, SourceError> {
        let bad = |reason: String| malformed(list, &reason);
        let mut text = Vec::new();
        let read =
            open_input(list).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut text));
        read.map_err(|error| error_of(list, error))?;
        if text.len() > LARGEST {
            return Err(bad(format!("it is larger than {LARGEST} bytes")));
        }
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| bad(format!("it is not JSON: {error}")))?;
        let Some(groups) = value["weight_map"].as_object() else {
            return Ok(None);
        };
        let mut names = BTreeSet::new();
        for group in groups.values() {
            let several = group
                .as_array()
                .map_or(std::slice::from_ref(group), Vec::as_slice);
            names.extend(several.iter().filter_map(Value::as_str));
        }
        if names.len() > MOST_FILES || names.is_empty() {
            return Err(bad(format!(
                "it names {} files, expected 1 to {MOST_FILES}",
                names.len()
            )));
        }
        let folder = match list.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut files = Vec::new();
        for name in names {
            if !name.ends_with(ENDING) {
                return Err(bad(format!(
                    "it names `{name}`, expected files `*{ENDING}`"
                )));
            }
            let place = Path::new(name);
            match within(folder, place) {
                Ok(_) => files.push(folder.join(place)),
                Err(WithinError::Outside) => {
                    return Err(SourceError::Outside {
                        path: list.to_string_lossy().into_owned(),
                        place: name.to_owned(),
                    });
                }
                Err(WithinError::Io(error)) => return Err(error_of(&folder.join(place), error)),
            }
        }
        Ok(Some(Self {
            list: list.to_path_buf(),
            files,
        }))
    }
}

/// The name of the list that has a file of that name.
fn list_of(name: &str) -> Option<String> {
    let (base, number) = name.strip_suffix(ENDING)?.rsplit_once('_')?;
    let is_number = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{base}{LIST}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_files_have_a_list() {
        let list = list_of("model_00001.weights.h5");
        assert_eq!(list.as_deref(), Some("model.weights.json"));
        for name in ["model.weights.h5", "model_1.weights.h5", "model_00001.h5"] {
            assert_eq!(list_of(name), None, "{name}");
        }
    }
}
