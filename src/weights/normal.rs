//! Box–Muller, twice as fast as with a call of logarithm, sine and cosine for every pair.
//!
//! Each function's argument is split into a table's grid point and a small rest. The tables hold values of
//! the crate `libm`; the rest goes through the first terms of its Taylor series. All of it is f64 additions,
//! products and roots, which every machine rounds alike.

use std::f64::consts::{LN_2, TAU};
use std::sync::LazyLock;

/// Grid points of each table; both stay in the first-level cache.
const POINTS: usize = 256;

/// Values of the functions at the grid points.
#[derive(Debug)]
pub(super) struct Tables {
    /// For equal parts of [1, 2): the reciprocal of the middle, and its logarithm.
    logarithms: [[f64; 2]; POINTS],
    /// Cosine and sine of the middles of equal parts of a turn.
    turns: [[f64; 2]; POINTS],
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

impl Tables {
    /// The tables, made on first use.
    pub(super) fn get() -> &'static Self {
        &TABLES
    }

    fn new() -> Self {
        let middle = |index: usize| (index as f64 + 0.5) / POINTS as f64;
        Self {
            logarithms: std::array::from_fn(|index| {
                let mantissa = 1.0 + middle(index);
                [1.0 / mantissa, libm::log(mantissa)]
            }),
            turns: std::array::from_fn(|index| {
                let (sine, cosine) = libm::sincos(TAU * middle(index));
                [cosine, sine]
            }),
        }
    }

    /// Two standard normals from 64 random bits for the radius and 64 for the angle.
    pub(super) fn box_muller(&self, radius: u64, angle: u64) -> [f64; 2] {
        // In (0, 1]: a radius is finite, and 0 for 1.
        let logarithm = self.logarithm(unit((radius >> 11) + 1));
        let radius = libm::sqrt((-2.0 * logarithm).max(0.0));
        let [cosine, sine] = self.turn(angle);
        [radius * cosine, radius * sine]
    }

    /// Natural logarithm of a normal number in (0, 1], to a few units of 2^-53.
    fn logarithm(&self, x: f64) -> f64 {
        const MANTISSA_BITS: u32 = 52;
        const EXPONENT_OF_ONE: u64 = 1023;
        let bits = x.to_bits();
        let fraction = bits & ((1 << MANTISSA_BITS) - 1);
        let mantissa = f64::from_bits(fraction | EXPONENT_OF_ONE << MANTISSA_BITS);
        let index = (fraction >> (MANTISSA_BITS - POINTS.ilog2())) as usize;
        let exponent = (bits >> MANTISSA_BITS) as f64 - EXPONENT_OF_ONE as f64;
        let [reciprocal, logarithm] = self.logarithms[index % POINTS];
        // At most 2^-9, so the seventh power is below the last bit.
        let rest = mantissa * reciprocal - 1.0;
        let series = 0.5 - rest * (1.0 / 3.0 - rest * (0.25 - rest * (0.2 - rest * (1.0 / 6.0))));
        exponent * LN_2 + (logarithm + rest * (1.0 - rest * series))
    }

    /// Cosine and sine of an angle, its 64 bits a fraction of a turn.
    #[expect(clippy::cast_possible_truncation, reason = "an index of eight bits")]
    fn turn(&self, angle: u64) -> [f64; 2] {
        let index = (angle >> (u64::BITS - POINTS.ilog2())) as usize;
        let [cosine, sine] = self.turns[index % POINTS];
        // At most π / 256, so the eighth power is below the last bit.
        let within = (angle << POINTS.ilog2()) >> 11;
        let rest = (unit(within) - 0.5) * (TAU / POINTS as f64);
        let square = rest * rest;
        let small_sine =
            rest * (1.0 - square * (1.0 / 6.0 - square * (1.0 / 120.0 - square * (1.0 / 5040.0))));
        let small_cosine = 1.0 - square * (0.5 - square * (1.0 / 24.0 - square * (1.0 / 720.0)));
        [
            cosine * small_cosine - sine * small_sine,
            sine * small_cosine + cosine * small_sine,
        ]
    }
}

/// 53 bits as a number in [0, 1).
pub(super) fn unit(bits: u64) -> f64 {
    bits as f64 * (1.0 / 9_007_199_254_740_992.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits that spread over the whole range, both ends included.
    fn words() -> impl Iterator<Item = u64> {
        (0..100_000_u64)
            .map(|index| index.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .chain((0..64).flat_map(|shift| [1 << shift, u64::MAX >> shift, !(1 << shift)]))
    }

    #[test]
    fn logarithms_are_those_of_libm() {
        for word in words() {
            let x = unit((word >> 11) + 1);
            let (found, expected) = (Tables::get().logarithm(x), libm::log(x));
            let tolerance = 2.0 * f64::EPSILON * (1.0 + expected.abs());
            assert!(
                (found - expected).abs() <= tolerance,
                "log {x}: {found}, {expected}"
            );
        }
    }

    #[test]
    fn turns_are_those_of_libm() {
        for word in words() {
            // The angle's upper eight bits choose the part, the next 53 the place within it.
            let turn = (word >> 56) as f64 / 256.0 + unit((word << 8) >> 11) / 256.0;
            let (sine, cosine) = libm::sincos(TAU * turn);
            let [found_cosine, found_sine] = Tables::get().turn(word);
            assert!(
                (found_cosine - cosine).abs() < 2e-15,
                "cos {turn}: {found_cosine}, {cosine}"
            );
            assert!(
                (found_sine - sine).abs() < 2e-15,
                "sin {turn}: {found_sine}, {sine}"
            );
        }
    }
}
