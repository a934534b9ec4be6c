//! The checksum behind HDF5's newer structures (HDF5 File Format Specification, "checksum" of each).

use super::bytes::{Structures, invalid};
use crate::files::foreign::Foreign;
use std::io;

/// Bytes of a checksum.
pub(super) const SIZE: usize = 4;
/// Bytes that are mixed at a time.
const BLOCK: usize = 12;

/// The `size` bytes before a structure's checksum, which is compared.
pub(super) fn checked(file: &Structures, position: u64, size: u64) -> io::Result<Vec<u8>> {
    verified(file.read(position, size.saturating_add(SIZE as u64))?)
}

/// What comes before a structure's checksum, which is its last four bytes.
///
/// # Errors
/// If the checksum is that of other bytes.
fn verified(mut structure: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some((bytes, &recorded)) = structure.split_last_chunk::<SIZE>() else {
        return Err(invalid("a structure is shorter than its checksum"));
    };
    expect(&structure[..4.min(bytes.len())], bytes, recorded)?;
    structure.truncate(structure.len() - SIZE);
    Ok(structure)
}

/// Compares the checksum of a structure's bytes with the one that is recorded; `signature` says which structure it is.
pub(super) fn expect(signature: &[u8], bytes: &[u8], recorded: [u8; SIZE]) -> io::Result<()> {
    let (found, recorded) = (lookup3(bytes), u32::from_le_bytes(recorded));
    // A fuzzer does not find checksums.
    if found == recorded || cfg!(fuzzing) {
        return Ok(());
    }
    Err(invalid(&format!(
        "the structure `{}` is damaged: its checksum is {found:08x}, expected {recorded:08x}",
        signature.shown()
    )))
}

/// `hashlittle` of Bob Jenkins's `lookup3.c` (2006) from the initial value 0.
fn lookup3(bytes: &[u8]) -> u32 {
    // As in the original, a longer length wraps around.
    #[expect(clippy::cast_possible_truncation)]
    let mut state = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    let mut rest = bytes;
    while rest.len() > BLOCK {
        let (block, after) = rest.split_at(BLOCK);
        add(&mut state, block);
        mix(&mut state);
        rest = after;
    }
    if !rest.is_empty() {
        add(&mut state, rest);
        finish(&mut state);
    }
    state[2]
}

/// Adds up to twelve bytes, little-endian; what is missing is zero.
fn add(state: &mut [u32; 3], bytes: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(bytes.chunks(4)) {
        let mut whole = [0; 4];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = word.wrapping_add(u32::from_le_bytes(whole));
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: &mut u32, z: &mut u32, turn: u32| {
        *x = x.wrapping_sub(*z) ^ z.rotate_left(turn);
        *z = z.wrapping_add(*y);
    };
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
}

fn finish([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: u32, turn: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(turn));
    step(c, *b, 14);
    step(a, *c, 11);
    step(b, *a, 25);
    step(c, *b, 16);
    step(a, *c, 4);
    step(b, *a, 14);
    step(c, *b, 24);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // From the comments of `lookup3.c`.
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn a_wrong_bit_is_noticed() {
        for length in [0, 1, 11, 12, 13, 24, 40] {
            let bytes: Vec<u8> = (0..length).collect();
            let whole = [&bytes[..], &lookup3(&bytes).to_le_bytes()].concat();
            assert_eq!(verified(whole.clone()).expect("whole"), bytes);
            for bit in 0..whole.len() * 8 {
                let mut damaged = whole.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(verified(damaged).is_err(), "{length} {bit}");
            }
        }
        assert!(verified(vec![0; 3]).is_err());
    }
}
