//! Where an HDF5 file lies: it is a whole file, or one piece of another.

use crate::files::TemporaryFolder;
use crate::tensor;
use std::fs::File;
use std::io;

/// An HDF5 file, whose positions count from its own first byte.
#[derive(Debug)]
pub(in super::super) struct Window {
    file: File,
    start: u64,
    length: u64,
    /// Where the file is a temporary one, the folder that goes with it.
    _folder: Option<TemporaryFolder>,
}

impl Window {
    /// A whole file.
    pub(in super::super) fn whole(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            start: 0,
            length,
            _folder: None,
        })
    }

    /// A whole file in a temporary folder, which is removed with this.
    pub(in super::super) fn temporary(file: File, folder: TemporaryFolder) -> io::Result<Self> {
        Ok(Self {
            _folder: Some(folder),
            ..Self::whole(file)?
        })
    }

    /// `length` bytes of a file from `start` on.
    pub(in super::super) fn within(file: File, start: u64, length: u64) -> io::Result<Self> {
        let there = file.metadata()?.len();
        if start.checked_add(length).is_none_or(|end| end > there) {
            let reason = format!("its {length} bytes at {start} extend beyond the end of the file");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(Self {
            file,
            start,
            length,
            _folder: None,
        })
    }

    /// Bytes that it has.
    pub(in super::super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads bytes at a position, which lie within it.
    pub(super) fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<()> {
        let end = position.checked_add(bytes.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        tensor::read_at(&self.file, bytes, self.start + position)
    }
}
