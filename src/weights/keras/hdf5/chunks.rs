//! Datasets in chunks: where each chunk is, and how chunks become a tensor.

use super::bytes::{Fields, NOWHERE, Structures, invalid};
use super::checksum;
use super::filters::{self, Filter};
use super::group::{check_level, tree_node};
use crate::memory::{self, Buffer};
use std::io;

/// Where the addresses of chunks are kept.
pub(super) enum Index {
    /// In a version 1 tree.
    Tree(u64),
    /// There is one chunk: its address, its size if it is filtered, and the filters that it skips.
    Single(u64, Option<u64>, u32),
    /// In an array.
    Fixed(u64),
}

/// A dataset's chunks.
pub(super) struct Chunks {
    extents: Vec<u64>,
    /// Chunks along each dimension.
    counts: Vec<u64>,
    bytes: u64,
    index: Index,
    filters: Vec<Filter>,
}

/// A chunk in the file.
struct Stored {
    /// Its number, in row-major order.
    number: u64,
    address: u64,
    size: u64,
    skipped: u32,
}

impl Index {
    /// The end of a layout message of version 4 or 5.
    pub(super) fn parse(mut fields: Fields, flags: u8) -> io::Result<Self> {
        let is_filtered = flags & 0x02 != 0;
        if flags & !0x02 != 0 {
            return Err(invalid(
                "its chunks are not all filtered alike, which is not supported",
            ));
        }
        match fields.byte()? {
            1 => {
                let filtered = if is_filtered {
                    Some((fields.long()?, fields.word()?))
                } else {
                    None
                };
                let (size, skipped) = filtered.unzip();
                Ok(Self::Single(fields.long()?, size, skipped.unwrap_or(0)))
            }
            3 => {
                fields.skip(1)?;
                Ok(Self::Fixed(fields.long()?))
            }
            // Implicit, extensible array, version 2 tree.
            other => Err(invalid(&format!(
                "its chunks are indexed in a way ({other}) that is not supported: save it again without `maxshape`"
            ))),
        }
    }
}

impl Chunks {
    /// `extents` of a chunk, the last of which is the size of an element.
    pub(super) fn new(
        file: &Structures,
        shape: &[u64],
        element: u64,
        extents: &[u64],
        index: Index,
        filters: Vec<Filter>,
    ) -> io::Result<Self> {
        let Some((&last, extents)) = extents.split_last() else {
            return Err(invalid("its chunks have no dimensions"));
        };
        if extents.len() != shape.len()
            || extents.is_empty()
            || extents.contains(&0)
            || last != element
        {
            return Err(invalid(&format!(
                "its chunks are {extents:?} of {last} bytes, which does not fit {shape:?} of {element} bytes"
            )));
        }
        let product = |numbers: &[u64], start: u64| {
            numbers
                .iter()
                .try_fold(start, |product, &number| product.checked_mul(number))
        };
        let counts: Vec<u64> = shape
            .iter()
            .zip(extents)
            .map(|(&all, &one)| all.div_ceil(one))
            .collect();
        let bytes = product(extents, element);
        let whole = bytes.and_then(|bytes| product(&counts, bytes));
        let (Some(bytes), Some(whole)) = (bytes, whole) else {
            return Err(invalid("its chunks have too many elements"));
        };
        let needed = product(shape, element).unwrap_or(u64::MAX);
        if bytes > needed.saturating_mul(2).max(LARGE_CHUNK) {
            return Err(invalid(&format!(
                "its chunks have {bytes} bytes each, but all of it only {needed}"
            )));
        }
        if whole
            > file
                .length
                .saturating_mul(MOST_SWELLING)
                .saturating_add(SMALL_TENSOR)
        {
            return Err(invalid(&format!(
                "it would take {whole} bytes, but the whole file has {}",
                file.length
            )));
        }
        Ok(Self {
            extents: extents.to_vec(),
            counts,
            bytes,
            index,
            filters,
        })
    }

    /// Bytes that all chunks take in memory.
    pub(super) fn whole(&self) -> u64 {
        self.counts.iter().product::<u64>() * self.bytes
    }

    /// Reads all chunks, and gives `shape`'s elements through `decode`.
    pub(super) fn read(
        &self,
        file: &Structures,
        shape: &[u64],
        element: usize,
        decode: impl Fn(&mut [u8], &mut [f32]),
    ) -> io::Result<Buffer<f32>> {
        let stored = self.stored(file)?;
        let chunk_bytes = in_memory(self.bytes)?;
        let shape = shape
            .iter()
            .map(|&extent| in_memory(extent))
            .collect::<io::Result<Vec<_>>>()?;
        let extents = self
            .extents
            .iter()
            .map(|&extent| in_memory(extent))
            .collect::<io::Result<Vec<_>>>()?;
        let mut values = Buffer::filled(shape.iter().product(), 0.0, "a tensor in chunks")?;
        let mut chunk = memory::filled(chunk_bytes / element, 0.0, "a chunk")?;
        for Stored {
            number,
            address,
            size,
            skipped,
        } in stored
        {
            // Deflate never makes anything much longer.
            if size > self.bytes.saturating_mul(2).saturating_add(64) {
                return Err(invalid(&format!(
                    "a chunk of {} bytes is kept in {size}",
                    self.bytes
                )));
            }
            let bytes = file.read(address, size)?;
            let mut bytes = filters::undo(&self.filters, skipped, bytes, chunk_bytes, element)?;
            decode(&mut bytes, &mut chunk);
            let mut origin = vec![0; shape.len()];
            let mut rest = number;
            for ((start, &count), &extent) in
                origin.iter_mut().zip(&self.counts).zip(&extents).rev()
            {
                *start = in_memory(rest % count)? * extent;
                rest /= count;
            }
            place(&mut values, &shape, &origin, &extents, &chunk);
        }
        Ok(values)
    }

    /// Every chunk, each once.
    fn stored(&self, file: &Structures) -> io::Result<Vec<Stored>> {
        let expected = self.counts.iter().product::<u64>();
        let mut stored = match self.index {
            Index::Tree(root) => self.in_tree(file, root, expected)?,
            Index::Single(address, size, skipped) => vec![Stored {
                number: 0,
                address,
                size: size.unwrap_or(self.bytes),
                skipped,
            }],
            Index::Fixed(address) => self.in_array(file, address, expected)?,
        };
        stored.sort_by_key(|chunk| chunk.number);
        let is_whole = (0..expected).eq(stored.iter().map(|chunk| chunk.number));
        if !is_whole || stored.iter().any(|chunk| chunk.address == NOWHERE) {
            return Err(invalid(&format!(
                "expected {expected} chunks, each written once, found {}",
                stored.len()
            )));
        }
        Ok(stored)
    }

    fn in_tree(&self, file: &Structures, root: u64, most: u64) -> io::Result<Vec<Stored>> {
        let mut stored = Vec::new();
        let mut nodes = vec![(root, None)];
        let key = 8 + 8 * (self.extents.len() + 1);
        while let Some((address, expected)) = nodes.pop() {
            let (level, children) = tree_node(file, address, 1, key)?;
            check_level(level, expected)?;
            for (key, child) in children {
                if let Some(below) = level.checked_sub(1) {
                    nodes.push((child, Some(below)));
                    continue;
                }
                let mut fields = Fields(&key);
                let size = u64::from(fields.word()?);
                let skipped = fields.word()?;
                let mut number = 0;
                for (&extent, &count) in self.extents.iter().zip(&self.counts) {
                    let start = fields.long()?;
                    if !start.is_multiple_of(extent) || start / extent >= count {
                        return Err(invalid("a chunk lies outside the dataset"));
                    }
                    number = number * count + start / extent;
                }
                if stored.len() as u64 == most {
                    return Err(invalid("it has more chunks than it is cut into"));
                }
                stored.push(Stored {
                    number,
                    address: child,
                    size,
                    skipped,
                });
            }
        }
        Ok(stored)
    }

    fn in_array(&self, file: &Structures, address: u64, expected: u64) -> io::Result<Vec<Stored>> {
        let header = checksum::checked(file, address, 24)?;
        let mut fields = Fields(&header);
        fields.signature(*b"FAHD")?;
        fields.one_of("array's version", &[0])?;
        let is_filtered = fields.one_of("array's kind", &[0, 1])? == 1;
        let entry = usize::from(fields.byte()?);
        let page = 1u64
            .checked_shl(u32::from(fields.byte()?))
            .unwrap_or(u64::MAX);
        let entries = fields.long()?;
        let data = fields.long()?;
        let of_size = if is_filtered {
            entry.checked_sub(12)
        } else {
            Some(0)
        };
        let (Some(of_size), true) = (
            of_size,
            entries == expected && entry <= 20 && (is_filtered || entry == 8),
        ) else {
            return Err(invalid(&format!(
                "expected an array of {expected} chunks, found {entries} in {entry} bytes each"
            )));
        };
        // Beyond a page's worth, entries are in pages, each with a checksum; first bits say which are written.
        let prefix = 4 + 1 + 1 + 8;
        let is_paged = entries > page;
        let mut at = 0;
        if is_paged {
            let pages = entries.div_ceil(page);
            let start = checksum::checked(file, data, prefix + pages.div_ceil(8))?;
            Fields(&start).signature(*b"FADB")?;
            at = start.len() as u64 + checksum::SIZE as u64;
        }
        let mut stored = Vec::new();
        let mut left = entries;
        while left > 0 {
            let here = left.min(page);
            let size = here.checked_mul(entry as u64);
            let size = size.ok_or_else(|| invalid("it has too many chunks"))?;
            let position = data
                .checked_add(at)
                .ok_or_else(|| invalid("its chunks are nowhere"))?;
            let start = if is_paged { 0 } else { prefix };
            let bytes = checksum::checked(file, position, start.saturating_add(size))?;
            let mut fields = Fields(&bytes);
            if !is_paged {
                fields.signature(*b"FADB")?;
                fields.skip(1 + 1 + 8)?;
            }
            for _ in 0..here {
                let address = fields.long()?;
                let filtered = is_filtered
                    .then(|| Ok::<_, io::Error>((fields.integer(of_size)?, fields.word()?)));
                let (size, skipped) = filtered.transpose()?.unwrap_or((self.bytes, 0));
                stored.push(Stored {
                    number: stored.len() as u64,
                    address,
                    size,
                    skipped,
                });
            }
            at += size + checksum::SIZE as u64;
            left -= here;
        }
        Ok(stored)
    }
}

/// A chunk may be this large whatever its dataset is: h5py cuts datasets that can grow into chunks of up to 1 MiB.
const LARGE_CHUNK: u64 = 1 << 20;
/// How much larger than its file a tensor may be; weights compress by a tenth.
const MOST_SWELLING: u64 = 8;
/// Bytes that a tensor may have whatever its file's length is.
const SMALL_TENSOR: u64 = 16 << 20;

/// Copies a chunk's elements to their places; those beyond the shape are padding.
fn place(values: &mut [f32], shape: &[usize], origin: &[usize], extents: &[usize], chunk: &[f32]) {
    let last = shape.len() - 1;
    let run = extents[last].min(shape[last] - origin[last]);
    for (row, elements) in chunk.chunks_exact(extents[last]).enumerate() {
        let (mut rest, mut position, mut stride) = (row, origin[last], shape[last]);
        let mut is_inside = true;
        for dimension in (0..last).rev() {
            let at = origin[dimension] + rest % extents[dimension];
            rest /= extents[dimension];
            is_inside &= at < shape[dimension];
            position += at * stride;
            stride *= shape[dimension];
        }
        if is_inside {
            values[position..position + run].copy_from_slice(&elements[..run]);
        }
    }
}

fn in_memory(size: u64) -> io::Result<usize> {
    usize::try_from(size).map_err(|_| invalid("it does not fit this machine's memory"))
}
