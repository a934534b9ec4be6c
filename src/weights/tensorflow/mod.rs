//! TensorFlow's own checkpoints: an index of names and places, and raw data files beside it (format V2, the "tensor bundle").
//!
//! Offers a model's variables without their common scope, averages first (`variables`); of a checkpoint of objects, such as a
//! SavedModel has, by their own names (`objects`). Optimisers' slots are not on offer. Data is read by position; a tensor's checksum
//! is compared when it is opened.

mod bundle;
mod metadata;
mod objects;
mod place;
mod table;
mod text;
mod variables;
mod wire;

use super::keras::config::ModelConfig;
use super::keras::{Found, Normalization};
use super::offer::LeftOutGroup;
use super::raw::{PIECE, Raw};
use super::{Element, SourceError, TensorInfo, TensorReader, TensorSource};
use crate::files::foreign::Foreign;
use crate::files::{has_file, open_input, read_input};
use crate::memory;
use crate::tensor::{decode, read_at};
use bundle::Entry;
use objects::Objects;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use variables::Model;

pub(super) use place::index;

const FORMAT: &str = "TensorFlow";
/// The largest index that is read; EfficientNet-L2's with averages and optimiser takes about 1 MB.
const LARGEST_INDEX: u64 = 8 << 20;

/// A checkpoint of format V2.
#[derive(Debug)]
pub struct TensorFlow {
    /// The index, then the data files.
    files: Vec<PathBuf>,
    shards: Vec<File>,
    tensors: Vec<TensorInfo>,
    /// Name on offer to record.
    entries: BTreeMap<String, Entry>,
    is_averaged: bool,
    left_out: Vec<LeftOutGroup>,
    normalization: Option<Normalization>,
    /// A file beside these that describes the model, and what it says.
    description: Option<(PathBuf, ModelConfig)>,
    is_saved_model: bool,
}

impl TensorFlow {
    /// Opens an index and its data files, and checks that every tensor lies in them.
    ///
    /// # Errors
    /// If one cannot be read, or they do not fit each other.
    pub fn open(index: &Path) -> Result<Self, SourceError> {
        let bad = |reason: String| malformed(index, &reason);
        let io = |source| SourceError::Io {
            path: index.to_string_lossy().into_owned(),
            source,
        };
        let mut table = Vec::new();
        open_input(index)
            .and_then(|file| file.take(LARGEST_INDEX + 1).read_to_end(&mut table))
            .map_err(io)?;
        if table.len() as u64 > LARGEST_INDEX {
            return Err(bad(format!(
                "its index has more than {LARGEST_INDEX} bytes"
            )));
        }
        let (count, mut stored) = read_index(&table).map_err(bad)?;
        let prefix = index
            .to_str()
            .and_then(|path| path.strip_suffix(place::INDEX))
            .map(Path::new)
            .ok_or_else(|| bad(format!("expected its name to end in `{}`", place::INDEX)))?;
        let mut files = vec![index.to_path_buf()];
        let mut shards = Vec::new();
        let mut lengths = Vec::new();
        for number in 0..count {
            let path = place::within_folder(index, place::shard(prefix, number, count))?;
            let opened = open_input(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (length, file) = opened.map_err(|source| SourceError::Io {
                path: path.to_string_lossy().into_owned(),
                source,
            })?;
            lengths.push(length);
            shards.push(file);
            files.push(path);
        }
        for (name, entry) in &stored {
            check(entry, &lengths).map_err(|reason| bad(format!("`{name}`: {reason}")))?;
        }
        let names: Vec<&str> = stored
            .iter()
            .filter(|(_, entry)| entry.element.is_some_and(Element::is_weight))
            .map(|(name, _)| name.as_str())
            .collect();
        let Objects {
            model:
                Model {
                    variables,
                    is_averaged,
                    left_out,
                },
            statistics,
        } = match stored.get(objects::GRAPH) {
            Some(entry) => {
                let graph = read_text(&shards, entry).map_err(bad)?;
                Objects::choose(&names, &graph).map_err(bad)?
            }
            None => Objects {
                model: Model::choose(&names),
                statistics: Vec::new(),
            },
        };
        let kept = statistics
            .iter()
            .filter_map(|(_, name, key)| Some((name.clone(), stored.remove(key)?)));
        let kept: BTreeMap<String, Entry> = kept.collect();
        let entries: BTreeMap<String, Entry> = variables
            .into_iter()
            .filter_map(|(name, from)| Some((name, stored.remove(&from)?)))
            .collect();
        let info = |(name, entry): (&String, &Entry)| {
            Some(TensorInfo {
                name: name.clone(),
                shape: entry.shape.clone(),
                element: entry.element?,
            })
        };
        let mut opened = Self {
            description: description(index)?,
            is_saved_model: place::saved_model(index).is_some(),
            files,
            shards,
            tensors: entries.iter().filter_map(info).collect(),
            entries,
            is_averaged,
            left_out,
            normalization: None,
        };
        let found: Vec<Found> = statistics
            .iter()
            .filter_map(|(statistic, name, _)| Some((*statistic, name, kept.get(name)?)))
            .map(|(statistic, name, entry)| Found {
                statistic,
                path: name,
                shape: &entry.shape,
            })
            .collect();
        let read = |found: &Found, values: &mut [f32; 3]| {
            let entry = kept.get(found.path);
            let entry = entry.ok_or_else(|| SourceError::Missing(found.path.to_owned()))?;
            opened.raw(found.path, entry)?.fill(0, values)
        };
        opened.normalization = Normalization::of(&found, read, |reason| bad(reason.to_owned()))?;
        Ok(opened)
    }

    /// The index, then the data files in their order.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Floating-point tensors that are not on offer, and what accounts for them.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOutGroup] {
        &self.left_out
    }

    /// What a Keras model's own normalization of pictures keeps, if it has one.
    #[must_use]
    pub fn normalization(&self) -> Option<Normalization> {
        self.normalization
    }

    /// What a SavedModel records of its Keras model, if it does: the file that does, and the record.
    #[must_use]
    pub fn description(&self) -> Option<&(PathBuf, ModelConfig)> {
        self.description.as_ref()
    }

    /// Whether they are the variables of a SavedModel.
    #[must_use]
    pub fn is_saved_model(&self) -> bool {
        self.is_saved_model
    }

    /// What stands in for the variables, if something does: their moving averages.
    #[must_use]
    pub fn averages(&self) -> Option<&'static str> {
        self.is_averaged.then_some(variables::AVERAGE)
    }
}

impl TensorSource for TensorFlow {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Reads the whole tensor once, to compare its checksum.
    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let entry = self.entries.get(name);
        let entry = entry.ok_or_else(|| SourceError::Missing(name.to_owned()))?;
        Ok(Box::new(self.raw(name, entry)?))
    }
}

impl TensorFlow {
    /// A tensor that lies in a shard, whose checksum is right.
    fn raw(&self, name: &str, entry: &Entry) -> Result<Raw<'_>, SourceError> {
        let missing = || SourceError::Missing(name.to_owned());
        // Only floating-point tensors in a shard that there is are on offer.
        let shard = usize::try_from(entry.shard).map_err(|_| missing())?;
        let element = entry.element.ok_or_else(missing)?;
        let raw = Raw {
            file: self.shards.get(shard).ok_or_else(missing)?,
            path: self.files.get(shard + 1).ok_or_else(missing)?,
            element,
            size: decode::size(element).ok_or_else(|| {
                let reason = format!("`{name}` is not of a floating-point type that weights have");
                malformed(&self.files[0], &reason)
            })?,
            start: entry.offset,
        };
        let mut bytes = vec![0; PIECE.min(usize::try_from(entry.size).unwrap_or(PIECE))];
        let mut crc = 0;
        let mut done = 0;
        while done < entry.size {
            let left = usize::try_from(entry.size - done).unwrap_or(PIECE);
            let piece = &mut bytes[..left.min(PIECE)];
            raw.read(piece, entry.offset + done)?;
            crc = crc32c::crc32c_append(crc, piece);
            done += piece.len() as u64;
        }
        if !table::is_checksum(crc, entry.checksum) {
            return Err(malformed(
                raw.path,
                &format!("the checksum of `{name}` is wrong"),
            ));
        }
        Ok(raw)
    }
}

/// The text of one tensor.
fn read_text(shards: &[File], entry: &Entry) -> Result<Vec<u8>, String> {
    let named = |reason: String| format!("`{}`: {reason}", objects::GRAPH);
    if entry.element != Some(Element::String) || !entry.shape.is_empty() {
        return Err(named("expected one text".to_owned()));
    }
    if entry.size > objects::LARGEST_GRAPH {
        let most = objects::LARGEST_GRAPH;
        return Err(named(format!(
            "it has {} bytes, expected at most {most}",
            entry.size
        )));
    }
    let shard = usize::try_from(entry.shard).ok();
    let shard = shard.and_then(|shard| shards.get(shard));
    let shard = shard.ok_or_else(|| named("it is in no data file".to_owned()))?;
    let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
    let mut bytes = memory::filled(size, 0, objects::GRAPH).map_err(|error| error.to_string())?;
    read_at(shard, &mut bytes, entry.offset).map_err(|error| named(error.to_string()))?;
    let text = text::text(&bytes, entry.checksum).map_err(named)?;
    Ok(text.to_vec())
}

/// What Keras 2 records of the model, where the index is that of a SavedModel.
fn description(index: &Path) -> Result<Option<(PathBuf, ModelConfig)>, SourceError> {
    let Some(folder) = place::saved_model(index) else {
        return Ok(None);
    };
    let path = folder.join(metadata::METADATA);
    if !has_file(&path) {
        return Ok(None);
    }
    let bad = |reason: String| malformed(index, &format!("`{}`: {reason}", metadata::METADATA));
    let message =
        read_input(&path, metadata::LARGEST_METADATA).map_err(|source| SourceError::Io {
            path: path.to_string_lossy().into_owned(),
            source,
        })?;
    let Some(text) = metadata::description(&message).map_err(bad)? else {
        return Ok(None);
    };
    let config = ModelConfig::parse(text, &format!("`{}`", metadata::METADATA));
    let config = config.map_err(|reason| malformed(index, &reason))?;
    Ok(Some((path, config)))
}

/// How many data files there are, and every tensor's record.
fn read_index(table: &[u8]) -> Result<(u32, BTreeMap<String, Entry>), String> {
    let mut shards = None;
    let mut entries = BTreeMap::new();
    table::entries(table, |key, value| {
        match key {
            // The keys come in order, so the first is the bundle's own record.
            [] => shards = Some(bundle::shards(value)?),
            _ if shards.is_none() => return Err("its index has no record of the whole".to_owned()),
            // Slices of partitioned variables, which the variables' own records mention.
            [0, ..] => {}
            _ => {
                let name = str::from_utf8(key)
                    .map_err(|_| format!("a name is not UTF-8: `{}`", key.shown()))?;
                let entry = Entry::parse(value).map_err(|reason| format!("`{name}`: {reason}"))?;
                entries.insert(name.to_owned(), entry);
            }
        }
        Ok(())
    })?;
    let shards = shards.ok_or("its index is empty")?;
    Ok((shards, entries))
}

/// Checks that a tensor lies in the files of those lengths.
fn check(entry: &Entry, lengths: &[u64]) -> Result<(), String> {
    let length = usize::try_from(entry.shard)
        .ok()
        .and_then(|shard| lengths.get(shard))
        .ok_or_else(|| {
            format!(
                "it lies in data file {}, but there are {}",
                entry.shard,
                lengths.len()
            )
        })?;
    let end = entry.offset.checked_add(entry.size);
    if end.is_none_or(|end| end > *length) {
        return Err(format!(
            "its {} bytes at {} lie outside data file {}, which has {length}",
            entry.size, entry.offset, entry.shard
        ));
    }
    Ok(())
}

fn malformed(path: &Path, reason: &str) -> SourceError {
    SourceError::Malformed {
        path: path.to_string_lossy().into_owned(),
        format: FORMAT,
        reason: reason.to_owned(),
    }
}
