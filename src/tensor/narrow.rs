//! Doubles rounded once to the floating-point types of 16 bits: to nearest, ties to even.
//!
//! The crate `half` rounds singles correctly; of a double it looks only at the upper half. A double that is first
//! rounded to odd keeps on which side of a tie it is, because a single has more than two bits more than either type
//! (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd",
//! section 3).

use half::{bf16, f16};

/// The nearest binary16.
#[must_use]
pub fn to_f16(value: f64) -> f16 {
    f16::from_f32(to_odd(value))
}

/// The nearest bfloat16.
#[must_use]
pub fn to_bf16(value: f64) -> bf16 {
    bf16::from_f32(to_odd(value))
}

/// The single that is equal, or of the two neighbours the one whose last bit is 1. What is beyond the greatest single
/// becomes that, whose last bit is 1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the error is corrected below"
)]
fn to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    let error = f64::from(nearest).abs().total_cmp(&value.abs());
    if nearest.is_nan() || error.is_eq() {
        return nearest;
    }
    let towards_zero = nearest.to_bits() - u32::from(error.is_gt());
    f32::from_bits(towards_zero | 1)
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
