//! Doubles rounded once to the floating-point types of 16 bits: to nearest, ties to even.
//!
//! The crate `half` rounds singles correctly; of a double it looks only at the upper half. Without a branch, the loops over many
//! doubles become vector instructions.

use half::{bf16, f16};

/// The nearest binary16.
#[must_use]
pub fn to_f16(value: f64) -> f16 {
    f16::from_bits(rounded::<10, 15>(value))
}

/// The nearest bfloat16.
#[must_use]
pub fn to_bf16(value: f64) -> bf16 {
    bf16::from_bits(rounded::<7, 127>(value))
}

/// Writes the nearest values of binary16 as little-endian bytes, as many as both slices hold.
pub fn write_f16(values: &[f64], out: &mut [u8]) {
    write_rounded::<10, 15>(values, out);
}

/// Writes the nearest values of bfloat16 as little-endian bytes, as many as both slices hold.
pub fn write_bf16(values: &[f64], out: &mut [u8]) {
    write_rounded::<7, 127>(values, out);
}

/// Rounds with the widest vectors that the processor has: whole numbers of 64 bits, so that the bits are the same.
fn write_rounded<const DIGITS: u64, const BIAS: u64>(values: &[f64], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor was asked just now")]
        unsafe {
            write_avx2::<DIGITS, BIAS>(values, out);
        }
        return;
    }
    write_plain::<DIGITS, BIAS>(values, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn write_avx2<const DIGITS: u64, const BIAS: u64>(values: &[f64], out: &mut [u8]) {
    write_plain::<DIGITS, BIAS>(values, out);
}

/// A plain loop: iterators of the standard library lie in other units of the build, and would keep it from becoming vector instructions.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it is compiled for several processors"
)]
fn write_plain<const DIGITS: u64, const BIAS: u64>(values: &[f64], out: &mut [u8]) {
    let (places, _) = out.as_chunks_mut::<2>();
    let length = places.len().min(values.len());
    let (places, values) = (&mut places[..length], &values[..length]);
    let mut index = 0;
    while index < length {
        places[index] = rounded::<DIGITS, BIAS>(values[index]).to_le_bytes();
        index += 1;
    }
}

/// The bits of the nearest value of a type whose mantissa has so many digits after the point, and whose exponent that bias.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "16 bits are left")]
fn rounded<const DIGITS: u64, const BIAS: u64>(value: f64) -> u16 {
    const INFINITY: u64 = 0x7ff << 52;
    let sign = (value.to_bits() >> 48) & 0x8000;
    let magnitude = value.to_bits() & (u64::MAX >> 1);
    let infinity = (2 * BIAS + 1) << DIGITS;
    // Half a unit in the last place, less what makes a tie go to the even neighbour; a carry goes into the exponent.
    let shift = 52 - DIGITS;
    let half = (1 << (shift - 1)) - 1 + ((magnitude >> shift) & 1);
    let normal = ((magnitude + half) >> shift).wrapping_sub((1023 - BIAS) << DIGITS);
    // Beside this number, a double has no digits below those of a subnormal.
    let large = f64::from_bits((1023 + 53 - BIAS - DIGITS) << 52);
    let subnormal = (f64::from_bits(magnitude) + large)
        .to_bits()
        .wrapping_sub(large.to_bits());
    let is_normal = magnitude >= (1023 + 1 - BIAS) << 52;
    let number = if is_normal {
        normal.min(infinity)
    } else {
        subnormal
    };
    let nan = infinity | (1 << (DIGITS - 1));
    let number = if magnitude > INFINITY { nan } else { number };
    (sign | number) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2⁻³⁰.
    const TINY: f64 = 1.0 / 1_073_741_824.0;

    #[test]
    fn doubles_are_rounded_once() {
        let halves = [
            (2049.0 + TINY, 2050.0),
            (-2049.0 - TINY, -2050.0),
            (2049.0, 2048.0),
            (2049.0 - TINY, 2048.0),
            (2051.0 - TINY, 2050.0),
            (2051.0, 2052.0),
            (65_519.999, 65_504.0),
            (65_520.0, f64::INFINITY),
            (-65_520.0, f64::NEG_INFINITY),
            (1e300, f64::INFINITY),
            // Half of the least subnormal is a tie, and zero is even.
            ((-25_f64).exp2(), 0.0),
            ((-25_f64).exp2() * (1.0 + TINY), (-24_f64).exp2()),
            ((-24_f64).exp2() * (1.5 - TINY), (-24_f64).exp2()),
            ((-24_f64).exp2() * 1.5, (-23_f64).exp2()),
            (5e-324, 0.0),
        ];
        for (value, expected) in halves {
            assert_eq!(to_f16(value).to_f64(), expected, "{value:e}");
        }
        let brains = [
            (257.0, 256.0),
            (257.0 + TINY, 258.0),
            (-257.0 - TINY, -258.0),
            (259.0 - TINY, 258.0),
            (259.0, 260.0),
            (3.39e38, 3.389_531_389_251_535_5e38),
            (3.4e38, f64::INFINITY),
            (f64::MAX, f64::INFINITY),
            (-f64::MAX, f64::NEG_INFINITY),
            ((-134_f64).exp2(), 0.0),
            ((-134_f64).exp2() * (1.0 + TINY), (-133_f64).exp2()),
            (-5e-324, -0.0),
        ];
        for (value, expected) in brains {
            assert_eq!(to_bf16(value).to_f64(), expected, "{value:e}");
        }
        for zero in [0.0, -0.0] {
            let signs = [
                to_f16(zero).is_sign_negative(),
                to_bf16(zero).is_sign_negative(),
            ];
            assert_eq!(signs, [zero.is_sign_negative(); 2]);
        }
        assert!(to_f16(f64::NAN).is_nan() && to_bf16(f64::NAN).is_nan());
        // Of this one all that makes it no infinity is in the lower half.
        let nan = f64::from_bits(f64::INFINITY.to_bits() | 1);
        assert!(to_f16(nan).is_nan() && to_bf16(nan).is_nan());
    }

    #[test]
    fn as_many_are_written_as_both_hold() {
        type Write = fn(&[f64], &mut [u8]);
        let types: [(Write, [u8; 4]); 2] = [
            (write_f16, [0, 0x3c, 0, 0xc0]),
            (write_bf16, [0x80, 0x3f, 0, 0xc0]),
        ];
        for (write, bytes) in types {
            let mut out = [0xaa; 5];
            write(&[1.0, -2.0, 3.0], &mut out);
            assert_eq!(out[..4], bytes);
            assert_eq!(out[4], 0xaa);
            let mut out = [0xaa; 4];
            write(&[1.0], &mut out);
            assert_eq!(out, [bytes[0], bytes[1], 0xaa, 0xaa]);
        }
    }

    /// Every value that a type of 16 bits has, from zero up to the one that infinity stands for in rounding.
    fn grid(of: impl Fn(u16) -> f64, infinity: u16) -> Vec<f64> {
        let mut grid: Vec<f64> = (0..infinity).map(of).collect();
        let [.., before, last] = grid[..] else {
            unreachable!("thousands of values");
        };
        grid.push(last + (last - before));
        grid
    }

    /// Between two neighbours, their middle and both sides of it; and many random doubles in between: the result is
    /// the nearer neighbour, by differences that are exact, or of two equally near ones the even one.
    #[test]
    fn the_result_is_the_nearest_of_both_neighbours() {
        type Rounded = fn(f64) -> u16;
        let types: [(Rounded, Vec<f64>); 2] = [
            (
                |value| to_f16(value).to_bits(),
                grid(|bits| f16::from_bits(bits).to_f64(), 0x7c00),
            ),
            (
                |value| to_bf16(value).to_bits(),
                grid(|bits| bf16::from_bits(bits).to_f64(), 0x7f80),
            ),
        ];
        let mut state = 1_u64;
        for (rounded, grid) in types {
            for (low, pair) in (0_u16..).zip(grid.windows(2)) {
                let [below, above] = [pair[0], pair[1]];
                // Of 8 or 11 bits each: exact.
                let middle = below + (above - below) / 2.0;
                let even = low + low % 2;
                assert_eq!(rounded(below), low);
                assert_eq!(rounded(middle), even, "{middle:e}");
                assert_eq!(rounded(middle.next_down()), low, "{middle:e}");
                assert_eq!(rounded(middle.next_up()), low + 1, "{middle:e}");
                for _ in 0..8 {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let part = (state >> 11) as f64 / (1_u64 << 53) as f64;
                    let value = below + (above - below) * part;
                    // Neighbours are within a factor of 2 but for the least, so the differences are exact.
                    let nearer = match (value - below).total_cmp(&(above - value)) {
                        std::cmp::Ordering::Less => low,
                        std::cmp::Ordering::Equal => even,
                        std::cmp::Ordering::Greater => low + 1,
                    };
                    assert_eq!(rounded(value), nearer, "{value:e}");
                    assert_eq!(rounded(-value), nearer | 0x8000, "{value:e}");
                }
            }
        }
    }
}
