//! A picture that is drawn on: areas, other pictures and letters; written as PNG.

use super::super::pixels::{Pixels, byte};
use super::lettering::{BOX, drawn};
use super::{FigureError, MOST_PIXELS};
use crate::memory::{self, Buffer};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

const WHITE: u8 = 255;

/// A place, as row and column.
pub type Place = [u32; 2];

/// Pixels in 8-bit RGB, white at first. What lies outside is not drawn.
pub struct Canvas {
    size: [u32; 2],
    levels: Buffer<u8>,
}

impl Canvas {
    /// A white picture of a height and a width.
    ///
    /// # Errors
    /// If it has too many pixels, or does not fit the memory limit.
    pub fn new(size: [u32; 2]) -> Result<Self, FigureError> {
        let [height, width] = size.map(u64::from);
        let pixels = height * width;
        if pixels > MOST_PIXELS {
            return Err(FigureError::TooLarge { size });
        }
        let bytes = usize::try_from(3 * pixels).unwrap_or(usize::MAX);
        let what = format_args!("a figure of {width}x{height} pixels");
        Ok(Self {
            size,
            levels: Buffer::filled(bytes, WHITE, what)?,
        })
    }

    fn pixel(&mut self, [row, column]: Place) -> Option<&mut [u8]> {
        let [height, width] = self.size;
        if row >= height || column >= width {
            return None;
        }
        let first = 3 * (row as usize * width as usize + column as usize);
        self.levels.get_mut(first..first + 3)
    }

    /// Mixes a colour into a pixel: 0 keeps what is there, 1 covers it.
    pub fn mix(&mut self, place: Place, colour: [f64; 3], part: f64) {
        let Some(pixel) = self.pixel(place) else {
            return;
        };
        for (level, colour) in pixel.iter_mut().zip(colour) {
            *level = byte(f64::from(*level) + part * (colour - f64::from(*level)));
        }
    }

    /// Draws an area of a height and a width; `colour` gives that of each row and column of it.
    pub fn area(
        &mut self,
        [top, left]: Place,
        [height, width]: [u32; 2],
        colour: impl Fn(u32, u32) -> [f64; 3],
    ) {
        for row in 0..height {
            for column in 0..width {
                let place = [top.saturating_add(row), left.saturating_add(column)];
                self.mix(place, colour(row, column), 1.0);
            }
        }
    }

    /// Draws a picture.
    pub fn picture(&mut self, place: Place, picture: &Pixels) {
        let colour = |row, column| picture.at(row, column).map(f64::from);
        self.area(place, picture.size(), colour);
    }

    /// Writes a line of text, whose first letter's box begins at `place`.
    pub fn text(&mut self, [top, left]: Place, text: &str, colour: [f64; 3]) {
        let [_, width] = BOX;
        for (index, character) in (0u32..).zip(text.chars()) {
            let left = left.saturating_add(index.saturating_mul(width));
            for (place, covered) in (0u32..).zip(drawn(character)) {
                let place = [top + place / width, left.saturating_add(place % width)];
                self.mix(place, colour, f64::from(*covered) / 255.0);
            }
        }
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// If that does not fit the memory limit.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        // The file is not longer than its pixels by more than a few bytes a row.
        let _reserved = memory::reserve(2 * self.levels.len() as u64, "the PNG of a figure")?;
        let mut file = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::Adaptive);
        let [height, width] = self.size;
        encoder
            .write_image(&self.levels, width, height, ExtendedColorType::Rgb8)
            .map_err(|error| FigureError::Encoding(error.to_string()))?;
        Ok(file)
    }
}
