//! How far every value of a file is from the reference run's, in each runtime.

use super::sides::{FileInRuntime, Known, Sides};
use super::{SessionError, Verifier, open};
use crate::runtime::RuntimeName;
use crate::verify::bisect::{LayerDifference, MeasureError, profile, values};
use crate::verify::report::{Report, RuntimeReport, RuntimeStatus};
use std::path::Path;

/// Runs of each runtime that a profile may take; files whose values need more have none.
const RUNS: usize = 8;

/// A runtime's difference in every value, in the file's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The runtime.
    pub runtime: &'static str,
    /// Every value; none where that would take too many runs, or the runtime did not run with values marked.
    pub layers: Option<Vec<LayerDifference>>,
}

impl Verifier {
    /// Profiles each runtime of a file's report that ran and is not the reference run, with the inputs of the first case.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), and if a copy with values marked cannot be written.
    pub fn profile(&self, file: &Path, report: &Report) -> Result<Vec<Profile>, SessionError> {
        let mut runtimes = report.runtimes.iter();
        let reference = runtimes.find(|runtime| runtime.is_reference);
        let (Some(reference), Ok(opened)) = (reference, open(file)?) else {
            return Ok(Vec::new());
        };
        let facts = &opened.facts;
        let cases = self.cases(&opened.model, facts)?;
        let inputs = &cases.inputs[0];
        let list = values(&opened.model, None, inputs, &facts.leave_out());
        let side = |runtime: RuntimeName| FileInRuntime {
            file: &opened.model,
            runtime,
            inputs: inputs.clone(),
            leave_out: facts.leave_out(),
        };
        let (mut profiles, mut known) = (Vec::new(), Known::default());
        for other in report
            .runtimes
            .iter()
            .filter(|runtime| is_profiled(runtime))
        {
            let mut sides = Sides {
                verifier: self,
                limit: self.limit(facts, &cases.planned),
                each: [side(reference.runtime), side(other.runtime)],
                pair: None,
                known: &mut known,
                case: 0,
            };
            let mut run = |side, marked: &[&str]| sides.run(side, marked);
            let layers = match profile(&mut run, &list, other.tolerance, RUNS) {
                Ok(layers) => layers,
                Err(MeasureError::Run(error)) => return Err(error),
                Err(MeasureError::Trouble(..) | MeasureError::Missing(..)) => None,
            };
            profiles.push(Profile {
                runtime: other.name,
                layers,
            });
        }
        Ok(profiles)
    }
}

fn is_profiled(runtime: &RuntimeReport) -> bool {
    let ran = matches!(
        runtime.status,
        RuntimeStatus::Passed | RuntimeStatus::Disagrees | RuntimeStatus::FailedChecks
    );
    ran && !runtime.is_reference
}
