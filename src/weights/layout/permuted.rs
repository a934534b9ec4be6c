//! A tensor whose dimensions are in another order than in its file, read and brought into order band by band.

use crate::memory::Buffer;
use crate::tensor::{SourceError, TensorReader};
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Elements of a band: whole matrices of a tensor, or columns of one, as they lie in the file.
const BAND: usize = 1 << 20;
/// Bands that are held at a time. Threads fill neighbouring pieces, which may lie on both sides of a border.
const HELD: usize = 2;
/// Rows and columns that are turned at a time: a cache line of each.
const TILE: usize = 16;
/// What needs the memory.
const WHAT: &str = "a tensor whose dimensions are brought into order";

/// A tensor whose dimensions are in another order than in the file: brought into order as it is read. Holds two bands of 4 MiB
/// at most.
pub struct Permuted<'a> {
    reader: Box<dyn TensorReader + 'a>,
    extents: Extents,
    /// How many matrices a band has.
    matrices: usize,
    /// How many of a matrix's columns a band has: all of them where it has more than one matrix.
    columns: usize,
    bands: [RwLock<Option<Band>>; HELD],
}

/// The extents of the groups of dimensions that an order of dimensions moves as one: element [n, a, b, c] of the file becomes
/// [n, c, b, a]. Each n is a matrix of a × b rows and c columns, which is transposed, but for the order of its rows.
#[derive(Clone, Copy)]
struct Extents {
    n: usize,
    a: usize,
    b: usize,
    c: usize,
}

/// A part of the file's tensor that is held in memory.
struct Band {
    number: usize,
    values: Buffer<f32>,
}

/// A band's place.
struct Part {
    number: usize,
    /// Its elements in the result.
    elements: Range<usize>,
    /// Its first matrix.
    matrix: usize,
    /// Its first column, and how many it has.
    column: usize,
    columns: usize,
}

/// Whether [`Permuted`] reads an order: it puts up to three groups of neighbouring dimensions the other way round, behind a group
/// that stays in its place.
#[must_use]
pub fn is_read(axes: &[usize]) -> bool {
    let (kept, runs) = runs(axes);
    let back = runs.iter().rev().copied().flatten().copied();
    runs.len() <= 3 && back.eq(kept..axes.len())
}

/// How many of the first dimensions stay in their place, and the groups of the others.
fn runs(axes: &[usize]) -> (usize, Vec<&[usize]>) {
    let kept = axes
        .iter()
        .zip(0..)
        .take_while(|(axis, place)| *axis == place);
    let kept = kept.count();
    let runs = axes[kept..].chunk_by(|axis, next| axis + 1 == *next);
    (kept, runs.collect())
}

impl<'a> Permuted<'a> {
    /// What `reader` has, which is of that shape, with its dimensions in the order `axes`.
    ///
    /// # Panics
    /// If `axes` are not [read](is_read).
    #[must_use]
    pub fn new(reader: Box<dyn TensorReader + 'a>, shape: &[u64], axes: &[usize]) -> Self {
        assert!(is_read(axes), "an order that is not read: {axes:?}");
        let extents = Extents::of(shape, axes);
        let matrix = extents.height().saturating_mul(extents.c).max(1);
        let columns = BAND / extents.height().max(1);
        Self {
            reader,
            extents,
            matrices: (BAND / matrix).max(1),
            columns: if matrix <= BAND {
                extents.c
            } else {
                (columns / TILE * TILE).max(TILE).min(extents.c)
            },
            bands: Default::default(),
        }
    }

    /// The band that has an element of the result.
    fn part(&self, element: usize) -> Part {
        let Extents { n, c, .. } = self.extents;
        let height = self.extents.height();
        let row = element / height;
        let (matrix, column) = (row / c, row % c);
        let matrix = matrix / self.matrices * self.matrices;
        let matrices = self.matrices.min(n - matrix);
        let column = column / self.columns * self.columns;
        let columns = self.columns.min(c - column);
        let start = (matrix * c + column) * height;
        Part {
            number: matrix / self.matrices * c.div_ceil(self.columns) + column / self.columns,
            elements: start..start + matrices * columns * height,
            matrix,
            column,
            columns,
        }
    }

    /// Reads a band.
    fn read(&self, part: &Part) -> Result<Band, SourceError> {
        let Extents { c, .. } = self.extents;
        let mut values = Buffer::filled(part.elements.len(), 0.0, WHAT)?;
        if part.columns == c {
            self.reader.fill(part.elements.start, &mut values)?;
        } else {
            let first = part.matrix * self.extents.height();
            for (row, columns) in (first..).zip(values.chunks_exact_mut(part.columns)) {
                self.reader.fill(row * c + part.column, columns)?;
            }
        }
        Ok(Band {
            number: part.number,
            values,
        })
    }

    /// Fills `out` with the elements of one band from `start` on.
    fn fill_from(&self, part: &Part, start: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let slot = &self.bands[part.number % HELD];
        let turn = |held: &Option<Band>, out: &mut [f32]| match held {
            Some(band) if band.number == part.number => {
                self.turn(part, &band.values, start, out);
                true
            }
            _ => false,
        };
        if turn(&slot.read().unwrap_or_else(PoisonError::into_inner), out) {
            return Ok(());
        }
        let mut held = slot.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have read it meanwhile.
        if held.as_ref().is_none_or(|band| band.number != part.number) {
            *held = None;
            *held = Some(self.read(part)?);
        }
        turn(&RwLockWriteGuard::downgrade(held), out);
        Ok(())
    }

    /// Brings a band's elements from `start` on into order.
    fn turn(&self, part: &Part, values: &[f32], start: usize, out: &mut [f32]) {
        let Extents { a, b, .. } = self.extents;
        let height = self.extents.height();
        // Where the row of each place in a column begins.
        let rows: Vec<usize> = (0..height)
            .map(|place| ((place % a) * b + place / a) * part.columns)
            .collect();
        let size = height * part.columns;
        let mut done = 0;
        while done < out.len() {
            let position = start + done - part.elements.start;
            let (matrix, from) = (position / size, position % size);
            let length = (size - from).min(out.len() - done);
            let matrix = &values[matrix * size..][..size];
            transpose(matrix, &rows, from, &mut out[done..done + length]);
            done += length;
        }
    }
}

impl TensorReader for Permuted<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let mut done = 0;
        while done < out.len() {
            let start = offset + done;
            let part = self.part(start);
            let length = (part.elements.end - start).min(out.len() - done);
            self.fill_from(&part, start, &mut out[done..done + length])?;
            done += length;
        }
        Ok(())
    }
}

impl Extents {
    fn of(shape: &[u64], axes: &[usize]) -> Self {
        // The container has compared the shape with the bytes that it has.
        let product = |axes: &[usize]| {
            let extents = axes.iter().map(|&axis| usize::try_from(shape[axis]));
            extents.fold(1usize, |product, extent| {
                product.saturating_mul(extent.unwrap_or(usize::MAX))
            })
        };
        let (kept, runs) = runs(axes);
        let mut groups = runs.iter().rev().map(|run| product(run));
        let mut next = || groups.next().unwrap_or(1);
        let (n, a, b, c) = (product(&axes[..kept]), next(), next(), next());
        // Two groups have none between them.
        let (b, c) = if runs.len() == 2 { (c, b) } else { (b, c) };
        Self { n, a, b, c }
    }

    /// Rows of a matrix as it lies in the file.
    fn height(&self) -> usize {
        self.a.saturating_mul(self.b)
    }
}

/// Fills `out` with the elements from `from` on of a matrix whose rows, which begin at `rows`, become columns.
fn transpose(matrix: &[f32], rows: &[usize], from: usize, out: &mut [f32]) {
    let (height, end) = (rows.len(), from + out.len());
    let columns = from / height..end.div_ceil(height);
    for first in columns.clone().step_by(TILE) {
        let width = TILE.min(columns.end - first);
        for (index, rows) in rows.chunks(TILE).enumerate() {
            let tile = turned(&matrix[first..], rows, width);
            for (column, line) in tile.iter().enumerate().take(width) {
                let place = (first + column) * height + index * TILE;
                if rows.len() == TILE && place >= from && place + TILE <= end {
                    // A length that is known here makes it twice as fast.
                    out[place - from..][..TILE].copy_from_slice(line);
                    continue;
                }
                let (start, stop) = (place.max(from), (place + rows.len()).min(end));
                if start < stop {
                    out[start - from..stop - from]
                        .copy_from_slice(&line[start - place..stop - place]);
                }
            }
        }
    }
}

/// The first `width` elements of the rows that begin at `rows`, as the columns of a tile.
#[inline]
fn turned(matrix: &[f32], rows: &[usize], width: usize) -> [[f32; TILE]; TILE] {
    let mut tile = [[0.0; TILE]; TILE];
    for (row, &begin) in rows.iter().enumerate() {
        if width == TILE {
            let values: [f32; TILE] = matrix[begin..begin + TILE].try_into().unwrap_or_default();
            for (column, value) in values.into_iter().enumerate() {
                tile[column][row] = value;
            }
        } else {
            for (column, value) in matrix[begin..begin + width].iter().enumerate() {
                tile[column][row] = *value;
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::layout;

    /// Tells where an element lies.
    struct Ramp;

    impl TensorReader for Ramp {
        fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
            for (index, value) in out.iter_mut().enumerate() {
                *value = (offset + index) as f32;
            }
            Ok(())
        }
    }

    /// By the definition: each element's indices, in their other order, tell where it lies.
    #[test]
    fn every_order_is_the_one_that_its_axes_say() {
        for (shape, axes) in [
            (&[3u64, 2, 5, 4][..], &[3usize, 2, 0, 1][..]),
            (&[4, 5, 3, 2], &[2, 3, 1, 0]),
            (&[3, 2, 5, 1], &[2, 3, 0, 1]),
            (&[5, 1, 3, 2], &[2, 3, 0, 1]),
            (&[5, 7], &[1, 0]),
            // Several pieces and tiles, none of them full.
            (&[1, 1, 700, 333], &[3, 2, 0, 1]),
            (&[3, 3, 130, 145], &[3, 2, 0, 1]),
            (&[145, 130, 3, 3], &[2, 3, 1, 0]),
            (&[5, 5, 13_001, 1], &[2, 3, 0, 1]),
            (&[200_003, 1], &[1, 0]),
            (&[1, 200_003], &[1, 0]),
            // Behind a dimension that stays, as PyTorch's `channels_last` has them: several bands of whole matrices.
            (&[5, 3, 2, 7], &[0, 3, 1, 2]),
            (&[130, 3, 3, 145], &[0, 3, 1, 2]),
            (&[1200, 3, 3, 145], &[0, 3, 1, 2]),
            // Bands of columns, the last of which are few.
            (&[1, 1, 1500, 1500], &[3, 2, 0, 1]),
            (&[2, 1100, 1001], &[0, 2, 1]),
            (&[1, 1, 1, 1], &[3, 2, 0, 1]),
            (&[3, 3, 0, 4], &[3, 2, 0, 1]),
        ] {
            let permuted = Permuted::new(Box::new(Ramp), shape, axes);
            let extents = layout::permuted(shape, axes);
            let stride = |axis: usize| shape[axis + 1..].iter().product::<u64>();
            let strides: Vec<u64> = axes.iter().map(|&axis| stride(axis)).collect();
            let elements: u64 = shape.iter().product();
            let expected: Vec<f32> = (0..elements)
                .map(|flat| {
                    let (mut rest, mut place) = (flat, 0);
                    for (extent, stride) in extents.iter().zip(&strides).rev() {
                        place += rest % extent * stride;
                        rest /= extent;
                    }
                    place as f32
                })
                .collect();
            let mut found = vec![f32::NAN; expected.len()];
            for (index, part) in found.chunks_mut(100_001).enumerate() {
                permuted.fill(index * 100_001, part).unwrap();
            }
            assert!(found == expected, "{shape:?} by {axes:?}");
        }
    }

    /// It would have the right shape and the wrong weights.
    #[test]
    #[should_panic(expected = "an order that is not read: [1, 0, 2, 3]")]
    fn an_order_that_keeps_a_group_in_its_place_is_not_read() {
        let _ = Permuted::new(Box::new(Ramp), &[2, 3, 4, 5], &[1, 0, 2, 3]);
    }
}
