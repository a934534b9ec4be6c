//! Coefficients, the compound formula and rounding rules: numbers only.
//!
//! The paper's formula (arXiv 1905.11946, equation 3 and section 4) and the released models are two
//! different readings of φ: the released coefficients are hand-rounded, and no single φ gives those of
//! B1 or B3…B7. Both are kept, and neither is derived from the other: the formula here, the released rows in
//! `architecture::family`.
//!
//! Coefficients stay in f64 from parsing on: an f32 that is widened gives `ceil(1.2 · 5) = 7`.

mod rounding;

pub use rounding::{Rules, round_filters, round_repeats};

/// Side of the baseline's input in pixels, for every family (arXiv 1905.11946, table 1).
pub const BASE_RESOLUTION: u64 = 224;

/// Width and depth multipliers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Multiplies filters.
    pub width: f64,
    /// Multiplies the repeats of a stage.
    pub depth: f64,
}

/// Bases of the compound formula: depth α^φ, width β^φ, resolution γ^φ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compound {
    /// Depth base.
    pub alpha: f64,
    /// Width base.
    pub beta: f64,
    /// Resolution base.
    pub gamma: f64,
}

impl Default for Compound {
    /// The paper's grid search at φ = 1: α = 1.2, β = 1.1, γ = 1.15 (arXiv 1905.11946, section 4).
    fn default() -> Self {
        Self {
            alpha: 1.2,
            beta: 1.1,
            gamma: 1.15,
        }
    }
}

/// Why a request has no scaling.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScalingError {
    /// φ is negative or not a number.
    #[error("`phi` must be a finite number of at least 0, found {}", brief(*.0))]
    Phi(f64),
    /// A base or multiplier is not a positive number, or beyond any network.
    #[error("`{name}` must be a number above 0 and at most {LARGEST_MULTIPLIER}, found {}", brief(*value))]
    Coefficient {
        /// Which one.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// The formula gives numbers beyond any network.
    #[error(
        "`phi` {} gives width {width:.3e}, depth {depth:.3e} and {resolution:.3e} pixels, \
         expected at most {LARGEST_MULTIPLIER} for each multiplier and {LARGEST_RESOLUTION} pixels",
        brief(*phi)
    )]
    TooLarge {
        /// The exponent.
        phi: f64,
        /// Its width.
        width: f64,
        /// Its depth.
        depth: f64,
        /// Its resolution.
        resolution: f64,
    },
}

/// A number as people write it: `1.2`, and `1e308` or `1e-320` where it would have many zeros.
#[must_use]
pub fn brief(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e16).contains(&size) && value.is_finite() {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// Multipliers above this are refused: thirty times beyond L2, and already past every other limit.
pub const LARGEST_MULTIPLIER: f64 = 1e4;
/// Sides above this many pixels are refused.
pub const LARGEST_RESOLUTION: u64 = 1 << 20;

impl Compound {
    /// Coefficients at φ, and the resolution that goes with them: `224 · γ^φ` rounded half up.
    ///
    /// # Errors
    /// If φ is negative or not finite, a base is not positive, or the result is beyond any network.
    pub fn at(self, phi: f64) -> Result<(Coefficients, u64), ScalingError> {
        if !(phi.is_finite() && phi >= 0.0) {
            return Err(ScalingError::Phi(phi));
        }
        let Self { alpha, beta, gamma } = self;
        for (name, value) in [("alpha", alpha), ("beta", beta), ("gamma", gamma)] {
            positive(name, value)?;
        }
        let (width, depth) = (libm::pow(beta, phi), libm::pow(alpha, phi));
        #[expect(clippy::cast_precision_loss, reason = "224 is exact")]
        let resolution = (BASE_RESOLUTION as f64 * libm::pow(gamma, phi) + 0.5).floor();
        #[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
        let fits = [width, depth]
            .iter()
            .all(|multiplier| *multiplier <= LARGEST_MULTIPLIER)
            && resolution <= LARGEST_RESOLUTION as f64;
        if !fits {
            return Err(ScalingError::TooLarge {
                phi,
                width,
                depth,
                resolution,
            });
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        let resolution = (resolution as u64).max(1);
        Ok((Coefficients { width, depth }, resolution))
    }
}

impl Coefficients {
    /// Those of a baseline.
    pub const ONE: Self = Self {
        width: 1.0,
        depth: 1.0,
    };

    /// The same coefficients, if a network can have them.
    ///
    /// # Errors
    /// If a multiplier is not a positive number, or beyond any network.
    pub fn checked(self) -> Result<Self, ScalingError> {
        for (name, value) in [("width", self.width), ("depth", self.depth)] {
            positive(name, value)?;
            if value > LARGEST_MULTIPLIER {
                return Err(ScalingError::Coefficient { name, value });
            }
        }
        Ok(self)
    }
}

fn positive(name: &'static str, value: f64) -> Result<(), ScalingError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(ScalingError::Coefficient { name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formula_at_whole_phi() {
        // Computed from 1.1^phi, 1.2^phi and 224 * 1.15^phi by hand-held arithmetic.
        for (phi, width, depth, resolution) in [
            (0.0, 1.0, 1.0, 224),
            (1.0, 1.1, 1.2, 258),
            (2.0, 1.21, 1.44, 296),
            (4.0, 1.4641, 2.0736, 392),
            (7.0, 1.948_717_1, 3.583_180_8, 596),
        ] {
            let (coefficients, pixels) = Compound::default().at(phi).expect("a legal phi");
            assert!((coefficients.width - width).abs() < 1e-9, "{phi}");
            assert!((coefficients.depth - depth).abs() < 1e-9, "{phi}");
            assert_eq!(pixels, resolution, "{phi}");
        }
    }

    #[test]
    fn bad_requests_are_refused() {
        let formula = |phi| Compound::default().at(phi);
        assert_eq!(formula(-1.0), Err(ScalingError::Phi(-1.0)));
        assert!(matches!(formula(f64::NAN), Err(ScalingError::Phi(_))));
        assert!(matches!(formula(f64::INFINITY), Err(ScalingError::Phi(_))));
        assert!(matches!(formula(1e300), Err(ScalingError::TooLarge { .. })));
        for width in [0.0, -1.0, f64::NAN] {
            assert!(Coefficients { width, depth: 1.0 }.checked().is_err());
        }
    }
}
