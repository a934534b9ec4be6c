//! Resizes against Pillow's own, byte for byte.

use super::*;
use Interpolation::{Bicubic, Bilinear};
use Sampling::{Antialias, HalfPixel, Legacy};

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

/// Sizes before and after.
const CASES: [((u32, u32), (u32, u32)); 4] = [
    ((301, 203), (24, 17)),
    ((301, 203), (64, 48)),
    ((66, 66), (56, 56)),
    ((31, 22), (72, 51)),
];

fn whole(from: u32, to: u32) -> Side {
    let part = 0..to;
    Side { from, to, part }
}

fn resized(picture: &RgbImage, to: (u32, u32), filter: Filter) -> Vec<f32> {
    let (down, across) = (whole(picture.height(), to.1), whole(picture.width(), to.0));
    resize(picture, [0, 0], &down, &across, filter)
        .unwrap()
        .unwrap()
        .into_vec()
}

/// What Pillow made of the same picture.
fn pillow(from: (u32, u32), to: (u32, u32), interpolation: Interpolation) -> Vec<f32> {
    let name = format!(
        "{interpolation:?}-{}x{}-to-{}x{}.png",
        from.0, from.1, to.0, to.1
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/resize")
        .join(name.to_lowercase());
    let pillow = image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!((pillow.width(), pillow.height()), to);
    pillow
        .into_rgb8()
        .into_raw()
        .into_iter()
        .map(f32::from)
        .collect()
}

#[test]
fn resize_is_pillows_to_the_byte() {
    for (from, to) in CASES {
        for interpolation in [Bilinear, Bicubic] {
            let found = resized(
                &source(from.0, from.1),
                to,
                Filter(Antialias, interpolation),
            );
            assert!(
                found == pillow(from, to, interpolation),
                "{from:?} {to:?} {interpolation:?}"
            );
        }
    }
}

#[test]
fn another_sampling_or_filter_would_be_seen() {
    for (from, to) in CASES {
        let largest = |filter: Filter, expected: Interpolation| {
            let found = resized(&source(from.0, from.1), to, filter);
            let differences = found
                .iter()
                .zip(pillow(from, to, expected))
                .map(|(a, b)| (a - b).abs());
            differences.fold(0.0, f32::max)
        };
        assert!(largest(Filter(Antialias, Bicubic), Bilinear) > 10.0);
        for interpolation in [Bilinear, Bicubic] {
            assert!(largest(Filter(Legacy, interpolation), interpolation) > 20.0);
            // What is enlarged has nothing to widen: only cubic convolution's borders are left.
            let half_pixel = largest(Filter(HalfPixel, interpolation), interpolation);
            let seen = half_pixel > if interpolation == Bilinear { 1.0 } else { 30.0 };
            assert_eq!(seen, to < from, "{from:?} {to:?}: {half_pixel}");
        }
    }
}

#[test]
fn a_part_is_a_part_of_the_whole() {
    let picture = source(120, 90);
    for sampling in [Antialias, HalfPixel, Legacy] {
        for interpolation in [Bilinear, Bicubic] {
            let filter = Filter(sampling, interpolation);
            let all = resized(&picture, (40, 50), filter);
            let part = |from, to, part| Side { from, to, part };
            let (down, across) = (part(90, 50, 7..19), part(120, 40, 11..37));
            let found = resize(&picture, [0, 0], &down, &across, filter)
                .unwrap()
                .unwrap();
            let expected: Vec<f32> = (7..19)
                .flat_map(|row| all[3 * (40 * row + 11)..3 * (40 * row + 37)].to_vec())
                .collect();
            assert!(found == expected, "{filter:?}");
        }
    }
}

#[test]
fn pixels_around_the_window_do_not_matter() {
    let inside = |x, y| (20..86).contains(&x) && (30..96).contains(&y);
    let whole_picture = source(120, 110);
    let mut framed = whole_picture.clone();
    for (x, y, pixel) in framed.enumerate_pixels_mut() {
        if !inside(x, y) {
            *pixel = image::Rgb([255, 0, 255]);
        }
    }
    for sampling in [Antialias, HalfPixel, Legacy] {
        for interpolation in [Bilinear, Bicubic] {
            let filter = Filter(sampling, interpolation);
            let (down, across) = (whole(66, 56), whole(66, 48));
            let of = |picture| {
                resize(picture, [20, 30], &down, &across, filter)
                    .unwrap()
                    .unwrap()
            };
            assert_eq!(of(&whole_picture), of(&framed));
            let alone = image::imageops::crop_imm(&whole_picture, 20, 30, 66, 66).to_image();
            assert_eq!(of(&whole_picture), resized(&alone, (48, 56), filter));
        }
    }
}

#[test]
fn an_even_picture_stays_so_and_one_pixel_is_enough() {
    for sampling in [Antialias, HalfPixel, Legacy] {
        for interpolation in [Bilinear, Bicubic] {
            for from in [1, 2, 3, 50] {
                let even = RgbImage::from_pixel(from, from, image::Rgb([9, 100, 255]));
                let found = resized(&even, (7, 5), Filter(sampling, interpolation));
                let even = |pixel: &[f32]| {
                    let differences = pixel.iter().zip([9.0, 100.0, 255.0]);
                    differences
                        .map(|(a, b)| (a - b).abs())
                        .all(|difference| difference < 1e-4)
                };
                assert!(
                    found.chunks(3).all(even),
                    "{sampling:?} {interpolation:?} {from}"
                );
            }
        }
    }
}
