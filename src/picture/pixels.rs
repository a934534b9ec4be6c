//! Prepared pictures as pixels again: what a network saw.

use super::error::{PictureError, PreprocessingError};
use super::prepare::input_size;
use super::resize::{self, Filter, Side};
use crate::memory::{self, Buffer, NoMemory};
use crate::metadata::{Interpolation, Normal, Preprocessing, Sampling};
use image::RgbImage;

/// What pixels need memory for.
const WHAT: &str = "a picture of a figure";

/// A picture in 8-bit RGB.
#[derive(Debug)]
pub struct Pixels {
    picture: RgbImage,
    _reserved: memory::Reservation,
}

impl Pixels {
    /// The picture that a row of a batch holds, as [`super::load`] gives it: cropped and resized, the normalisation undone.
    ///
    /// # Errors
    /// If this version cannot follow `preprocessing`, or the pixels do not fit the memory limit.
    ///
    /// # Panics
    /// If `values` are not `3 · H · W`.
    pub fn of_input(values: &[f32], preprocessing: &Preprocessing) -> Result<Self, PictureError> {
        let [height, width] = input_size(preprocessing)?;
        let layout = || PreprocessingError::Layout(preprocessing.layout.clone());
        let is_last = preprocessing.channels_last().ok_or_else(layout)?;
        let pixels = height as usize * width as usize;
        assert_eq!(values.len(), 3 * pixels, "values of one picture");
        let Normal { mean, std } = preprocessing.normal;
        let level = |pixel: usize, channel: usize| {
            let place = if is_last {
                3 * pixel + channel
            } else {
                channel * pixels + pixel
            };
            byte(f64::from(values[place]) * std[channel] + mean[channel])
        };
        let levels = (0..pixels).flat_map(|pixel| [0, 1, 2].map(|channel| level(pixel, channel)));
        Ok(Self::gathered([height, width], levels)?)
    }

    /// Pixels row by row, three levels to each.
    pub(super) fn gathered(
        [height, width]: [u32; 2],
        levels: impl Iterator<Item = u8>,
    ) -> Result<Self, NoMemory> {
        let bytes = 3 * u64::from(height) * u64::from(width);
        let reserved = memory::reserve(bytes, WHAT)?;
        let mut picture = RgbImage::new(width, height);
        for (place, level) in picture.iter_mut().zip(levels) {
            *place = level;
        }
        Ok(Self {
            picture,
            _reserved: reserved,
        })
    }

    /// Height and width.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        [self.picture.height(), self.picture.width()]
    }

    /// Red, green and blue at a row and a column.
    ///
    /// # Panics
    /// If it is outside the picture.
    #[must_use]
    pub fn at(&self, row: u32, column: u32) -> [u8; 3] {
        self.picture.get_pixel(column, row).0
    }

    /// The picture resized, as Pillow's bicubic filter does it.
    pub(super) fn resized(&self, [height, width]: [u32; 2]) -> Result<Self, NoMemory> {
        let side = |from, to| Side {
            from,
            to,
            part: 0..to,
        };
        let filter = Filter(Sampling::Antialias, Interpolation::Bicubic);
        let down = side(self.picture.height(), height);
        let across = side(self.picture.width(), width);
        let levels = resize::resize(&self.picture, [0, 0], &down, &across, filter)?;
        let levels: Buffer<f32> = levels.unwrap_or_default();
        Self::gathered(
            [height, width],
            levels.iter().map(|level| byte(f64::from(*level))),
        )
    }
}

/// The nearest level.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first"
)]
pub(super) fn byte(level: f64) -> u8 {
    level.round_ties_even().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Framing;
    use crate::picture::{Orientation, load};
    use crate::tensor::Element;
    use std::path::Path;

    /// Whatever a graph takes, the picture is the same: what was cropped and resized.
    #[test]
    fn pixels_are_what_was_cropped_and_resized() {
        let normal = Normal {
            mean: [123.675, 116.28, 103.53],
            std: [58.395, 57.12, 57.375],
        };
        let (framing, interpolation) = (Framing::CropPadding(4), Interpolation::Bicubic);
        let size = [24, 40];
        let plain = Preprocessing::rgb(size, normal, framing, interpolation, Sampling::Antialias);
        let levels = Preprocessing {
            normal: Normal::NONE,
            ..plain.clone()
        };
        let last = Preprocessing {
            layout: "NHWC".to_owned(),
            ..plain.clone()
        };
        let bytes = Preprocessing {
            element: Element::U8,
            layout: "NHWC".to_owned(),
            ..levels.clone()
        };
        let path = Path::new("tests/fixtures/pictures/cmyk.jpg");
        let expected = load(path, &levels, Orientation::Recorded)
            .expect("a picture")
            .values;
        for (index, preprocessing) in [plain, levels, last, bytes].iter().enumerate() {
            let values = load(path, preprocessing, Orientation::Recorded)
                .expect("a picture")
                .values;
            let found = Pixels::of_input(&values, preprocessing).expect("room");
            assert_eq!(found.size(), [24, 40]);
            for (row, column) in [(0, 0), (3, 17), (23, 39)] {
                let place = |channel: usize| channel * 24 * 40 + row * 40 + column;
                let wanted = [0, 1, 2].map(|channel| f64::from(expected[place(channel)]));
                let [row, column] = [row, column].map(|place| u32::try_from(place).expect("small"));
                assert_eq!(found.at(row, column).map(f64::from), wanted, "{index}");
            }
        }
    }
}
