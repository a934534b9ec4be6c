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
    if element.is_float() {
        return element.nearest(value);
    }
    value
}

/// Of an exponent that a normal f64 has.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent.clamp(-1022, 1023)) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_and_integers_are_not() {
        assert_eq!(round_to(Element::F16, 2049.0 + power_of_two(-30)), 2050.0);
        assert_eq!(round_to(Element::Bf16, 257.0), 256.0);
        assert_eq!(round_to(Element::I8, 0.5), 0.5);
    }

    #[test]
    fn every_half_is_kept_by_rounding() {
        for bits in 0..=u16::MAX {
            for (element, value) in [
                (Element::F16, from_f16_bits(bits)),
                (Element::Bf16, from_bf16_bits(bits)),
            ] {
                assert!(
                    value.is_nan() || round_to(element, value) == value,
                    "{element} {bits}"
                );
            }
        }
        assert_eq!(from_f16_bits(0x3c00), 1.0);
        assert_eq!(from_f16_bits(0x0001), power_of_two(-24));
        assert_eq!(from_f16_bits(0xfbff), -65504.0);
        assert_eq!(from_bf16_bits(0x4049), 3.140_625);
    }
}
