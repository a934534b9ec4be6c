//! Resizing, weight for weight as the libraries do it: across, then down. Knows what a weight is; knows no framing.

use crate::memory::{Buffer, NoMemory};
use crate::metadata::{Interpolation, Sampling};
use image::RgbImage;
use std::ops::Range;

/// What a resize does along one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Pixels before.
    pub from: u32,
    /// Pixels after.
    pub to: u32,
    /// Those of them that are wanted.
    pub part: Range<u32>,
}

/// How the filter is laid over the pixels, and which.
#[derive(Clone, Copy, Debug)]
pub struct Filter(pub Sampling, pub Interpolation);

/// The window, as if there were nothing around it, resized; levels from 0 to 255, row by row, three to a pixel.
///
/// Only the wanted part is computed; none if that would take more than [`MEMORY_LIMIT`]. The window, which begins at
/// column `left` and row `top`, must lie inside the picture.
///
/// # Errors
/// If that does not fit the memory limit.
pub fn resize(
    picture: &RgbImage,
    [left, top]: [u32; 2],
    down: &Side,
    across: &Side,
    filter: Filter,
) -> Result<Option<Buffer<f32>>, NoMemory> {
    let (down, across) = (taps(down, filter), taps(across, filter));
    let start = [left, top].map(|offset| offset as usize);
    match filter.0 {
        Sampling::Antialias => {
            let Some(bytes) = passes::<u8>(picture, start, &down, &across)? else {
                return Ok(None);
            };
            Buffer::of(bytes.iter().map(|&level| f32::from(level)), WHAT).map(Some)
        }
        Sampling::HalfPixel | Sampling::Legacy => passes(picture, start, &down, &across),
    }
}

/// What resizing needs memory for.
const WHAT: &str = "a resized picture";
/// Most bytes between the two passes.
const MEMORY_LIMIT: usize = 512 << 20;

/// What one pixel is made of: the first of its neighbours that count, and their weights.
pub struct Taps {
    pub first: usize,
    pub weights: Vec<f64>,
}

/// Something that neighbours are blended to.
trait Level: Copy + From<u8> {
    /// What a weight is turned into.
    type Weight;
    fn weight(weight: f64) -> Self::Weight;
    fn blend(weights: &[Self::Weight], levels: impl Iterator<Item = Self>) -> Self;
}

/// Pillow's (`src/libImaging/Resample.c`): weights are whole numbers of 2^−22, and the sum is rounded to a byte.
impl Level for u8 {
    type Weight = i64;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "weights are at most about 1"
    )]
    fn weight(weight: f64) -> i64 {
        (weight * f64::from(1 << FRACTION)).round() as i64
    }

    fn blend(weights: &[i64], levels: impl Iterator<Item = Self>) -> Self {
        let products = weights.iter().zip(levels);
        let sum: i64 = products
            .map(|(weight, level)| weight * i64::from(level))
            .sum();
        let rounded = (sum + (1 << (FRACTION - 1))) >> FRACTION;
        Self::try_from(rounded.clamp(0, 255)).unwrap_or(Self::MAX)
    }
}

/// Bits after the point, of Pillow's weights: 32 less 8 for a byte and 2 for overshoot.
const FRACTION: u32 = 22;

/// TensorFlow's.
impl Level for f32 {
    type Weight = f64;

    fn weight(weight: f64) -> f64 {
        weight
    }

    #[expect(clippy::cast_possible_truncation, reason = "levels are f32")]
    fn blend(weights: &[f64], levels: impl Iterator<Item = Self>) -> Self {
        let products = weights.iter().zip(levels);
        products
            .map(|(weight, level)| weight * f64::from(level))
            .sum::<f64>() as Self
    }
}

/// Across, for the rows that count; then down.
fn passes<T: Level>(
    picture: &RgbImage,
    [left, top]: [usize; 2],
    down: &[Taps],
    across: &[Taps],
) -> Result<Option<Buffer<T>>, NoMemory> {
    let turned = |taps: &[Taps]| -> Vec<(usize, Vec<T::Weight>)> {
        let weights = |taps: &Taps| {
            taps.weights
                .iter()
                .map(|weight| T::weight(*weight))
                .collect()
        };
        taps.iter()
            .map(|taps| (taps.first, weights(taps)))
            .collect()
    };
    let first = down.iter().map(|taps| taps.first).min().unwrap_or_default();
    let end = down
        .iter()
        .map(|taps| taps.first + taps.weights.len())
        .max()
        .unwrap_or_default();
    let levels = (end - first).saturating_mul(3 * across.len());
    if levels.saturating_mul(size_of::<T>()) > MEMORY_LIMIT {
        return Ok(None);
    }
    let (down, across) = (turned(down), turned(across));
    let stride = 3 * picture.width() as usize;
    let mut rows: Buffer<T> = Buffer::with_room(levels, WHAT)?;
    for row in first..end {
        let row = &picture.as_raw()[(top + row) * stride..][..stride][3 * left..];
        for (first, weights) in &across {
            for channel in 0..3 {
                let levels = row[3 * first + channel..].iter().step_by(3);
                let level = T::blend(weights, levels.map(|level| T::from(*level)));
                rows.push(level, WHAT)?;
            }
        }
    }
    let stride = 3 * across.len();
    let mut result = Buffer::with_room(down.len() * stride, WHAT)?;
    for (start, weights) in &down {
        for column in 0..stride {
            let levels = rows[(start - first) * stride + column..]
                .iter()
                .step_by(stride);
            result.push(T::blend(weights, levels.copied()), WHAT)?;
        }
    }
    Ok(Some(result))
}

/// The weights of every wanted pixel along one side.
pub fn taps(side: &Side, Filter(sampling, interpolation): Filter) -> Vec<Taps> {
    let of = |index: u32| match sampling {
        Sampling::Antialias => widened(side, interpolation, index),
        Sampling::HalfPixel => {
            let scale = scale(side);
            gathered(
                side,
                interpolation,
                KEYS,
                (index as f32 + 0.5) * scale - 0.5,
                true,
            )
        }
        Sampling::Legacy => gathered(
            side,
            interpolation,
            LEGACY,
            index as f32 * scale(side),
            false,
        ),
    };
    side.part.clone().map(of).collect()
}

/// The slope of cubic convolution that Keys recommends.
const KEYS: f64 = -0.5;
/// And the one of TensorFlow's legacy kernel (`core/kernels/image/resize_bicubic_op.cc`).
const LEGACY: f64 = -0.75;

/// TensorFlow computes positions in f32 (`core/kernels/image/image_resizer_state.h`).
fn scale(side: &Side) -> f32 {
    side.from as f32 / side.to as f32
}

/// Pillow's: the filter is as many times wider as the picture shrinks, cut off at the borders and brought to sum 1.
fn widened(side: &Side, interpolation: Interpolation, index: u32) -> Taps {
    let scale = f64::from(side.from) / f64::from(side.to);
    let stretch = scale.max(1.0);
    let centre = (f64::from(index) + 0.5) * scale;
    let (reach, kernel): (f64, fn(f64) -> f64) = match interpolation {
        Interpolation::Nearest => {
            return Taps {
                first: floor(centre, side.from.saturating_sub(1)),
                weights: vec![1.0],
            };
        }
        Interpolation::Bilinear => (1.0, triangle),
        Interpolation::Bicubic => (2.0, |x| cubic(x, KEYS)),
    };
    let first = floor(centre - reach * stretch + 0.5, side.from);
    let end = floor(centre + reach * stretch + 0.5, side.from).max(first + 1);
    let weight = |pixel: usize| kernel((pixel as f64 - centre + 0.5) / stretch);
    normalised(first, (first..end).map(weight).collect())
}

/// TensorFlow's: two or four neighbours of a position; beyond the border, cubic convolution takes the outermost pixel
/// again (legacy), or none and brings the others to sum 1.
fn gathered(side: &Side, interpolation: Interpolation, slope: f64, at: f32, cut_off: bool) -> Taps {
    let last = side.from as usize - 1;
    let (base, delta) = (f64::from(at.floor()), f64::from(at - at.floor()));
    let neighbours: Vec<(f64, f64)> = match interpolation {
        Interpolation::Nearest if cut_off => vec![(f64::from((at + 0.5).floor()), 1.0)],
        Interpolation::Nearest => vec![(base, 1.0)],
        Interpolation::Bilinear => vec![(base, 1.0 - delta), (base + 1.0, delta)],
        Interpolation::Bicubic => {
            // The kernel is tabulated at multiples of 1/1024.
            let delta = (delta * 1024.0).round_ties_even() / 1024.0;
            let weight = |offset: f64| (base + offset, cubic(delta - offset, slope));
            [-1.0, 0.0, 1.0, 2.0].map(weight).to_vec()
        }
    };
    let cut_off = cut_off && interpolation == Interpolation::Bicubic;
    let first = floor(neighbours[0].0, side.from).min(last);
    let mut weights = vec![0.0; neighbours.len().min(last - first + 1)];
    for (position, weight) in neighbours {
        let pixel = floor(position, side.from).min(last);
        if !cut_off || pixel as f64 == position {
            weights[pixel - first] += weight;
        }
    }
    if cut_off {
        normalised(first, weights)
    } else {
        Taps { first, weights }
    }
}

fn normalised(first: usize, mut weights: Vec<f64>) -> Taps {
    let sum: f64 = weights.iter().sum();
    if sum != 0.0 {
        for weight in &mut weights {
            *weight /= sum;
        }
    }
    Taps { first, weights }
}

/// Rounded down, and from 0 to `limit`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first"
)]
fn floor(value: f64, limit: u32) -> usize {
    value.floor().clamp(0.0, f64::from(limit)) as usize
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Cubic convolution (Keys 1981) with slope `a` at 1.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
