//! Figures, read back pixel by pixel.

use super::lettering::BOX;
use super::*;
use crate::memory::Buffer;
use image::RgbImage;

/// A picture of one colour.
fn plain(size: [u32; 2], colour: [u8; 3]) -> Pixels {
    let pixels = size[0] as usize * size[1] as usize;
    let levels = std::iter::repeat_n(colour, pixels).flatten();
    Pixels::gathered(size, levels).expect("room")
}

fn map(size: [usize; 2], values: &[f64]) -> HeatMap {
    HeatMap::new(size, Buffer::from(values.to_vec())).expect("a map")
}

/// A grey picture with maps, beside a green one.
struct Parts {
    grey: Pixels,
    green: Pixels,
    maps: Vec<Option<HeatMap>>,
}

fn parts(maps: Vec<Option<HeatMap>>) -> Parts {
    Parts {
        grey: plain([64, 64], [90, 90, 90]),
        green: plain([64, 64], [10, 200, 60]),
        maps,
    }
}

fn figure(parts: &Parts) -> Figure<'_> {
    let panel = |map| Panel {
        picture: &parts.grey,
        map,
        lines: vec!["tiger cat (282)".to_owned(), "40.42 %".to_owned()],
    };
    Figure {
        columns: parts
            .maps
            .iter()
            .map(|_| vec!["lite0.onnx".to_owned()])
            .collect(),
        rows: vec![FigureRow {
            name: "cat.jpg".to_owned(),
            picture: &parts.green,
            panels: parts
                .maps
                .iter()
                .map(|map| map.as_ref().map(panel))
                .collect(),
        }],
        caption: "Colours.".to_owned(),
    }
}

fn decoded(maps: Vec<Option<HeatMap>>) -> RgbImage {
    read(&figure(&parts(maps)))
}

fn read(figure: &Figure<'_>) -> RgbImage {
    let file = figure.png().expect("a figure");
    image::load_from_memory(&file).expect("a PNG").into_rgb8()
}

/// Top of the first row of pictures.
const TOP: u32 = GAP + LINE + PAD;

fn lightness(picture: &RgbImage, row: u32, column: u32) -> f64 {
    luma(picture.get_pixel(column, row).0)
}

#[test]
fn a_hot_corner_is_drawn_hottest_there() {
    for corner in 0..4 {
        let mut values = [0.0; 4];
        values[corner] = 1.0;
        let drawn = decoded(vec![Some(map([2, 2], &values))]);
        let corners = [(0, 0), (0, SIDE - 1), (SIDE - 1, 0), (SIDE - 1, SIDE - 1)];
        let light = corners.map(|(row, column)| lightness(&drawn, TOP + row, across(1) + column));
        for other in (0..4).filter(|other| *other != corner) {
            assert!(light[corner] > light[other] + 50.0, "{corner}: {light:?}");
        }
        // Halfway between two places it is between both.
        let middle = lightness(&drawn, TOP + SIDE / 2, across(1) + SIDE / 2);
        let least = light.into_iter().fold(f64::INFINITY, f64::min);
        assert!(
            middle > least && middle < light[corner],
            "{middle} {light:?}"
        );
    }
}

#[test]
fn a_pixel_is_its_grey_under_the_colour_of_its_number() {
    let drawn = decoded(vec![Some(map([1, 2], &[-4.0, 8.0]))]);
    let mixed = |part: f64| {
        let level = |heat: f64| (90.0 + OPACITY * (heat - 90.0)).round_ties_even();
        colour(part).map(level)
    };
    for (column, part) in [(0, 0.0), (SIDE - 1, 1.0)] {
        let found = drawn
            .get_pixel(across(1) + column, TOP + 7)
            .0
            .map(f64::from);
        assert_eq!(found, mixed(part));
    }
    // The first column has the picture as it is.
    assert_eq!(drawn.get_pixel(across(0) + 5, TOP + 5).0, [10, 200, 60]);
}

#[test]
fn the_bar_runs_from_the_smallest_number_to_the_largest() {
    let drawn = decoded(vec![Some(map([1, 2], &[-4.0, 8.0]))]);
    let row = TOP + SIDE + PAD + BAR / 2;
    let ends = [(0, 0.0), (SIDE - 1, 1.0)];
    for (column, part) in ends {
        let found = drawn.get_pixel(across(1) + column, row).0.map(f64::from);
        assert_eq!(found, colour(part).map(f64::round_ties_even));
    }
    // Each of the numbers, and each line, is written: its letters are where those of the same text are.
    let below = TOP + SIDE + PAD + BAR + PAD;
    for (place, text) in [
        ([below, across(1)], "-4.00"),
        ([below, across(1) + SIDE - width("8.00")], "8.00"),
        ([below + LINE, across(1)], "tiger cat (282)"),
        ([below + 2 * LINE, across(1)], "40.42 %"),
        ([GAP, across(1)], "lite0.onnx"),
        ([TOP + SIDE + PAD, across(0)], "cat.jpg"),
        (
            [
                TOP + figure(&parts(vec![None; 1])).rows[0].height() + LINE,
                GAP,
            ],
            "Colours.",
        ),
    ] {
        assert!(is_written(&drawn, place, text), "{text}");
    }
}

/// Whether a text is at a place, and nothing else in its line.
fn is_written(drawn: &RgbImage, [top, left]: Place, text: &str) -> bool {
    let mut canvas = Canvas::new([BOX[0], width(text)]).expect("room");
    canvas.text([0, 0], text, INK);
    let file = canvas.png().expect("a PNG");
    let expected = image::load_from_memory(&file).expect("a PNG").into_rgb8();
    expected
        .enumerate_pixels()
        .all(|(column, row, pixel)| drawn.get_pixel(left + column, top + row) == pixel)
}

#[test]
fn a_flat_map_is_dark_and_a_missing_one_is_left_white() {
    let drawn = decoded(vec![Some(map([7, 7], &[2.0; 49])), None]);
    let found = drawn.get_pixel(across(1) + 9, TOP + 9).0;
    let least = colour(0.0).map(|level| (90.0 + OPACITY * (level - 90.0)).round_ties_even());
    assert_eq!(found.map(f64::from), least);
    assert_eq!(drawn.get_pixel(across(2) + 9, TOP + 9).0, [255; 3]);
    assert_eq!(drawn.width(), across(3));
}

#[test]
fn a_picture_keeps_its_aspect() {
    assert_eq!(shown([224, 224]), [256, 256]);
    assert_eq!(shown([300, 600]), [128, 256]);
    assert_eq!(shown([8192, 1]), [256, 1]);
    let black = plain([300, 600], [0; 3]);
    let parts = parts(vec![Some(map([1, 2], &[0.0, 1.0]))]);
    let mut wide = figure(&parts);
    wide.rows[0].panels[0].as_mut().expect("a panel").picture = &black;
    wide.rows[0].picture = &black;
    assert_eq!(wide.rows[0].tallest(), 128);
    let drawn = read(&wide);
    assert_eq!(drawn.get_pixel(across(0), TOP + 127).0, [0; 3]);
    assert_eq!(drawn.get_pixel(across(0) + 200, TOP + 128).0, [255; 3]);
}

#[test]
fn more_pixels_than_a_picture_may_have_are_refused() {
    let parts = parts(vec![None]);
    let mut high = figure(&parts);
    let row = || FigureRow {
        name: String::new(),
        picture: &parts.grey,
        panels: Vec::new(),
    };
    high.columns.clear();
    high.rows = (0..2000).map(|_| row()).collect();
    let refused = high
        .png()
        .map(drop)
        .expect_err("it is too large")
        .to_string();
    assert!(
        refused.starts_with("expected a figure of at most 134217728 pixels, found "),
        "{refused}"
    );
}

#[test]
fn numbers_have_three_digits() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (0.123_4, "0.12"),
        (-3.456, "-3.46"),
        (12.34, "12.3"),
        (234.6, "235"),
        (-12_345.6, "-12346"),
        (123_456.0, "1.23e5"),
        (0.000_12, "1.20e-4"),
    ] {
        assert_eq!(number(value), expected);
    }
}
