//! Where two sides begin to differ: a search over marked copies, in few runs.
//!
//! A side is a file in a runtime. The values of the graph are searched in the file's order, some fifteen of them marked
//! in each run, down to one that differs while the last one before it agrees. The order is not a chain and differences
//! can shrink again, so the node that was found is held against its own inputs in one more run; if one of them differs
//! already, the search goes on among what that was computed from. What is found in the end is a node whose inputs agree
//! and whose output does not.
//!
//! Marking can change what a runtime computes, since it fuses fewer nodes. So the outputs are compared without marks
//! first, and again in every run.

mod measure;
mod values;

pub(super) use measure::chunk;
pub use measure::{LayerDifference, MARKED_BYTES, MeasureError, Measured, measure, profile};
pub use values::{ComputedValue, values};

use super::tolerance::Tolerance;
use crate::runtime::outcome::Outcome;
use serde::Serialize;
use std::collections::BTreeSet;

/// Values that are marked in one run of the search.
const MARKS: usize = 15;
/// Runs of each side that the profile after the search may take.
const PROFILE_RUNS: usize = 4;
/// How many nodes are listed as the worst.
const WORST: usize = 10;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The reference run's.
    Reference,
    /// What may be wrong.
    Other,
}

/// Runs a side once, with these values as outputs too; the outputs have the names of the reference run's file. What a runtime does
/// is an outcome; only that nothing can be run at all is an error.
pub type RunSide<'r, E> = dyn FnMut(Side, &[&str]) -> Result<Outcome, E> + 'r;

/// One run of the search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchRun {
    /// Which, counted from 1.
    pub level: usize,
    /// What it was for.
    pub step: Step,
    /// Values among which the first difference can be.
    pub candidates: usize,
    /// Values that were marked.
    pub marked: usize,
    /// The first of them that differs.
    pub first_differing: Option<LayerDifference>,
    /// Whether the outputs of the graph still differ with these marks.
    pub outputs_differ: bool,
}

/// What a run of the search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// To find the first that differs.
    Search,
    /// To see whether the inputs of what was found agree.
    Confirm,
}

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The outputs agree, so nothing was searched.
    Agree,
    /// A node was found.
    Found,
    /// With the value in question marked, nothing differs: the marks changed what is computed.
    VanishesWhenMarked,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bisection {
    /// What it came to.
    pub finding: Conclusion,
    /// The node whose inputs agree and whose output does not; where the difference vanished, the last suspect.
    pub first: Option<LayerDifference>,
    /// Its inputs, as far as they are computed.
    pub inputs: Vec<LayerDifference>,
    /// The outputs that differ most, without any mark.
    pub unmarked: Vec<LayerDifference>,
    /// Whether marking changed the verdict on the outputs in any run.
    pub marking_changed_verdict: bool,
    /// The runs of the search, in order.
    pub levels: Vec<SearchRun>,
    /// The nodes with the largest factors, the largest first, of all or, in large files, of those measured.
    pub worst: Vec<LayerDifference>,
    /// How many values were measured in the end, and of how many.
    pub measured: [usize; 2],
    /// Runs of each side, the unmarked one and the profile's among them.
    pub runs: usize,
}

/// Searches `list` for the first node whose output differs; tells every level as it is done.
///
/// # Errors
/// If a side does not run with the marks.
pub fn bisect<E>(
    run: &mut RunSide<'_, E>,
    list: &[ComputedValue],
    tolerance: Tolerance,
    tell: &mut dyn FnMut(&SearchRun),
) -> Result<Bisection, MeasureError<E>> {
    let unmarked = measure(run, list, &[], tolerance)?;
    let mut differing = unmarked.iter().filter(|(_, found)| !found.agrees());
    let suspect = differing.next().map(|(index, _)| *index);
    let mut result = Bisection {
        finding: Conclusion::Agree,
        first: None,
        inputs: Vec::new(),
        unmarked: unmarked.into_values().collect(),
        marking_changed_verdict: false,
        levels: Vec::new(),
        worst: Vec::new(),
        measured: [0, list.len()],
        runs: 1,
    };
    let Some(suspect) = suspect else {
        return Ok(result);
    };
    let mut search = Search {
        run,
        list,
        tolerance,
        tell,
        known: Measured::new(),
        levels: Vec::new(),
    };
    search.find(suspect, &mut result)?;
    result.levels = search.levels;
    result.marking_changed_verdict = result.levels.iter().any(|level| !level.outputs_differ);
    result.runs += result.levels.len();
    let known = search.known.into_values().collect();
    let all = profile(run, list, tolerance, PROFILE_RUNS)?;
    if let Some(all) = &all {
        let differs =
            |(value, found): (&ComputedValue, &LayerDifference)| value.is_output && !found.agrees();
        result.marking_changed_verdict |= !list.iter().zip(all).any(differs);
        result.runs += profile_runs(list);
    }
    let measured = all.unwrap_or(known);
    result.measured[0] = measured.len();
    result.worst = worst(measured);
    Ok(result)
}

/// Those with the largest factors beyond the tolerance, the largest first.
fn worst(mut measured: Vec<LayerDifference>) -> Vec<LayerDifference> {
    measured.retain(|one| !one.agrees());
    let factor = |one: &LayerDifference| one.smallest_factor.unwrap_or(f64::INFINITY);
    measured.sort_by(|one, two| factor(two).total_cmp(&factor(one)));
    measured.truncate(WORST);
    measured
}

fn profile_runs(list: &[ComputedValue]) -> usize {
    let all: Vec<usize> = (0..list.len()).collect();
    let (mut rest, mut runs) = (all.as_slice(), 0);
    while !rest.is_empty() {
        rest = chunk(list, rest, MARKED_BYTES).1;
        runs += 1;
    }
    runs
}

struct Search<'s, 'r, E> {
    run: &'s mut RunSide<'r, E>,
    list: &'s [ComputedValue],
    tolerance: Tolerance,
    tell: &'s mut dyn FnMut(&SearchRun),
    known: Measured,
    levels: Vec<SearchRun>,
}

impl<E> Search<'_, '_, E> {
    /// Goes from a value that differs back to one that differs, or did, while its inputs agree.
    fn find(&mut self, mut suspect: usize, result: &mut Bisection) -> Result<(), MeasureError<E>> {
        loop {
            suspect = self.narrow(suspect)?;
            let inputs = self.list[suspect].from.clone();
            let marked = [inputs.as_slice(), &[suspect]].concat();
            let run = self.step(Step::Confirm, marked.len(), &marked)?;
            let earlier = inputs.iter().copied().find(|input| !run[input].agrees());
            if let Some(earlier) = earlier {
                suspect = earlier;
                continue;
            }
            result.finding = if run[&suspect].agrees() {
                Conclusion::VanishesWhenMarked
            } else {
                Conclusion::Found
            };
            result.inputs = inputs.iter().map(|input| run[input].clone()).collect();
            result.first = run.get(&suspect).cloned();
            return Ok(());
        }
    }

    /// From a value that differs to one that differs while the ancestor before it, in the file's order, does not.
    fn narrow(&mut self, suspect: usize) -> Result<usize, MeasureError<E>> {
        let mut candidates = self.ancestors(suspect);
        let mut last = suspect;
        while !candidates.is_empty() {
            let marked = self.marks(&candidates);
            let run = self.step(Step::Search, candidates.len(), &marked)?;
            let differing = marked.iter().position(|index| !run[index].agrees());
            let before = match differing {
                Some(0) => None,
                Some(place) => Some(marked[place - 1]),
                None => marked.last().copied(),
            };
            if let Some(place) = differing {
                last = marked[place];
            }
            candidates.retain(|&index| index < last && before.is_none_or(|before| index > before));
        }
        Ok(last)
    }

    /// As many as fit into one run, spread over all candidates.
    fn marks(&self, candidates: &[usize]) -> Vec<usize> {
        let fits = |marks: &Vec<usize>| chunk(self.list, marks, MARKED_BYTES).1.is_empty();
        let spreads = (1..=MARKS).rev().map(|count| spread(candidates, count));
        spreads.into_iter().find(fits).unwrap_or_default()
    }

    /// What a value is computed from, itself not among it, in the file's order.
    fn ancestors(&self, value: usize) -> Vec<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.list[value].from.clone();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(&self.list[next].from);
            }
        }
        found.into_iter().collect()
    }

    fn step(
        &mut self,
        step: Step,
        candidates: usize,
        marked: &[usize],
    ) -> Result<Measured, MeasureError<E>> {
        let run = measure(self.run, self.list, marked, self.tolerance)?;
        let first = marked.iter().find(|index| !run[index].agrees());
        let level = SearchRun {
            level: self.levels.len() + 1,
            step,
            candidates,
            marked: marked.len(),
            first_differing: first.map(|index| run[index].clone()),
            outputs_differ: run
                .iter()
                .any(|(&index, found)| self.list[index].is_output && !found.agrees()),
        };
        (self.tell)(&level);
        self.levels.push(level);
        self.known.extend(run.clone());
        Ok(run)
    }
}

/// At most `count` of the candidates, evenly spread, in order; all of them where there are no more.
fn spread(candidates: &[usize], count: usize) -> Vec<usize> {
    if candidates.len() <= count {
        return candidates.to_vec();
    }
    (1..=count)
        .map(|place| candidates[place * candidates.len() / (count + 1)])
        .collect()
}

#[cfg(test)]
mod tests;
