//! A file of lines none of which is endless.

use std::cell::Cell;
use std::io::{self, Read};

/// Bytes of the longest line that is read.
const LONGEST: u64 = 1 << 20;

/// A reader that fails where a line is longer than 1 MiB. [`Left`] is told where a line begins.
pub struct ShortLines<'l, R> {
    reader: R,
    left: &'l Left,
}

/// Bytes that the line may still have.
pub struct Left(Cell<u64>);

impl Left {
    /// Before the first line.
    pub fn new() -> Self {
        Self(Cell::new(LONGEST))
    }

    /// A line begins.
    pub fn begin(&self) {
        self.0.set(LONGEST);
    }
}

impl<'l, R> ShortLines<'l, R> {
    /// Reads from `reader`.
    pub fn new(reader: R, left: &'l Left) -> Self {
        Self { reader, left }
    }
}

impl<R: Read> Read for ShortLines<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        let left = self.left.0.get().checked_sub(read as u64);
        self.left.0.set(left.ok_or_else(|| {
            let message = format!("expected lines of at most {LONGEST} bytes, found a longer one");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that are read of a file.
    fn read(file: impl Read) -> Result<usize, csv::Error> {
        let left = Left::new();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(ShortLines::new(file, &left));
        let mut lines = 0;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            left.begin();
            lines += 1;
        }
        Ok(lines)
    }

    #[test]
    fn many_lines_are_read_and_an_endless_one_is_not() {
        let lines = "a picture,a class\n".repeat(200_000);
        assert_eq!(read(lines.as_bytes()).unwrap(), 200_000);
        for endless in [0, b'x', b'"'] {
            let refused = read(io::repeat(endless)).unwrap_err().to_string();
            assert!(refused.contains("at most 1048576 bytes"), "{refused}");
        }
    }
}
