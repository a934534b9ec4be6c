//! What is wrong with stored tensors. Knows no file format.

use crate::files::foreign;
use crate::memory::NoMemory;
use std::io;

/// What goes wrong inside of a file whose path the caller knows.
pub(crate) enum Fault {
    /// The file cannot be read.
    Io(io::Error),
    /// Its bytes are not what they should be.
    Malformed(String),
    /// It does not fit the memory limit.
    Memory(NoMemory),
}

impl From<NoMemory> for Fault {
    fn from(error: NoMemory) -> Self {
        Self::Memory(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Malformed("it is cut off".to_owned()),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::Malformed(error.to_string())
            }
            _ => Self::Io(error),
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Malformed(reason)
    }
}

/// The number of elements of a shape.
pub(crate) fn count(shape: &[usize]) -> Result<usize, Fault> {
    let count = shape
        .iter()
        .try_fold(1_usize, |count, &extent| count.checked_mul(extent));
    count.ok_or_else(|| {
        Fault::Malformed(format!(
            "expected fewer than 2^{} elements, found the shape {}",
            usize::BITS,
            foreign::shape(shape)
        ))
    })
}
