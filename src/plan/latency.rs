//! The largest φ whose measured time keeps a limit, with as few measurements as can be.

use super::search::{LARGEST, cost, last, phi, refuse_shrinking};
use super::{Cost, CostLimits, NoAnswer, Subject};
use crate::architecture::{Architecture, Scaling, Variant};
use crate::request::Request;
use std::collections::BTreeMap;

/// How fast time is taken to grow with multiply-adds until two points were measured.
const EXPONENT: f64 = 1.0;
/// How many times as many multiply-adds as those that kept the limit a guess may have: noise hides how time grows.
const MOST_GROWTH: f64 = 4.0;

/// A point that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<T> {
    /// The point.
    pub scaling: Scaling,
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
    /// Its time.
    pub time: T,
    /// The next φ, which does not keep it, or breaks another limit.
    pub next: f64,
    /// The time of the next φ; none where another limit decided.
    pub next_time: Option<T>,
    /// The published model of the family with the most multiply-adds that keeps every limit, with its time.
    pub published: Option<(&'static Variant, T)>,
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

/// A network that was measured, and its multiply-adds: sides for which they are the same differ in no convolution's output.
type Network = (Architecture, u64);

struct Search<'a, T, M> {
    subject: &'a Subject,
    limits: &'a CostLimits,
    limit: f64,
    measure: M,
    /// Costs by the step, where the point has a network.
    costs: BTreeMap<u32, Option<Cost>>,
    samples: Vec<(Option<Network>, Sample<T>)>,
}

/// The largest φ on a grid of 0.01 that keeps the other limits and whose time is at most `limit` seconds; and the largest published
/// model. What breaks another limit is never measured. Rounding gives neighbours the same network, which is measured once.
///
/// Each point to measure is guessed from the last ones, as if time were a power of multiply-adds, and always lies between
/// the largest that fitted and the smallest that did not. Published models are measured from the one that costs about as much as
/// the answer, until one fits and the next does not.
///
/// # Errors
/// As [`largest`](super::largest), or if a measurement fails.
pub fn fastest<T: Time, E: std::error::Error>(
    subject: &Subject,
    limits: &CostLimits,
    limit: f64,
    measure: impl FnMut(&Request) -> Result<T, E>,
) -> Result<Fastest<T>, NoAnswer<E>> {
    refuse_shrinking(subject)?;
    let mut search = Search {
        subject,
        limits,
        limit,
        measure,
        costs: BTreeMap::new(),
        samples: Vec::new(),
    };
    // What other limits allow bounds the search without a measurement; without any, what is a network at all.
    let bound = if limits.is_unlimited() {
        last(|step| {
            Ok(search
                .subject
                .at(phi(step))
                .is_ok_and(|request| request.architecture().is_ok()))
        })
    } else {
        limits.last(|step| search.cost(step))
    };
    let bound = match bound {
        Err(NoAnswer::Endless(_)) => LARGEST,
        bound => bound?,
    };
    let keeps = |time: &T| time.seconds() <= limit;
    let baseline = search.time(0)?.ok_or(NoAnswer::Baseline)?;
    if !keeps(&baseline) {
        return Err(NoAnswer::Slow(baseline.seconds()));
    }
    let mut answer = (0, baseline);
    let mut next = (bound + 1, None);
    for round in 0.. {
        let (most, least) = (answer.0, next.0);
        if least - most <= 1 {
            break;
        }
        // Every third point halves what is left, so that no bad guess makes the search long; but only below a time that was
        // measured, since a network far above every time that was may run for hours.
        let step = if round % 3 == 2 && next.1.is_some() {
            u32::midpoint(most, least)
        } else {
            search.guess(most, least)
        };
        let time = search.time(step)?;
        match time.filter(keeps) {
            Some(time) => answer = (step, time),
            None => next = (step, time),
        }
    }
    if answer.0 == LARGEST {
        return Err(NoAnswer::Endless(phi(LARGEST)));
    }
    let published = search.published(answer.0)?;
    let samples = search.samples.into_iter();
    Ok(Fastest {
        phi: phi(answer.0),
        time: answer.1,
        next: phi(next.0),
        next_time: next.1,
        published,
        samples: samples.map(|(_, sample)| sample).collect(),
    })
}

impl<T: Time, E: std::error::Error, M: FnMut(&Request) -> Result<T, E>> Search<'_, T, M> {
    fn cost(&mut self, step: u32) -> Option<Cost> {
        let subject = self.subject;
        let cost = || cost(subject, step);
        *self.costs.entry(step).or_insert_with(cost)
    }

    /// The time of a point of the grid, if it has a network and keeps the other limits.
    fn time(&mut self, step: u32) -> Result<Option<T>, NoAnswer<E>> {
        let cost = self.cost(step);
        let cost = cost.filter(|cost| self.limits.exceeded(cost).is_empty());
        let point = Scaling::formula(self.subject.family, phi(step), self.subject.compound);
        match cost.zip(point.ok()) {
            Some((cost, point)) => self.time_of(point, cost.macs).map(Some),
            None => Ok(None),
        }
    }

    /// Measures a point, unless its network was measured.
    fn time_of(&mut self, scaling: Scaling, macs: u64) -> Result<T, NoAnswer<E>> {
        let request = self.subject.request(scaling.clone());
        let architecture = request.architecture().ok();
        let network = architecture.map(|architecture| (architecture, macs));
        let mut known = self.samples.iter();
        if let Some((_, sample)) = known.find(|(other, _)| *other == network) {
            return Ok(sample.time);
        }
        let time = (self.measure)(&request).map_err(NoAnswer::Point)?;
        let sample = Sample {
            scaling,
            macs,
            time,
        };
        self.samples.push((network, sample));
        Ok(time)
    }

    /// The published model with the most multiply-adds that keeps every limit; `most` is the answer of the formula.
    fn published(&mut self, most: u32) -> Result<Option<(&'static Variant, T)>, NoAnswer<E>> {
        let costs = self.subject.family.variants.iter().filter_map(|variant| {
            let request = self.subject.request(Scaling::published(variant));
            let cost = self.subject.cost(&request).ok()?;
            let is_kept = self.limits.exceeded(&cost).is_empty();
            is_kept.then_some((cost.macs, variant))
        });
        let mut fitting: Vec<(u64, &'static Variant)> = costs.collect();
        fitting.sort_by_key(|(macs, _)| *macs);
        let macs = self.cost(most).map_or(0, |cost| cost.macs);
        let start = fitting.partition_point(|(other, _)| *other <= macs);
        let mut best = None;
        for (macs, variant) in fitting[..start].iter().rev() {
            let time = self.time_of(Scaling::published(variant), *macs)?;
            if time.seconds() <= self.limit {
                best = Some((*variant, time));
                break;
            }
        }
        for (macs, variant) in &fitting[start..] {
            let time = self.time_of(Scaling::published(variant), *macs)?;
            if time.seconds() > self.limit {
                break;
            }
            best = Some((*variant, time));
        }
        Ok(best)
    }

    /// The largest step between two whose time should keep the limit.
    fn guess(&mut self, most: u32, least: u32) -> u32 {
        let macs = self.target();
        let mut is_below = |step| {
            let cost = self.cost(step);
            cost.is_some_and(|cost| cost.macs as f64 <= macs)
        };
        // From below, so that no network is built that is much larger than the guess.
        let (mut low, mut reach) = (most, 1);
        while most + reach < least && is_below(most + reach) {
            low = most + reach;
            reach *= 2;
        }
        let mut high = (most + reach).min(least);
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if is_below(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low.max(most + 1)
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
        let kept = self.samples.iter().map(|(_, sample)| sample);
        let kept = kept.filter(|sample| sample.time.seconds() <= self.limit);
        let largest = kept.map(|sample| sample.macs).max().unwrap_or(base.macs);
        (base.macs as f64 * factor).min(MOST_GROWTH * largest as f64)
    }
}
