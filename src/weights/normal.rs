//! Box–Muller in f32, free of branches and of table lookups, so that the compiler does several at once.
//!
//! Logarithm, sine and cosine are the first terms of their Taylor series on a reduced argument. All of it
//! is additions, products, quotients and roots, which every machine rounds alike.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the vectors of its caller"
)]

use std::f32::consts::{LN_2, TAU};

/// Two standard normals from 32 random bits for the radius and 32 for the angle. None is beyond 6.7.
#[inline(always)]
pub(super) fn box_muller(radius: u32, angle: u32) -> [f32; 2] {
    // In (0, 1]: a radius is finite, and 0 for 1. Signed, as only signed conversions are vectorised everywhere.
    let unit = ((radius >> 1).cast_signed() as f32 + 0.5) * (1.0 / 2_147_483_648.0);
    let radius = (-2.0 * logarithm(unit)).max(0.0).sqrt();
    let [cosine, sine] = turn(angle);
    [radius * cosine, radius * sine]
}

/// Natural logarithm of a positive normal number, within 2^-22 of 1 + |log|.
#[inline(always)]
fn logarithm(x: f32) -> f32 {
    const MANTISSA_BITS: u32 = f32::MANTISSA_DIGITS - 1;
    const ROOT_OF_HALF: i32 = std::f32::consts::FRAC_1_SQRT_2.to_bits().cast_signed();
    // x = 2^exponent · mantissa, and the mantissa is between the roots of 1/2 and 2.
    let bits = x.to_bits().cast_signed();
    let exponent = (bits - ROOT_OF_HALF) >> MANTISSA_BITS;
    let mantissa = f32::from_bits((bits - (exponent << MANTISSA_BITS)).cast_unsigned());
    // log m = 2 artanh((m - 1) / (m + 1)), whose argument is below 0.172: its eleventh power is below the last bit.
    let argument = (mantissa - 1.0) / (mantissa + 1.0);
    let square = argument * argument;
    let series = 1.0
        + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0 + square * (1.0 / 9.0))));
    exponent as f32 * LN_2 + 2.0 * argument * series
}

/// Cosine and sine of an angle, its 32 bits a fraction of a turn, each within 2^-23.
#[inline(always)]
fn turn(angle: u32) -> [f32; 2] {
    const QUARTER: u32 = 1 << 30;
    const EIGHTH: u32 = QUARTER / 2;
    // The nearest quarter turn, and the rest: at most π / 4.
    let shifted = angle.wrapping_add(EIGHTH);
    let quarter = shifted / QUARTER;
    let rest = (shifted % QUARTER).cast_signed() - EIGHTH.cast_signed();
    let rest = rest as f32 * (TAU / 4_294_967_296.0);
    let square = rest * rest;
    let sine = rest
        * (1.0
            - square
                * (1.0 / 6.0
                    - square
                        * (1.0 / 120.0 - square * (1.0 / 5040.0 - square * (1.0 / 362_880.0)))));
    let cosine = 1.0
        - square
            * (0.5 - square * (1.0 / 24.0 - square * (1.0 / 720.0 - square * (1.0 / 40_320.0))));
    // An odd quarter swaps the two; the second and third turn the cosine's sign, the last two the sine's.
    let swap = 0_u32.wrapping_sub(quarter & 1);
    let choose = |even: f32, odd: f32| even.to_bits() & !swap | odd.to_bits() & swap;
    let negative = |quarters: u32| (quarters & 2) << 30;
    [
        f32::from_bits(choose(cosine, sine) ^ negative(quarter + 1)),
        f32::from_bits(choose(sine, cosine) ^ negative(quarter)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits that spread over the whole range, both ends included.
    fn words() -> impl Iterator<Item = u32> {
        (0..200_000_u32)
            .map(|index| index.wrapping_mul(0x9E37_79B9))
            .chain((0..32).flat_map(|shift| [1 << shift, u32::MAX >> shift, !(1 << shift)]))
    }

    #[test]
    fn logarithms_are_those_of_libm() {
        for word in words() {
            let x = ((word >> 1) as f32 + 0.5) * (1.0 / 2_147_483_648.0);
            let (found, expected) = (f64::from(logarithm(x)), libm::log(f64::from(x)));
            let tolerance = 2.4e-7 * expected.abs();
            assert!(
                (found - expected).abs() <= tolerance,
                "log {x}: {found}, {expected}"
            );
        }
    }

    #[test]
    fn turns_are_those_of_libm() {
        for word in words() {
            let angle = f64::from(word) / 4_294_967_296.0 * std::f64::consts::TAU;
            let (sine, cosine) = libm::sincos(angle);
            let [found_cosine, found_sine] = turn(word).map(f64::from);
            assert!(
                (found_cosine - cosine).abs() < 1.2e-7,
                "cos {word}: {found_cosine}, {cosine}"
            );
            assert!(
                (found_sine - sine).abs() < 1.2e-7,
                "sin {word}: {found_sine}, {sine}"
            );
        }
    }

    #[test]
    fn both_ends_of_the_radius_are_finite() {
        assert_eq!(box_muller(u32::MAX, 0), [0.0, 0.0]);
        let [longest, zero] = box_muller(0, 0);
        assert!(
            (6.6..6.7).contains(&longest) && zero == 0.0,
            "{longest}, {zero}"
        );
    }
}
