//! Reads elements in row-major order, whatever their strides, the order of their bytes and their encoding are.

use super::array::View;
use super::storage::Region;
use crate::memory::{Buffer, NoMemory};
use crate::tensor::bytes::{Order, size};
use crate::tensor::{Element, SourceError, TensorReader, decode, read_at};
use crate::weights::archive::invalid;
use crate::weights::raw::Raw;
use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes of a text that are read at a time.
const PIECE: usize = 1 << 16;

/// Why elements cannot be read.
pub(super) enum Failed {
    Io(io::Error),
    Memory(NoMemory),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<NoMemory> for Failed {
    fn from(error: NoMemory) -> Self {
        Self::Memory(error)
    }
}

/// Opens a view of the bytes in a region of a file: in place where they lie as they are asked for, else all that it reaches.
pub(super) fn open<'a>(
    file: &'a File,
    path: &'a Path,
    view: &'a View,
    region: Region,
    order: Order,
) -> Result<Box<dyn TensorReader + 'a>, Failed> {
    let size = size(view.element);
    let start = view.offset * size as u64;
    if !region.is_text && order == Order::Little && view.is_contiguous() {
        return Ok(Box::new(Raw {
            file,
            path,
            element: view.element,
            size,
            start: region.start + start,
        }));
    }
    let mut bytes = bytes(file, view, region)?;
    if order == Order::Big {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    Ok(Box::new(Strided {
        element: view.element,
        size,
        bytes,
        view,
    }))
}

/// Whether the only element of a view is zero; none where it cannot be read.
pub(super) fn is_zero(file: &File, view: &View, region: Region) -> Option<bool> {
    let bytes = bytes(file, view, region).ok()?;
    Some(bytes.iter().all(|byte| *byte == 0))
}

/// What a view reaches, from its first element on.
fn bytes(file: &File, view: &View, region: Region) -> Result<Buffer<u8>, Failed> {
    let size = size(view.element) as u64;
    let short = || invalid("it ends before its elements do".to_owned());
    let reach = view
        .reach()
        .and_then(|reach| (reach - view.offset).checked_mul(size));
    let length = reach
        .and_then(|reach| usize::try_from(reach).ok())
        .ok_or_else(short)?;
    let mut bytes = Buffer::filled(length, 0, "the elements of an array")?;
    if region.is_text {
        decoded(file, region, &mut bytes)?;
    } else {
        read_at(file, &mut bytes, region.start + view.offset * size)?;
    }
    Ok(bytes)
}

/// Reads bytes that a text in UTF-8 stands for, each a character up to U+00FF.
fn decoded(file: &File, region: Region, bytes: &mut [u8]) -> io::Result<()> {
    let wrong = || invalid("the text of its elements is not one of bytes".to_owned());
    let mut piece = vec![0; PIECE];
    let mut out = bytes.iter_mut();
    let mut lead = None;
    let mut at = 0;
    while at < region.length {
        let left = usize::try_from(region.length - at).unwrap_or(PIECE);
        let piece = &mut piece[..left.min(PIECE)];
        read_at(file, piece, region.start + at)?;
        at += piece.len() as u64;
        for byte in piece {
            let value = match (lead.take(), *byte) {
                (None, value @ 0..0x80) => value,
                (None, high @ (0xc2 | 0xc3)) => {
                    lead = Some(high);
                    continue;
                }
                (Some(high), low @ 0x80..0xc0) => (high & 3) << 6 | (low & 0x3f),
                _ => return Err(wrong()),
            };
            *out.next().ok_or_else(wrong)? = value;
        }
    }
    match (lead, out.next()) {
        (None, None) => Ok(()),
        _ => Err(wrong()),
    }
}

/// Elements that were read, and how they lie.
struct Strided<'a> {
    element: Element,
    size: usize,
    /// From the first element on, little-endian.
    bytes: Buffer<u8>,
    view: &'a View,
}

impl TensorReader for Strided<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let View { shape, strides, .. } = self.view;
        // The place of the first element along each dimension.
        let mut rest = offset as u64;
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = rest % shape[axis].max(1);
            rest /= shape[axis].max(1);
        }
        let steps = index.iter().zip(strides);
        let mut place: u64 = steps.map(|(index, stride)| index * stride).sum();
        for out in out {
            let start = usize::try_from(place)
                .unwrap_or(usize::MAX)
                .saturating_mul(self.size);
            let element = &self.bytes[start..start + self.size];
            decode::decode(self.element, element, std::slice::from_mut(out));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                place += strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                place -= index[axis] * strides[axis];
                index[axis] = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::array::Elements;
    use super::*;
    use std::io::Write;

    /// A view of a storage with 0 to 5, from its second half on.
    fn view(strides: [u64; 1]) -> View {
        View {
            element: Element::F32,
            order: Order::Little,
            shape: vec![2],
            strides: strides.to_vec(),
            offset: 3,
            elements: Elements::Storage(String::new()),
        }
    }

    #[test]
    fn elements_begin_at_their_offset_whatever_their_strides() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let numbers: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let numbers = numbers.map(f32::to_le_bytes).concat();
        file.write_all(&numbers).expect("written");
        let region = Region {
            start: 0,
            length: 24,
            is_text: false,
        };
        for (strides, expected) in [([1], [3.0, 4.0]), ([2], [3.0, 5.0])] {
            let view = view(strides);
            let reader = open(file.as_file(), file.path(), &view, region, Order::Little);
            let mut found = [f32::NAN; 2];
            let reader = reader.ok().expect("a reader");
            reader.fill(0, &mut found).expect("its values");
            assert_eq!(found, expected);
        }
        for (offset, expected) in [(0, Some(true)), (1, Some(false)), (6, None)] {
            let one = View {
                shape: vec![1],
                offset,
                ..view([1])
            };
            assert_eq!(is_zero(file.as_file(), &one, region), expected, "{offset}");
        }
    }
}
