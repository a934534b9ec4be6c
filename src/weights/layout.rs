//! The order of a kernel's dimensions in TensorFlow and Keras, and in PyTorch and ONNX.
//!
//! Knows no file. Kernels of another layout are read whole, one tensor at a time.

use super::names::Naming;
use super::{SourceError, TensorReader};
use crate::memory::{self, Buffer};

/// For each dimension of the result, the dimension of what it is gathered from. Only orders that put up to three groups of
/// neighbouring dimensions the other way round can be read: [`Permuted::new`] panics for others, such as `[0, 3, 1, 2]`.
pub type Axes = &'static [usize];

/// Height, width, in, out to out, in, height, width.
const CONVOLUTION: [usize; 4] = [3, 2, 0, 1];
/// Height, width, channels, multiplier to channels, multiplier, height, width.
const DEPTHWISE: [usize; 4] = [2, 3, 0, 1];
/// In, out to out, in; and back.
pub const TRANSPOSED: [usize; 2] = [1, 0];
/// Out, in, height, width to height, width, in, out.
const CONVOLUTION_BACK: [usize; 4] = [2, 3, 1, 0];
/// Channels, multiplier, height, width to height, width, channels, multiplier.
const DEPTHWISE_BACK: [usize; 4] = [2, 3, 0, 1];

/// How a naming's tensor of that rank becomes PyTorch's; none where they are laid out alike.
#[must_use]
pub fn to_torch(naming: Naming, name: &str, rank: usize) -> Option<Axes> {
    pick(naming, name, rank, &CONVOLUTION, &DEPTHWISE)
}

/// How PyTorch's tensor of that rank becomes the naming's; none where they are laid out alike.
#[must_use]
pub fn from_torch(naming: Naming, name: &str, rank: usize) -> Option<Axes> {
    pick(naming, name, rank, &CONVOLUTION_BACK, &DEPTHWISE_BACK)
}

fn pick(
    naming: Naming,
    name: &str,
    rank: usize,
    convolution: Axes,
    depthwise: Axes,
) -> Option<Axes> {
    match naming {
        Naming::Timm
        | Naming::Resnet
        | Naming::MobileNetV2
        | Naming::Torchvision
        | Naming::Lukemelas => return None,
        Naming::Keras | Naming::TensorFlow => {}
    }
    match (name.rsplit_once('/')?.1, rank) {
        ("depthwise_kernel", 4) => Some(depthwise),
        ("kernel", 4) => Some(convolution),
        ("kernel", 2) => Some(&TRANSPOSED),
        _ => None,
    }
}

/// The shape that `axes` make of a shape.
#[must_use]
pub fn permuted(shape: &[u64], axes: Axes) -> Vec<u64> {
    axes.iter().map(|&axis| shape[axis]).collect()
}

/// A tensor whose dimensions are in another order than in the file: brought into order as it is read.
#[derive(Debug)]
pub struct Permuted(Buffer<f32>);

/// What needs the memory.
const WHAT: &str = "a tensor whose dimensions are brought into order";
/// Elements that are read at a time: they stay in a core's cache until they are in their places.
const PIECE: usize = 1 << 16;
/// Rows and columns that are turned at a time: a cache line of each.
const TILE: usize = 16;

impl Permuted {
    /// Reads the whole tensor of that shape.
    ///
    /// # Errors
    /// If it cannot be read, or does not fit the memory limit.
    ///
    /// # Panics
    /// If `axes` do more than to put groups the other way round.
    pub fn new(reader: &dyn TensorReader, shape: &[u64], axes: Axes) -> Result<Self, SourceError> {
        assert!(turns_groups(axes), "an order that is not read: {axes:?}");
        // The container has compared the shape with the bytes that it has.
        let shape: Vec<usize> = shape
            .iter()
            .map(|&extent| usize::try_from(extent).unwrap_or(usize::MAX))
            .collect();
        let elements = shape
            .iter()
            .fold(1usize, |product, &extent| product.saturating_mul(extent));
        let mut values = Buffer::filled(elements, 0.0, WHAT)?;
        if elements > 0 {
            reverse(reader, groups(&shape, axes), &mut values)?;
        }
        Ok(Self(values))
    }
}

impl TensorReader for Permuted {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        out.copy_from_slice(&self.0[offset..offset + out.len()]);
        Ok(())
    }
}

/// Whether an order puts at most three groups of neighbouring dimensions the other way round.
fn turns_groups(axes: Axes) -> bool {
    let runs: Vec<&[usize]> = axes.chunk_by(|axis, next| axis + 1 == *next).collect();
    let back: Vec<usize> = runs.iter().rev().copied().flatten().copied().collect();
    runs.len() <= 3 && back.into_iter().eq(0..axes.len())
}

/// The extents of the groups of dimensions that an order of dimensions moves as one, and puts the other way round: height and width, in, out become out, in, height and width.
fn groups(shape: &[usize], axes: Axes) -> [usize; 3] {
    let runs = axes.chunk_by(|axis, next| axis + 1 == *next).rev();
    let extents: Vec<usize> = runs
        .map(|run| run.iter().map(|&axis| shape[axis]).product())
        .collect();
    match extents[..] {
        [first, middle, last, ..] => [first, middle, last],
        [first, last] => [first, 1, last],
        [first] => [first, 1, 1],
        [] => [1; 3],
    }
}

/// Element [a, b, c] of the reader becomes [c, b, a] of `values`.
///
/// In the result, a and b are one dimension: the matrix is transposed, but for the order of its rows. So some b's rows are read
/// for every a, and their columns written side by side.
fn reverse(
    reader: &dyn TensorReader,
    [a, b, c]: [usize; 3],
    values: &mut [f32],
) -> Result<(), SourceError> {
    let step = rows_at_a_time(a * c, b);
    let mut piece = memory::filled(a * step * c, 0.0, WHAT)?;
    for start in (0..b).step_by(step) {
        let count = step.min(b - start);
        for (index, rows) in piece.chunks_exact_mut(count * c).take(a).enumerate() {
            reader.fill((index * b + start) * c, rows)?;
        }
        // Where the row of each place in a column begins.
        let rows: Vec<usize> = (0..a * count)
            .map(|place| ((place % a) * count + place / a) * c)
            .collect();
        for first in (0..c).step_by(TILE) {
            let width = TILE.min(c - first);
            for (index, rows) in rows.chunks(TILE).enumerate() {
                let tile = turned(&piece[first..], rows, width);
                for (column, line) in tile.iter().enumerate().take(width) {
                    let place = ((first + column) * b + start) * a + index * TILE;
                    values[place..place + rows.len()].copy_from_slice(&line[..rows.len()]);
                }
            }
        }
    }
    Ok(())
}

/// How many of `most` rows, of `elements` together, are read at a time: whole tiles where they are more than one.
fn rows_at_a_time(elements: usize, most: usize) -> usize {
    let rows = (PIECE / elements).clamp(1, most);
    if rows > TILE {
        rows / TILE * TILE
    } else {
        rows
    }
}

/// The first `width` elements of the rows that begin at `rows`, as the columns of a tile.
#[inline]
fn turned(piece: &[f32], rows: &[usize], width: usize) -> [[f32; TILE]; TILE] {
    let mut tile = [[0.0; TILE]; TILE];
    for (row, &begin) in rows.iter().enumerate() {
        // A length that is known here makes it twice as fast.
        if width == TILE {
            let values: [f32; TILE] = piece[begin..begin + TILE].try_into().unwrap_or_default();
            for (column, value) in values.into_iter().enumerate() {
                tile[column][row] = value;
            }
        } else {
            for (column, value) in piece[begin..begin + width].iter().enumerate() {
                tile[column][row] = *value;
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (&[3u64, 2, 5, 4][..], &CONVOLUTION[..]),
            (&[4, 5, 3, 2], &CONVOLUTION_BACK),
            (&[3, 2, 5, 1], &DEPTHWISE),
            (&[5, 1, 3, 2], &DEPTHWISE_BACK),
            (&[5, 7], &TRANSPOSED),
            // Several pieces and tiles, none of them full.
            (&[1, 1, 700, 333], &CONVOLUTION),
            (&[3, 3, 130, 145], &CONVOLUTION),
            (&[145, 130, 3, 3], &CONVOLUTION_BACK),
            (&[5, 5, 13_001, 1], &DEPTHWISE),
            (&[200_003, 1], &TRANSPOSED),
            (&[1, 200_003], &TRANSPOSED),
            (&[1, 1, 1, 1], &CONVOLUTION),
            (&[3, 3, 0, 4], &CONVOLUTION),
        ] {
            let permuted = Permuted::new(&Ramp, shape, axes).unwrap();
            let extents = super::permuted(shape, axes);
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
        let kernel = to_torch(Naming::Keras, "stem_conv/kernel", 4).unwrap();
        assert_eq!(super::permuted(&[3, 2, 5, 4], kernel), [4, 5, 3, 2]);
    }

    /// It would have the right shape and the wrong weights.
    #[test]
    #[should_panic(expected = "an order that is not read: [0, 3, 1, 2]")]
    fn an_order_that_keeps_a_group_in_its_place_is_not_read() {
        let _ = Permuted::new(&Ramp, &[2, 3, 4, 5], &[0, 3, 1, 2]);
    }

    #[test]
    fn what_goes_to_torch_comes_back() {
        for naming in [Naming::Keras, Naming::TensorFlow] {
            for (name, shape) in [
                ("a/kernel", &[3u64, 2, 5, 4][..]),
                ("a/depthwise_kernel", &[3, 2, 5, 1]),
                ("a/kernel", &[3, 2]),
            ] {
                let there = to_torch(naming, name, shape.len()).unwrap();
                let back = from_torch(naming, name, shape.len()).unwrap();
                assert_eq!(permuted(&permuted(shape, there), back), shape, "{name}");
            }
        }
        let depthwise = to_torch(Naming::Keras, "a/depthwise_kernel", 4).unwrap();
        assert_eq!(permuted(&[3, 2, 5, 1], depthwise), [5, 1, 3, 2]);
        assert_eq!(to_torch(Naming::Keras, "a/gamma", 1), None);
        assert_eq!(to_torch(Naming::Timm, "conv_stem/kernel", 4), None);
    }
}
