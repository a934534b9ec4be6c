//! A baseline scaled to a point: what a request comes down to before its rows are looked at.

use super::{Baseline, Family, Variant};
use crate::scaling::{BASE_RESOLUTION, Coefficients, Compound, ScalingError};

/// A family scaled to a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// What is scaled.
    pub baseline: &'static Baseline,
    /// Width and depth.
    pub coefficients: Coefficients,
    /// Side of the square input that goes with them, in pixels.
    pub resolution: u64,
    /// How the request was read.
    pub reading: Reading,
}

/// How a request was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A row of the published table.
    Published {
        /// The row.
        variant: &'static Variant,
    },
    /// The compound formula.
    Formula {
        /// Its exponent.
        phi: f64,
        /// Its bases.
        compound: Compound,
    },
    /// Width and depth given as they are.
    Given,
}

impl Scaling {
    /// The family that is scaled.
    #[must_use]
    pub fn family(&self) -> &'static Family {
        self.baseline.family
    }

    /// A published row.
    #[must_use]
    pub fn published(variant: &'static Variant) -> Self {
        Self {
            baseline: variant.baseline,
            coefficients: variant.coefficients,
            resolution: variant.resolution,
            reading: Reading::Published { variant },
        }
    }

    /// A family at φ: its published row where it has one of this φ, else the paper's formula.
    ///
    /// # Errors
    /// As [`Compound::at`].
    pub fn at(family: &'static Family, phi: f64) -> Result<Self, ScalingError> {
        match family.variant_at(phi) {
            Some(variant) => Ok(Self::published(variant)),
            None => Self::formula(family, phi, Compound::default()),
        }
    }

    /// The compound formula at φ.
    ///
    /// # Errors
    /// As [`Compound::at`].
    pub fn formula(
        family: &'static Family,
        phi: f64,
        compound: Compound,
    ) -> Result<Self, ScalingError> {
        let (coefficients, resolution) = compound.at(phi)?;
        Ok(Self {
            baseline: family.baseline,
            coefficients,
            resolution,
            reading: Reading::Formula { phi, compound },
        })
    }

    /// Width and depth as given, at the baseline's resolution.
    ///
    /// # Errors
    /// As [`Coefficients::checked`].
    pub fn given(
        family: &'static Family,
        coefficients: Coefficients,
    ) -> Result<Self, ScalingError> {
        Ok(Self {
            baseline: family.baseline,
            coefficients: coefficients.checked()?,
            resolution: BASE_RESOLUTION,
            reading: Reading::Given,
        })
    }
}
