//! Compares the outputs of a run with those of the reference run: the largest difference, and what would pass.

use super::tolerance::Tolerance;
use crate::tensor::NamedTensor;

/// How far an output is from the reference run's.
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

/// An output of the reference run, beside the output of that name in another run.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared<'a> {
    /// The reference run's.
    pub reference: &'a NamedTensor,
    /// The other run's; none if it did not return the output.
    pub found: Option<&'a NamedTensor>,
    /// How far apart they are; none if there is nothing to compare, or the shapes differ.
    pub difference: Option<Difference>,
}

/// Compares outputs with those of a reference run: by name, in the order of the reference run.
///
/// Each element may differ by `atol · scale + rtol · |reference|`, where the scale of an output is its largest element in
/// the reference run, and at least what `least_scale` gives for its name.
pub fn compare<'a>(
    reference: &'a [NamedTensor],
    found: &'a [NamedTensor],
    tolerance: Tolerance,
    least_scale: impl Fn(&str) -> f64,
) -> impl Iterator<Item = Compared<'a>> {
    reference.iter().map(move |reference| {
        let found = found.iter().find(|found| found.name == reference.name);
        let same = found.filter(|found| {
            found.shape == reference.shape && found.data.len() == reference.data.len()
        });
        let scale = least_scale(&reference.name);
        Compared {
            reference,
            found,
            difference: same
                .map(|found| compare_elements(&reference.data, &found.data, tolerance, scale)),
        }
    })
}

/// What several outputs come to together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    max_abs: Option<f64>,
    smallest_factor: f64,
    /// Elements that are beyond the tolerance; all of an output that is missing or has another shape.
    pub beyond: usize,
}

impl Totals {
    /// Adds an output; whether it has the largest difference so far.
    pub fn add(&mut self, compared: &Compared<'_>) -> bool {
        let Some(difference) = &compared.difference else {
            self.beyond += compared.reference.data.len().max(1);
            self.smallest_factor = f64::INFINITY;
            return false;
        };
        self.beyond += difference.beyond;
        self.smallest_factor = self.smallest_factor.max(difference.smallest_factor);
        let is_largest = self
            .max_abs
            .is_none_or(|max_abs| difference.max_abs > max_abs);
        if is_largest {
            self.max_abs = Some(difference.max_abs);
        }
        is_largest
    }

    /// The largest |difference|; none if nothing was compared, or it is not finite.
    #[must_use]
    pub fn max_abs(&self) -> Option<f64> {
        self.max_abs.filter(|max_abs| max_abs.is_finite())
    }

    /// The smallest factor on both tolerances with which all elements would pass; none if there is no such.
    #[must_use]
    pub fn smallest_factor(&self) -> Option<f64> {
        Some(self.smallest_factor).filter(|factor| factor.is_finite())
    }
}

/// Compares two tensors of one shape, element by element: `|Δ| ≤ atol · scale + rtol · |base|`, where the scale is
/// max|base|, and at least `least_scale`. Values that are not finite never pass; differences below f32's smallest normal
/// number always do.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn compare_elements(
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

    fn compare(base: &[f64], other: &[f64], tolerance: Tolerance) -> Difference {
        compare_elements(base, other, tolerance, 0.0)
    }

    #[test]
    fn outputs_are_compared_by_name_and_what_is_missing_or_misshaped_is_beyond() {
        let output = |name: &str, data: &[f32]| NamedTensor::single(name, vec![data.len()], data);
        let reference = [
            output("a", &[1.0]),
            output("b", &[2.0, 2.0]),
            output("c", &[3.0]),
        ];
        let found = [
            output("c", &[3.5]),
            output("b", &[2.0]),
            output("a", &[1.0]),
        ];
        let scale = |name: &str| if name == "c" { 100.0 } else { 0.0 };
        let all: Vec<Compared<'_>> = super::compare(&reference, &found, TOLERANCE, scale).collect();
        let beyond = |compared: &Compared<'_>| compared.difference.as_ref().map(|one| one.beyond);
        assert_eq!(
            all.iter().map(beyond).collect::<Vec<_>>(),
            [Some(0), None, Some(0)]
        );
        let mut totals = Totals::default();
        let largest: Vec<bool> = all.iter().map(|compared| totals.add(compared)).collect();
        assert_eq!(largest, [true, false, true]);
        assert_eq!(
            (totals.max_abs(), totals.smallest_factor(), totals.beyond),
            (Some(0.5), None, 2)
        );
        let missing: Vec<_> = super::compare(&reference, &[], TOLERANCE, scale).collect();
        assert!(missing.iter().all(|compared| compared.found.is_none()));
    }

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
