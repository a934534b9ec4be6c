//! As much of HDF5 as `h5py` writes for weights, read strictly; knows no Keras.
//!
//! From the HDF5 File Format Specification (The HDF Group), versions 1 to 4: superblocks 0 to 3, both kinds of object
//! headers and of groups, datasets in one piece or in chunks. Whatever is not understood is refused, never guessed.
//! Every checksum that the format has is compared. Every structure is read within the file's length, and a walk reads a bounded amount, so that loops end.
//!
//! Hand-written: of 1200 damaged copies of the fixtures, `hdf5-reader` 0.12 read 24 and `hdf5-pure` 0.47 read 28 with other
//! weights than h5py where this reader refuses them, both read missing chunks as zeros, and `hdf5-pure` aborted on 11 copies
//! for want of memory.

mod attribute;
mod bytes;
mod checksum;
mod chunks;
mod dataset;
mod dense;
mod filters;
mod group;
mod header;
mod window;

use crate::memory::Buffer;
use crate::tensor::{Element, decode};
use bytes::{Fields, Structures, invalid};
use dataset::Place;
use std::collections::BTreeSet;
use std::io;

pub(super) use dataset::Dataset;
pub(super) use window::Window;

/// What every HDF5 file starts with.
pub(in crate::weights) const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// Bytes of a superblock of version 2 or 3 before its checksum, with addresses of eight bytes.
const NEW_SUPERBLOCK: u64 = 44;
/// Groups within groups; Keras nests four, and models within models a few more.
const DEEPEST: usize = 32;
/// Bytes that what is compressed may take together, for each byte of the file, and beside that.
const MOST_SWELLING: u64 = 8;
const SMALL_FILE: u64 = 64 << 20;
/// Bytes that are read and converted at a time.
const PIECE: usize = 1 << 18;

/// An HDF5 file.
pub(super) struct Hdf5 {
    file: Window,
    /// Every dataset, in the order of the groups' own links.
    pub(super) datasets: Vec<Dataset>,
    /// Groups with a text attribute `name`: the path, and the text.
    pub(super) names: Vec<(String, String)>,
    /// The text attribute of the root that was asked for.
    pub(super) description: Option<String>,
}

impl Hdf5 {
    /// Walks through a file's groups; `description` is the name of a text attribute of the root.
    pub(super) fn open(file: Window, description: &str) -> io::Result<Self> {
        let structures = Structures::new(&file);
        let mut walk = Walk {
            file: &structures,
            seen: BTreeSet::new(),
            swelling: 0,
            datasets: Vec::new(),
            names: Vec::new(),
        };
        let root = root(&structures)?;
        walk.object(String::new(), 0, root)?;
        let Walk {
            datasets, names, ..
        } = walk;
        let messages = header::messages(&structures, root)?;
        let description = attribute::required(&structures, &messages, description)?;
        Ok(Self {
            file,
            datasets,
            names,
            description,
        })
    }

    /// Opens one of the datasets, which are of floating-point numbers; chunks are read at once.
    pub(super) fn reader<'a>(&'a self, dataset: &'a Dataset) -> io::Result<Reader<'a>> {
        let values = match &dataset.place {
            Place::At(address) => {
                return Ok(Reader {
                    file: &self.file,
                    dataset,
                    content: Content::InFile(*address),
                });
            }
            Place::Nowhere => Buffer::default(),
            Place::Here(bytes) => {
                let mut values = vec![0.0; bytes.len() / dataset.size()];
                decode(dataset, &mut bytes.clone(), &mut values);
                values.into()
            }
            Place::Chunked(chunks) => {
                let structures = Structures::of_chunks(&self.file);
                chunks.read(&structures, &dataset.shape, dataset.size(), |bytes, out| {
                    decode(dataset, bytes, out);
                })?
            }
        };
        Ok(Reader {
            file: &self.file,
            dataset,
            content: Content::InMemory(values),
        })
    }
}

/// A dataset that is read in pieces.
pub(super) struct Reader<'a> {
    file: &'a Window,
    dataset: &'a Dataset,
    content: Content,
}

enum Content {
    InMemory(Buffer<f32>),
    InFile(u64),
}

impl Reader<'_> {
    /// Fills `out` with the elements from `offset` on.
    pub(super) fn fill(&self, offset: usize, out: &mut [f32]) -> io::Result<()> {
        let start = match &self.content {
            Content::InMemory(values) => {
                out.copy_from_slice(&values[offset..offset + out.len()]);
                return Ok(());
            }
            Content::InFile(start) => *start,
        };
        let size = self.dataset.size();
        let mut position = start + (offset * size) as u64;
        if self.dataset.element == Some(Element::F32) && !self.dataset.is_big_endian {
            self.file
                .read_at(bytemuck::must_cast_slice_mut(out), position)?;
            decode::from_little_endian(out);
            return Ok(());
        }
        let step = PIECE / size;
        let mut bytes = vec![0; out.len().min(step) * size];
        for piece in out.chunks_mut(step) {
            let bytes = &mut bytes[..piece.len() * size];
            self.file.read_at(bytes, position)?;
            decode(self.dataset, bytes, piece);
            position += bytes.len() as u64;
        }
        Ok(())
    }
}

/// Converts a dataset's bytes, which may be turned around on the way.
fn decode(dataset: &Dataset, bytes: &mut [u8], out: &mut [f32]) {
    if dataset.is_big_endian {
        bytes
            .chunks_exact_mut(dataset.size())
            .for_each(<[u8]>::reverse);
    }
    if let Some(element) = dataset.element {
        decode::decode(element, bytes, out);
    }
}

/// Bytes that what a file of that length keeps compressed may take.
pub(super) fn most_bytes(length: u64) -> u64 {
    length
        .saturating_mul(MOST_SWELLING)
        .saturating_add(SMALL_FILE)
}

/// Address of the root group.
fn root(file: &Structures) -> io::Result<u64> {
    let mut start = file.read_up_to(0, 128)?;
    let mut fields = Fields(&start);
    fields.skip(SIGNATURE.len())?;
    let version = fields.one_of("superblock's version", &[0, 1, 2, 3])?;
    let is_old = version < 2;
    if !is_old {
        start = checksum::checked(file, 0, NEW_SUPERBLOCK)?;
        fields = Fields(&start);
        fields.skip(SIGNATURE.len() + 1)?;
    }
    fields.skip(if is_old { 4 } else { 0 })?;
    fields.one_of("size of an offset", &[8])?;
    fields.one_of("size of a length", &[8])?;
    fields.skip(match version {
        0 => 9,
        1 => 13,
        _ => 1,
    })?;
    let base = fields.long()?;
    fields.skip(8)?;
    let end = fields.long()?;
    if base != 0 {
        return Err(invalid(&format!(
            "it starts at byte {base} of the file, expected 0"
        )));
    }
    if end > file.length {
        return Err(invalid(&format!(
            "it should have {end} bytes, but the file has {}",
            file.length
        )));
    }
    fields.skip(if is_old { 16 } else { 0 })?;
    fields.long()
}

/// A walk through all groups.
struct Walk<'a> {
    file: &'a Structures<'a>,
    /// Addresses of the groups so far.
    seen: BTreeSet<u64>,
    /// Bytes that all chunked datasets would take.
    swelling: u64,
    datasets: Vec<Dataset>,
    names: Vec<(String, String)>,
}

impl Walk<'_> {
    fn object(&mut self, path: String, depth: usize, address: u64) -> io::Result<()> {
        let shown = if path.is_empty() { "/" } else { &path }.to_owned();
        self.look_into(path, depth, address)
            .map_err(|error| within(&shown, error))
    }

    fn look_into(&mut self, path: String, depth: usize, address: u64) -> io::Result<()> {
        let messages = header::messages(self.file, address)?;
        if !group::is_group(&messages) {
            if let Some(dataset) = Dataset::parse(self.file, path, &messages)? {
                self.keep(dataset)?;
            }
            return Ok(());
        }
        if !self.seen.insert(address) {
            return Err(invalid(
                "this group was there before: groups go round in a circle",
            ));
        }
        if depth == DEEPEST {
            return Err(invalid(&format!(
                "groups are nested more than {DEEPEST} deep"
            )));
        }
        if let Some(name) = attribute::optional(self.file, &messages, "name")? {
            self.names.push((path.clone(), name));
        }
        for (name, address) in group::links(self.file, &messages)? {
            let path = if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            };
            self.file.spend(path.len() as u64)?;
            self.object(path, depth + 1, address)?;
        }
        Ok(())
    }

    fn keep(&mut self, dataset: Dataset) -> io::Result<()> {
        if let Place::Chunked(chunks) = &dataset.place {
            self.swelling = self.swelling.saturating_add(chunks.whole());
            if self.swelling > most_bytes(self.file.length) {
                return Err(invalid(&format!(
                    "with it, all chunks would take {} bytes, but the whole file has {}",
                    self.swelling, self.file.length
                )));
            }
        }
        self.datasets.push(dataset);
        Ok(())
    }
}

/// An error of the file's content that says where; once only, as it passes through the groups above.
fn within(path: &str, error: io::Error) -> io::Error {
    let told = error.to_string();
    if error.raw_os_error().is_some() || told.starts_with('`') {
        return error;
    }
    invalid(&format!("`{path}`: {told}"))
}
