//! From RGB pixels to a graph's input: centre crop, resize, normalise, channel by channel.
//!
//! The crop is that of tensorflow/tpu models/official/efficientnet/preprocessing.py, `_decode_and_center_crop`.

use super::resize::{Window, resize};
use crate::cli::exit::Failure;
use efficientnet_onnx::metadata::{PREPROCESSING_KEY, Preprocessing};
use image::RgbImage;

/// Largest height or width of an input that a picture is prepared for.
const SIZE_LIMIT: u64 = 8192;

/// The picture as `3 × H × W` values `(x − mean) / std`, channel by channel.
///
/// # Errors
///
/// If `preprocessing` is not something that this version can follow.
pub fn prepare(picture: &RgbImage, preprocessing: &Preprocessing) -> Result<Vec<f32>, Failure> {
    let size = check(preprocessing)?;
    let window = centre_window(picture.width(), picture.height(), preprocessing);
    let resized = resize(picture, &window, size, preprocessing.interpolation)
        .map_err(|error| Failure::bad_input(format_args!("cannot resize the picture: {error}")))?;
    #[expect(clippy::cast_possible_truncation, reason = "the graph's input is f32")]
    let normal = |level: u8, mean: f64, std: f64| ((f64::from(level) - mean) / std) as f32;
    let mut values = Vec::with_capacity(resized.len());
    for channel in 0..3 {
        let (mean, std) = (preprocessing.mean[channel], preprocessing.std[channel]);
        values.extend(
            resized
                .iter()
                .skip(channel)
                .step_by(3)
                .map(|&level| normal(level, mean, std)),
        );
    }
    Ok(values)
}

/// The height and width of the input, if this version can follow `preprocessing`.
///
/// # Errors
///
/// If the record is of another version, or asks for another layout, for no pixels, or for division by zero.
pub fn check(preprocessing: &Preprocessing) -> Result<[u32; 2], Failure> {
    let refuse = |what: &str, expected: &str, found: &dyn std::fmt::Debug| {
        Failure::bad_input(format_args!(
            "`{PREPROCESSING_KEY}`: expected {what} {expected}, found {found:?}"
        ))
        .hint("emit the file again with this version")
    };
    let Preprocessing {
        version,
        layout,
        channels,
        size,
        mean,
        std,
        ..
    } = preprocessing;
    if *version != 1 {
        return Err(refuse("version", "1", version));
    }
    if layout != "NCHW" {
        return Err(refuse("layout", "`NCHW`", layout));
    }
    if channels != "RGB" {
        return Err(refuse("channels", "`RGB`", channels));
    }
    if mean.iter().chain(std).any(|number| !number.is_finite()) || std.contains(&0.0) {
        return Err(refuse("mean and std", "finite and std not 0", &(mean, std)));
    }
    match size.map(u32::try_from) {
        [Ok(height), Ok(width)] if size.iter().all(|side| (1..=SIZE_LIMIT).contains(side)) => {
            Ok([height, width])
        }
        _ => Err(refuse("size", "from 1 to 8192", size)),
    }
}

/// The centred window of the input's aspect that keeps `size / (size + crop_padding)` of the side that limits it: for
/// a square input, of the shorter side.
fn centre_window(width: u32, height: u32, preprocessing: &Preprocessing) -> Window {
    let [to_height, to_width] = preprocessing.size.map(u128::from);
    let padding = u128::from(preprocessing.crop_padding);
    let (from_height, from_width) = (u128::from(height), u128::from(width));
    let (padded_height, padded_width) = (to_height + padding, to_width + padding);
    // Scale, as a fraction: the smaller of from_height / padded_height and from_width / padded_width.
    let (numerator, denominator) = if from_height * padded_width <= from_width * padded_height {
        (from_height, padded_height)
    } else {
        (from_width, padded_width)
    };
    let side = |to: u128, limit: u32| {
        u32::try_from(to * numerator / denominator).map_or(limit, |side| side.clamp(1, limit))
    };
    let (cropped_height, cropped_width) = (side(to_height, height), side(to_width, width));
    Window {
        left: (width - cropped_width).div_ceil(2),
        top: (height - cropped_height).div_ceil(2),
        width: cropped_width,
        height: cropped_height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientnet_onnx::metadata::Interpolation;

    fn lite(size: [u64; 2]) -> Preprocessing {
        Preprocessing {
            version: 1,
            layout: "NCHW".into(),
            channels: "RGB".into(),
            size,
            mean: [127.0; 3],
            std: [128.0; 3],
            crop_padding: 32,
            interpolation: Interpolation::Bilinear,
        }
    }

    #[test]
    fn the_window_is_tensorflows() {
        for ((width, height), size, (left, top, cropped_width, cropped_height)) in [
            // 224 / 256 of 300 is 262.5; offsets round up.
            ((451, 300), [224, 224], (95, 19, 262, 262)),
            ((300, 451), [224, 224], (19, 95, 262, 262)),
            ((512, 512), [224, 224], (32, 32, 448, 448)),
            // 240 / 272 = 15 / 17 of 17: exactly 15, which binary fractions may miss.
            ((17, 17), [240, 240], (1, 1, 15, 15)),
            ((1, 1), [224, 224], (0, 0, 1, 1)),
            ((1, 900), [224, 224], (0, 450, 1, 1)),
            // Twice as wide as high: the height limits here, the width there.
            ((1000, 256), [224, 448], (276, 16, 448, 224)),
            ((480, 1000), [224, 448], (16, 388, 448, 224)),
        ] {
            let window = Window {
                left,
                top,
                width: cropped_width,
                height: cropped_height,
            };
            assert_eq!(
                centre_window(width, height, &lite(size)),
                window,
                "{width}x{height} {size:?}"
            );
        }
    }

    #[test]
    fn the_window_agrees_with_the_formula_in_floating_point() {
        for size in [224u64, 260, 300, 380, 600] {
            for side in 1..2000 {
                let formula = (size as f64 / (size + 32) as f64 * f64::from(side))
                    .floor()
                    .max(1.0);
                let exact = centre_window(side, side + 3, &lite([size, size])).width;
                // Only where the quotient is whole can rounding lose one.
                let whole = (u64::from(side) * size).is_multiple_of(size + 32);
                assert!((f64::from(exact) - formula).abs() <= f64::from(u8::from(whole)));
            }
        }
    }

    #[test]
    fn values_are_normalised_channel_by_channel() {
        let picture = RgbImage::from_pixel(64, 48, image::Rgb([255, 127, 0]));
        let values = prepare(&picture, &lite([4, 6])).unwrap();
        assert_eq!(values.len(), 3 * 4 * 6);
        for (channel, expected) in [1.0, 0.0, -127.0 / 128.0].into_iter().enumerate() {
            assert!(
                values[channel * 24..][..24]
                    .iter()
                    .all(|&value| value == expected),
                "{channel}: {values:?}"
            );
        }
        let mut uneven = lite([1, 1]);
        (uneven.mean, uneven.std) = ([255.0, 0.0, 10.0], [1.0, 2.0, 5.0]);
        assert_eq!(prepare(&picture, &uneven).unwrap(), [0.0, 63.5, -2.0]);
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        type Change = fn(&mut Preprocessing);
        let changes: [(Change, &str); 7] = [
            (|p| p.version = 2, "expected version 1, found 2"),
            (
                |p| p.layout = "NHWC".into(),
                "expected layout `NCHW`, found \"NHWC\"",
            ),
            (
                |p| p.channels = "BGR".into(),
                "expected channels `RGB`, found \"BGR\"",
            ),
            (
                |p| p.size = [0, 224],
                "expected size from 1 to 8192, found [0, 224]",
            ),
            (
                |p| p.size = [224, 1 << 40],
                "expected size from 1 to 8192, found [224, 1099511627776]",
            ),
            (
                |p| p.std[1] = 0.0,
                "expected mean and std finite and std not 0",
            ),
            (
                |p| p.mean[2] = f64::NAN,
                "expected mean and std finite and std not 0",
            ),
        ];
        for (change, message) in changes {
            let mut preprocessing = lite([224, 224]);
            change(&mut preprocessing);
            let failure = prepare(&RgbImage::new(8, 8), &preprocessing).unwrap_err();
            assert!(failure.message.contains(message), "{}", failure.message);
        }
    }
}
