//! A tensor's elements as they lie in a file, little-endian and one after the other. Knows no file format.

use super::{Element, SourceError, TensorReader};
use crate::tensor::{decode, read_at};
use std::fs::File;
use std::path::Path;

/// How many bytes are read at a time.
pub(super) const PIECE: usize = 1 << 18;

/// Reads by position, as much as is asked for.
pub(super) struct Raw<'a> {
    pub(super) file: &'a File,
    /// Named in errors.
    pub(super) path: &'a Path,
    pub(super) element: Element,
    /// Bytes of one element.
    pub(super) size: usize,
    /// Where the first element lies.
    pub(super) start: u64,
}

impl Raw<'_> {
    pub(super) fn read(&self, bytes: &mut [u8], position: u64) -> Result<(), SourceError> {
        read_at(self.file, bytes, position).map_err(|source| SourceError::Io {
            path: self.path.to_string_lossy().into_owned(),
            source,
        })
    }
}

impl TensorReader for Raw<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let start = self.start + (offset * self.size) as u64;
        if self.element == Element::F32 {
            self.read(bytemuck::must_cast_slice_mut(out), start)?;
            decode::from_little_endian(out);
            return Ok(());
        }
        let step = PIECE / self.size;
        let mut bytes = vec![0; out.len().min(step) * self.size];
        let mut position = start;
        for piece in out.chunks_mut(step) {
            let bytes = &mut bytes[..piece.len() * self.size];
            self.read(bytes, position)?;
            decode::decode(self.element, bytes, piece);
            position += bytes.len() as u64;
        }
        Ok(())
    }
}
