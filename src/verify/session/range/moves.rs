//! How far the outputs of a file move where the reference rounds its values.

use super::measured::{Given, Measured};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;
use crate::runtime::process::RunOptions;
use crate::runtime::rounding::Rounding;
use crate::tensor::{Element, NamedTensor};
use crate::verify::compare::{Totals, compare};
use crate::verify::facts::FileFacts;
use crate::verify::note::{MovesNotMeasured, VerifyNote};
use crate::verify::plan;
use crate::verify::range::{Move, Moves, ROUNDED_TO, ValueRange};
use crate::verify::session::{Opened, SessionError, Tell, Update, Verifier};
use crate::verify::tolerance::Tolerance;
use std::slice;
use std::time::Duration;

/// Multiply-adds for which values are rounded one by one without the reference being named: half of what runs of the whole
/// file for each value would take, since only what depends on a value is computed again.
const MOST_MACS: u64 = 60_000_000_000;
/// Roundings of one run, which computes all values once.
const ROUNDINGS: usize = 32;
/// With this, the smallest factor with which outputs pass is their difference as a part of the largest element.
const OF_THE_LARGEST: Tolerance = Tolerance {
    rtol: 0.0,
    atol: 1.0,
};

/// A case in which values are rounded.
struct Rounded<'a> {
    verifier: &'a Verifier,
    opened: &'a Opened,
    given: &'a Given,
    leave_out: Vec<String>,
    base: Vec<NamedTensor>,
    done: usize,
    of: usize,
}

impl Verifier {
    /// Measures what rounding moves and writes it into `values`; none, with a note, where the reference does not run.
    pub(super) fn moves(
        &self,
        opened: &Opened,
        (runtime, measured): (RuntimeName, &Measured),
        (types, values): (&[Element], &mut [ValueRange]),
        notes: &mut Vec<VerifyNote>,
        tell: &mut Tell<'_>,
    ) -> Result<Option<Moves>, SessionError> {
        let facts = &opened.facts;
        let named = self.runtimes.contains(&RuntimeName::Reference);
        let is_asked = named || self.runtimes.is_empty();
        let (moves, not_measured) = if !is_asked {
            (None, Some(MovesNotMeasured::ReferenceNotAsked))
        } else if runtime != RuntimeName::Reference {
            (None, Some(MovesNotMeasured::ReferenceDidNotRun))
        } else {
            let (case, each_value, why) = choose(facts, measured, (types, values.len()), named);
            match self.measure_moves(opened, &measured.kept[case], each_value, values, tell)? {
                Ok(moves) => (Some(moves), why),
                Err(trouble) => (None, Some(MovesNotMeasured::Trouble(trouble))),
            }
        };
        notes.extend(not_measured.map(VerifyNote::MovesNotMeasured));
        Ok(moves)
    }

    fn measure_moves(
        &self,
        opened: &Opened,
        (case, given): &(usize, Given),
        each_value: &[Element],
        values: &mut [ValueRange],
        tell: &mut Tell<'_>,
    ) -> Result<Result<Moves, Trouble>, SessionError> {
        let leave_out = opened.facts.leave_out();
        let limit = self.limit(&opened.facts, slice::from_ref(&given.case));
        let path = &opened.model.path;
        let reference = RuntimeName::Reference;
        let outcome = self.outcome(reference, path, &given.inputs, &leave_out, limit)?;
        if let Some(trouble) = outcome.trouble {
            return Ok(Err(trouble));
        }
        let outputs = outcome.cases.into_iter().flat_map(|case| case.outputs);
        let at_once: Vec<Rounding> = ROUNDED_TO
            .into_iter()
            .map(Rounding::Initializers)
            .chain(ROUNDED_TO.into_iter().map(Rounding::Everything))
            .collect();
        let mut rounded = Rounded {
            verifier: self,
            opened,
            given,
            leave_out,
            base: outputs.collect(),
            done: 0,
            of: at_once.len() + each_value.len() * values.len(),
        };
        let at_once: [Move; 4] = match rounded.run_all(&at_once, tell)? {
            Ok(moves) => std::array::from_fn(|index| moves[index]),
            Err(trouble) => return Ok(Err(trouble)),
        };
        for &element in each_value {
            let of_value = |range: &ValueRange| Rounding::Value {
                name: range.value.clone(),
                element,
            };
            let roundings: Vec<Rounding> = values.iter().map(of_value).collect();
            let moves = match rounded.run_all(&roundings, tell)? {
                Ok(moves) => moves,
                Err(trouble) => return Ok(Err(trouble)),
            };
            for (range, found) in values.iter_mut().zip(moves) {
                match element {
                    Element::F16 => range.move_f16 = Some(found),
                    _ => range.move_bf16 = Some(found),
                }
            }
        }
        Ok(Ok(Moves {
            case: *case,
            each_value: each_value.to_vec(),
            initializers: [at_once[0], at_once[1]],
            everything: [at_once[2], at_once[3]],
        }))
    }
}

impl Rounded<'_> {
    /// One move for each rounding.
    fn run_all(
        &mut self,
        roundings: &[Rounding],
        tell: &mut Tell<'_>,
    ) -> Result<Result<Vec<Move>, Trouble>, SessionError> {
        let mut moves = Vec::new();
        for some in roundings.chunks(ROUNDINGS) {
            tell(Update::RoundingValues {
                done: self.done,
                of: self.of,
            });
            match self.run(some)? {
                Ok(found) => moves.extend(found),
                Err(trouble) => return Ok(Err(trouble)),
            }
            self.done += some.len();
        }
        Ok(Ok(moves))
    }

    fn run(&self, roundings: &[Rounding]) -> Result<Result<Vec<Move>, Trouble>, SessionError> {
        let options = RunOptions {
            roundings: roundings.to_vec(),
            ..self.verifier.options(
                RuntimeName::Reference,
                &self.opened.model.path,
                &self.leave_out,
            )
        };
        let inputs = self.given.inputs.iter().map(NamedTensor::copy);
        let inputs: Vec<NamedTensor> = inputs.collect::<Result<_, _>>()?;
        let run = self
            .verifier
            .host
            .run(&options, &[inputs], self.limit(roundings.len()))?;
        if let Some(trouble) = run.outcome.trouble {
            return Ok(Err(trouble));
        }
        let scale = |output: &str| self.opened.facts.least_scale(output);
        let of_outputs = |outputs: &[NamedTensor]| {
            let mut totals = Totals::default();
            for compared in compare(&self.base, outputs, OF_THE_LARGEST, scale) {
                totals.add(&compared);
            }
            Move {
                relative: totals.smallest_factor(),
            }
        };
        let cases = run.outcome.cases.iter();
        Ok(Ok(cases.map(|case| of_outputs(&case.outputs)).collect()))
    }

    /// The time that so many roundings may take: that of as many runs and one more.
    fn limit(&self, roundings: usize) -> Duration {
        let case = slice::from_ref(&self.given.case);
        let of_one = self.verifier.limit(&self.opened.facts, case);
        of_one.saturating_mul(u32::try_from(roundings + 1).unwrap_or(u32::MAX))
    }
}

/// The case, an index of those that are kept, and the types to which each value is rounded there: what is affordable, the
/// first case before the smallest and all types before the first of them. Why not, where no value is rounded alone.
fn choose<'t>(
    facts: &FileFacts,
    measured: &Measured,
    (types, values): (&'t [Element], usize),
    named: bool,
) -> (usize, &'t [Element], Option<MovesNotMeasured>) {
    let macs = |case: usize, types: usize| {
        let given = slice::from_ref(&measured.kept[case].1.case);
        let runs = (values * types) as u64 / 2;
        plan::work(facts, given).saturating_mul(runs)
    };
    for case in 0..measured.kept.len() {
        for types in [types, &types[..types.len().min(1)]] {
            if named || macs(case, types.len()) <= MOST_MACS {
                return (case, types, None);
            }
        }
    }
    let least = macs(measured.kept.len() - 1, 1);
    let why = MovesNotMeasured::TooManyMacs {
        macs: least,
        most: MOST_MACS,
    };
    (0, &[], Some(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::facts::Names;
    use crate::verify::plan::Content;

    fn given(side: u64) -> Given {
        Given {
            case: plan::Case {
                batch: 1,
                size: Some([side; 2]),
                images: Vec::new(),
                names: Names::new(),
                content: Content::Normal,
            },
            inputs: vec![NamedTensor::single(
                "input",
                vec![1],
                &vec![0.0; usize::try_from(side).expect("a small side")],
            )],
            list: Vec::new(),
        }
    }

    /// What is chosen for a file of so many MACs at 64 pixels, run with images of these sizes.
    fn chosen(macs: u64, sides: &[u64], named: bool) -> (u64, usize, bool) {
        let facts = FileFacts {
            default_size: [64; 2],
            work: macs,
            ..FileFacts::default()
        };
        let mut measured = Measured::default();
        for &side in sides {
            let given = given(side);
            measured.begin(&given, Vec::new());
            measured.keep(given);
        }
        let (kept, types, why) = choose(&facts, &measured, (&ROUNDED_TO, 100), named);
        let (_, given) = &measured.kept[kept];
        let side = given.case.size.unwrap_or_default()[0];
        (side, types.len(), why.is_some())
    }

    #[test]
    fn what_is_affordable_is_chosen_the_first_case_before_the_smallest() {
        let sides = [64, 128, 16, 32];
        // 100 values: half as many runs for each type.
        let limit = MOST_MACS / 50;
        assert_eq!(chosen(limit / 2, &sides, false), (64, 2, false));
        assert_eq!(chosen(limit / 2 + 1, &sides, false), (64, 1, false));
        assert_eq!(chosen(limit, &sides, false), (64, 1, false));
        // A sixteenth of the pixels.
        assert_eq!(chosen(limit + 1, &sides, false), (16, 2, false));
        assert_eq!(chosen(16 * limit, &sides, false), (16, 1, false));
        assert_eq!(chosen(17 * limit, &sides, false), (64, 0, true));
        assert_eq!(chosen(17 * limit, &sides, true), (64, 2, false));
        assert_eq!(chosen(limit + 1, &[64, 128], false), (64, 0, true));
    }
}
