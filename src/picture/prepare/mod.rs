//! From RGB pixels to a graph's input: framing, resize, normalising, channel by channel.
//!
//! The framings are those of tensorflow/tpu models/official/efficientnet/preprocessing.py
//! (`_decode_and_center_crop`) and of torchvision's `Resize` and `CenterCrop`, which timm uses too.

use super::error::{PictureError, PreprocessingError};
use super::limits::{FRAME_LIMIT, SIZE_LIMIT};
use super::resize::{Filter, Side, resize};
use crate::memory::Buffer;
use crate::metadata::{Framing, Normal, Preprocessing};
use crate::tensor::Element;
use image::RgbImage;
use std::ops::Range;

/// The picture as `3 · H · W` values `(x − mean) / std`, in the record's order and of its element type: channel by channel, or
/// pixel by pixel.
///
/// # Errors
///
/// If `preprocessing` is not something that this version can follow, or the picture is too long and thin for it.
pub fn prepare(
    picture: &RgbImage,
    preprocessing: &Preprocessing,
) -> Result<Buffer<f32>, PictureError> {
    let size = input_size(preprocessing)?;
    let filter = Filter(preprocessing.sampling, preprocessing.interpolation);
    let (height, width) = (picture.height(), picture.width());
    let frame = frame([height, width], size, preprocessing.framing);
    let too_thin = || PictureError::TooThin { width, height };
    let Frame { start, sides } = frame.ok_or_else(too_thin)?;
    let [down, across] = &sides;
    let resized = resize(picture, start, down, across, filter)?.ok_or_else(too_thin)?;
    #[expect(clippy::cast_possible_truncation, reason = "the graph's input is f32")]
    let normal = |level: f32, mean: f64, std: f64| ((f64::from(level) - mean) / std) as f32;
    let Normal { mean, std } = preprocessing.normal;
    let rounds = preprocessing.element == Element::U8;
    let value = |(channel, &level): (usize, &f32)| {
        let value = normal(level, mean[channel], std[channel]);
        if rounds {
            value.round_ties_even().clamp(0.0, 255.0)
        } else {
            value
        }
    };
    let mut values = Buffer::with_room(resized.len(), "a prepared picture")?;
    if preprocessing.channels_last() == Some(true) {
        let channels = (0..3).cycle();
        values.extend(channels.zip(resized.iter()).map(value));
    } else {
        for channel in 0..3 {
            let levels = resized.iter().skip(channel).step_by(3);
            values.extend(levels.map(|level| value((channel, level))));
        }
    }
    Ok(values)
}

/// The height and width of the input, in pixels: each from 1 to 8192.
///
/// # Errors
///
/// If this version cannot follow `preprocessing`: another layout, no pixels, a crop of more than there is, or division by
/// zero.
pub fn input_size(preprocessing: &Preprocessing) -> Result<[u32; 2], PreprocessingError> {
    let Preprocessing {
        layout,
        channels,
        size,
        normal,
        element,
        framing,
        ..
    } = preprocessing;
    let Normal { mean, std } = normal;
    if preprocessing.channels_last().is_none() {
        return Err(PreprocessingError::Layout(layout.clone()));
    }
    if ![Element::F32, Element::U8].contains(element) {
        return Err(PreprocessingError::Element(*element));
    }
    if channels != "RGB" {
        return Err(PreprocessingError::Channels(channels.clone()));
    }
    if mean.iter().chain(std).any(|number| !number.is_finite()) || std.contains(&0.0) {
        return Err(PreprocessingError::Normal(*normal));
    }
    if let Framing::Cover(to) | Framing::Stretch(to) = framing {
        let fits = |(to, size): (&u64, &u64)| (*size..=FRAME_LIMIT).contains(to);
        if !to.iter().zip(size).all(fits) {
            return Err(PreprocessingError::Framing(*framing));
        }
    }
    match size.map(u32::try_from) {
        [Ok(height), Ok(width)] if size.iter().all(|side| (1..=SIZE_LIMIT).contains(side)) => {
            Ok([height, width])
        }
        _ => Err(PreprocessingError::Size(*size)),
    }
}

/// A window of a picture, what it is resized to, and the part of that which is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    /// Column and row at which the window begins.
    start: [u32; 2],
    /// Down and across.
    sides: [Side; 2],
}

/// None if what is in between is beyond all bounds.
fn frame(picture: [u32; 2], size: [u32; 2], framing: Framing) -> Option<Frame> {
    let to = match framing {
        Framing::CropPadding(padding) => return Some(centre_window(picture, size, padding)),
        Framing::Cover(to) => covering(picture.map(u64::from), to)?,
        Framing::Stretch(to) => [u32::try_from(to[0]).ok()?, u32::try_from(to[1]).ok()?],
    };
    let along = |axis: usize| Side {
        from: picture[axis],
        to: to[axis],
        part: centre(to[axis], size[axis]),
    };
    Some(Frame {
        start: [0, 0],
        sides: [along(0), along(1)],
    })
}

/// Height and width of a picture that is resized until it just covers `to`: of a square its longer side is rounded
/// down, as torchvision does (`_compute_resized_output_size`).
fn covering([height, width]: [u64; 2], to: [u64; 2]) -> Option<[u32; 2]> {
    let [to_height, to_width] = to;
    let half = |by: u64| if to_height == to_width { 0 } else { by / 2 };
    let covering = if to_height * width >= to_width * height {
        let across = (to_height * width + half(height)) / height;
        [to_height, across.max(to_width)]
    } else {
        let down = (to_width * height + half(width)) / width;
        [down.max(to_height), to_width]
    };
    Some([
        u32::try_from(covering[0]).ok()?,
        u32::try_from(covering[1]).ok()?,
    ])
}

/// The middle of so many pixels; where there are two, the one with the even offset, as torchvision's `center_crop`.
fn centre(whole: u32, part: u32) -> Range<u32> {
    let spare = whole.saturating_sub(part);
    let offset = match spare % 2 {
        0 => spare / 2,
        _ => (spare / 2).next_multiple_of(2),
    };
    offset..offset + part
}

/// The centred window of the input's aspect that keeps `size / (size + padding)` of the side that limits it: for a
/// square input, of the shorter side.
fn centre_window([height, width]: [u32; 2], size: [u32; 2], padding: u64) -> Frame {
    let [to_height, to_width] = size.map(u128::from);
    let padding = u128::from(padding);
    let (from_height, from_width) = (u128::from(height), u128::from(width));
    let (padded_height, padded_width) = (to_height + padding, to_width + padding);
    // Scale, as a fraction: the smaller of from_height / padded_height and from_width / padded_width.
    let (numerator, denominator) = if from_height * padded_width <= from_width * padded_height {
        (from_height, padded_height)
    } else {
        (from_width, padded_width)
    };
    let cropped = |to: u128, limit: u32| {
        u32::try_from(to * numerator / denominator).map_or(limit, |side| side.clamp(1, limit))
    };
    let (cropped_height, cropped_width) = (cropped(to_height, height), cropped(to_width, width));
    let whole = |from: u32, to: u32| Side {
        from,
        to,
        part: 0..to,
    };
    Frame {
        start: [
            (width - cropped_width).div_ceil(2),
            (height - cropped_height).div_ceil(2),
        ],
        sides: [
            whole(cropped_height, size[0]),
            whole(cropped_width, size[1]),
        ],
    }
}

#[cfg(test)]
mod tests;
