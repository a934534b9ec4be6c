//! CRC-32C, of bytes that come in parts.

use std::fmt;

/// The CRC-32C of a run of bytes and their number: the checksums of parts make that of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    value: u32,
    bytes: usize,
}

impl Checksum {
    /// The checksum of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            value: crc32c::crc32c(bytes),
            bytes: bytes.len(),
        }
    }

    /// Continues with the bytes that follow.
    pub fn append(&mut self, bytes: &[u8]) {
        self.value = crc32c::crc32c_append(self.value, bytes);
        self.bytes += bytes.len();
    }

    /// The checksum of these bytes and the ones of `next` after them.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let moved = match self.bytes {
            0 => 0,
            _ => multiply(power_of_x(next.bytes), self.value),
        };
        Self {
            value: moved ^ next.value,
            bytes: self.bytes + next.bytes,
        }
    }

    /// The CRC-32C.
    #[must_use]
    pub fn value(self) -> u32 {
        self.value
    }
}

/// The Castagnoli polynomial without its highest power, the coefficient of x⁰ in the highest bit, as everywhere here.
const POLYNOMIAL: u32 = 0x82f6_3b78;
const ONE: u32 = 1 << 31;
/// x to the powers 8, 16, 32 and so on: what a CRC is multiplied with to make way for 1, 2, 4 and more bytes. This
/// takes a microsecond; squaring matrices, as `crc32c::crc32c_combine` does, takes 30.
const POWERS: [u32; usize::BITS as usize] = {
    let mut powers = [1 << 23; usize::BITS as usize];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = multiply(powers[index - 1], powers[index - 1]);
        index += 1;
    }
    powers
};

/// The product of two polynomials modulo the CRC's.
const fn multiply(one: u32, mut other: u32) -> u32 {
    let (mut product, mut bit) = (0, ONE);
    while bit > 0 {
        if one & bit != 0 {
            product ^= other;
        }
        other = (other >> 1) ^ if other & 1 == 1 { POLYNOMIAL } else { 0 };
        bit >>= 1;
    }
    product
}

/// x to the power of so many bytes.
fn power_of_x(bytes: usize) -> u32 {
    let is_set = |index: &usize| bytes >> index & 1 == 1;
    let powers = (0..POWERS.len()).filter(is_set);
    powers.fold(ONE, |product, index| multiply(POWERS[index], product))
}

/// Eight hexadecimal digits.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32/ISCSI in the catalogue of parametrised CRC algorithms, however it is made.
    #[test]
    fn parts_make_the_whole() {
        let bytes = b"123456789";
        assert_eq!(Checksum::of(bytes).to_string(), "e3069283");
        for middle in 0..=bytes.len() {
            let (first, second) = bytes.split_at(middle);
            assert_eq!(
                Checksum::of(first).then(Checksum::of(second)),
                Checksum::of(bytes)
            );
            let mut appended = Checksum::default();
            appended.append(first);
            appended.append(second);
            assert_eq!(appended, Checksum::of(bytes));
        }
        let long: Vec<u8> = (0..3_000_000_u32)
            .map(|byte| byte.to_le_bytes()[1])
            .collect();
        for part in [1, 255, 4096, 262_144, 262_143, 1_999_999] {
            let parts = long.chunks(part).map(Checksum::of);
            let whole = parts.fold(Checksum::default(), Checksum::then);
            assert_eq!(whole, Checksum::of(&long), "{part}");
        }
    }
}
