//! Windows, crops and normalising against hand-worked numbers. `tests/graphs/preprocessing.rs` compares whole preparations.

use super::*;
use crate::metadata::{Interpolation, Sampling};

fn lite(size: [u64; 2]) -> Preprocessing {
    Preprocessing::rgb(
        size,
        Normal::LITE,
        Framing::CropPadding(32),
        Interpolation::Bilinear,
        Sampling::Antialias,
    )
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
        let found = centre_window([height, width], size, 32);
        assert_eq!(
            (found.start, found.sides[0].from, found.sides[1].from),
            ([left, top], cropped_height, cropped_width),
            "{width}x{height} {size:?}"
        );
    }
}

#[test]
fn the_window_agrees_with_the_formula_in_floating_point() {
    for size in [224u32, 260, 300, 380, 600] {
        for side in 1..2000 {
            let formula = (f64::from(size) / f64::from(size + 32) * f64::from(side))
                .floor()
                .max(1.0);
            let exact = centre_window([side + 3, side], [size, size], 32).sides[1].from;
            // Only where the quotient is whole can rounding lose one.
            let whole = (side * size).is_multiple_of(size + 32);
            assert!((f64::from(exact) - formula).abs() <= f64::from(u8::from(whole)));
        }
    }
}

#[test]
fn what_covers_and_what_is_cropped_is_torchvisions() {
    for (picture, to, expected) in [
        // 256 · 451 / 300 is 384.85.
        ([300, 451], [256, 256], [256, 384]),
        ([451, 300], [256, 256], [384, 256]),
        ([100, 100], [256, 256], [256, 256]),
        // 448 / 451 · 300 is 298.0; 300 / 300 would be 451 across.
        ([300, 451], [224, 448], [298, 448]),
    ] {
        assert_eq!(covering(picture, to), Some(expected), "{picture:?} {to:?}");
    }
    assert_eq!(covering([1, 1 << 40], [8, 8]), None);
    // Python rounds 0.5 to 0, 1.5 to 2 and 2.5 to 2.
    for (whole, offset) in [
        (16, 0),
        (17, 0),
        (18, 1),
        (19, 2),
        (20, 2),
        (21, 2),
        (23, 4),
    ] {
        assert_eq!(centre(whole, 16), offset..offset + 16, "{whole}");
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
    uneven.normal = Normal {
        mean: [255.0, 0.0, 10.0],
        std: [1.0, 2.0, 5.0],
    };
    assert_eq!(prepare(&picture, &uneven).unwrap(), [0.0, 63.5, -2.0]);
}

#[test]
fn channels_come_where_the_record_has_them_and_bytes_are_rounded() {
    let mut picture = RgbImage::new(2, 1);
    picture.put_pixel(0, 0, image::Rgb([1, 2, 3]));
    picture.put_pixel(1, 0, image::Rgb([4, 5, 255]));
    let mut record = Preprocessing {
        framing: Framing::Stretch([1, 2]),
        normal: Normal::NONE,
        ..lite([1, 2])
    };
    let planes = [1.0, 4.0, 2.0, 5.0, 3.0, 255.0];
    assert_eq!(prepare(&picture, &record).unwrap(), planes);
    record.layout = "NHWC".to_owned();
    let pixels = [1.0, 2.0, 3.0, 4.0, 5.0, 255.0];
    assert_eq!(prepare(&picture, &record).unwrap(), pixels);
    // TensorFlow's resize keeps fractions: three of two pixels are 1/6, 1/2 and 5/6 on the way from one to the other.
    record.size = [1, 3];
    record.framing = Framing::Stretch([1, 3]);
    record.sampling = Sampling::HalfPixel;
    let between = prepare(&picture, &record).unwrap();
    assert_eq!(between[3..6], [2.5, 3.5, 129.0]);
    record.element = Element::U8;
    let rounded = prepare(&picture, &record).unwrap();
    assert_eq!(rounded[3..6], [2.0, 4.0, 129.0]);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    type Change = fn(&mut Preprocessing);
    let changes: [(Change, &str); 9] = [
        (
            |p| p.layout = "CHWN".into(),
            "expected layout `NCHW` or `NHWC`, found \"CHWN\"",
        ),
        (
            |p| p.element = Element::I8,
            "expected element `f32` or `u8`, found `i8`",
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
            |p| p.normal.std[1] = 0.0,
            "expected mean and std finite and std not 0",
        ),
        (
            |p| p.normal.mean[2] = f64::NAN,
            "expected mean and std finite and std not 0",
        ),
        (
            |p| p.framing = Framing::Cover([223, 224]),
            "expected framing from the size to 16384, found Cover([223, 224])",
        ),
        (
            |p| p.framing = Framing::Stretch([224, 16_385]),
            "expected framing from the size to 16384, found Stretch([224, 16385])",
        ),
    ];
    for (change, message) in changes {
        let mut preprocessing = lite([224, 224]);
        change(&mut preprocessing);
        let refused = prepare(&RgbImage::new(8, 8), &preprocessing).unwrap_err();
        assert!(refused.to_string().contains(message), "{refused}");
    }
    let mut stretched = lite([8192, 8192]);
    stretched.framing = Framing::Stretch([8192, 8192]);
    let refused = prepare(&RgbImage::new(1, 30_000), &stretched).unwrap_err();
    assert!(
        refused.to_string().contains("too long and thin, 1x30000"),
        "{refused}"
    );
}
