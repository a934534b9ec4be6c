//! How messages are written: a line of JSON, and after it the elements of the tensors that it announces.
//!
//! A reader trusts nothing: a line is at most 1 MiB, and a tensor is read only if its announced size fits the memory
//! budget of the process.

use crate::files::foreign::Foreign;
use crate::memory::Buffer;
use crate::tensor::{Element, NamedTensor};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

const LONGEST_LINE: u64 = 1 << 20;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;

/// A tensor without its elements.
#[derive(Serialize, Deserialize)]
pub struct TensorLine {
    name: String,
    shape: Vec<usize>,
    element: Element,
}

/// A path, also one that is not UTF-8.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathLine {
    Text(String),
    Other(OsString),
}

impl From<&Path> for PathLine {
    fn from(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Other(path.into()),
        }
    }
}

impl From<PathLine> for PathBuf {
    fn from(line: PathLine) -> Self {
        match line {
            PathLine::Text(text) => text.into(),
            PathLine::Other(path) => path.into(),
        }
    }
}

/// Tensors without their elements.
pub fn lines(tensors: &[NamedTensor]) -> Vec<TensorLine> {
    tensors
        .iter()
        .map(|tensor| TensorLine {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            element: tensor.element,
        })
        .collect()
}

/// Writes a line.
pub fn write_line(line: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Reads a line; none at the end of the stream.
pub fn read_line<T: for<'a> Deserialize<'a>>(input: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    input.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let quoted = || {
        String::from_utf8_lossy(&line[..line.len().min(80)])
            .trim_end()
            .shown()
            .to_string()
    };
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(|_| malformed(&format!("`{}` is no message", quoted())))
}

/// Writes elements as little-endian f64.
pub fn write_elements(elements: &[f64], out: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    for piece in elements.chunks(PIECE / 8) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|element| element.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads the elements of announced tensors.
pub fn read_tensors(
    lines: Vec<TensorLine>,
    input: &mut impl BufRead,
) -> io::Result<Vec<NamedTensor>> {
    let read = |line: TensorLine| {
        let size = line
            .shape
            .iter()
            .try_fold(1_usize, |size, &dimension| size.checked_mul(dimension));
        let size =
            size.ok_or_else(|| malformed(&format!("`{}` is announced too large", line.name)))?;
        Ok(NamedTensor {
            data: read_elements(&line.name, size, input)?,
            name: line.name,
            shape: line.shape,
            element: line.element,
        })
    };
    lines.into_iter().map(read).collect()
}

fn read_elements(name: &str, count: usize, input: &mut impl Read) -> io::Result<Buffer<f64>> {
    let what = format_args!("`{}`", name.shown());
    let mut elements = Buffer::with_room(count, what)?;
    let mut bytes = vec![0; count.saturating_mul(8).min(PIECE)];
    while elements.len() < count {
        let piece = &mut bytes[..((count - elements.len()).saturating_mul(8)).min(PIECE)];
        input.read_exact(piece)?;
        let (words, _) = piece.as_chunks::<8>();
        elements.extend(words.iter().map(|word| f64::from_le_bytes(*word)));
    }
    Ok(elements)
}

/// What is read is not a message.
pub fn malformed(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}
