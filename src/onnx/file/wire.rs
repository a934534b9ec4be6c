//! Protobuf's wire format, read by position: fields are visited where they lie, payloads only on demand.

use std::io::{self, BufReader, Read, Seek};
use std::ops::Range;

/// Fields that are visited before a file is refused. A model of 5,000 blocks has fewer than a million.
const FIELD_LIMIT: u64 = 1 << 24;
/// The largest message that is read at once; no node or type comes near.
const MESSAGE_LIMIT: u64 = 16 << 20;
const BUFFER: usize = 1 << 16;

/// Why reading ends.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read.
    Io(io::Error),
    /// Its bytes are not what they should be.
    Malformed(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The value of a field, or where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A variable-length integer.
    Varint(u64),
    /// Eight bytes.
    Fixed64,
    /// Four bytes.
    Fixed32,
    /// A string, bytes, a message or packed numbers.
    Bytes(Range<u64>),
}

/// Reads fields of a file.
pub struct Wire<R> {
    file: BufReader<R>,
    position: u64,
    fields: u64,
}

impl<R: Read + Seek> Wire<R> {
    /// Starts at the beginning of the file.
    pub fn new(file: R) -> Self {
        Self {
            file: BufReader::with_capacity(BUFFER, file),
            position: 0,
            fields: 0,
        }
    }

    /// Visits the next field within a message that ends at `end`, or says that it is over.
    pub fn field(&mut self, end: u64) -> Result<Option<(u32, Payload)>, Fault> {
        if self.position == end {
            return Ok(None);
        }
        self.fields += 1;
        if self.fields > FIELD_LIMIT {
            return Err(Fault::Malformed(format!(
                "it has more than {FIELD_LIMIT} fields"
            )));
        }
        let start = self.position;
        let key = self.varint(end)?;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number));
        let number = number
            .ok_or_else(|| malformed(start, format!("field number {} does not exist", key >> 3)))?;
        let payload = match key & 7 {
            0 => Payload::Varint(self.varint(end)?),
            1 => {
                self.skip(8, end)?;
                Payload::Fixed64
            }
            2 => {
                let length = self.varint(end)?;
                let start = self.position;
                self.skip(length, end)?;
                Payload::Bytes(start..self.position)
            }
            5 => {
                self.skip(4, end)?;
                Payload::Fixed32
            }
            other => {
                return Err(malformed(
                    start,
                    format!("wire type {other} is not used in ONNX"),
                ));
            }
        };
        Ok(Some((number, payload)))
    }

    /// Where the next field starts.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Continues reading elsewhere.
    pub fn seek(&mut self, position: u64) -> Result<(), Fault> {
        // Positions are file offsets, which the system keeps below 2⁶³.
        let distance = position.cast_signed() - self.position.cast_signed();
        self.file.seek_relative(distance)?;
        self.position = position;
        Ok(())
    }

    /// Reads a whole message or string.
    pub fn read(&mut self, range: &Range<u64>) -> Result<Vec<u8>, Fault> {
        let length = range.end - range.start;
        if length > MESSAGE_LIMIT {
            let reason = format!("a message of {length} bytes is larger than {MESSAGE_LIMIT}");
            return Err(malformed(range.start, reason));
        }
        self.seek(range.start)?;
        let mut bytes = Vec::new();
        (&mut self.file).take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        self.position = range.end;
        Ok(bytes)
    }

    /// Counts the variable-length integers in a packed field.
    pub fn count_varints(&mut self, range: &Range<u64>) -> Result<u64, Fault> {
        self.seek(range.start)?;
        let mut count = 0;
        let mut left = range.end - range.start;
        let mut buffer = [0_u8; 4096];
        while left > 0 {
            let length = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            self.file.read_exact(&mut buffer[..length])?;
            count += buffer[..length].iter().filter(|byte| **byte < 0x80).count() as u64;
            left -= length as u64;
        }
        self.position = range.end;
        Ok(count)
    }

    /// Reads a variable-length integer that ends before `end`.
    pub fn varint(&mut self, end: u64) -> Result<u64, Fault> {
        let start = self.position;
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            if self.position == end {
                return Err(malformed(start, "a number is cut off".to_owned()));
            }
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            self.position += 1;
            let bits = u64::from(byte[0] & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed(start, "a number does not fit 64 bits".to_owned()))
    }

    fn skip(&mut self, length: u64, end: u64) -> Result<(), Fault> {
        let left = end - self.position;
        if length > left {
            let reason = format!(
                "a field should have {length} bytes, but only {left} follow; it may be truncated"
            );
            return Err(malformed(self.position, reason));
        }
        self.seek(self.position + length)
    }
}

/// An error at a byte of the file.
pub fn malformed(position: u64, reason: impl std::fmt::Display) -> Fault {
    Fault::Malformed(format!("at byte {position}: {reason}"))
}
