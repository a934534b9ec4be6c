//! What chunks go through on their way into a file, undone: deflate, shuffle and Fletcher's checksum.

use super::bytes::{Fields, invalid};
use crate::memory;
use flate2::read::ZlibDecoder;
use std::io::{self, Read};

/// A step that a chunk went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// zlib.
    Deflate,
    /// First bytes of all elements, then their second bytes, and so on.
    Shuffle,
    /// A checksum behind the chunk.
    Fletcher32,
}

/// Steps that are kept for a dataset; libraries write at most these three.
const MOST_FILTERS: u8 = 8;

/// A filter pipeline message: the steps in the order in which a chunk is written.
pub(super) fn parse(mut fields: Fields) -> io::Result<Vec<Filter>> {
    let version = fields.one_of("filter pipeline's version", &[1, 2])?;
    let count = fields.byte()?;
    if count > MOST_FILTERS {
        return Err(invalid(&format!(
            "it went through {count} filters, more than {MOST_FILTERS}"
        )));
    }
    fields.skip(if version == 1 { 6 } else { 0 })?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = fields.short()?;
        let has_name = version == 1 || id >= 256;
        let name = if has_name {
            usize::from(fields.short()?)
        } else {
            0
        };
        fields.skip(2)?;
        let values = usize::from(fields.short()?);
        let padding = if version == 1 { 4 * (values % 2) } else { 0 };
        fields.skip(if version == 1 {
            name.next_multiple_of(8)
        } else {
            name
        })?;
        fields.skip(4 * values + padding)?;
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle,
            3 => Filter::Fletcher32,
            _ => {
                return Err(invalid(&format!(
                    "it went through filter {id}; only gzip (1), shuffle (2) and fletcher32 (3) are known"
                )));
            }
        });
    }
    Ok(filters)
}

/// Undoes the filters of a chunk that becomes `size` bytes; `skipped` has a bit for each filter that it did not go
/// through.
pub(super) fn undo(
    filters: &[Filter],
    skipped: u32,
    mut chunk: Vec<u8>,
    size: usize,
    element: usize,
) -> io::Result<Vec<u8>> {
    for (index, filter) in filters.iter().enumerate().rev() {
        if skipped >> index & 1 == 1 {
            continue;
        }
        chunk = match filter {
            Filter::Deflate => inflate(&chunk, size)?,
            Filter::Shuffle => unshuffle(&chunk, element),
            Filter::Fletcher32 => without_checksum(chunk)?,
        };
    }
    if chunk.len() == size {
        return Ok(chunk);
    }
    Err(invalid(&format!(
        "a chunk has {} bytes, expected {size}",
        chunk.len()
    )))
}

fn inflate(chunk: &[u8], size: usize) -> io::Result<Vec<u8>> {
    // A checksum may come after it.
    let most = size + 4;
    let mut out = Vec::new();
    memory::make_room(&mut out, most + 1, "a chunk")?;
    let mut decoder = ZlibDecoder::new(chunk).take(most as u64 + 1);
    decoder
        .read_to_end(&mut out)
        .map_err(|error| invalid(&format!("a chunk cannot be inflated: {error}")))?;
    if out.len() > most {
        return Err(invalid(&format!(
            "a chunk inflates to more than its {size} bytes"
        )));
    }
    Ok(out)
}

fn unshuffle(chunk: &[u8], element: usize) -> Vec<u8> {
    let count = chunk.len() / element.max(1);
    let mut out = chunk.to_vec();
    for (byte, plane) in chunk.chunks_exact(count.max(1)).take(element).enumerate() {
        for (target, value) in out[byte..].iter_mut().step_by(element).zip(plane) {
            *target = *value;
        }
    }
    out
}

/// Fletcher's sums of big-endian words, modulo 65535.
fn without_checksum(mut chunk: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = chunk
        .len()
        .checked_sub(4)
        .ok_or_else(|| invalid("a chunk is shorter than its checksum"))?;
    let (mut low, mut high) = (0u64, 0u64);
    for word in chunk[..length].chunks(2) {
        let word = u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0));
        low = (low + word) % 65535;
        high = (high + low) % 65535;
    }
    let stored = Fields(&chunk[length..]).word()?;
    // 0 and 65535 are the same number here.
    let agree = |stored: u32, sum: u64| u64::from(stored) % 65535 == sum;
    if !agree(stored & 0xffff, low) || !agree(stored >> 16, high) {
        return Err(invalid("a chunk does not have its checksum"));
    }
    chunk.truncate(length);
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_elements_come_together_again() {
        assert_eq!(
            unshuffle(&[1, 2, 3, 11, 12, 13, 9], 2),
            [1, 11, 2, 12, 3, 13, 9]
        );
        assert_eq!(unshuffle(&[1, 2, 3], 1), [1, 2, 3]);
        assert_eq!(unshuffle(&[1, 2], 4), [1, 2]);
    }

    #[test]
    fn a_wrong_checksum_is_noticed() {
        // Words 0x0102 and 0x0300: sums 0x0402 and 0x0504.
        let chunk = vec![1, 2, 3, 0x02, 0x04, 0x04, 0x05];
        assert_eq!(without_checksum(chunk.clone()).unwrap(), [1, 2, 3]);
        for index in 0..chunk.len() {
            let mut damaged = chunk.clone();
            damaged[index] ^= 1;
            assert!(without_checksum(damaged).is_err(), "{index}");
        }
        assert!(without_checksum(vec![1]).is_err());
    }

    #[test]
    fn a_filter_that_a_chunk_skipped_is_not_undone() {
        let filters = [Filter::Shuffle, Filter::Deflate];
        let chunk = undo(&filters, 0b10, vec![1, 2, 11, 12], 4, 2).unwrap();
        assert_eq!(chunk, [1, 11, 2, 12]);
        assert!(undo(&filters, 0, vec![1, 2, 11, 12], 4, 2).is_err());
        assert!(undo(&[], 0, vec![1, 2], 4, 2).is_err());
    }
}
