//! Keras 3's `.keras` archive: a zip file of `metadata.json`, `config.json` and `model.weights.h5` (keras `saving/saving_lib.py`).
//!
//! Keras stores its members as they are, and weights are read where they lie. Where another program has deflated them, they are
//! inflated once into a temporary file. Knows no HDF5 and no layer.

use super::config::LARGEST;
use super::hdf5::{Window, most_bytes};
use crate::files::foreign::Foreign;
use crate::files::{TemporaryFolder, open_input, room};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;
use zip::CompressionMethod;

/// The description of the model.
pub(super) const CONFIG: &str = "config.json";
/// Its weights.
const WEIGHTS: &str = "model.weights.h5";
/// What Keras can keep weights in instead, on request.
const NUMPY_WEIGHTS: &str = "model.weights.npz";
/// What the version that wrote it says of itself.
const METADATA: &str = "metadata.json";
/// Bytes of the file that are read to learn its members, of which Keras writes three and an asset here and there.
const LARGEST_DIRECTORY: u64 = 8 << 20;
/// Bytes that are inflated at a time.
const PIECE: usize = 1 << 16;

/// A `.keras` archive.
pub(in crate::weights) struct Archive {
    zip: zip::ZipArchive<Metered>,
    length: u64,
}

impl Archive {
    /// Opens a zip file; none if it is not one of Keras's.
    ///
    /// # Errors
    /// If it cannot be read. What is wrong with a zip file is told by who reads it in the end.
    pub(in crate::weights) fn find(path: &Path) -> io::Result<Option<Self>> {
        let file = open_input(path)?;
        let length = file.metadata()?.len();
        let budget = Rc::new(Cell::new(LARGEST_DIRECTORY));
        let reader = Metered {
            reader: BufReader::new(file),
            budget: Rc::clone(&budget),
        };
        let Ok(zip) = zip::ZipArchive::new(reader) else {
            return Ok(None);
        };
        // What is read of members is bounded where they are read.
        budget.set(u64::MAX);
        let has = |name| zip.index_for_name(name).is_some();
        let is_keras = has(WEIGHTS) || has(NUMPY_WEIGHTS) || has(CONFIG) && has(METADATA);
        Ok(is_keras.then_some(Self { zip, length }))
    }

    /// The text of `config.json`, if there is one.
    pub(super) fn config(&mut self) -> io::Result<Option<String>> {
        let Some(member) = self.member(CONFIG)? else {
            return Ok(None);
        };
        let mut text = String::new();
        let read = self
            .opened(member.index)?
            .take(LARGEST as u64 + 1)
            .read_to_string(&mut text);
        read.map_err(|error| of_member(CONFIG, error))?;
        Ok(Some(text))
    }

    /// Its weights, read from the file at `path`.
    pub(super) fn weights(&mut self, path: &Path) -> io::Result<Window> {
        let Some(member) = self.member(WEIGHTS)? else {
            return Err(match self.zip.index_for_name(NUMPY_WEIGHTS) {
                Some(_) => invalid(&format!(
                    "it keeps its weights in `{NUMPY_WEIGHTS}`, expected `{WEIGHTS}`: load the model in Keras and save it again, `model.save(\"model.keras\")`"
                )),
                None => invalid(&format!("it has no `{WEIGHTS}`")),
            });
        };
        match member.compression {
            CompressionMethod::Stored if member.stored != member.size => Err(invalid(&format!(
                "its `{WEIGHTS}` has {} bytes in the file, expected {}",
                member.stored, member.size
            ))),
            CompressionMethod::Stored => {
                Window::within(open_input(path)?, member.start, member.size)
                    .map_err(|error| of_member(WEIGHTS, error))
            }
            CompressionMethod::Deflated => self.inflate(&member),
            other => Err(invalid(&format!(
                "its `{WEIGHTS}` is compressed as `{other}`, expected it stored or deflated"
            ))),
        }
    }

    /// Inflates a member into a temporary file.
    fn inflate(&mut self, member: &Member) -> io::Result<Window> {
        let most = most_bytes(self.length);
        if member.size > most {
            return Err(invalid(&format!(
                "its `{WEIGHTS}` takes {} bytes inflated, but the whole file has {}",
                member.size, self.length
            )));
        }
        let folder = TemporaryFolder::new()?;
        room::refuse(member.size, room::free(folder.path())).map_err(|reason| {
            invalid(&format!(
                "its `{WEIGHTS}` is deflated, and is inflated into a temporary file: {reason}"
            ))
        })?;
        let path = folder.path().join("weights");
        let mut written = File::create_new(&path)?;
        let mut left = member.size;
        let mut entry = self.opened(member.index)?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = entry
                .read(&mut piece)
                .map_err(|error| of_member(WEIGHTS, error))?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(|| {
                invalid(&format!(
                    "its `{WEIGHTS}` inflates to more than the {} bytes that it should have",
                    member.size
                ))
            })?;
            io::Write::write_all(&mut written, &piece[..read])?;
        }
        drop(written);
        Window::temporary(open_input(&path)?, folder)
    }

    /// Opens a member's content, whose checksum is compared at its end.
    fn opened(&mut self, index: usize) -> io::Result<impl Read> {
        self.zip.by_index(index).map_err(Into::into)
    }

    /// A member whose content is read, as the directory and its own header describe it.
    fn member(&mut self, name: &str) -> io::Result<Option<Member>> {
        let Some(index) = self.zip.index_for_name(name) else {
            return Ok(None);
        };
        let entry = self
            .zip
            .by_index_raw(index)
            .map_err(|error| of_member(name, error.into()))?;
        if entry.encrypted() {
            return Err(invalid(&format!(
                "its `{name}` is encrypted, expected a file that Keras wrote"
            )));
        }
        Ok(Some(Member {
            index,
            start: entry
                .data_start()
                .ok_or_else(|| invalid(&format!("its `{name}` is nowhere in the file")))?,
            stored: entry.compressed_size(),
            size: entry.size(),
            compression: entry.compression(),
        }))
    }
}

/// A member of an archive.
struct Member {
    index: usize,
    /// Where its first byte lies in the file.
    start: u64,
    /// Bytes that it takes in the file.
    stored: u64,
    /// Bytes that it has when it is not compressed.
    size: u64,
    compression: CompressionMethod,
}

/// A reader that fails once a budget of bytes is spent.
struct Metered {
    reader: BufReader<File>,
    budget: Rc<Cell<u64>>,
}

impl Read for Metered {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        let left = self.budget.get().checked_sub(read as u64);
        self.budget
            .set(left.ok_or_else(|| invalid("its directory is larger than any checkpoint's"))?);
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.reader.seek(position)
    }
}

/// An error of a member's content; one of the operating system stays as it is.
fn of_member(name: &str, error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    invalid(&format!(
        "its `{name}` cannot be read: {}",
        error.to_string().shown()
    ))
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
