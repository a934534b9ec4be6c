//! A reader that counts: what a file's own directory makes a program read is bounded before it is believed.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A reader that fails once a budget of bytes is spent.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    reader: R,
    left: Meter,
}

/// The budget of a [`Metered`] reader.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<AtomicU64>);

impl<R> Metered<R> {
    /// Gives so many bytes of `reader`.
    pub(crate) fn new(reader: R, bytes: u64) -> (Self, Meter) {
        let left = Meter(Arc::new(AtomicU64::new(bytes)));
        let meter = left.clone();
        (Self { reader, left }, meter)
    }
}

impl Meter {
    /// Allows so many bytes from now on.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        let left = self.left.0.load(Ordering::Relaxed);
        let left = left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "its directory is too large")
        })?;
        self.left.set(left);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.reader.seek(position)
    }
}
