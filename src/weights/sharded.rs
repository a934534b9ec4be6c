//! Checkpoints in several files with an index, as transformers and accelerate save them: `model.safetensors.index.json` or
//! `pytorch_model.bin.index.json` says which file, a shard, has which tensor.
//!
//! Every shard lies in the folder of the index, and has just the tensors that the index says. Knows no byte of a shard.

use super::{SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::foreign::Foreign;
use crate::files::{WithinError, has_file, read_input, within};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FORMAT: &str = "sharded";
/// What an index file's name ends with.
const INDEX: &str = ".index.json";
/// The largest index that is read; a network of 10,000 tensors has 1 MB.
const LARGEST_INDEX: u64 = 8 << 20;
/// Files that an index may name.
const MOST_SHARDS: usize = 1_000;

/// The index file.
#[derive(Deserialize)]
struct Index {
    /// For each tensor, the name of its file.
    weight_map: BTreeMap<String, String>,
}

/// An index and its shards.
pub struct Sharded {
    files: Vec<PathBuf>,
    shards: Vec<Box<dyn TensorSource>>,
    tensors: Vec<TensorInfo>,
    /// For each tensor's name, its shard.
    places: BTreeMap<String, usize>,
}

impl Sharded {
    /// Opens an index and all its shards, each with `shard`, and reads what these list, but no tensor.
    ///
    /// # Errors
    /// If one of them cannot be read, lies elsewhere, or has other tensors than the index says.
    pub fn open(
        path: &Path,
        shard: impl Fn(&Path) -> Result<Box<dyn TensorSource>, SourceError>,
    ) -> Result<Self, SourceError> {
        let text = read_input(path, LARGEST_INDEX).map_err(|source| io(path, source))?;
        let index: Index = serde_json::from_slice(&text).map_err(|error| {
            let what = "expected the index of a sharded checkpoint, JSON with a `weight_map` from tensors to files";
            malformed(path, format!("{what}: {error}"))
        })?;
        drop(text);
        let names: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
        if names.is_empty() || names.len() > MOST_SHARDS {
            let found = names.len();
            let what = format!("it names {found} files, expected 1 to {MOST_SHARDS}");
            return Err(malformed(path, what));
        }
        let folder = path.parent().filter(|parent| *parent != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        let mut sharded = Self {
            files: vec![path.to_path_buf()],
            shards: Vec::new(),
            tensors: Vec::new(),
            places: BTreeMap::new(),
        };
        for name in names {
            let file = within(folder, Path::new(name)).map_err(|error| match error {
                WithinError::Outside => SourceError::Outside {
                    path: path.to_string_lossy().into_owned(),
                    place: name.to_owned(),
                },
                WithinError::Io(source) => io(&folder.join(name), source),
            })?;
            let source = shard(&file)?;
            for tensor in source.tensors() {
                let own = index.weight_map.get(&tensor.name).map(String::as_str);
                if own != Some(name) {
                    let own = own.map_or("in no file".to_owned(), |own| {
                        format!("in `{}`", own.shown())
                    });
                    let what = format!(
                        "`{}` is in `{}`, but the index has it {own}",
                        tensor.name.shown(),
                        name.shown()
                    );
                    return Err(malformed(path, what));
                }
            }
            sharded.take(file, source);
        }
        let missing = index.weight_map.iter();
        let mut missing = missing.filter(|(tensor, _)| !sharded.places.contains_key(*tensor));
        if let Some((tensor, file)) = missing.next() {
            let what = format!(
                "`{}` should be in `{}`, which lacks it",
                tensor.shown(),
                file.shown()
            );
            return Err(malformed(path, what));
        }
        Ok(sharded)
    }

    fn take(&mut self, file: PathBuf, source: Box<dyn TensorSource>) {
        let place = self.shards.len();
        let names = source.tensors().iter().map(|tensor| tensor.name.clone());
        self.places.extend(names.map(|name| (name, place)));
        self.tensors.extend_from_slice(source.tensors());
        self.files.push(file);
        self.shards.push(source);
    }

    /// The index, then every shard.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn shard(&self, name: &str) -> Option<&dyn TensorSource> {
        Some(&*self.shards[*self.places.get(name)?])
    }
}

impl TensorSource for Sharded {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let shard = self.shard(name);
        shard
            .ok_or_else(|| SourceError::Missing(name.to_owned()))?
            .open(name)
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        self.shard(name)?.is_zero(name)
    }
}

/// Refuses a file that is one of several, where the index of all of them lies beside it.
///
/// # Errors
/// If it is one.
pub fn refuse_part(path: &Path) -> Result<(), SourceError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((stem, ending)) = whole(&name) else {
        return Ok(());
    };
    let index = path.with_file_name(format!("{stem}{ending}{INDEX}"));
    if has_file(&index) {
        let what = format!(
            "it is one of several files; the index of all of them is `{}`",
            index.to_string_lossy().shown()
        );
        return Err(malformed(path, what));
    }
    Ok(())
}

/// What stands before and after the number in a shard's name, `model-00001-of-00003.safetensors`; none where it has no number, or
/// is the only one.
fn whole(name: &str) -> Option<(&str, &str)> {
    let (rest, ending) = name.rsplit_once('.')?;
    let (rest, of) = rest.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let ending = &name[name.len() - ending.len() - 1..];
    (is_number(of) && is_number(number) && of != "00001").then_some((stem, ending))
}

fn io(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Io {
        path: path.to_string_lossy().into_owned(),
        source,
    }
}

fn malformed(path: &Path, reason: String) -> SourceError {
    SourceError::Malformed {
        path: path.to_string_lossy().into_owned(),
        format: FORMAT,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_several_makes_a_shard() {
        for (name, expected) in [
            (
                "model-00001-of-00003.safetensors",
                Some(("model", ".safetensors")),
            ),
            (
                "pytorch_model-00002-of-00002.bin",
                Some(("pytorch_model", ".bin")),
            ),
            ("model-00001-of-00001.safetensors", None),
            ("model.safetensors", None),
            ("fold-1-of-5.pth", None),
        ] {
            assert_eq!(whole(name), expected, "{name}");
        }
    }
}
