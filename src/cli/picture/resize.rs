//! Resizing, as Pillow does it: a convolution whose filter widens as the picture shrinks, across and then down.

use efficientnet_onnx::metadata::Interpolation;
use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{
    FilterType, ImageBufferError, ImageView, ResizeAlg, ResizeOptions, Resizer,
};
use image::RgbImage;
use std::error::Error;

/// A rectangle of pixels.
#[derive(Debug, PartialEq, Eq)]
pub struct Window {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// The window, as if there were nothing around it, at `width` × `height`: row by row, three bytes a pixel.
///
/// # Errors
///
/// If the window is not inside the picture.
pub fn resize(
    picture: &RgbImage,
    window: &Window,
    [height, width]: [u32; 2],
    interpolation: Interpolation,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let picture = view(picture)?;
    let Window {
        left,
        top,
        width: across,
        height: down,
    } = *window;
    let window = TypedCroppedImage::from_ref(&picture, left, top, across, down)?;
    convolve(&window, width, height, widening(interpolation))
}

fn view(picture: &RgbImage) -> Result<TypedImageRef<'_, U8x3>, ImageBufferError> {
    TypedImageRef::from_buffer(picture.width(), picture.height(), picture.as_raw())
}

fn widening(interpolation: Interpolation) -> ResizeAlg {
    ResizeAlg::Convolution(filter(interpolation))
}

fn filter(interpolation: Interpolation) -> FilterType {
    match interpolation {
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
    }
}

/// Across, then down, with bytes in between. The type of the pixels is fixed, or the library's code for all thirteen
/// would be compiled.
fn convolve(
    source: &impl ImageView<Pixel = U8x3>,
    width: u32,
    height: u32,
    algorithm: ResizeAlg,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let options = ResizeOptions::new().resize_alg(algorithm);
    let mut across = TypedImage::<U8x3>::new(width, source.height());
    let mut down = TypedImage::<U8x3>::new(width, height);
    let mut resizer = Resizer::new();
    resizer.resize_typed(source, &mut across, &options)?;
    resizer.resize_typed(&across, &mut down, &options)?;
    Ok(down.pixels().iter().flat_map(|pixel| pixel.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(number: u32) -> u8 {
        u8::try_from(number % 256).unwrap()
    }

    /// The picture that `tests/fixtures/resize/make.py` made its answers from: ramps on the left, noise on the right.
    fn source(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([0u32, 1, 2].map(|c| {
                let level = if x < width / 2 {
                    x * 5 + y * 3 + c * 40
                } else {
                    (x * x * 3 + y * 7 + c * 85) ^ (x * y)
                };
                byte(level)
            }))
        })
    }

    /// Sizes before and after, and the largest difference seen of 255: noise that is enlarged overshoots most.
    type Case = ((u32, u32), (u32, u32), [u16; 2]);
    const CASES: [Case; 4] = [
        ((301, 203), (24, 17), [0, 1]),
        ((301, 203), (64, 48), [1, 1]),
        ((66, 66), (56, 56), [1, 1]),
        ((31, 22), (72, 51), [1, 2]),
    ];
    const FILTERS: [Interpolation; 2] = [Interpolation::Bilinear, Interpolation::Bicubic];

    /// Largest and mean difference between `resized` and what Pillow made of the same picture.
    fn differences(
        from: (u32, u32),
        to: (u32, u32),
        interpolation: Interpolation,
        resized: &[u8],
    ) -> (u16, f64) {
        let name = format!(
            "{interpolation:?}-{}x{}-to-{}x{}.png",
            from.0, from.1, to.0, to.1
        )
        .to_lowercase();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/resize")
            .join(name);
        let pillow = image::open(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .into_rgb8();
        assert_eq!(pillow.dimensions(), to);
        assert_eq!(pillow.as_raw().len(), resized.len());
        let differences = pillow
            .as_raw()
            .iter()
            .zip(resized)
            .map(|(a, b)| i16::from(*b) - i16::from(*a));
        let mean = differences.clone().map(f64::from).sum::<f64>() / resized.len() as f64;
        (differences.map(i16::unsigned_abs).max().unwrap(), mean)
    }

    #[test]
    fn resize_is_pillows() {
        for (from, to, limits) in CASES {
            for (interpolation, limit) in FILTERS.into_iter().zip(limits) {
                let resized = convolve(
                    &view(&source(from.0, from.1)).unwrap(),
                    to.0,
                    to.1,
                    widening(interpolation),
                )
                .unwrap();
                let (largest, mean) = differences(from, to, interpolation, &resized);
                assert!(
                    largest <= limit && mean.abs() < 0.005,
                    "{from:?} {to:?} {interpolation:?}: {largest} {mean}"
                );
            }
        }
    }

    #[test]
    fn a_resize_that_does_not_widen_its_filter_would_be_seen() {
        for (from, to, _) in CASES {
            for interpolation in FILTERS {
                let narrow = ResizeAlg::Interpolation(filter(interpolation));
                let resized =
                    convolve(&view(&source(from.0, from.1)).unwrap(), to.0, to.1, narrow).unwrap();
                let (largest, _) = differences(from, to, interpolation, &resized);
                assert_eq!(
                    largest > 20,
                    to < from,
                    "{from:?} {to:?} {interpolation:?}: {largest}"
                );
            }
        }
    }

    #[test]
    fn the_other_filter_would_be_seen() {
        for (from, to, _) in CASES {
            let resized = convolve(
                &view(&source(from.0, from.1)).unwrap(),
                to.0,
                to.1,
                widening(Interpolation::Bicubic),
            )
            .unwrap();
            assert!(differences(from, to, Interpolation::Bilinear, &resized).0 > 10);
        }
    }

    #[test]
    fn pixels_around_the_window_do_not_matter() {
        let window = Window {
            left: 20,
            top: 30,
            width: 66,
            height: 66,
        };
        let inside = |x, y| (20..86).contains(&x) && (30..96).contains(&y);
        let whole = source(120, 110);
        let mut framed = whole.clone();
        for (x, y, pixel) in framed.enumerate_pixels_mut() {
            if !inside(x, y) {
                *pixel = image::Rgb([255, 0, 255]);
            }
        }
        for interpolation in FILTERS {
            let of = |picture| resize(picture, &window, [56, 48], interpolation).unwrap();
            assert_eq!(of(&whole), of(&framed));
            let alone = image::imageops::crop_imm(&whole, 20, 30, 66, 66).to_image();
            assert_eq!(
                of(&whole),
                convolve(&view(&alone).unwrap(), 48, 56, widening(interpolation)).unwrap()
            );
        }
        let beyond = Window { left: 60, ..window };
        assert!(resize(&whole, &beyond, [8, 8], Interpolation::Bilinear).is_err());
    }
}
