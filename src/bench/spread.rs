//! Median and quartiles of some numbers.

use serde::Serialize;

/// Median and quartiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the numbers are not above it.
    pub median: f64,
    /// A quarter of the numbers is not above it.
    pub lower_quartile: f64,
    /// Three quarters of the numbers are not above it.
    pub upper_quartile: f64,
}

impl Spread {
    /// Computes them; between two numbers, in proportion.
    #[must_use]
    pub fn of(numbers: &[f64]) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let (whole, part) = (
                quarters * sorted.len().saturating_sub(1) / 4,
                quarters * sorted.len().saturating_sub(1) % 4,
            );
            let low = sorted.get(whole).copied().unwrap_or(f64::NAN);
            let high = sorted.get(whole + 1).copied().unwrap_or(low);
            low + (high - low) * part as f64 / 4.0
        };
        Self {
            median: at(2),
            lower_quartile: at(1),
            upper_quartile: at(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_between_the_numbers() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            (spread.lower_quartile, spread.median, spread.upper_quartile),
            (1.75, 2.5, 3.25)
        );
        let one = Spread::of(&[7.0]);
        assert_eq!(
            (one.lower_quartile, one.median, one.upper_quartile),
            (7.0, 7.0, 7.0)
        );
    }
}
