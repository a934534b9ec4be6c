//! The largest φ that fits, by formula.

use super::{Cost, CostLimits, Subject};
use crate::request::Request;
use crate::scaling::brief;
use std::convert::Infallible;

/// Steps of the grid in one φ: the answer is a multiple of 0.01.
pub const GRID_STEPS: u32 = 100;
/// The largest φ that is tried; the paper's bases give 10^28 multiply-adds there.
pub(super) const LARGEST: u32 = 64 * GRID_STEPS;
/// Steps after the answer that are looked at where only the words in a file tell one network from the next.
const MOST_ALIKE: usize = 400;

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
    /// The baseline itself takes longer than the limit, so many seconds.
    #[error("the baseline, φ = 0, takes {0} seconds")]
    Slow(f64),
    /// A base is below 1, so that a larger φ may cost less.
    #[error("a search needs α, β and γ of at least 1, found {}, {} and {}", brief(*.0), brief(*.1), brief(*.2))]
    Bases(f64, f64, f64),
    /// Every φ fits.
    #[error("φ = {0} fits too, and a search ends there: with these bases a network hardly grows")]
    Endless(f64),
    /// A point cannot be looked at.
    #[error(transparent)]
    Point(E),
}

/// The largest φ on a grid of 0.01 whose point fits. With bases of at least 1, filters, repeats and resolution never fall as φ
/// grows, so what an exact cost decides holds below the answer and fails above it.
///
/// # Errors
/// If the baseline does not fit, φ = 64 fits, a base is below 1, or `fits` fails. A point that is too large for any network does
/// not fit.
pub fn largest<E: std::error::Error>(
    subject: &Subject,
    mut fits: impl FnMut(&Request) -> Result<bool, E>,
) -> Result<Found, NoAnswer<E>> {
    refuse_shrinking(subject)?;
    let mut tried = 0;
    let look = |step: u32| match subject.at(phi(step)) {
        Err(_) => Ok(false),
        Ok(request) => {
            tried += 1;
            fits(&request).map_err(NoAnswer::Point)
        }
    };
    let most = last(look)?;
    Ok(Found {
        phi: phi(most),
        next: phi(most + 1),
        tried,
    })
}

/// Refuses bases by which a larger φ may cost less.
pub(super) fn refuse_shrinking<E: std::error::Error>(subject: &Subject) -> Result<(), NoAnswer<E>> {
    let bases = subject.compound;
    if [bases.alpha, bases.beta, bases.gamma]
        .iter()
        .all(|base| *base >= 1.0)
    {
        return Ok(());
    }
    Err(NoAnswer::Bases(bases.alpha, bases.beta, bases.gamma))
}

/// The last step at which `look` holds, if it holds up to there and nowhere after: doubles until it fails, then halves.
pub(super) fn last<E: std::error::Error>(
    mut look: impl FnMut(u32) -> Result<bool, NoAnswer<E>>,
) -> Result<u32, NoAnswer<E>> {
    if !look(0)? {
        return Err(NoAnswer::Baseline);
    }
    let (mut most, mut least) = (0, GRID_STEPS);
    while look(least)? {
        if least >= LARGEST {
            return Err(NoAnswer::Endless(phi(least)));
        }
        most = least;
        least *= 2;
    }
    while least - most > 1 {
        let middle = u32::midpoint(most, least);
        if look(middle)? {
            most = middle;
        } else {
            least = middle;
        }
    }
    Ok(most)
}

/// A point of the grid; the quotient is the number that people write.
pub(super) fn phi(step: u32) -> f64 {
    f64::from(step) / f64::from(GRID_STEPS)
}

impl CostLimits {
    /// The largest φ that keeps every limit.
    ///
    /// # Errors
    /// As [`largest`]; a network of unreasonable size keeps none.
    pub fn largest(&self, subject: &Subject) -> Result<Found, NoAnswer<Infallible>> {
        refuse_shrinking(subject)?;
        let mut tried = 0;
        let most = self.last(|step| {
            tried += 1;
            let request = subject.at(phi(step)).ok()?;
            let limited = [self.memory.is_some(), self.file.is_some()];
            Cost::counted(&request, limited, || subject.note(&request)).ok()
        })?;
        Ok(Found {
            phi: phi(most),
            next: phi(most + 1),
            tried,
        })
    }

    /// The last step whose cost keeps every limit.
    pub(super) fn last<E: std::error::Error>(
        &self,
        mut cost: impl FnMut(u32) -> Option<Cost>,
    ) -> Result<u32, NoAnswer<E>> {
        let fits = |cost: Option<Cost>| cost.is_some_and(|cost| self.exceeded(&cost).is_empty());
        let mut most = last(|step| Ok(fits(cost(step))))?;
        if self.file.is_some() {
            // A file has φ and the coefficients in words, so that among networks of as many parameters a larger φ may take some
            // bytes less.
            let next = cost(most + 1);
            let parameters = next.map(|next| next.parameters);
            let like_next = (most + 1..).map_while(|step| {
                let cost = cost(step).filter(|cost| Some(cost.parameters) == parameters);
                cost.map(|cost| (step, cost))
            });
            let fitting = like_next
                .take(MOST_ALIKE)
                .filter(|(_, cost)| fits(Some(*cost)));
            most = fitting.map(|(step, _)| step).last().unwrap_or(most);
        }
        Ok(most)
    }
}

/// What a point of the grid costs, if it has a network.
pub(super) fn cost(subject: &Subject, step: u32) -> Option<Cost> {
    let request = subject.at(phi(step)).ok()?;
    subject.cost(&request).ok()
}
