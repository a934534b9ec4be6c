//! How far apart two outputs may be: `|Δ| ≤ atol · max|base| + rtol · |base|`, for each output of each case.
//!
//! The scale of what a sigmoid makes is 1, where max|base| is less: runtimes compute sigmoids to an absolute error of some
//! 1e-7, whatever their value, and where every probability is small, so are all differences that matter.

use crate::runtime::RuntimeName;
use crate::tensor::Element;
use serde::Serialize;

/// Both parts of what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tolerance {
    /// Relative to the element of the reference run.
    pub rtol: f64,
    /// Relative to the largest element of the reference run.
    pub atol: f64,
}

/// What was asked for instead of the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Relative to the element of the reference run.
    pub rtol: Option<f64>,
    /// Relative to the largest element of the reference run.
    pub atol: Option<f64>,
}

impl Default for Tolerance {
    /// That of f32 on CPUs.
    fn default() -> Self {
        Self::of(Element::F32, RuntimeName::OrtCpu)
    }
}

impl Tolerance {
    /// The default for a runtime that computes a file in `precision`.
    ///
    /// f32 on CPUs is from what was measured of tract 0.23.9 and ONNX Runtime 1.32.0 against the reference on x86-64
    /// (golden/AGREEMENT.md): all published networks with `probe` weights need at most 0.22 of it, and with `official`
    /// weights, whose activations grow from block to block, 0.23, but for four in which rounding grows without bounds. CUDA sums in another order and
    /// with other algorithms from run to run, and is given ten and two times as much. Halves have 2⁻¹¹ of relative
    /// precision and bf16 2⁻⁸; each is given about 20 units for the largest element, as ONNX Runtime sums them in f32.
    #[must_use]
    pub fn of(precision: Element, runtime: RuntimeName) -> Self {
        let (rtol, atol) = match (precision, runtime) {
            (Element::F16, _) => (1e-2, 1e-2),
            (Element::Bf16, _) => (5e-2, 5e-2),
            (_, RuntimeName::OrtCuda) => (1e-3, 1e-4),
            (_, RuntimeName::Reference | RuntimeName::Tract | RuntimeName::OrtCpu) => (1e-4, 5e-5),
        };
        Self { rtol, atol }
    }

    /// The looser of each part.
    #[must_use]
    pub fn or_looser(self, other: Self) -> Self {
        Self {
            rtol: self.rtol.max(other.rtol),
            atol: self.atol.max(other.atol),
        }
    }
}

impl Limits {
    /// What is allowed between two runtimes: what was asked for, else the looser of their defaults.
    #[must_use]
    pub fn between(self, precision: Element, runtimes: [RuntimeName; 2]) -> Tolerance {
        let [one, two] = runtimes.map(|runtime| Tolerance::of(precision, runtime));
        let default = one.or_looser(two);
        Tolerance {
            rtol: self.rtol.unwrap_or(default.rtol),
            atol: self.atol.unwrap_or(default.atol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_looser_of_both_runtimes_counts_and_a_flag_before_both() {
        let runtimes = [RuntimeName::OrtCuda, RuntimeName::Reference];
        let default = Limits::default().between(Element::F32, runtimes);
        assert_eq!((default.rtol, default.atol), (1e-3, 1e-4));
        // A flag counts whether it is looser or stricter than the default.
        for (rtol, atol, expected) in [
            (Some(0.5), None, (0.5, 1e-2)),
            (Some(1e-9), None, (1e-9, 1e-2)),
            (None, Some(0.5), (1e-2, 0.5)),
            (None, Some(0.0), (1e-2, 0.0)),
        ] {
            let tolerance = Limits { rtol, atol }.between(Element::F16, runtimes);
            assert_eq!((tolerance.rtol, tolerance.atol), expected);
        }
    }

    #[test]
    fn each_type_has_what_the_readme_says() {
        for (precision, expected) in [
            (Element::F32, (1e-4, 5e-5)),
            (Element::F16, (1e-2, 1e-2)),
            (Element::Bf16, (5e-2, 5e-2)),
        ] {
            let default = Tolerance::of(precision, RuntimeName::OrtCpu);
            assert_eq!((default.rtol, default.atol), expected, "{precision}");
        }
    }
}
