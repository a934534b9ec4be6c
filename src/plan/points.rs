//! Values of φ as people write them: `2`, `0,1,2.5`, `0..8`, `0..8:0.5`.

use crate::files::foreign::Foreign;
use std::str::FromStr;

/// Values that a list or a range stands for at most.
const MOST: usize = 10_000;

/// Values of φ or of another multiplier, in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Points(pub Vec<f64>);

/// Text that is no list of numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected at most 10,000 numbers, such as `2`, `0,1,2.5` or `0..8:0.5`, found `{found}`", found = found.shown())]
pub struct PointsError {
    found: String,
}

impl FromStr for Points {
    type Err = PointsError;

    /// Reads a list; a range has both its ends, and the step 1 unless it says another.
    fn from_str(text: &str) -> Result<Self, PointsError> {
        let wrong = || PointsError {
            found: text.to_owned(),
        };
        let mut points = Vec::new();
        for part in text.split(',') {
            match part.split_once("..") {
                None => points.push(number(part).ok_or_else(wrong)?),
                // A third point is a slip, not the point of `.3`.
                Some((_, rest)) if rest.starts_with('.') => return Err(wrong()),
                Some((first, rest)) => {
                    let (last, step) = rest.split_once(':').unwrap_or((rest, "1"));
                    let ends = number(first).zip(number(last)).zip(number(step));
                    let ((first, last), step) = ends.ok_or_else(wrong)?;
                    let steps = ((last - first) / step + 1e-9).floor();
                    if !(step > 0.0 && (0.0..MOST as f64).contains(&steps)) {
                        return Err(wrong());
                    }
                    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                    #[expect(clippy::cast_sign_loss, reason = "checked above")]
                    let steps = steps as u32;
                    points.extend(
                        (0..=steps).map(|index| rounded(f64::from(index).mul_add(step, first))),
                    );
                }
            }
        }
        if points.len() > MOST {
            return Err(wrong());
        }
        Ok(Self(points))
    }
}

/// A number without what adding up decimal fractions leaves of it: 0.3, not 0.30000000000000004.
pub(super) fn rounded(number: f64) -> f64 {
    let rounded = (number * 1e9).round() / 1e9;
    if (rounded - number).abs() < 1e-11 {
        rounded
    } else {
        number
    }
}

/// A finite number; a zero has no sign.
fn number(text: &str) -> Option<f64> {
    let number: Option<f64> = text.trim().parse().ok();
    let finite = number.filter(|number| number.is_finite());
    finite.map(|number| if number == 0.0 { 0.0 } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_are_read() {
        let read = |text: &str| text.parse::<Points>().map(|points| points.0);
        assert_eq!(read("2"), Ok(vec![2.0]));
        assert_eq!(read("0,1,2.5"), Ok(vec![0.0, 1.0, 2.5]));
        assert_eq!(read("0..2"), Ok(vec![0.0, 1.0, 2.0]));
        assert_eq!(read("0..8:0.5").map(|points| points.len()), Ok(17));
        assert_eq!(read("0..0.3:0.1").map(|points| points.len()), Ok(4));
        assert_eq!(read("7,0..1"), Ok(vec![7.0, 0.0, 1.0]));
        let tenths = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
        assert_eq!(read("0..1:0.1"), Ok(tenths.to_vec()));
        assert_eq!(read("0..1.05:0.1"), Ok(tenths.to_vec()));
        assert_eq!(read("2..2:0.5"), Ok(vec![2.0]));
        assert_eq!(read("0.. .5:.25"), Ok(vec![0.0, 0.25, 0.5]));
        let zero = read("-0").map(|points| points[0].is_sign_negative());
        assert_eq!(zero, Ok(false));
        assert_eq!(read("0..99.99:0.01").map(|points| points.len()), Ok(10_000));
        assert_eq!(
            read("0.333333333333").map(|points| points[0]),
            Ok(0.333_333_333_333)
        );
        for text in [
            "",
            "1,",
            "a",
            "2..1",
            "0..1:0",
            "0..1:-1",
            "0..1e9",
            "inf",
            "nan",
            "0..8:x",
            "0..1e9:0.001",
            "0..100:0.01",
            "0..1:nan",
            "..",
            "0..",
            "0..9999,1",
            "0...3",
            "0...",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
