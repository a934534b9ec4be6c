//! The largest φ that fits, by formula.

use super::{PointError, Subject};
use crate::request::Request;

/// Steps of the grid in one φ: the answer is a multiple of 0.01.
pub const GRID_STEPS: u32 = 100;
/// The largest φ that is tried; the paper's bases give 10^28 multiply-adds there.
const LARGEST: u32 = 64 * GRID_STEPS;

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The largest φ of the grid that fits.
    pub phi: f64,
    /// The next one, which does not fit.
    pub next: f64,
    /// Points that were looked at.
    pub tried: usize,
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer<E: std::error::Error> {
    /// The baseline itself does not fit.
    #[error("the baseline, φ = 0, does not fit")]
    Baseline,
    /// A base is below 1, so that a larger φ may cost less.
    #[error("a search needs α, β and γ of at least 1, found {0}, {1} and {2}")]
    Bases(f64, f64, f64),
    /// A point cannot be looked at.
    #[error(transparent)]
    Point(E),
}

/// The largest φ on a grid of 0.01 whose point fits. With bases of at least 1, filters, repeats and resolution never fall as φ
/// grows, so what an exact cost decides holds below the answer and fails above it.
///
/// # Errors
/// If the baseline does not fit, a base is below 1, or `fits` fails. A point that is too large for any network does not fit.
pub fn largest<E: std::error::Error>(
    subject: &Subject,
    mut fits: impl FnMut(&Request) -> Result<bool, E>,
) -> Result<Found, NoAnswer<E>> {
    let bases = subject.compound;
    if [bases.alpha, bases.beta, bases.gamma]
        .iter()
        .any(|base| *base < 1.0)
    {
        return Err(NoAnswer::Bases(bases.alpha, bases.beta, bases.gamma));
    }
    let mut tried = 0;
    let mut look = |step: u32| match subject.at(phi(step)) {
        Err(_) => Ok(false),
        Ok(request) => {
            tried += 1;
            fits(&request).map_err(NoAnswer::Point)
        }
    };
    if !look(0)? {
        return Err(NoAnswer::Baseline);
    }
    let (mut most, mut least) = (0, GRID_STEPS);
    while look(least)? {
        most = least;
        least *= 2;
        if least > LARGEST {
            break;
        }
    }
    while least - most > 1 {
        let middle = u32::midpoint(most, least);
        if look(middle)? {
            most = middle;
        } else {
            least = middle;
        }
    }
    Ok(Found {
        phi: phi(most),
        next: phi(least),
        tried,
    })
}

/// A point of the grid; the quotient is the number that people write.
pub(super) fn phi(step: u32) -> f64 {
    f64::from(step) / f64::from(GRID_STEPS)
}

impl super::CostLimits {
    /// The largest φ that keeps every limit.
    ///
    /// # Errors
    /// As [`largest`]; a network of unreasonable size keeps none.
    pub fn largest(&self, subject: &Subject) -> Result<Found, NoAnswer<PointError>> {
        largest(subject, |request| match super::Cost::of(request) {
            Ok(cost) => Ok::<_, PointError>(self.exceeded(&cost).is_empty()),
            Err(_) => Ok(false),
        })
    }
}
