//! Two outputs held against each other: the largest difference, and what would pass.

use super::tolerance::Tolerance;

/// How far an output is from the base's.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Largest |difference|; infinite where either is not finite and they are not equal.
    pub max_abs: f64,
    /// Where that is, in row-major order.
    pub index: usize,
    /// The smallest factor on both tolerances with which every element would pass.
    pub smallest_factor: f64,
    /// Elements that are beyond the tolerance.
    pub beyond: usize,
}

impl Difference {
    /// Whether every element is within the tolerance.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.beyond == 0
    }
}

/// A difference that no f32 shows: its smallest normal number. With `--init constant` the reference follows logits in
/// f64 to 1e-58, where every f32 is 0.
const BELOW_F32: f64 = f32::MIN_POSITIVE as f64;

/// Compares two tensors of one shape as [`compare_at`] does, on the scale of the base's largest element.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn compare(base: &[f64], other: &[f64], tolerance: Tolerance) -> Difference {
    compare_at(base, other, tolerance, 0.0)
}

/// Compares two tensors of one shape, element by element: `|Δ| ≤ atol · scale + rtol · |base|`, where the scale is
/// max|base|, and at least `least_scale`. Values that are not finite never pass; differences below f32's smallest normal
/// number always do.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn compare_at(
    base: &[f64],
    other: &[f64],
    tolerance: Tolerance,
    least_scale: f64,
) -> Difference {
    assert_eq!(base.len(), other.len(), "tensors of one shape are compared");
    let magnitudes = base.iter().map(|value| value.abs());
    let scale = magnitudes.fold(least_scale, f64::max);
    let mut result = Difference {
        max_abs: 0.0,
        index: 0,
        smallest_factor: 0.0,
        beyond: 0,
    };
    for (index, (&base, &other)) in base.iter().zip(other).enumerate() {
        let finite = base.is_finite() && other.is_finite();
        let difference = if finite {
            (base - other).abs()
        } else {
            f64::INFINITY
        };
        let allowed = if finite {
            tolerance.atol * scale + tolerance.rtol * base.abs()
        } else {
            0.0
        };
        if difference > result.max_abs {
            (result.max_abs, result.index) = (difference, index);
        }
        if difference > BELOW_F32 {
            result.smallest_factor = result.smallest_factor.max(difference / allowed);
        }
        // Written so that no comparison with NaN, from a scale that is not finite, can pass.
        let within = finite && difference <= allowed.max(BELOW_F32);
        result.beyond += usize::from(!within);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance {
        rtol: 0.1,
        atol: 0.01,
    };

    #[test]
    fn the_tolerance_is_scaled_by_the_largest_of_the_base() {
        // Scale 10: 0.1 is allowed at 0, and 1.1 at 10 and −10.
        for (base, other, passes) in [
            ([0.0, 10.0], [0.09, 11.0], true),
            ([0.0, 10.0], [0.11, 10.0], false),
            ([0.0, 10.0], [0.0, 11.2], false),
            ([0.0, -10.0], [0.09, -11.0], true),
            ([0.0, -10.0], [0.11, -10.0], false),
        ] {
            assert_eq!(
                compare(&base, &other, TOLERANCE).passes(),
                passes,
                "{base:?} {other:?}"
            );
        }
        let base = [0.0, 10.0];
        let difference = compare(&base, &[1.0, 8.0], TOLERANCE);
        assert_eq!(
            (difference.max_abs, difference.index, difference.beyond),
            (2.0, 1, 2)
        );
        let difference = compare(&base, &[0.0, 8.0], TOLERANCE);
        assert!((difference.smallest_factor - 2.0 / 1.1).abs() < 1e-12);
    }

    #[test]
    fn the_smallest_factor_is_the_border() {
        // Of three elements the second needs the most: 0.25 where 0.03 + 0.025 is allowed.
        let (base, other) = ([1.0, 0.25, -3.0], [1.3, 0.0, -2.5]);
        let factor = compare(&base, &other, TOLERANCE).smallest_factor;
        assert!((factor - 0.25 / 0.055).abs() < 1e-9, "{factor}");
        let scaled = |by: f64| Tolerance {
            rtol: TOLERANCE.rtol * factor * by,
            atol: TOLERANCE.atol * factor * by,
        };
        assert!(compare(&base, &other, scaled(1.000_001)).passes());
        assert!(!compare(&base, &other, scaled(0.999_999)).passes());
    }

    #[test]
    fn what_is_not_finite_never_passes() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (base, other) in [
                ([1.0, bad], [1.0, bad]),
                ([1.0, 2.0], [1.0, bad]),
                ([bad, 2.0], [1.0, 2.0]),
            ] {
                let difference = compare(&base, &other, TOLERANCE);
                assert!(!difference.passes(), "{base:?} {other:?}");
                assert!(difference.max_abs.is_infinite());
            }
        }
    }

    #[test]
    fn what_f32_cannot_hold_passes_as_zero() {
        let difference = compare(&[1e-58, -1e-39], &[0.0, 0.0], TOLERANCE);
        assert!(difference.passes() && difference.smallest_factor == 0.0);
        assert!(!compare(&[1e-37, 0.0], &[0.0, 0.0], TOLERANCE).passes());
    }

    #[test]
    fn zeros_pass_only_as_zeros() {
        assert!(compare(&[0.0, 0.0], &[0.0, -0.0], TOLERANCE).passes());
        let difference = compare(&[0.0, 0.0], &[0.0, 1e-30], TOLERANCE);
        assert!(!difference.passes() && difference.smallest_factor.is_infinite());
    }
}
