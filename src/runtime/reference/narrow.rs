//! Narrow floating types: their bits as f64, and f64 rounded to what they can hold.
//!
//! Source: IEEE 754-2019, section 3.4 (binary16); bfloat16 is the upper half of binary32.

use crate::tensor::Element;

/// The value of binary16 bits.
pub fn from_f16_bits(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * power_of_two(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * power_of_two(exponent - 25),
    }
}

/// The value of bfloat16 bits.
pub fn from_bf16_bits(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// The nearest value that a kind can hold, ties to even; integers are left alone.
pub fn round_to(element: Element, value: f64) -> f64 {
    match element {
        Element::F32 => f64::from(value as f32),
        Element::F16 => round(value, 11, -14, 65504.0),
        // As binary32 in exponents; its greatest value is (2 - 2^-7) * 2^127.
        Element::Bf16 => round(value, 8, -126, 255.0 * power_of_two(120)),
        _ => value,
    }
}

/// To `precision` significant bits and no exponent below `least`. Scaling by powers of two is exact.
fn round(value: f64, precision: i32, least: i32, greatest: f64) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return value;
    }
    let exponent = (value.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    let step = power_of_two(exponent.max(least) - (precision - 1));
    let rounded = (value / step).round_ties_even() * step;
    if rounded.abs() > greatest {
        return f64::INFINITY.copysign(value);
    }
    rounded
}

/// Of an exponent that a normal f64 has.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent.clamp(-1022, 1023)) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_to_even_and_overflow_to_infinity() {
        let cases = [
            (1.0, 1.0),
            (2049.0, 2048.0),
            (2051.0, 2052.0),
            (65504.0, 65504.0),
            (65519.9, 65504.0),
            (65520.0, f64::INFINITY),
            (-65520.0, f64::NEG_INFINITY),
            (1.0 / 3.0, 0.333_251_953_125),
            // Half of the least subnormal is a tie, and zero is even.
            (power_of_two(-25), 0.0),
            (1.5 * power_of_two(-25), power_of_two(-24)),
            (3.0 * power_of_two(-25), 2.0 * power_of_two(-24)),
        ];
        for (value, expected) in cases {
            assert_eq!(round_to(Element::F16, value), expected, "{value}");
        }
        assert!(round_to(Element::F16, f64::NAN).is_nan());
        // One rounding, not two: through f32 this would become a tie and go down.
        let above_tie = 2049.0 + power_of_two(-30);
        assert_eq!(round_to(Element::F16, above_tie), 2050.0);
        assert_eq!(round_to(Element::Bf16, 257.0), 256.0);
        assert_eq!(round_to(Element::Bf16, 259.0), 260.0);
        assert_eq!(round_to(Element::Bf16, 3.4e38), f64::INFINITY);
    }

    #[test]
    fn every_half_is_kept_by_rounding() {
        for bits in 0..=u16::MAX {
            let half = from_f16_bits(bits);
            assert!(
                half.is_nan() || round_to(Element::F16, half) == half,
                "{bits}"
            );
            let brain = from_bf16_bits(bits);
            let subnormal = brain != 0.0 && brain.abs() < f64::from(f32::MIN_POSITIVE);
            assert!(brain.is_nan() || subnormal || round_to(Element::Bf16, brain) == brain);
        }
        assert_eq!(from_f16_bits(0x3c00), 1.0);
        assert_eq!(from_f16_bits(0x0001), power_of_two(-24));
        assert_eq!(from_f16_bits(0xfbff), -65504.0);
        assert_eq!(from_bf16_bits(0x4049), 3.140_625);
    }
}
