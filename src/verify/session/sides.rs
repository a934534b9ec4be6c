//! Runs the two sides of a search, one set of inputs and some marked values at a time.

use super::{SessionError, Verifier};
use crate::onnx::file::{ModelCopy, ModelFile, mark};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Outcome;
use crate::tensor::NamedTensor;
use crate::verify::bisect::{MARKED_BYTES, Side};
use crate::verify::pair::Pair;
use std::collections::BTreeMap;
use std::time::Duration;

/// A file in a runtime.
pub(super) struct FileInRuntime<'a> {
    /// The file.
    pub file: &'a ModelFile,
    /// The runtime.
    pub runtime: RuntimeName,
    /// The inputs, under the names of this file.
    pub inputs: Vec<NamedTensor>,
    /// Outputs of this file that are not wanted.
    pub leave_out: Vec<String>,
}

/// Two files, or one twice, each in a runtime.
pub(super) struct Sides<'a> {
    /// What runs them.
    pub verifier: &'a Verifier,
    /// Time limit of each run.
    pub limit: Duration,
    /// The reference run's side, and what may be wrong.
    pub each: [FileInRuntime<'a>; 2],
    /// What belongs to what, where the files are two.
    pub pair: Option<&'a Pair>,
    /// What the reference run's side has computed already, in searches for other runtimes too.
    pub known: &'a mut Known,
    /// The case of the inputs, an index.
    pub case: usize,
}

/// Outcomes of the reference run's side, by their case and the values that were marked; that side is the same for every
/// runtime that is compared with it.
#[derive(Default)]
pub(super) struct Known {
    outcomes: BTreeMap<(usize, Vec<String>), Outcome>,
    bytes: u64,
}

impl Known {
    /// Keeps an outcome if there is room for it.
    fn keep(&mut self, key: (usize, Vec<String>), outcome: &Outcome) {
        let outputs = outcome.cases.iter().flat_map(|case| &case.outputs);
        let elements: usize = outputs.map(|output| output.data.len()).sum();
        let bytes = self.bytes.saturating_add(elements as u64 * 8);
        if outcome.done && bytes <= MARKED_BYTES {
            self.bytes = bytes;
            self.outcomes.insert(key, outcome.clone());
        }
    }
}

impl Sides<'_> {
    /// Runs a side with values marked; the outputs have the names of the reference run's file.
    pub fn run(&mut self, side: Side, marked: &[&str]) -> Result<Outcome, SessionError> {
        let one = &self.each[side as usize];
        let marked_names = marked.iter().map(|&name| name.to_owned());
        let key = (self.case, marked_names.collect());
        if let (Side::Reference, Some(known)) = (side, self.known.outcomes.get(&key)) {
            return Ok(known.clone());
        }
        let copy = match marked {
            [] => None,
            marked => Some(mark(one.file, marked)?),
        };
        let path = || one.file.path.clone();
        let path = copy.as_ref().map_or_else(path, ModelCopy::path);
        let mut outcome =
            self.verifier
                .outcome(one.runtime, &path, &one.inputs, &one.leave_out, self.limit)?;
        if side == Side::Reference {
            self.known.keep(key, &outcome);
        }
        if let (Side::Other, Some(pair)) = (side, self.pair) {
            for output in outcome.cases.iter_mut().flat_map(|case| &mut case.outputs) {
                output.name = pair.name_in_first(&output.name);
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::discover::Places;
    use crate::runtime::outcome::CaseOutcome;
    use crate::runtime::process::Host;

    fn ran(elements: usize) -> Outcome {
        let output = NamedTensor::single("y", vec![elements], &vec![1.0; elements]);
        Outcome {
            cases: vec![CaseOutcome {
                prepare_seconds: 0.0,
                run_seconds: 0.0,
                outputs: vec![output],
            }],
            done: true,
            ..Outcome::default()
        }
    }

    /// The file breaks every rule, so that a run of it would not be done.
    #[test]
    fn what_the_reference_run_has_computed_is_not_computed_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.onnx");
        std::fs::write(&path, [0x3a, 0]).expect("a file with an empty graph");
        let file = ModelFile::open(&path).expect("a model");
        let verifier = Verifier::new(Host::in_this_process(Places::default()));
        let side = || FileInRuntime {
            file: &file,
            runtime: RuntimeName::Reference,
            inputs: Vec::new(),
            leave_out: Vec::new(),
        };
        let mut known = Known::default();
        known.keep((1, vec!["a".to_owned()]), &ran(3));
        let mut sides = Sides {
            verifier: &verifier,
            limit: Duration::from_mins(1),
            each: [side(), side()],
            pair: None,
            known: &mut known,
            case: 1,
        };
        let found = sides.run(Side::Reference, &["a"]).expect("known");
        assert_eq!(found, ran(3));
        // What did not run to its end is not kept, nor what there is no room for.
        let failed = Outcome {
            done: false,
            ..ran(1)
        };
        known.keep((2, Vec::new()), &failed);
        known.bytes = MARKED_BYTES;
        known.keep((3, Vec::new()), &ran(1));
        assert_eq!(known.outcomes.len(), 1);
    }
}
