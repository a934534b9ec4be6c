//! Zip archives: their entries, and where each lies. What a directory makes a reader hold is bounded. Knows no format inside.

use super::pytorch::Mistaken;
use crate::files::{Metered, open_input};
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// Bytes that are read to find the entries: some hundred thousand.
const LARGEST_DIRECTORY: u64 = 8 << 20;

/// What an archive is read from.
trait Stream: Read + Seek + Send {}
impl<T: Read + Seek + Send> Stream for T {}

/// A zip archive.
pub(super) struct Archive {
    zip: ::zip::ZipArchive<BufReader<Metered<Box<dyn Stream>>>>,
    length: u64,
}

/// Where the bytes of an entry lie in the file, neither compressed nor encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub start: u64,
    pub length: u64,
}

impl Archive {
    /// Opens an archive and reads its directory.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = open_input(path)?;
        let length = file.metadata()?.len();
        let stream: Box<dyn Stream> = match Mistaken::find(path)? {
            Some(mistaken) => Box::new(mistaken),
            None => Box::new(file),
        };
        Self::of(stream, length)
    }

    fn of(stream: Box<dyn Stream>, length: u64) -> io::Result<Self> {
        let (reader, meter) = Metered::new(stream, LARGEST_DIRECTORY + (1 << 16));
        let zip = ::zip::ZipArchive::new(BufReader::new(reader)).map_err(io::Error::from)?;
        meter.set(u64::MAX);
        Ok(Self { zip, length })
    }

    /// Names of all entries.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let names = self.zip.file_names().filter_map(Result::ok);
        names.map(std::borrow::Cow::into_owned)
    }

    /// Whether it has an entry.
    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// Reads an entry of at most `largest` bytes.
    pub(super) fn read(&mut self, name: &str, largest: u64) -> io::Result<Vec<u8>> {
        let mut entry = self.zip.by_name(name)?;
        let mut bytes = Vec::new();
        // Its own size is what it says; one byte more shows that it lies.
        (&mut entry).take(largest + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > largest {
            return Err(invalid(format!(
                "its `{name}` has more than {largest} bytes"
            )));
        }
        Ok(bytes)
    }

    /// Where an entry lies.
    pub(super) fn stored(&mut self, name: &str) -> io::Result<Stored> {
        let absent = || invalid(format!("its entry `{name}` is missing"));
        let index = self.zip.index_for_name(name).ok_or_else(absent)?;
        let entry = self.zip.by_index_raw(index)?;
        if entry.compression() != ::zip::CompressionMethod::Stored || entry.encrypted() {
            return Err(invalid(format!(
                "its entry `{name}` is compressed or encrypted, expected plain bytes"
            )));
        }
        let (start, length) = (entry.data_start(), entry.compressed_size());
        let start = start.filter(|start| {
            let end = start.checked_add(length);
            end.is_some_and(|end| end <= self.length) && length == entry.size()
        });
        let start = start
            .ok_or_else(|| invalid(format!("its entry `{name}` reaches beyond the file's end")))?;
        Ok(Stored { start, length })
    }
}

pub(super) fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
