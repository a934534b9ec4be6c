//! The paper's grid search at φ = 1: α, β and γ whose product α · β² · γ² is about 2 (arXiv 1905.11946, section 3.3).

use super::Subject;
use super::points::rounded;
use crate::architecture::{Architecture, Scaling};
use crate::request::RequestError;
use crate::scaling::{Compound, ScalingError, brief};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Points of one grid at most.
const MOST: usize = 100_000;
/// What sums and products of decimal fractions may be off by.
const SLACK: f64 = 1e-9;

/// A base of the compound formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// That of the depth, α.
    Alpha,
    /// That of the width, β.
    Beta,
    /// That of the resolution, γ.
    Gamma,
}

impl Base {
    /// Every base.
    pub const ALL: [Self; 3] = [Self::Alpha, Self::Beta, Self::Gamma];

    /// As in `--search`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Gamma => "gamma",
        }
    }

    /// The base called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|base| base.name() == name)
    }
}

/// What is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The bases that are searched, from 1 on; each other stays as the subject has it.
    pub bases: Vec<Base>,
    /// What α · β² · γ² should be.
    pub constraint: f64,
    /// How far from it a candidate may be.
    pub tolerance: f64,
    /// Between two values of a base.
    pub step: f64,
}

impl Default for Grid {
    /// All three bases, the constraint 2 (arXiv 1905.11946, equation 3), a tenth more or less, in steps of 0.05, which the paper's
    /// answer fits.
    fn default() -> Self {
        Self {
            bases: Base::ALL.to_vec(),
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
        "a grid needs a constraint of 1 to 100, a tolerance from 0 to the constraint, and a step of 0.005 to 1, found {}, {} and {}",
        brief(*.0), brief(*.1), brief(*.2)
    )]
    Range(f64, f64, f64),
    /// Too many points keep the constraint.
    #[error(
        "more than {MOST} points have α·β²·γ² within {tolerance} of {constraint}, in steps of {step}"
    )]
    TooMany {
        /// The constraint.
        constraint: f64,
        /// The tolerance.
        tolerance: f64,
        /// The step.
        step: f64,
    },
    /// No point keeps the constraint.
    #[error("no point has α·β²·γ² within {tolerance} of {constraint}, in steps of {step}")]
    Nothing {
        /// The constraint.
        constraint: f64,
        /// The tolerance.
        tolerance: f64,
        /// The step.
        step: f64,
    },
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
/// If the grid is out of range, has no candidate or too many, or a point is of unreasonable size.
pub fn search(subject: &Subject, grid: &Grid) -> Result<Vec<Candidate>, GridError> {
    // Rounding makes one network of many points.
    let mut known: BTreeMap<(Vec<u64>, u64), (u64, u64)> = BTreeMap::new();
    let mut candidates = Vec::new();
    for compound in grid.points(subject.compound)? {
        let scaling = Scaling::formula(subject.family, 1.0, compound)?;
        let resolution = scaling.resolution;
        let request = subject.request(scaling);
        let architecture = request.architecture().map_err(RequestError::from)?;
        let (macs, parameters) = match known.entry((shape(&architecture), resolution)) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(place) => {
                let counts = request.counts()?;
                *place.insert((counts.macs, counts.parameters))
            }
        };
        candidates.push(Candidate {
            compound,
            product: product(compound),
            resolution,
            macs,
            parameters,
            is_on_front: false,
        });
    }
    candidates.sort_by(|one, other| {
        let bases = |one: &Candidate| [one.compound.alpha, one.compound.beta, one.compound.gamma];
        let costs = (one.macs, one.parameters).cmp(&(other.macs, other.parameters));
        let [ours, theirs] = [bases(one), bases(other)];
        costs.then_with(|| ours.partial_cmp(&theirs).unwrap_or(Ordering::Equal))
    });
    mark_front(&mut candidates);
    Ok(candidates)
}

/// In their order, a candidate is on the front if it has fewer parameters than every cheaper one.
pub(super) fn mark_front(candidates: &mut [Candidate]) {
    let mut fewest = u64::MAX;
    let mut last = None;
    for candidate in candidates {
        let cost = (candidate.macs, candidate.parameters);
        candidate.is_on_front = candidate.parameters < fewest || last == Some(cost);
        if candidate.is_on_front {
            fewest = candidate.parameters;
            last = Some(cost);
        }
    }
}

/// Every number of filters and of repeats: what scaling changes.
fn shape(architecture: &Architecture) -> Vec<u64> {
    let stages = architecture.stages.iter();
    let stages = stages.flat_map(|stage| [stage.output_filters, stage.num_repeat]);
    let ends = [
        architecture.stem.filters,
        architecture.head.conv.map_or(0, |conv| conv.filters),
    ];
    stages.chain(ends).collect()
}

fn product(Compound { alpha, beta, gamma }: Compound) -> f64 {
    alpha * beta * beta * gamma * gamma
}

impl Grid {
    /// The points that keep the constraint; `given` has the bases that are not searched.
    fn points(&self, given: Compound) -> Result<Vec<Compound>, GridError> {
        let (constraint, tolerance, step) = (self.constraint, self.tolerance, self.step);
        let legal = (1.0..=100.0).contains(&constraint)
            && (0.0..=constraint).contains(&tolerance)
            && (0.005..=1.0).contains(&step);
        if !legal {
            return Err(GridError::Range(constraint, tolerance, step));
        }
        given.at(1.0)?;
        let (least, most) = (
            constraint - tolerance - SLACK,
            constraint + tolerance + SLACK,
        );
        let mut points = Vec::new();
        for beta in self.values(Base::Beta, given.beta, [0.0, most.sqrt()]) {
            let left = most / (beta * beta);
            for gamma in self.values(Base::Gamma, given.gamma, [0.0, left.sqrt()]) {
                let square = beta * beta * gamma * gamma;
                let range = [least / square, most / square];
                for alpha in self.values(Base::Alpha, given.alpha, range) {
                    let compound = Compound { alpha, beta, gamma };
                    if (least..=most).contains(&product(compound)) {
                        points.push(compound);
                    }
                }
                if points.len() > MOST {
                    return Err(GridError::TooMany {
                        constraint,
                        tolerance,
                        step,
                    });
                }
            }
        }
        if points.is_empty() {
            return Err(GridError::Nothing {
                constraint,
                tolerance,
                step,
            });
        }
        Ok(points)
    }

    /// The values of a base in a range and a step around it: from 1 on if it is searched, else as given.
    fn values(&self, base: Base, given: f64, range: [f64; 2]) -> impl Iterator<Item = f64> + use<> {
        let (first, steps, step) = if self.bases.contains(&base) {
            let [low, high] = range.map(|limit| ((limit - 1.0) / self.step).floor());
            let low = low.max(0.0);
            (low.mul_add(self.step, 1.0), high - low + 1.0, self.step)
        } else {
            (given, 0.0, 0.0)
        };
        // Below 2^53 every whole number is exact.
        let indices = std::iter::successors(Some(0.0), |index| Some(index + 1.0));
        let indices = indices.take_while(move |index| *index <= steps);
        indices.map(move |index: f64| rounded(index.mul_add(step, first)))
    }
}
