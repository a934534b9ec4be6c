//! LevelDB's table, in which TensorFlow keeps a checkpoint's index: sorted keys and values, in checksummed blocks.
//!
//! The layout is LevelDB's `doc/table_format.md` and `table/block_builder.cc`. Knows no key. A file may claim anything: blocks
//! may not overlap, keys ascend, and what a key takes when its shared start is spelled out is bounded.

use super::wire::Input;

/// Bytes at the end of a table: two block handles, padding, and the magic number.
const FOOTER: usize = 48;
/// What a table ends with (LevelDB `table/format.h`, `kTableMagicNumber`), little-endian.
pub(super) const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57u64.to_le_bytes();
/// Bytes after a block: its compression and its checksum.
const TRAILER: usize = 5;
/// The longest key that is read; EfficientNet's have fewer than 100 bytes.
const LONGEST_KEY: usize = 4096;
/// Entries of a table at most; EfficientNet-L2's with averages and optimiser has some 10,000.
const MOST_ENTRIES: u32 = 100_000;
/// Bytes that all keys together may take.
const MOST_KEY_BYTES: usize = 16 << 20;

/// Hands every key and value to `each`, in order.
pub(super) fn entries<'a>(
    table: &'a [u8],
    mut each: impl FnMut(&[u8], &'a [u8]) -> Result<(), String>,
) -> Result<(), String> {
    let footer = table
        .last_chunk::<FOOTER>()
        .filter(|footer| footer.ends_with(&MAGIC))
        .ok_or("its index does not end as a table does")?;
    let mut handles = Input(&footer[..]);
    Handle::read(&mut handles)?;
    let index = Handle::read(&mut handles)?.block(table)?;
    let mut room = table.len() as u64;
    let mut left = MOST_ENTRIES;
    let mut key_bytes = MOST_KEY_BYTES;
    let mut last: Option<Vec<u8>> = None;
    walk(index, &mut |_, value| {
        let handle = Handle::read(&mut Input(value))?;
        room = room.checked_sub(handle.size).ok_or("its blocks overlap")?;
        // An empty block costs something too.
        left = left.checked_sub(1).ok_or_else(too_many)?;
        walk(handle.block(table)?, &mut |key, value| {
            if last.as_deref().is_some_and(|last| last >= key) {
                return Err("its keys are not in order".to_owned());
            }
            left = left.checked_sub(1).ok_or_else(too_many)?;
            key_bytes = key_bytes.checked_sub(key.len()).ok_or_else(too_many)?;
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            each(key, value)
        })
    })
}

/// Whether so many bytes have that checksum, as TensorFlow and LevelDB write one: CRC-32C, masked
/// (LevelDB `util/crc32c.h`, `Mask`).
pub(super) fn is_checksum(crc: u32, masked: u32) -> bool {
    // A fuzzer changes bytes, and cannot find their checksum.
    cfg!(fuzzing) || crc.rotate_right(15).wrapping_add(0xa282_ead8) == masked
}

fn too_many() -> String {
    "its index has more entries than any checkpoint of an EfficientNet".to_owned()
}

/// Where a block lies.
struct Handle {
    offset: u64,
    size: u64,
}

impl Handle {
    fn read(input: &mut Input<'_>) -> Result<Self, String> {
        Ok(Self {
            offset: input.varint()?,
            size: input.varint()?,
        })
    }

    /// The block's contents, checked and without its trailer.
    fn block<'a>(&self, table: &'a [u8]) -> Result<&'a [u8], String> {
        let Self { offset, size } = self;
        let outside = || format!("a block of {size} bytes at {offset} lies outside its index");
        let start = usize::try_from(*offset).map_err(|_| outside())?;
        let size = usize::try_from(*size).map_err(|_| outside())?;
        let end = start
            .checked_add(size)
            .and_then(|end| end.checked_add(TRAILER));
        let whole = end.and_then(|end| table.get(start..end));
        let (typed, checksum) = whole
            .and_then(<[u8]>::split_last_chunk::<4>)
            .ok_or_else(outside)?;
        if !is_checksum(crc32c::crc32c(typed), u32::from_le_bytes(*checksum)) {
            return Err(format!(
                "the checksum of its index's block at {offset} is wrong"
            ));
        }
        match typed.split_last() {
            Some((0, block)) => Ok(block),
            Some((kind, _)) => Err(format!(
                "its index is compressed (kind {kind}), expected it plain, as TensorFlow writes it"
            )),
            None => Err(outside()),
        }
    }
}

type Visit<'a, 'f> = dyn FnMut(&[u8], &'a [u8]) -> Result<(), String> + 'f;

/// Hands on the entries of a block: each key begins with so many bytes of the one before.
fn walk<'a>(block: &'a [u8], each: &mut Visit<'a, '_>) -> Result<(), String> {
    let (rest, count) = block
        .split_last_chunk::<4>()
        .ok_or("a block of its index is too short")?;
    // The places of keys that are spelled out, for searching.
    let restarts = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    let end = restarts
        .checked_mul(4)
        .and_then(|bytes| rest.len().checked_sub(bytes))
        .ok_or_else(|| format!("a block of its index claims {restarts} restarts"))?;
    let mut input = Input(&rest[..end]);
    let mut key = Vec::new();
    while !input.0.is_empty() {
        let shared = input.varint()?;
        let own = input.varint()?;
        let value = input.varint()?;
        let shared = usize::try_from(shared)
            .ok()
            .filter(|shared| *shared <= key.len())
            .ok_or_else(|| format!("a key shares {shared} bytes with one of {}", key.len()))?;
        key.truncate(shared);
        key.extend_from_slice(input.bytes(own)?);
        if key.len() > LONGEST_KEY {
            return Err(format!("a key has {} bytes", key.len()));
        }
        each(&key, input.bytes(value)?)?;
    }
    Ok(())
}
