//! Reads JPEG and PNG files into 8-bit RGB. Refuses what is cut off, other formats, and what would not fit in memory.

use super::error::{DecodeError, PictureError};
use super::limits::{FILE_LIMIT, MEMORY_LIMIT, PIXEL_LIMIT};
use super::room;
use super::{Orientation, jpeg};
use crate::files::foreign::Foreign;
use crate::files::open_input;
use crate::memory::{self, Reservation};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::Path;

/// A picture that was decoded.
#[derive(Debug)]
pub struct Decoded {
    pub pixels: RgbImage,
    /// Whether its EXIF record turned or mirrored it.
    pub turned: bool,
    /// The memory that it takes.
    _reserved: Reservation,
}

/// Decodes the file `path`, turned upright as its EXIF orientation says, if that is asked for. Grey is spread over the three
/// channels, transparency is dropped, 16 bits become 8, CMYK becomes RGB without a colour profile.
///
/// # Errors
///
/// If the file cannot be read, is not a whole JPEG or PNG picture, or is beyond the limits.
pub fn read(path: &Path, orientation: Orientation) -> Result<Decoded, PictureError> {
    let (bytes, _reserved) = read_limited(path)?;
    decode(&bytes, orientation).map_err(|source| PictureError::Undecodable {
        path: path.to_owned(),
        source,
    })
}

/// The bytes of a file, and their memory.
fn read_limited(path: &Path) -> Result<(Vec<u8>, Reservation), PictureError> {
    let failed = |source| PictureError::Io {
        path: path.to_owned(),
        source,
    };
    let file = open_input(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > FILE_LIMIT {
        return Err(PictureError::FileTooLarge {
            path: path.to_owned(),
        });
    }
    // The decoder of JPEG makes a copy.
    let what = format_args!("`{}`", path.shown());
    let reserved = memory::reserve(2 * length, what)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok((bytes, reserved))
}

fn decode(bytes: &[u8], wanted: Orientation) -> Result<Decoded, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png)) => format,
        found => {
            let found = found.ok().map(|format| format!("{format:?}"));
            return Err(DecodeError::Format { found });
        }
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_LIMIT);
    let seen = match format {
        ImageFormat::Png => room::without_unseen_chunks(bytes)?,
        _ => Cow::Borrowed(bytes),
    };
    let mut reader = ImageReader::with_format(Cursor::new(&*seen), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXEL_LIMIT || decoder.total_bytes() > MEMORY_LIMIT {
        return Err(DecodeError::TooLarge);
    }
    // A broken EXIF record says nothing of the pixels.
    let as_stored = image::metadata::Orientation::NoTransforms;
    let orientation = match wanted {
        Orientation::Recorded => decoder.orientation().unwrap_or(as_stored),
        Orientation::Stored => as_stored,
    };
    if format == ImageFormat::Jpeg {
        jpeg::expect_whole(bytes)?;
    }
    let reserved = room::reserve(&decoder, format, bytes, orientation)?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(Decoded {
        pixels: picture.into_rgb8(),
        turned: orientation != as_stored,
        _reserved: reserved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{ColorType, ImageEncoder};
    use std::io::Write;

    /// A picture whose left half is dark and right half is light.
    fn sample(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
            let level = if x < width / 2 { 40 } else { 200 };
            image::Rgb([level, level, (y % 8) as u8 + level])
        }))
    }

    fn bytes_of(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// The pixels alone.
    fn decode(bytes: &[u8]) -> Result<RgbImage, DecodeError> {
        super::decode(bytes, Orientation::Recorded).map(|picture| picture.pixels)
    }

    fn message(bytes: &[u8]) -> String {
        decode(bytes).unwrap_err().to_string()
    }

    /// A PNG of one row's worth of data whose header promises `width × height`.
    fn promising_png(width: u32, height: u32) -> Vec<u8> {
        let mut header = b"IHDR".to_vec();
        header.extend(width.to_be_bytes());
        header.extend(height.to_be_bytes());
        header.extend([8, 2, 0, 0, 0]);
        let crc = header.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        png.extend(header);
        png.extend((!crc).to_be_bytes());
        png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        png
    }

    #[test]
    fn every_kind_of_pixel_becomes_rgb() {
        let picture = sample(32, 16);
        let levels =
            |picture: &RgbImage| (picture.get_pixel(4, 4).0[0], picture.get_pixel(28, 4).0[0]);
        for kind in [
            DynamicImage::ImageLuma8(picture.to_luma8()),
            DynamicImage::ImageLumaA8(picture.to_luma_alpha8()),
            DynamicImage::ImageRgba8(picture.to_rgba8()),
            DynamicImage::ImageRgb16(picture.to_rgb16()),
            DynamicImage::ImageLuma16(picture.to_luma16()),
        ] {
            let decoded = decode(&bytes_of(&kind, ImageFormat::Png)).unwrap();
            let (dark, light) = levels(&decoded);
            assert!(
                dark.abs_diff(40) <= 1 && light.abs_diff(200) <= 1,
                "{:?}: {dark} {light}",
                kind.color()
            );
        }
    }

    #[test]
    fn ink_becomes_light() {
        let bytes = include_bytes!("../../tests/fixtures/pictures/cmyk.jpg");
        let decoded = decode(bytes).unwrap();
        // What Pillow decodes it to.
        for ((x, y), expected) in [((4, 8), [53u8, 207, 245]), ((28, 8), [255, 75, 35])] {
            let found = decoded.get_pixel(x, y).0;
            assert!(
                (0..3).all(|channel| expected[channel].abs_diff(found[channel]) <= 3),
                "{found:?}"
            );
        }
    }

    /// A JPEG of four quarters with their levels, whose EXIF record has one entry: the orientation (0x0112), a SHORT.
    fn quarters(orientation: u8) -> Vec<u8> {
        let mut exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        let picture = RgbImage::from_fn(32, 16, |x, y| {
            let levels = [[40, 90], [150, 210]];
            image::Rgb([levels[usize::from(y >= 8)][usize::from(x >= 16)]; 3])
        });
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif).unwrap();
        encoder
            .write_image(&picture, 32, 16, ColorType::Rgb8.into())
            .unwrap();
        bytes
    }

    /// What each says of the stored rows and columns (CIPA DC-008, 4.6.5.1).
    #[test]
    fn each_exif_orientation_turns_a_picture_upright_unless_it_is_ignored() {
        let stored = [40, 90, 150, 210];
        for (orientation, expected) in [
            (1, stored),
            (2, [90, 40, 210, 150]),
            (3, [210, 150, 90, 40]),
            (4, [150, 210, 40, 90]),
            (5, [40, 150, 90, 210]),
            (6, [150, 40, 210, 90]),
            (7, [210, 90, 150, 40]),
            (8, [90, 210, 40, 150]),
        ] {
            let bytes = quarters(orientation);
            for (wanted, expected) in [
                (Orientation::Recorded, expected),
                (Orientation::Stored, stored),
            ] {
                let Decoded { pixels, turned, .. } = super::decode(&bytes, wanted).unwrap();
                let (width, height) = pixels.dimensions();
                let is_on_its_side = wanted == Orientation::Recorded && orientation > 4;
                assert_eq!(width < height, is_on_its_side, "{orientation} {wanted:?}");
                let [across, down] = [width, height].map(|extent| [extent / 4, 3 * extent / 4]);
                let found: Vec<u8> = down
                    .iter()
                    .flat_map(|y| across.map(|x| pixels.get_pixel(x, *y).0[0]))
                    .collect();
                let is_near = |(one, other): (&u8, &u8)| one.abs_diff(*other) < 8;
                assert!(
                    found.iter().zip(&expected).all(is_near),
                    "{orientation} {wanted:?}: {found:?}, expected {expected:?}"
                );
                let turns = wanted == Orientation::Recorded && orientation != 1;
                assert_eq!(turned, turns, "{orientation} {wanted:?}");
            }
        }
    }

    #[test]
    fn a_jpeg_without_its_data_is_refused_whatever_ends_it() {
        let whole = bytes_of(&sample(64, 64), ImageFormat::Jpeg);
        let at = |marker: u8| {
            let place = whole.windows(2).position(|pair| pair == [0xFF, marker]);
            place.expect("a segment")
        };
        let (frame, scan) = (at(0xC0), at(0xDA));
        let data = scan + 2 + usize::from(whole[scan + 3]);
        // One component of three, without the others' scans.
        let mut one = whole.clone();
        one.splice(scan + 3..data, [8, 1, 1, 0, 0, 63, 0]);
        for (name, damaged) in [
            ("no data", [&whole[..data], &[0xFF, 0xD9]].concat()),
            ("a few bytes", [&whole[..data + 20], &[0xFF, 0xD9]].concat()),
            ("no scan", [&whole[..scan], &[0xFF, 0xD9]].concat()),
            ("no frame", [&whole[..frame], &[0xFF, 0xD9]].concat()),
            ("one component", one),
        ] {
            let error = decode(&damaged).map(drop).expect_err(name);
            let said = error.to_string();
            // Without a scan the decoder refuses it first.
            let told = if name.starts_with("no ") && name != "no data" {
                "Format error"
            } else {
                "coded data has"
            };
            assert!(said.contains(told), "{name}: {said}");
        }
        // One level throughout takes the least data.
        for side in [8, 64, 333] {
            let plain =
                DynamicImage::ImageRgb8(RgbImage::from_pixel(side, side, image::Rgb([9; 3])));
            assert!(decode(&bytes_of(&plain, ImageFormat::Jpeg)).is_ok());
            let grey = DynamicImage::ImageLuma8(plain.to_luma8());
            assert!(decode(&bytes_of(&grey, ImageFormat::Jpeg)).is_ok());
        }
    }

    #[test]
    fn a_picture_that_is_cut_off_is_refused_at_every_length() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let whole = bytes_of(&sample(64, 64), format);
            assert!(decode(&whole).is_ok());
            // The last twelve bytes of a PNG are its empty end chunk: all pixels are there without it.
            let pixels_end = if format == ImageFormat::Png {
                whole.len() - 12
            } else {
                whole.len()
            };
            for length in 0..pixels_end {
                assert!(
                    decode(&whole[..length]).is_err(),
                    "{format:?} cut at {length} of {}",
                    whole.len()
                );
            }
        }
    }

    #[test]
    fn a_picture_that_would_fill_the_memory_is_refused() {
        for (width, height) in [
            (60_000, 60_000),
            (u32::MAX >> 1, u32::MAX >> 1),
            (1 << 14, (1 << 13) + 1),
        ] {
            let message = message(&promising_png(width, height));
            assert_eq!(
                message,
                "expected at most 134217728 pixels and 512 MiB when decoded, found more"
            );
        }
    }

    #[test]
    fn other_files_are_named() {
        assert_eq!(message(b""), "the file is empty");
        assert_eq!(
            message(b"GIF89a\0\0\0\0"),
            "expected JPEG or PNG, found Gif"
        );
        assert_eq!(
            message(b"cats are liquid"),
            "expected JPEG or PNG, found neither"
        );
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"cats are liquid").unwrap();
        let refused = read(file.path(), Orientation::Recorded)
            .unwrap_err()
            .to_string();
        assert!(refused.ends_with("found neither"), "{refused}");
        let missing = read(Path::new("no/such/photo.jpg"), Orientation::Recorded)
            .unwrap_err()
            .to_string();
        assert!(
            missing.starts_with("cannot read the picture `no/such/photo.jpg`: "),
            "{missing}"
        );
        assert!(read(Path::new("."), Orientation::Recorded).is_err());
    }
}
