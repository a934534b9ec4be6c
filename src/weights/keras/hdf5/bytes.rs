//! Bytes of an HDF5 file: read by position, never beyond its end, and never more than a walk may take.

use super::window::Window;
use crate::files::foreign::Foreign;
use crate::memory;
use std::cell::Cell;
use std::io;

/// Bytes of structure that one walk may read. EfficientNet-L2's file has 3 MB of it.
const MOST_BYTES: u64 = 64 << 20;
/// What a read costs beside its bytes, so that a walk ends soon however small the structures are.
const COST_OF_A_READ: u64 = 256;
/// What an address that leads nowhere looks like.
pub(super) const NOWHERE: u64 = u64::MAX;

/// Structures of a file, and how much of them may still be read.
pub(super) struct Structures<'a> {
    file: &'a Window,
    /// Length of the file.
    pub(super) length: u64,
    left: Cell<u64>,
}

impl<'a> Structures<'a> {
    pub(super) fn new(file: &'a Window) -> Self {
        Self {
            file,
            length: file.length(),
            left: Cell::new(MOST_BYTES),
        }
    }

    /// For a tensor's chunks, which are bounded elsewhere: as many bytes as the file has may be read beside their index.
    pub(super) fn of_chunks(file: &'a Window) -> Self {
        Self {
            file,
            length: file.length(),
            left: Cell::new(MOST_BYTES.saturating_add(file.length())),
        }
    }

    /// Counts memory or time that a file's structure takes.
    pub(super) fn spend(&self, bytes: u64) -> io::Result<()> {
        let left = self.left.get().checked_sub(bytes);
        self.left
            .set(left.ok_or_else(|| invalid("its structure is larger than any checkpoint's"))?);
        Ok(())
    }

    pub(super) fn read(&self, position: u64, size: u64) -> io::Result<Vec<u8>> {
        let end = position.checked_add(size);
        if end.is_none_or(|end| end > self.length) {
            return Err(invalid(&format!(
                "a structure of {size} bytes at {position} extends beyond the end of the file"
            )));
        }
        self.spend(size.saturating_add(COST_OF_A_READ))?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut bytes = memory::filled(size, 0, "a structure")?;
        self.file.read_at(&mut bytes, position)?;
        Ok(bytes)
    }

    /// As much of `size` bytes as the file has.
    pub(super) fn read_up_to(&self, position: u64, size: u64) -> io::Result<Vec<u8>> {
        let there = self.length.saturating_sub(position);
        self.read(position, size.min(there))
    }
}

/// Fields of a structure, one after another; integers are little-endian.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, size: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(size)
            .ok_or_else(|| invalid("a structure ends before its last field"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, size: usize) -> io::Result<()> {
        self.take(size).map(drop)
    }

    /// An integer of up to 8 bytes.
    pub(super) fn integer(&mut self, size: usize) -> io::Result<u64> {
        let mut bytes = [0; 8];
        bytes
            .get_mut(..size)
            .ok_or_else(|| invalid("an integer has more than 8 bytes"))?
            .copy_from_slice(self.take(size)?);
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn short(&mut self) -> io::Result<u16> {
        let mut bytes = [0; 2];
        bytes.copy_from_slice(self.take(2)?);
        Ok(u16::from_le_bytes(bytes))
    }

    pub(super) fn word(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn long(&mut self) -> io::Result<u64> {
        self.integer(8)
    }

    /// The bytes that a structure starts with to say what it is.
    pub(super) fn signature(&mut self, expected: [u8; 4]) -> io::Result<()> {
        if self.take(4)? == expected.as_slice() {
            return Ok(());
        }
        Err(invalid(&format!(
            "expected a structure `{}`, found something else",
            expected.shown()
        )))
    }

    /// A version, or another choice that a structure makes.
    pub(super) fn one_of(&mut self, what: &str, known: &[u8]) -> io::Result<u8> {
        let found = self.byte()?;
        if known.contains(&found) {
            return Ok(found);
        }
        Err(invalid(&format!(
            "its {what} is {found}, expected one of {known:?}"
        )))
    }
}

/// Bytes that are needed to write any number up to `most`.
pub(super) fn width(most: u64) -> usize {
    (most.checked_ilog2().unwrap_or(0) / 8 + 1) as usize
}

pub(super) fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
