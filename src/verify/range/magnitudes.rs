//! How large the elements of a tensor are.

use crate::tensor::Element;
use serde::Serialize;

/// The largest finite numbers of f16 and bf16 (IEEE 754-2019, section 3.4; bfloat16 is the upper half of binary32).
const F16_LARGEST: f64 = 65504.0;
const BF16_LARGEST: f64 = 255.0 * TWO_TO_120;
const TWO_TO_120: f64 = (1_u128 << 120) as f64;
/// The least magnitudes that are rounded to infinity: halfway to the next number, ties to even.
const F16_OVERFLOWS: f64 = 65520.0;
const BF16_OVERFLOWS: f64 = 255.5 * TWO_TO_120;
/// The largest magnitudes that are rounded to zero: half of the smallest number, ties to even.
const F16_VANISHES: f64 = 1.0 / (1_u64 << 25) as f64;

/// The largest finite number of a floating type; none of the others.
#[must_use]
pub fn largest_of(element: Element) -> Option<f64> {
    match element {
        Element::F16 => Some(F16_LARGEST),
        Element::Bf16 => Some(BF16_LARGEST),
        Element::F32 => Some(f32::MAX.into()),
        Element::F64 => Some(f64::MAX),
        _ => None,
    }
}

/// How large the elements of a tensor are, or those of one value over several cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Magnitudes {
    /// Elements, in all cases.
    pub elements: u64,
    /// The largest magnitude of a finite element; 0 without one.
    pub largest: f64,
    /// The smallest magnitude of an element that is not zero.
    pub smallest: Option<f64>,
    /// Elements that are infinite or not a number.
    pub not_finite: u64,
    /// Finite elements that f16 rounds to infinity.
    pub overflows_f16: u64,
    /// Finite elements that bf16 rounds to infinity.
    pub overflows_bf16: u64,
    /// Elements that f16 rounds to zero and that are not zero.
    pub vanishes_f16: u64,
}

impl Magnitudes {
    /// Measures elements.
    #[must_use]
    pub fn of(elements: impl IntoIterator<Item = f64>) -> Self {
        let mut found = Self::default();
        for element in elements {
            found.elements += 1;
            let magnitude = element.abs();
            if !magnitude.is_finite() {
                found.not_finite += 1;
                continue;
            }
            found.largest = found.largest.max(magnitude);
            if magnitude > 0.0 {
                let smaller = found.smallest.is_none_or(|smallest| magnitude < smallest);
                if smaller {
                    found.smallest = Some(magnitude);
                }
                found.vanishes_f16 += u64::from(magnitude <= F16_VANISHES);
                found.overflows_f16 += u64::from(magnitude >= F16_OVERFLOWS);
                found.overflows_bf16 += u64::from(magnitude >= BF16_OVERFLOWS);
            }
        }
        found
    }

    /// Adds those of further elements; whether the largest grew.
    pub fn add(&mut self, other: &Self) -> bool {
        let grew = other.largest > self.largest;
        self.elements += other.elements;
        self.largest = self.largest.max(other.largest);
        self.smallest = match (self.smallest, other.smallest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.not_finite += other.not_finite;
        self.overflows_f16 += other.overflows_f16;
        self.overflows_bf16 += other.overflows_bf16;
        self.vanishes_f16 += other.vanishes_f16;
        grew
    }

    /// Whether every element is finite, and stays so where it is rounded to a floating type.
    #[must_use]
    pub fn fits(&self, element: Element) -> bool {
        self.not_finite == 0 && element.nearest(self.largest).is_finite()
    }

    /// The largest magnitude as a part of the largest number of a floating type; 0 for other types.
    #[must_use]
    pub fn share(&self, element: Element) -> f64 {
        largest_of(element).map_or(0.0, |largest| self.largest / largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_up(value: f64) -> f64 {
        f64::from_bits(value.to_bits() + 1)
    }

    fn next_down(value: f64) -> f64 {
        f64::from_bits(value.to_bits() - 1)
    }

    #[test]
    fn what_overflows_and_what_vanishes_is_as_rounding_has_it() {
        let f16 = |value| Element::F16.nearest(value);
        let bf16 = |value| Element::Bf16.nearest(value);
        assert_eq!(f16(next_down(F16_OVERFLOWS)), F16_LARGEST);
        assert_eq!(f16(F16_OVERFLOWS), f64::INFINITY);
        assert_eq!(bf16(next_down(BF16_OVERFLOWS)), BF16_LARGEST);
        assert_eq!(bf16(BF16_OVERFLOWS), f64::INFINITY);
        assert_eq!(f16(F16_VANISHES), 0.0);
        assert!(f16(next_up(F16_VANISHES)) > 0.0);
        let at_the_borders = [
            F16_OVERFLOWS,
            next_down(F16_OVERFLOWS),
            -BF16_OVERFLOWS,
            F16_VANISHES,
            next_up(F16_VANISHES),
            0.0,
            f64::NAN,
            f64::NEG_INFINITY,
        ];
        let found = Magnitudes::of(at_the_borders);
        assert_eq!(
            found,
            Magnitudes {
                elements: 8,
                largest: BF16_OVERFLOWS,
                smallest: Some(F16_VANISHES),
                not_finite: 2,
                overflows_f16: 2,
                overflows_bf16: 1,
                vanishes_f16: 1,
            }
        );
    }

    #[test]
    fn measured_in_pieces_is_as_measured_at_once() {
        let all = [-3.0, 0.0, 70_000.0, 1e-9, f64::INFINITY, 2.0];
        let mut found = Magnitudes::of(all[..3].iter().copied());
        assert!(!found.add(&Magnitudes::of(all[3..].iter().copied())));
        assert_eq!(found, Magnitudes::of(all));
        assert!(found.add(&Magnitudes::of([-1e6])));
        let empty = Magnitudes::of([]);
        assert!(empty.fits(Element::F16) && empty.smallest.is_none());
    }

    #[test]
    fn a_share_is_of_the_largest_number() {
        let found = Magnitudes::of([-32752.0]);
        assert_eq!(found.share(Element::F16), 0.5);
        assert!(found.share(Element::Bf16) < 1e-30 && found.share(Element::I8) == 0.0);
        for (largest, fits) in [
            (65504.0, [true, true]),
            (65519.9, [true, true]),
            (65520.0, [false, true]),
            (3.4e38, [false, false]),
        ] {
            let found = Magnitudes::of([largest]);
            let types = [Element::F16, Element::Bf16];
            assert_eq!(types.map(|element| found.fits(element)), fits, "{largest}");
        }
        assert!(!Magnitudes::of([f64::NAN]).fits(Element::F32));
    }
}
