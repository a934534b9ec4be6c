//! Checksums of a file's initializers, in its metadata: a damaged weight changes what a model computes, and breaks no
//! rule of ONNX.
//!
//! The record is JSON under [`KEY`]: `version`; `crc32c`, the CRC-32C of each initializer's little-endian bytes by its
//! name, in the file's order, wherever the bytes lie; and `layout`, the CRC-32C of the producer and of the names,
//! element types and shapes. Programs that optimise or convert a model keep its metadata and change its initializers,
//! and often keep the producer's name: where the layout is another one, the file was rewritten, and what differs is no
//! damage.

use super::file::{Initializer, ModelFile};
use crate::files::foreign::Foreign;
use crate::tensor::{Checksum, SourceError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Metadata key of the record.
pub const KEY: &str = "efficientnet.checksums";
/// Version of the record.
const VERSION: u32 = 1;
/// Names that a message lists.
const MOST_NAMES: usize = 5;

#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    layout: String,
    crc32c: Map<String, Value>,
}

/// An initializer, as far as the record is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summed<'a> {
    pub(super) name: &'a str,
    /// A `TensorProto.DataType`.
    pub(super) data_type: i32,
    pub(super) dims: &'a [i64],
    pub(super) checksum: Checksum,
}

/// The record of a file of that producer with these initializers; its length does not depend on the checksums.
pub(super) fn record(producer: [&str; 2], tensors: &[Summed<'_>]) -> String {
    let parts = tensors
        .iter()
        .map(|tensor| (tensor.name, tensor.data_type, tensor.dims));
    let record = Record {
        version: VERSION,
        layout: layout(producer, parts),
        crc32c: tensors
            .iter()
            .map(|tensor| (tensor.name.to_owned(), tensor.checksum.to_string().into()))
            .collect(),
    };
    serde_json::to_string(&record).expect("a record holds only strings")
}

/// In the order of names: a program that only moves initializers leaves it as it is.
fn layout<'a>(
    producer: [&str; 2],
    tensors: impl Iterator<Item = (&'a str, i32, &'a [i64])>,
) -> String {
    let mut checksum = Checksum::of(format!("{producer:?}\n").as_bytes());
    let sorted: BTreeMap<&str, (i32, &[i64])> = tensors
        .map(|(name, data_type, dims)| (name, (data_type, dims)))
        .collect();
    for (name, (data_type, dims)) in sorted {
        checksum.append(format!("{name:?} {data_type} {dims:?}\n").as_bytes());
    }
    checksum.to_string()
}

/// How a file's initializers differ from those that it was written with; empty lists where they do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Whether names, element types, shapes or the producer have changed too: then another program has rewritten the
    /// file, and otherwise it is damaged.
    pub rewritten: bool,
    /// Initializers whose bytes are other ones.
    pub changed: Vec<String>,
    /// Recorded initializers that are not there.
    pub missing: Vec<String>,
    /// Initializers that are not recorded.
    pub added: Vec<String>,
}

/// Why a file cannot be held against its record.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The record is not what a writer puts there.
    #[error("metadata `{KEY}` is not a record of checksums: {text}", text = .0.shown())]
    Record(String),
    /// An initializer cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Reads every initializer and compares its checksum with the recorded one; none where the file has no record.
///
/// # Errors
/// If the record cannot be read, or an initializer of a file that was not rewritten cannot.
pub fn compare(file: &ModelFile) -> Result<Option<Differences>, CompareError> {
    let Some(text) = file.metadata(KEY) else {
        return Ok(None);
    };
    let record: Record = serde_json::from_str(text).map_err(bad)?;
    if record.version != VERSION {
        let found = record.version;
        return Err(bad(format!("expected version {VERSION}, found {found}")));
    }
    let mut recorded = BTreeMap::new();
    for (name, checksum) in &record.crc32c {
        recorded.insert(
            name.as_str(),
            digits(checksum).ok_or_else(|| {
                bad(format!(
                    "expected eight hexadecimal digits for `{name}`, found {checksum}"
                ))
            })?,
        );
    }
    let contents = &file.contents;
    let initializers = &contents.initializers;
    let producer = [&contents.producer_name, &contents.producer_version].map(String::as_str);
    let parts = initializers
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor.data_type, &*tensor.dims));
    let rewritten = layout(producer, parts) != record.layout;
    let found: Vec<Option<bool>> = initializers
        .par_iter()
        .map(|initializer| {
            let Some(&expected) = recorded.get(initializer.name.as_str()) else {
                return Ok(None);
            };
            match checksum(file, initializer) {
                Ok(found) => Ok(Some(found.value() == expected)),
                // A type that no record of ours has, in a field that does not tell its bytes.
                Err(_) if rewritten => Ok(Some(false)),
                Err(error) => Err(error),
            }
        })
        .collect::<Result<_, _>>()?;
    let named = |wanted: Option<bool>| -> Vec<String> {
        let pairs = initializers.iter().zip(&found);
        pairs
            .filter(|(_, found)| **found == wanted)
            .map(|(initializer, _)| initializer.name.clone())
            .collect()
    };
    let there: BTreeSet<&str> = initializers
        .iter()
        .map(|initializer| initializer.name.as_str())
        .collect();
    Ok(Some(Differences {
        rewritten,
        changed: named(Some(false)),
        added: named(None),
        missing: record
            .crc32c
            .keys()
            .filter(|name| !there.contains(name.as_str()))
            .cloned()
            .collect(),
    }))
}

fn bad(reason: impl fmt::Display) -> CompareError {
    CompareError::Record(reason.to_string())
}

fn digits(value: &Value) -> Option<u32> {
    let text = value.as_str().filter(|text| text.len() == 8)?;
    u32::from_str_radix(text, 16).ok()
}

fn checksum(file: &ModelFile, initializer: &Initializer) -> Result<Checksum, SourceError> {
    let mut checksum = Checksum::default();
    file.read_bytes(initializer, &mut |bytes| checksum.append(bytes))?;
    Ok(checksum)
}

impl Differences {
    /// Whether all is as it was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.missing.is_empty() && self.added.is_empty()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (&self.changed, "has other bytes", "have other bytes"),
            (&self.missing, "is missing", "are missing"),
            (&self.added, "is not recorded", "are not recorded"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(names, ..)| !names.is_empty())
            .map(|(names, one, many)| {
                let what = if names.len() == 1 { one } else { many };
                format!("{} {what}", list(names))
            })
            .collect();
        let parts = parts.join("; ");
        if self.rewritten {
            write!(
                f,
                "another program has rewritten the initializers since `{KEY}` was recorded, so \
                 they cannot be checked for damage: {parts}"
            )
        } else {
            write!(
                f,
                "the initializers are not those that `{KEY}` was recorded for: {parts}; the file \
                 is damaged, or its weights were edited and the record was not removed"
            )
        }
    }
}

fn list(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST_NAMES)
        .map(|name| format!("`{}`", name.shown()))
        .collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
