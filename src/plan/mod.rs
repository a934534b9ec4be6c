//! Compound scaling as a tool: what a point costs, which point fits a budget, what each dimension does.
//!
//! A [`Point`] has every number of a network at a point: coefficients before and after rounding, what they predict, and what is
//! exact. [`largest`] finds the largest φ whose row fits; [`grid`](mod@grid) repeats the paper's search for α, β and γ (arXiv 1905.11946,
//! section 3.3); [`Sweep`] scales one dimension alone. No weights are read or drawn.

mod budget;
pub mod grid;
mod latency;
mod point;
mod points;
mod search;
mod sweep;
#[cfg(test)]
mod tests;

pub use budget::{CostLimits, Excess, Limit};
pub use latency::{Fastest, Sample, Time, fastest};
pub use point::{Cost, Implied, Point, file_bytes};
pub use points::{Points, PointsError};
pub use search::{Found, GRID_STEPS, NoAnswer, largest};
pub use sweep::{Dimension, Sweep};

use crate::architecture::{Family, Scaling};
use crate::request::{Blueprint, Extent, Request, RequestError};
use crate::scaling::{Compound, ScalingError};

/// What is scaled, and by which bases.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The family whose baseline is scaled.
    pub family: &'static Family,
    /// Bases of the formula.
    pub compound: Compound,
    /// Classes that the network has.
    pub classes: u64,
}

/// Why a point has no row.
#[derive(Debug, thiserror::Error)]
pub enum PointError {
    /// φ or a base is out of range.
    #[error(transparent)]
    Scaling(#[from] ScalingError),
    /// The network is of unreasonable size.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Subject {
    /// A family with the paper's bases and 1000 classes.
    #[must_use]
    pub fn new(family: &'static Family) -> Self {
        Self {
            family,
            compound: Compound::default(),
            classes: 1000,
        }
    }

    /// The formula at φ, as a request: one square image of the point's own resolution.
    ///
    /// # Errors
    /// As [`Compound::at`].
    pub fn at(&self, phi: f64) -> Result<Request, ScalingError> {
        Ok(self.request(Scaling::formula(self.family, phi, self.compound)?))
    }

    /// A point as a request.
    #[must_use]
    pub fn request(&self, scaling: Scaling) -> Request {
        let resolution = scaling.resolution;
        let mut request = Request::new(Blueprint::Scaled(scaling));
        request.options.classes = self.classes;
        request.size = [Extent::Fixed(resolution); 2];
        request
    }

    /// Every number of a point.
    ///
    /// # Errors
    /// If the network is of unreasonable size.
    pub fn row(&self, scaling: Scaling) -> Result<Point, RequestError> {
        Point::new(self, &self.request(scaling))
    }

    /// The published models of the family, in order, each with its row.
    ///
    /// # Errors
    /// As [`Subject::row`].
    pub fn published(&self) -> Result<Vec<Point>, RequestError> {
        let variants = self.family.variants.iter();
        variants
            .map(|variant| self.row(Scaling::published(variant)))
            .collect()
    }
}
