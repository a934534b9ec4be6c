//! NumPy's `.npz`: a zip archive of `.npy` files, each under the array's name.

use super::npy;
use crate::files::open_input;
use crate::tensor::{Fault, NamedTensor};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes that are read to find the directory of the archive: some hundred thousand entries.
const LARGEST_DIRECTORY: u64 = 16 << 20;
/// Arrays that are read.
const MOST_ARRAYS: usize = 10_000;

/// Every array, in the archive's order.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, Fault> {
    let budget = Cell::new(LARGEST_DIRECTORY);
    let reader = Metered {
        reader: BufReader::new(open_input(path)?),
        budget: &budget,
    };
    let archive = ::zip::ZipArchive::new(reader);
    let mut archive = archive.map_err(|error| error.to_string())?;
    if archive.len() > MOST_ARRAYS {
        return Err(format!(
            "expected at most {MOST_ARRAYS} arrays, found {}",
            archive.len()
        )
        .into());
    }
    budget.set(u64::MAX);
    let mut tensors = Vec::<NamedTensor>::new();
    let mut names = BTreeSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?;
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        if !names.insert(name.clone()) {
            return Err(format!("`{name}` is there twice").into());
        }
        let tensor = npy::array(&mut entry, name).and_then(|tensor| {
            // The checksum is compared at the entry's end.
            npy::ends(&mut entry)?;
            Ok(tensor)
        });
        tensors.push(tensor.map_err(|fault| match fault {
            Fault::Malformed(reason) => format!("entry {index}: {reason}").into(),
            fault @ (Fault::Io(_) | Fault::Memory(_)) => fault,
        })?);
    }
    Ok(tensors)
}

/// A reader that fails once a budget of bytes is spent.
struct Metered<'a, R> {
    reader: R,
    budget: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        let left = self.budget.get().checked_sub(read as u64);
        self.budget.set(left.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "its directory is too large")
        })?);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.reader.seek(position)
    }
}
