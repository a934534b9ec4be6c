//! Where a container has the bytes of its storages, and whether they are those that were written.

use super::value::Pickle;
use crate::tensor::read_at;
use crc32fast::Hasher;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;

/// Bytes that are checked at a time.
const PIECE: u64 = 1 << 18;

/// A storage's bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) seal: Seal,
}

/// What the container has beside a storage's bytes to tell whether they are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// Nothing: `torch.save` was told to compute no checksums.
    None,
    /// The checksum of all bytes (zip).
    Crc(u32),
    /// The count of elements, 8 bytes before the first of them (legacy).
    Count(u64),
}

/// The storages of a container by their keys, as far as their bytes lie there as they are.
#[derive(Debug, Default)]
pub(super) struct Storages(pub(super) BTreeMap<String, Storage>);

impl Storages {
    /// Those of a legacy file: one after the other from `start` on, in the order that a pickle lists. `elements` has the count
    /// and the size of each one's elements. Empty where the list does not fit them.
    pub(super) fn in_order(
        keys: &Pickle,
        elements: &BTreeMap<String, (u64, u64)>,
        mut start: u64,
    ) -> Self {
        let mut storages = BTreeMap::new();
        for key in keys.sequence(keys.root()).unwrap_or_default() {
            let key = keys.key(*key).unwrap_or_default();
            let Some(&(count, size)) = elements.get(&key) else {
                return Self::default();
            };
            let storage = Storage {
                start: start.saturating_add(8),
                bytes: count.saturating_mul(size),
                seal: Seal::Count(count),
            };
            start = storage.start.saturating_add(storage.bytes);
            storages.insert(key, storage);
        }
        Self(storages)
    }
}

impl Storage {
    /// Whether its bytes have their seal.
    pub(super) fn is_intact(&self, file: &File) -> io::Result<bool> {
        Ok(match self.seal {
            Seal::None => true,
            Seal::Crc(crc) => self.crc(file)? == crc,
            Seal::Count(count) => {
                let mut found = [0; 8];
                read_at(file, &mut found, self.start - 8)?;
                u64::from_le_bytes(found) == count
            }
        })
    }

    /// The checksum of its bytes, by all threads of the current pool.
    fn crc(&self, file: &File) -> io::Result<u32> {
        let pieces = (0..self.bytes.div_ceil(PIECE)).into_par_iter();
        let checksums = pieces.map(|piece| {
            let start = piece * PIECE;
            let length = PIECE.min(self.bytes - start);
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            read_at(file, &mut bytes, self.start + start)?;
            let mut hasher = Hasher::new();
            hasher.update(&bytes);
            Ok(hasher)
        });
        let whole = checksums.try_reduce(Hasher::new, |mut first, second| {
            first.combine(&second);
            Ok(first)
        });
        whole.map(Hasher::finalize)
    }
}

/// Bytes of an element in a storage of a class of torch's.
pub(super) fn element_size(class: &str) -> Option<u64> {
    Some(match class {
        "DoubleStorage" | "LongStorage" => 8,
        "FloatStorage" | "IntStorage" => 4,
        "HalfStorage" | "BFloat16Storage" | "ShortStorage" => 2,
        "ByteStorage" | "CharStorage" | "BoolStorage" => 1,
        _ => return None,
    })
}
