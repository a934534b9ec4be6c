//! NumPy's `.npz`: a zip archive of `.npy` files, each under the array's name.

use super::npy::{self, Header};
use crate::files::{Metered, open_input};
use crate::tensor::{Fault, NamedTensor};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Bytes that are read to find the directory of the archive: some hundred thousand entries.
const LARGEST_DIRECTORY: u64 = 16 << 20;
/// Arrays that are read.
const MOST_ARRAYS: usize = 10_000;
/// What follows an array's name.
pub(crate) const ENDING: &str = ".npy";

/// An archive whose arrays are listed, and read one at a time.
pub(crate) struct Archive {
    zip: ::zip::ZipArchive<Metered<BufReader<File>>>,
    arrays: Vec<Listed>,
}

/// An array of an archive.
pub(crate) struct Listed {
    /// Its name.
    pub name: String,
    /// What its header says.
    pub header: Header,
    /// Place of its entry.
    entry: usize,
}

impl Archive {
    /// Opens an archive and reads the header of every array.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let reader = BufReader::new(open_input(path)?);
        let (reader, meter) = Metered::new(reader, LARGEST_DIRECTORY);
        let zip = ::zip::ZipArchive::new(reader);
        let mut zip = zip.map_err(|error| error.to_string())?;
        if zip.len() > MOST_ARRAYS {
            return Err(
                format!("expected at most {MOST_ARRAYS} arrays, found {}", zip.len()).into(),
            );
        }
        meter.set(u64::MAX);
        let mut arrays = Vec::<Listed>::new();
        let mut names = BTreeSet::new();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(|error| error.to_string())?;
            let name = entry.name().map_err(|error| error.to_string())?;
            let Some(name) = name.strip_suffix(ENDING).map(str::to_owned) else {
                continue;
            };
            if !names.insert(name.clone()) {
                return Err(format!("`{name}` is there twice").into());
            }
            let header = npy::header(&mut entry).map_err(|fault| of_entry(index, fault))?;
            arrays.push(Listed {
                name,
                header,
                entry: index,
            });
        }
        Ok(Self { zip, arrays })
    }

    /// Every array, in the archive's order.
    pub(crate) fn arrays(&self) -> &[Listed] {
        &self.arrays
    }

    /// Reads the array at a place in the list, if it fits the memory budget of the process.
    pub(crate) fn read(&mut self, place: usize) -> Result<NamedTensor, Fault> {
        let Listed { name, entry, .. } = &self.arrays[place];
        let index = *entry;
        let mut entry = self
            .zip
            .by_index(index)
            .map_err(|error| error.to_string())?;
        let tensor = npy::array(&mut entry, name.clone()).and_then(|tensor| {
            // The checksum is compared at the entry's end.
            npy::ends(&mut entry)?;
            Ok(tensor)
        });
        tensor.map_err(|fault| of_entry(index, fault))
    }
}

/// Every array, in the archive's order.
pub(crate) fn read(path: &Path) -> Result<Vec<NamedTensor>, Fault> {
    let mut archive = Archive::open(path)?;
    let places = 0..archive.arrays.len();
    places.map(|place| archive.read(place)).collect()
}

fn of_entry(index: usize, fault: Fault) -> Fault {
    match fault {
        Fault::Malformed(reason) => format!("entry {index}: {reason}").into(),
        fault @ (Fault::Io(_) | Fault::Memory(_)) => fault,
    }
}
