//! What a container may ask for, checked before it is unpickled.
//!
//! Owns the containers' outer structure as far as that takes; the crate that reads them checks the rest.
//! Together they keep a hostile file below 256 MiB of memory.

use super::pickle;
use super::storages::{Seal, Storage, Storages, element_size};
use crate::files::Metered;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Seek};

/// A container that `torch.save` has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// PyTorch 1.6 and later.
    Zip,
    /// PyTorch 0.1.10 to 1.5, and later on request.
    Legacy,
    /// Before PyTorch 0.1.10.
    Tar,
}

/// What a legacy file begins with, inside the first of its pickles (torch `serialization.py`, `MAGIC_NUMBER`):
/// as protocols 2 and up write it.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The same number as protocols 0 and 1 write it.
const LEGACY_MAGIC_TEXT: &[u8] = b"119547037146038801333356";
/// Place of the saved object among the pickles of a legacy file: magic number, protocol version, system, saved object, storage
/// keys.
const LEGACY_SAVED: usize = 3;
/// How the name of the saved object's pickle ends in a zip file.
const SAVED: &str = "data.pkl";
/// Bytes of a zip file that are read to learn its entries; at 46 and more an entry, EfficientNet-L2 has 0.3 MB.
const LARGEST_DIRECTORY: u64 = 8 << 20;
/// The most that stands around an entry's data: a header with a name and an extra field, and a descriptor.
const LARGEST_HEADER: u64 = 30 + 2 * 0xffff + 24;
/// Storages or tensors of a tar file.
const MOST_TAR_RECORDS: i64 = 50_000;
/// Instructions in the pickle that describes one of them; PyTorch wrote about 20.
const MOST_RECORD_INSTRUCTIONS: u64 = 100;
impl Container {
    /// How many bytes at the start of a file tell its container.
    pub(in crate::weights) const START: usize = 262;

    /// Detects the container from the first [`Self::START`] bytes of a file.
    pub(in crate::weights) fn detect(start: &[u8]) -> Option<Self> {
        let contains = |pattern: &[u8]| {
            start[..start.len().min(64)]
                .windows(pattern.len())
                .any(|w| w == pattern)
        };
        if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            Some(Self::Zip)
        } else if start.get(257..262) == Some(b"ustar") {
            Some(Self::Tar)
        } else if contains(&LEGACY_MAGIC) || contains(LEGACY_MAGIC_TEXT) {
            Some(Self::Legacy)
        } else {
            None
        }
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zip => "PyTorch (zip)",
            Self::Legacy => "PyTorch (legacy)",
            Self::Tar => "PyTorch (tar)",
        }
    }
}

/// What a check learns of a file.
pub(super) struct Checked {
    /// Bytes of the file that entries of a zip file account for at most.
    pub(super) accounted: u64,
    /// The pickle of the saved object; none where several may be it.
    pub(super) saved: Option<Saved>,
    /// Where its storages are, as far as that is known.
    pub(super) stored: Stored,
}

/// The pickle of a saved object.
pub(super) struct Saved {
    pub(super) bytes: Vec<u8>,
    /// Whether it may hold modules.
    pub(super) has_modules: bool,
}

/// Where the storages of a container are.
pub(super) enum Stored {
    Nowhere,
    /// By their keys.
    At(Storages),
    /// One after the other from there on, in the order that a pickle lists.
    Following(Vec<u8>, u64),
}

/// Checks a file.
pub(super) fn check(file: impl Read + Seek, container: Container) -> io::Result<Checked> {
    let mut reader = BufReader::new(file);
    let (saved, stored) = match container {
        Container::Zip => return zip(reader),
        Container::Legacy => legacy(&mut reader)?,
        Container::Tar => (tar(reader)?, Stored::Nowhere),
    };
    Ok(Checked {
        accounted: u64::MAX,
        saved,
        stored,
    })
}

fn legacy(reader: &mut (impl BufRead + Seek)) -> io::Result<(Option<Saved>, Stored)> {
    for _ in 0..LEGACY_SAVED {
        pickle::outline(reader)?;
    }
    let object = saved(reader)?;
    let keys = saved(reader)?.bytes;
    let start = reader.stream_position()?;
    Ok((Some(object), Stored::Following(keys, start)))
}

/// Checks a pickle, and keeps its skeleton.
fn saved(reader: &mut impl BufRead) -> io::Result<Saved> {
    let (outline, bytes) = pickle::skeleton(reader, pickle::MOST_BYTES)?;
    Ok(Saved {
        bytes,
        has_modules: outline.has_modules,
    })
}

/// Every pickle of the archive that could be the saved object, and the size of the directory.
fn zip(reader: BufReader<impl Read + Seek>) -> io::Result<Checked> {
    let (reader, meter) = Metered::new(reader, LARGEST_DIRECTORY);
    let mut archive = ::zip::ZipArchive::new(reader)?;
    meter.set(2 * pickle::MOST_BYTES);
    let mut pickles = Vec::new();
    let mut entries = BTreeMap::new();
    let mut accounted = LARGEST_DIRECTORY;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index)?;
        accounted = accounted
            .saturating_add(entry.compressed_size())
            .saturating_add(LARGEST_HEADER);
        let name = entry.name()?;
        if name.ends_with(SAVED) {
            let name = name.into_owned();
            drop(entry);
            let found = saved(&mut BufReader::new(archive.by_index(index)?))?;
            pickles.push((name, found));
        } else if let Some(storage) = as_it_is(&entry) {
            entries.insert(name.into_owned(), storage);
        }
    }
    let stored = match pickles.as_slice() {
        [(name, _)] => Stored::At(beside(name, entries)),
        _ => Stored::Nowhere,
    };
    let modules = pickles.iter().position(|(_, saved)| saved.has_modules);
    let saved = (!pickles.is_empty()).then(|| pickles.swap_remove(modules.unwrap_or(0)).1);
    Ok(Checked {
        accounted,
        saved,
        stored,
    })
}

/// Where an entry's bytes are, if they are neither compressed nor encrypted.
fn as_it_is(entry: &::zip::read::ZipFile<'_, impl Read>) -> Option<Storage> {
    let bytes = entry.size();
    let is_plain = entry.compression() == ::zip::CompressionMethod::Stored
        && !entry.encrypted()
        && entry.compressed_size() == bytes;
    is_plain.then_some(Storage {
        start: entry.data_start()?,
        bytes,
        // PyTorch writes 0 where it was told to compute none.
        seal: match entry.crc32() {
            0 => Seal::None,
            crc => Seal::Crc(crc),
        },
    })
}

/// Of the entries of an archive, the storages of the pickle of that name.
fn beside(pickle: &str, entries: BTreeMap<String, Storage>) -> Storages {
    let folder = pickle.strip_suffix(SAVED).unwrap_or_default();
    let key = |name: &str| {
        let key = name.strip_prefix(folder)?.strip_prefix("data/")?;
        Some(key.to_owned())
    };
    let storages = entries.into_iter();
    Storages(
        storages
            .filter_map(|(name, storage)| Some((key(&name)?, storage)))
            .collect(),
    )
}

/// The pickles of the four entries that are read, and that no entry is a sparse one, which can claim any size.
fn tar(reader: BufReader<impl Read>) -> io::Result<Option<Saved>> {
    let mut object = None;
    for entry in ::tar::Archive::new(reader).entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_gnu_sparse() {
            return Err(invalid("it has a sparse entry".to_string()));
        }
        let name = entry
            .path()?
            .to_string_lossy()
            .trim_start_matches("./")
            .to_string();
        let mut entry = BufReader::new(entry);
        match name.as_str() {
            "sys_info" => drop(pickle::outline(&mut entry)?),
            "pickle" => object = Some(saved(&mut entry)?),
            "storages" => tar_storages(&mut entry)?,
            "tensors" => tar_tensors(&mut entry)?,
            _ => {}
        }
    }
    Ok(object)
}

/// A count; for each storage a pickle with its element type, its element count and its elements; a pickle of views.
fn tar_storages(entry: &mut impl BufRead) -> io::Result<()> {
    for _ in 0..tar_count(entry)? {
        let described = tar_record(entry)?;
        let [(_, storage)] = described.globals.as_slice() else {
            return Err(invalid(
                "a storage's record names other than one type".to_string(),
            ));
        };
        let size =
            element_size(storage).ok_or_else(|| invalid(format!("a storage is a `{storage}`")))?;
        let elements = u64::from_le_bytes(bytes(entry)?);
        let length = elements.saturating_mul(size);
        if io::copy(&mut entry.take(length), &mut io::sink())? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    pickle::outline(entry).map(drop)
}

/// A count; for each tensor a pickle, its rank as an i32, 4 bytes unused, its sizes, strides and offset as i64.
fn tar_tensors(entry: &mut impl BufRead) -> io::Result<()> {
    for _ in 0..tar_count(entry)? {
        tar_record(entry)?;
        let rank = u64::from(u32::from_le_bytes(bytes(entry)?));
        let length = 4 + 8 * (2 * rank + 1);
        io::copy(&mut entry.take(length), &mut io::sink())?;
    }
    Ok(())
}

fn tar_count(entry: &mut impl BufRead) -> io::Result<i64> {
    match tar_record(entry)?.integers.as_slice() {
        &[count] if count <= MOST_TAR_RECORDS => Ok(count),
        found => Err(invalid(format!(
            "expected one count of at most {MOST_TAR_RECORDS}, found {found:?}"
        ))),
    }
}

/// A pickle of a few fields.
fn tar_record(entry: &mut impl BufRead) -> io::Result<pickle::Outline> {
    let record = pickle::outline(entry)?;
    if record.instructions > MOST_RECORD_INSTRUCTIONS {
        return Err(invalid(format!(
            "a record has {} instructions",
            record.instructions
        )));
    }
    Ok(record)
}

fn bytes<const SIZE: usize>(entry: &mut impl Read) -> io::Result<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    entry.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
