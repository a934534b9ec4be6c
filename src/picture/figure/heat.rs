//! A map of numbers over a picture: its range, its largest place, and the numbers between its places.

use super::super::resize::{Filter, Side, taps};
use crate::memory::{Buffer, NoMemory};
use crate::metadata::{Interpolation, Sampling};

/// What a stretched map needs memory for.
const WHAT: &str = "a heat map";

/// Finite numbers over a picture, `height × width`, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    size: [usize; 2],
    values: Buffer<f64>,
}

impl HeatMap {
    /// The map of a height and a width; none unless there is a number for each place, all are finite, and there is a place.
    #[must_use]
    pub fn new(size: [usize; 2], values: Buffer<f64>) -> Option<Self> {
        let [height, width] = size;
        let fits = height.checked_mul(width) == Some(values.len()) && !values.is_empty();
        let is_finite = values.iter().all(|value| value.is_finite());
        (fits && is_finite).then_some(Self { size, values })
    }

    /// Height and width.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The smallest and the largest number.
    #[must_use]
    pub fn range(&self) -> [f64; 2] {
        let values = || self.values.iter().copied();
        [
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        ]
    }

    /// Row and column of the largest number; of equals, the first.
    #[must_use]
    pub fn peak(&self) -> [usize; 2] {
        let mut largest = 0;
        for (place, value) in self.values.iter().enumerate() {
            if *value > self.values[largest] {
                largest = place;
            }
        }
        let [_, width] = self.size;
        [largest / width, largest % width]
    }

    /// The middle of the largest place, as row and column of a picture of `size` that the map lies over.
    #[must_use]
    pub fn peak_in(&self, size: [u32; 2]) -> [u32; 2] {
        let peak = self.peak();
        [0, 1].map(|axis| {
            let twice = (2 * peak[axis] as u64 + 1) * u64::from(size[axis]);
            let place = twice / (2 * self.size[axis] as u64);
            u32::try_from(place).unwrap_or(u32::MAX)
        })
    }

    /// The map at every pixel of a picture of `size`, row by row: bilinear, the places of the map being squares with a
    /// centre, and flat beyond the outermost centres.
    pub(super) fn stretched(&self, [height, width]: [u32; 2]) -> Result<Buffer<f64>, NoMemory> {
        let filter = Filter(Sampling::Antialias, Interpolation::Bilinear);
        let along = |from: usize, to: u32| {
            let from = u32::try_from(from).unwrap_or(u32::MAX);
            let part = 0..to;
            taps(&Side { from, to, part }, filter)
        };
        let [rows, columns] = self.size;
        let (down, across) = (along(rows, height), along(columns, width));
        let mut wide = Buffer::with_room(rows * across.len(), WHAT)?;
        for row in self.values.chunks_exact(columns) {
            let blended = across.iter().map(|taps| {
                let places = taps.weights.iter().zip(&row[taps.first..]);
                places.map(|(weight, value)| weight * value).sum::<f64>()
            });
            wide.extend(blended);
        }
        let mut all = Buffer::with_room(down.len() * across.len(), WHAT)?;
        for taps in &down {
            let column = |column: usize| {
                let rows = taps.weights.iter().enumerate();
                let place = |row: usize| (taps.first + row) * across.len() + column;
                rows.map(|(row, weight)| weight * wide[place(row)])
                    .sum::<f64>()
            };
            all.extend((0..across.len()).map(column));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(size: [usize; 2], values: &[f64]) -> HeatMap {
        HeatMap::new(size, values.to_vec().into()).expect("a map")
    }

    #[test]
    fn a_map_has_a_finite_number_at_each_place() {
        for (size, values) in [
            ([1, 2], vec![1.0]),
            ([0, 2], Vec::new()),
            ([usize::MAX, 2], Vec::new()),
            ([1, 2], vec![1.0, f64::NAN]),
            ([1, 2], vec![f64::INFINITY, 0.0]),
        ] {
            assert_eq!(
                HeatMap::new(size, values.clone().into()),
                None,
                "{size:?} {values:?}"
            );
        }
    }

    #[test]
    fn the_largest_place_is_found_and_laid_over_a_picture() {
        let found = map([2, 3], &[0.0, -1.0, 2.0, 2.0, 5.0, 5.0]);
        assert_eq!(found.range(), [-1.0, 5.0]);
        assert_eq!(found.peak(), [1, 1]);
        // Rows of 100 pixels and columns of 20; the middle of the second of each.
        assert_eq!(found.peak_in([200, 60]), [150, 30]);
        let flat = map([7, 7], &[3.0; 49]);
        assert_eq!((flat.peak(), flat.peak_in([224, 224])), ([0, 0], [16, 16]));
        assert_eq!(map([1, 1], &[1.0]).peak_in([1, 1]), [0, 0]);
    }

    /// What Pillow 13.0 makes of it: `Image.fromarray(map).resize((6, 4), Image.Resampling.BILINEAR)` of floats.
    #[test]
    fn numbers_between_places_are_pillows() {
        let found = map([2, 3], &[0.0, 4.0, -8.0, 10.0, 20.0, 40.0]);
        let expected = [
            [0.0, 1.0, 3.0, 1.0, -5.0, -8.0],
            [2.5, 3.875, 6.625, 7.0, 5.0, 4.0],
            [7.5, 9.625, 13.875, 19.0, 25.0, 28.0],
            [10.0, 12.5, 17.5, 25.0, 35.0, 40.0],
        ];
        let stretched = found.stretched([4, 6]).expect("room");
        assert_eq!(stretched.len(), expected.as_flattened().len());
        for (place, (found, expected)) in stretched.iter().zip(expected.as_flattened()).enumerate()
        {
            assert!(
                (found - expected).abs() < 1e-5,
                "{place}: {found} {expected}"
            );
        }
    }

    #[test]
    fn a_map_of_one_place_is_flat_and_one_of_the_same_size_stays() {
        assert_eq!(
            map([1, 1], &[2.5]).stretched([3, 2]).expect("room"),
            [2.5; 6]
        );
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(
            map([2, 2], &values).stretched([2, 2]).expect("room"),
            values
        );
    }
}
