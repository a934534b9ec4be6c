//! The paper's grid search at φ = 1: α, β and γ whose product α · β² · γ² is about 2 (arXiv 1905.11946, section 3.3).

use super::Subject;
use crate::architecture::Scaling;
use crate::request::RequestError;
use crate::scaling::{BASE_RESOLUTION, Coefficients, Compound, ScalingError};
use std::collections::BTreeMap;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// What α · β² · γ² should be.
    pub constraint: f64,
    /// How far from it a candidate may be.
    pub tolerance: f64,
    /// Between two values of a base.
    pub step: f64,
}

impl Default for Grid {
    /// The constraint 2 (arXiv 1905.11946, equation 3), a tenth more or less, in steps of 0.05, which the paper's answer fits.
    fn default() -> Self {
        Self {
            constraint: 2.0,
            tolerance: 0.1,
            step: 0.05,
        }
    }
}

/// A point that keeps the constraint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The bases.
    pub compound: Compound,
    /// α · β² · γ².
    pub product: f64,
    /// Side of the input in pixels.
    pub resolution: u64,
    /// Exact multiply-adds.
    pub macs: u64,
    /// Exact parameters.
    pub parameters: u64,
    /// Whether no other candidate has at most as many of both, and fewer of one.
    pub is_on_front: bool,
}

/// Why a grid cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// A number is out of range.
    #[error(
        "a grid needs a constraint of 1 to 100, a tolerance from 0 on, and a step of 0.005 to 1, found {0}, {1} and {2}"
    )]
    Range(f64, f64, f64),
    /// A point has no network.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A point is out of range.
    #[error(transparent)]
    Scaling(#[from] ScalingError),
}

/// Whether `compound` is the paper's own choice: (1.2, 1.1, 1.15).
#[must_use]
pub fn is_papers(compound: Compound) -> bool {
    let paper = Compound::default();
    let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
    near(compound.alpha, paper.alpha)
        && near(compound.beta, paper.beta)
        && near(compound.gamma, paper.gamma)
}

/// Every candidate, by its multiply-adds, then its parameters, then its bases.
///
/// # Errors
/// If the grid is out of range, or a point is of unreasonable size.
pub fn search(subject: &Subject, grid: &Grid) -> Result<Vec<Candidate>, GridError> {
    let Grid {
        constraint,
        tolerance,
        step,
    } = *grid;
    let legal =
        (1.0..=100.0).contains(&constraint) && tolerance >= 0.0 && (0.005..=1.0).contains(&step);
    if !legal {
        return Err(GridError::Range(constraint, tolerance, step));
    }
    let most = constraint + tolerance + 1e-9;
    let values = |limit: f64| {
        (0_u32..)
            .map(move |index| f64::from(index).mul_add(step, 1.0))
            .take_while(move |base| *base <= limit)
    };
    // Rounding makes one network of many points.
    let mut known: BTreeMap<(Vec<u64>, u64), (u64, u64)> = BTreeMap::new();
    let mut candidates = Vec::new();
    for beta in values(most.sqrt()) {
        for gamma in values((most / (beta * beta)).sqrt()) {
            for alpha in values(most / (beta * beta * gamma * gamma)) {
                let product = alpha * beta * beta * gamma * gamma;
                if (product - constraint).abs() > tolerance + 1e-9 {
                    continue;
                }
                let compound = Compound { alpha, beta, gamma };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most 2240"
                )]
                let resolution = (BASE_RESOLUTION as f64).mul_add(gamma, 0.5).floor() as u64;
                let scaling = Scaling {
                    resolution,
                    coefficients: Coefficients {
                        width: beta,
                        depth: alpha,
                    },
                    ..Scaling::given(subject.family, Coefficients::ONE)?
                };
                let request = subject.request(scaling);
                let architecture = request.architecture().map_err(RequestError::from)?;
                let shape = architecture
                    .stages
                    .iter()
                    .flat_map(|stage| [stage.output_filters, stage.num_repeat]);
                let shape = shape
                    .chain([
                        architecture.stem.filters,
                        architecture.head.conv.map_or(0, |conv| conv.filters),
                    ])
                    .collect();
                let (macs, parameters) = match known.entry((shape, resolution)) {
                    std::collections::btree_map::Entry::Occupied(found) => *found.get(),
                    std::collections::btree_map::Entry::Vacant(place) => {
                        let counts = request.counts()?;
                        *place.insert((counts.macs, counts.parameters))
                    }
                };
                candidates.push(Candidate {
                    compound,
                    product,
                    resolution,
                    macs,
                    parameters,
                    is_on_front: false,
                });
            }
        }
    }
    candidates.sort_by(|one, other| {
        let bases = |one: &Candidate| [one.compound.alpha, one.compound.beta, one.compound.gamma];
        (one.macs, one.parameters)
            .cmp(&(other.macs, other.parameters))
            .then_with(|| {
                bases(one)
                    .partial_cmp(&bases(other))
                    .unwrap_or(std::cmp::Ordering::Equal)
            })
    });
    // In this order, a candidate is on the front if it has fewer parameters than every cheaper one.
    let mut fewest = u64::MAX;
    let mut last = None;
    for candidate in &mut candidates {
        let cost = (candidate.macs, candidate.parameters);
        candidate.is_on_front = candidate.parameters < fewest || last == Some(cost);
        if candidate.is_on_front {
            fewest = candidate.parameters;
            last = Some(cost);
        }
    }
    Ok(candidates)
}
