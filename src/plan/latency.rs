//! The largest φ whose measured time keeps a limit, with as few measurements as can be.

use super::search::phi;
use super::{Cost, GRID_STEPS, NoAnswer, Subject};
use crate::request::Request;
use std::collections::BTreeMap;

/// The largest φ that is tried.
const LARGEST: u32 = 32 * GRID_STEPS;
/// How fast time is taken to grow with multiply-adds until two points were measured.
const EXPONENT: f64 = 1.0;

/// A point that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<T> {
    /// Its φ.
    pub phi: f64,
    /// Its exact multiply-adds.
    pub macs: u64,
    /// What was measured.
    pub time: T,
}

/// What a search by time found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fastest<T> {
    /// The largest φ of the grid of 0.01 that keeps the limit.
    pub phi: f64,
    /// The next φ, which does not.
    pub next: f64,
    /// Every measurement, in the order in which they were made.
    pub samples: Vec<Sample<T>>,
}

/// A measured time.
pub trait Time: Copy {
    /// Seconds that count.
    fn seconds(&self) -> f64;
}

impl Time for f64 {
    fn seconds(&self) -> f64 {
        *self
    }
}

struct Search<'a, T, M> {
    subject: &'a Subject,
    limit: f64,
    measure: M,
    /// Costs by the step, where the point has a network.
    costs: BTreeMap<u32, Option<Cost>>,
    samples: Vec<(Cost, Sample<T>)>,
}

/// The largest φ on a grid of 0.01 whose time is at most `limit` seconds. `fits` says whether a point keeps the other limits;
/// what does not is never measured. Rounding gives neighbours the same network, which is measured once.
///
/// Each point to measure is guessed from the last ones, as if time were a power of multiply-adds, and always lies between
/// the largest that fitted and the smallest that did not.
///
/// # Errors
/// If the baseline does not fit, a base is below 1, or a measurement fails.
pub fn fastest<T: Time, E: std::error::Error>(
    subject: &Subject,
    limit: f64,
    mut fits: impl FnMut(&Cost) -> bool,
    measure: impl FnMut(&Request) -> Result<T, E>,
) -> Result<Fastest<T>, NoAnswer<E>> {
    let bases = subject.compound;
    if [bases.alpha, bases.beta, bases.gamma]
        .iter()
        .any(|base| *base < 1.0)
    {
        return Err(NoAnswer::Bases(bases.alpha, bases.beta, bases.gamma));
    }
    let mut search = Search {
        subject,
        limit,
        measure,
        costs: BTreeMap::new(),
        samples: Vec::new(),
    };
    // What the other limits allow bounds the search without a measurement.
    let mut bound = 0;
    let mut step = GRID_STEPS;
    while step > 0 {
        let next = bound + step;
        if next < LARGEST && search.cost(next).is_some_and(|cost| fits(&cost)) {
            bound = next;
        } else {
            step /= 2;
        }
    }
    if !search.cost(0).is_some_and(|cost| fits(&cost)) || !search.keeps(0)? {
        return Err(NoAnswer::Baseline);
    }
    let (mut most, mut least) = (0, bound + 1);
    for round in 0.. {
        if least - most <= 1 {
            break;
        }
        // Every third point halves what is left, so that no bad guess makes the search long.
        let guess = if round % 3 == 2 {
            u32::midpoint(most, least)
        } else {
            search.guess(most, least)
        };
        if search.keeps(guess)? {
            most = guess;
        } else {
            least = guess;
        }
    }
    Ok(Fastest {
        phi: phi(most),
        next: phi(least),
        samples: search
            .samples
            .into_iter()
            .map(|(_, sample)| sample)
            .collect(),
    })
}

impl<T: Time, E: std::error::Error, M: FnMut(&Request) -> Result<T, E>> Search<'_, T, M> {
    fn cost(&mut self, step: u32) -> Option<Cost> {
        let subject = self.subject;
        *self.costs.entry(step).or_insert_with(|| {
            let request = subject.at(phi(step)).ok()?;
            Cost::of(&request).ok()
        })
    }

    /// Whether a point keeps the limit; measures it, unless its network was measured.
    fn keeps(&mut self, step: u32) -> Result<bool, NoAnswer<E>> {
        let Some(cost) = self.cost(step) else {
            return Ok(false);
        };
        let known = self.samples.iter().find(|(other, _)| *other == cost);
        let time = match known {
            Some((_, sample)) => sample.time,
            None => {
                let request = self.subject.at(phi(step)).expect("it has a cost");
                let time = (self.measure)(&request).map_err(NoAnswer::Point)?;
                let sample = Sample {
                    phi: phi(step),
                    macs: cost.macs,
                    time,
                };
                self.samples.push((cost, sample));
                time
            }
        };
        Ok(time.seconds() <= self.limit)
    }

    /// The largest step between two whose time should keep the limit.
    fn guess(&mut self, most: u32, least: u32) -> u32 {
        let macs = self.target();
        let (mut low, mut high) = (most + 1, least - 1);
        while low < high {
            let middle = u32::midpoint(low, high + 1);
            let below = self
                .cost(middle)
                .is_some_and(|cost| cost.macs as f64 <= macs);
            if below {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Multiply-adds at which a power through the two nearest measurements meets the limit.
    fn target(&self) -> f64 {
        let mut nearest: Vec<&Sample<T>> = self.samples.iter().map(|(_, sample)| sample).collect();
        nearest.sort_by(|one, other| {
            let distance = |sample: &Sample<T>| libm::log(sample.time.seconds() / self.limit).abs();
            distance(one).total_cmp(&distance(other))
        });
        let base = nearest[0];
        let exponent = nearest.get(1).map_or(EXPONENT, |other| {
            let times = libm::log(other.time.seconds() / base.time.seconds());
            let macs = libm::log(other.macs as f64 / base.macs as f64);
            let slope = times / macs;
            if slope.is_finite() {
                slope.clamp(0.3, 3.0)
            } else {
                EXPONENT
            }
        });
        let factor = libm::pow(self.limit / base.time.seconds(), 1.0 / exponent);
        base.macs as f64 * factor
    }
}
