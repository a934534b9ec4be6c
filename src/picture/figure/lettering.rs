//! Letters of one width: Noto Sans Mono, as the crate `noto-sans-mono-bitmap` has it drawn.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};

const WEIGHT: FontWeight = FontWeight::Regular;
const HEIGHT: RasterHeight = RasterHeight::Size16;

/// Pixels from line to line.
pub const LINE: u32 = 20;
/// Height and width of a letter's box: the font's at this size, which a test compares.
pub const BOX: [u32; 2] = [16, 7];
/// What stands for a character that the font lacks.
const OTHER: char = '?';
/// What stands for the rest of a text that is too long.
const REST: &str = "...";

/// How much of each pixel of a character's box is covered, from 0 to 255, row by row.
pub fn drawn(character: char) -> &'static [u8] {
    let known = get_raster(character, WEIGHT, HEIGHT);
    let found = known.or_else(|| get_raster(OTHER, WEIGHT, HEIGHT));
    found.map_or(&[], |found| found.pixels())
}

/// The width of a text in pixels.
pub fn width(text: &str) -> u32 {
    let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    characters.saturating_mul(BOX[1])
}

/// A text that is at most so wide: one that is longer loses its end.
pub fn fitted(text: &str, widest: u32) -> String {
    if width(text) <= widest {
        return text.to_owned();
    }
    let room = (widest / BOX[1]) as usize;
    let kept = text.chars().take(room.saturating_sub(REST.len()));
    kept.chain(REST.chars()).take(room).collect()
}

/// The lines of a text, each at most so wide; a word that is wider loses its end.
pub fn wrapped(text: &str, widest: u32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|last| !last.is_empty());
        let longer = last.as_ref().map(|last| format!("{last} {word}"));
        match (last, longer) {
            (Some(last), Some(longer)) if width(&longer) <= widest => *last = longer,
            (Some(_), _) => lines.push(fitted(word, widest)),
            (None, _) => lines = vec![fitted(word, widest)],
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letters_box_is_the_fonts() {
        let letter = get_raster('a', WEIGHT, HEIGHT).expect("a letter");
        assert_eq!(
            [letter.height(), letter.width()],
            BOX.map(|side| side as usize)
        );
    }

    #[test]
    fn letters_have_a_box_and_unknown_ones_are_a_question_mark() {
        let covered = |character| drawn(character).iter().filter(|part| **part > 0).count();
        for character in "Az09-_.()%äßœŁ~ ?".chars() {
            assert_eq!(
                drawn(character).len(),
                (BOX[0] * BOX[1]) as usize,
                "{character}"
            );
        }
        assert!(covered('M') > covered('.') && covered('.') > 0 && covered(' ') == 0);
        for unknown in ['猫', '\n', '\u{202e}', '…'] {
            assert_eq!(drawn(unknown), drawn('?'), "{unknown:?}");
        }
    }

    #[test]
    fn texts_are_cut_and_wrapped_at_their_width() {
        let wide = |characters: u32| characters * BOX[1];
        assert_eq!(fitted("tiger cat", wide(9)), "tiger cat");
        assert_eq!(fitted("tiger cat", wide(8) + 1), "tiger...");
        assert_eq!(fitted("tiger cat", wide(2)), "..");
        assert_eq!(fitted("tiger cat", 0), "");
        assert_eq!(wrapped("a bb  ccc dddd", wide(6)), ["a bb", "ccc", "dddd"]);
        assert_eq!(wrapped("dddddddd a", wide(6)), ["ddd...", "a"]);
        assert_eq!(wrapped("", wide(6)), [""]);
    }
}
