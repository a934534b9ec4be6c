//! How much memory a decoder needs, told by what a file declares, and the parts of a file that no decoder is to see.

use crate::memory::{self, NoMemory, Reservation};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageFormat};
use std::borrow::Cow;

/// Bytes that a decoder of progressive JPEG holds for each pixel beside the picture: an `i16` for each of up to four
/// components.
const COEFFICIENTS: u64 = 8;
/// The first bytes of a PNG.
const SIGNATURE: usize = 8;
/// Length and type of a chunk before its data, and the checksum behind.
const AROUND_DATA: usize = 12;
/// Chunks that unpack to more than they have, and that say nothing of the pixels here: colour profiles and texts.
const UNSEEN: [&[u8; 4]; 4] = [b"iCCP", b"tEXt", b"zTXt", b"iTXt"];

/// Takes the memory for decoding a picture, turning it upright and bringing it to RGB.
pub fn reserve(
    decoder: &impl ImageDecoder,
    format: ImageFormat,
    bytes: &[u8],
    orientation: Orientation,
) -> Result<Reservation, NoMemory> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let whole = decoder.total_bytes();
    let turned = match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => whole,
        _ => 0,
    };
    let converted = match decoder.color_type() {
        ColorType::Rgb8 => 0,
        _ => 3 * pixels,
    };
    let coefficients = match format {
        ImageFormat::Jpeg if is_progressive(bytes) => COEFFICIENTS * pixels,
        _ => 0,
    };
    // One after the other, each beside the picture.
    let beside = turned.max(converted).max(coefficients);
    let what = format_args!("a picture of {width}x{height} pixels");
    memory::reserve(whole.saturating_add(beside), what)
}

/// Whether a JPEG has the marker of a progressive frame; in coded data `FF` is followed by 0 or by a restart marker.
fn is_progressive(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == [0xFF, 0xC2])
}

/// A PNG without the chunks that no pixel depends on and that can unpack to any size. A file that is cut off within a
/// chunk stays so.
pub fn without_unseen_chunks(bytes: &[u8]) -> Result<Cow<'_, [u8]>, NoMemory> {
    let chunks = || Chunks {
        bytes,
        at: SIGNATURE,
    };
    if !chunks().any(is_unseen) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut kept = Vec::new();
    memory::make_room(
        &mut kept,
        bytes.len(),
        "a copy of the file without its colour profile",
    )?;
    kept.extend(&bytes[..SIGNATURE]);
    for chunk in chunks().filter(|chunk| !is_unseen(chunk)) {
        kept.extend(chunk);
    }
    Ok(Cow::Owned(kept))
}

fn is_unseen(chunk: &[u8]) -> bool {
    UNSEEN.iter().any(|kind| chunk.get(4..8) == Some(&kind[..]))
}

/// The chunks of a PNG, each whole; the last may be cut off.
struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest
            .first_chunk()
            .map_or(0, |length| u32::from_be_bytes(*length) as usize);
        let whole = length.saturating_add(AROUND_DATA).min(rest.len());
        self.at += whole;
        Some(&rest[..whole])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &kind, data, &[0; 4]].concat()
    }

    #[test]
    fn only_profiles_and_texts_are_left_out() {
        let chunks = [
            (b"IHDR", true),
            (b"iCCP", false),
            (b"gAMA", true),
            (b"zTXt", false),
            (b"eXIf", true),
            (b"IDAT", true),
            (b"iTXt", false),
            (b"IEND", true),
        ];
        let mut whole = vec![1; SIGNATURE];
        let mut expected = whole.clone();
        for (kind, stays) in chunks {
            let chunk = chunk(*kind, &[7; 20]);
            whole.extend(&chunk);
            expected.extend(chunk.iter().filter(|_| stays));
        }
        assert_eq!(*without_unseen_chunks(&whole).unwrap(), expected);
        assert!(matches!(
            without_unseen_chunks(&expected).unwrap(),
            Cow::Borrowed(_)
        ));
        // What is cut off stays cut off.
        for length in 0..whole.len() {
            let cut = without_unseen_chunks(&whole[..length])
                .unwrap()
                .into_owned();
            assert!(cut.len() < expected.len(), "{length}");
        }
    }
}
