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
        Self {
            value: crc32c::crc32c_combine(self.value, next.value, next.bytes),
            bytes: self.bytes + next.bytes,
        }
    }

    /// The CRC-32C.
    #[must_use]
    pub fn value(self) -> u32 {
        self.value
    }
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
    }
}
