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
pub use point::{Cost, Implied, Point};
pub use points::{Points, PointsError};
pub use search::{Found, GRID_STEPS, NoAnswer, largest};
pub use sweep::{Dimension, Sweep};

use crate::architecture::{Baseline, Family, Reading, Scaling};
use crate::files::foreign::Foreign;
use crate::form::{Form, default_opset};
use crate::request::{Blueprint, Extent, Request, RequestError};
use crate::scaling::{BASE_RESOLUTION, Coefficients, Compound, ScalingError, brief};
use crate::tensor::Element;
use rayon::prelude::*;

/// What is scaled, and by which bases.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The family whose baseline is scaled.
    pub family: &'static Family,
    /// Bases of the formula.
    pub compound: Compound,
    /// Classes that the network has.
    pub classes: u64,
    /// The element type of weights and activations: f32, f16 or bf16.
    pub element: Element,
    /// The element types for which a row has the size of the file.
    pub files: Vec<Element>,
    /// What the recipe of a point by formula records of how φ was read ([`Recipe::reading`](crate::metadata::Recipe::reading)): a
    /// part of its file.
    pub note: Note,
}

/// What is recorded of how φ was read; none for nothing.
pub type Note = fn(f64, &Request) -> Option<String>;

/// Why a point has no row.
#[derive(Debug, thiserror::Error)]
pub enum PointError {
    /// φ or a base is out of range.
    #[error(transparent)]
    Scaling(#[from] ScalingError),
    /// The network is of unreasonable size.
    #[error("{name}: {source}", name = name.shown())]
    Request {
        /// The network.
        name: String,
        /// Why it has no graph.
        source: Box<RequestError>,
    },
}

/// What a point is called: `φ = 1.5` by formula, else the name of its network.
#[must_use]
pub fn point_name(request: &Request) -> String {
    match request.blueprint.scaling().map(|scaling| &scaling.reading) {
        Some(Reading::Formula { phi, .. }) => format!("φ = {}", brief(*phi)),
        _ => request.blueprint.name(),
    }
}

impl Subject {
    /// A family with the paper's bases and 1000 classes, in f32, without a note on φ.
    #[must_use]
    pub fn new(family: &'static Family) -> Self {
        Self {
            family,
            compound: Compound::default(),
            classes: 1000,
            element: Element::F32,
            files: Vec::new(),
            note: |_, _| None,
        }
    }

    /// What the recipe of a point records of how φ was read.
    #[must_use]
    pub fn note(&self, request: &Request) -> Option<String> {
        match request.blueprint.scaling()?.reading {
            Reading::Formula { phi, .. } => (self.note)(phi, request),
            _ => None,
        }
    }

    /// What a point costs, the note on φ in its file included.
    ///
    /// # Errors
    /// If the network is of unreasonable size.
    pub fn cost(&self, request: &Request) -> Result<Cost, RequestError> {
        Cost::counted(request, [true; 2], || self.note(request))
    }

    /// The formula at φ, as a request: one square image of the point's own resolution.
    ///
    /// # Errors
    /// As [`Compound::at`].
    pub fn at(&self, phi: f64) -> Result<Request, ScalingError> {
        Ok(self.request(Scaling::formula(self.family, phi, self.compound)?))
    }

    /// A point as a request: in the element type and the opset that is usual for it, all else by default.
    #[must_use]
    pub fn request(&self, scaling: Scaling) -> Request {
        let resolution = scaling.resolution;
        let mut request = Request::new(Blueprint::Scaled(scaling));
        request.options.classes = self.classes;
        request.size = [Extent::Fixed(resolution); 2];
        request.form = Form {
            element: self.element,
            opset: default_opset(self.element),
            ..Form::default()
        };
        request
    }

    /// A baseline as it is, at 224 pixels.
    fn baseline(&self, baseline: &'static Baseline) -> Request {
        self.request(Scaling {
            baseline,
            coefficients: Coefficients::ONE,
            resolution: BASE_RESOLUTION,
            reading: Reading::Given,
        })
    }

    /// Every number of a point.
    ///
    /// # Errors
    /// If the network is of unreasonable size.
    pub fn row(&self, scaling: Scaling) -> Result<Point, PointError> {
        Point::new(self, scaling)
    }

    /// Every number of some points, in their order.
    ///
    /// # Errors
    /// As [`Subject::row`], of the first point that has no row.
    pub fn rows(&self, points: Vec<Scaling>) -> Result<Vec<Point>, PointError> {
        let rows: Vec<_> = points
            .into_par_iter()
            .map(|point| self.row(point))
            .collect();
        rows.into_iter().collect()
    }

    /// The published models of the family, in order, each with its row.
    ///
    /// # Errors
    /// As [`Subject::row`].
    pub fn published(&self) -> Result<Vec<Point>, PointError> {
        let variants = self.family.variants.iter();
        self.rows(variants.map(Scaling::published).collect())
    }
}
