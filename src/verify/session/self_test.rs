//! Plants mistakes in copies of a file and shows that verification catches them.

use super::{Opened, SessionError, Tell, ToRun, Update, Verifier, open};
use crate::onnx::file::plain::Change;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Trouble;
use crate::runtime::process::Run;
use crate::verify::mutate::{
    Original, SelfTest, SelfTestError, SelfTestSettings, Trial, self_test,
};
use crate::verify::reference_of;
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// What came of a self-test of one file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelfTestReport {
    /// The file, as it is called.
    pub file: String,
    /// The reference run's runtime.
    #[serde(rename = "base")]
    pub reference: &'static str,
    /// What picked the sites.
    pub seed: u64,
    /// How long it took.
    pub seconds: f64,
    /// Runtimes that were asked for and are not available.
    pub unavailable: Vec<&'static str>,
    /// Runtimes that ran copies which differ from the file in more than the mistake, and how.
    pub copies: Vec<ChangedCopies>,
    /// The trials.
    #[serde(flatten)]
    pub result: SelfTest,
}

/// How the files that a runtime ran differ from those that were to be run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedCopies {
    /// The runtime.
    pub runtime: &'static str,
    /// The differences.
    pub changes: Vec<Change>,
}

impl Verifier {
    /// Plants every kind of mistake that fits a file in copies of it, one at a time, and runs them on the first case.
    ///
    /// # Errors
    /// As [`verify`](Self::verify); if the file breaks a rule, no runtime runs it, or a copy cannot be written.
    pub fn self_test(
        &self,
        file: &Path,
        tell: &mut Tell<'_>,
    ) -> Result<SelfTestReport, SessionError> {
        let start = Instant::now();
        let opened = open(file)?
            .map_err(|broken| SessionError::Rejected(Box::new(self.rejected(file, broken))))?;
        let facts = &opened.facts;
        let cases = self.cases(&opened.model, facts)?;
        let first = &cases.inputs[..1];
        let to_run = ToRun {
            file,
            facts,
            inputs: first,
            leave_out: &facts.leave_out(),
            limit: self.limit(facts, &cases.planned),
        };
        let made = self.run_all(&to_run, tell)?;
        made.notes.iter().for_each(|note| tell(Update::Note(note)));
        let (settings, unavailable) = self.choose(file, &made.runs)?;
        let result = self.plant(&opened, &settings, &to_run, tell)?;
        let changed = made.runs.iter().filter(|run| !run.changes.is_empty());
        Ok(SelfTestReport {
            file: self.name(file),
            reference: settings.reference.as_str(),
            seed: self.seed,
            seconds: start.elapsed().as_secs_f64(),
            unavailable: unavailable.into_iter().map(RuntimeName::as_str).collect(),
            copies: changed
                .map(|run| ChangedCopies {
                    runtime: run.runtime.as_str(),
                    changes: run.changes.clone(),
                })
                .collect(),
            result,
        })
    }

    /// Chooses the reference and the runtimes that should notice, from runs of the file itself; and those that are not
    /// available. The reference itself should notice where there is no other.
    fn choose(
        &self,
        file: &Path,
        runs: &[Run],
    ) -> Result<(SelfTestSettings, Vec<RuntimeName>), SessionError> {
        let reference = reference_of(runs).and_then(|reference| reference.runtime);
        let Some(reference) = reference else {
            let trouble = |run: &Run| Some((run.runtime, run.outcome.trouble.clone()?));
            return Err(SessionError::NothingRuns {
                file: self.name(file),
                troubles: runs.iter().filter_map(trouble).collect(),
            });
        };
        let is_unavailable =
            |run: &&Run| matches!(run.outcome.trouble, Some(Trouble::Unavailable { .. }));
        let (unavailable, usable): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(is_unavailable);
        let usable = usable.into_iter().map(|run| run.runtime);
        let mut runtimes: Vec<RuntimeName> = usable.filter(|one| *one != reference).collect();
        if runtimes.is_empty() {
            runtimes.push(reference);
        }
        let settings = SelfTestSettings {
            reference,
            runtimes,
            limits: self.limits,
            seed: self.seed,
        };
        let unavailable = unavailable.into_iter().map(|run| run.runtime).collect();
        Ok((settings, unavailable))
    }

    /// Makes the copies and runs them.
    fn plant(
        &self,
        opened: &Opened,
        settings: &SelfTestSettings,
        to_run: &ToRun<'_>,
        tell: &mut Tell<'_>,
    ) -> Result<SelfTest, SessionError> {
        let original = Original::read(&opened.model)?;
        let (inputs, leave_out) = (&to_run.inputs[0], to_run.leave_out);
        let mut run =
            |runtime, copy: &Path| self.outcome(runtime, copy, inputs, leave_out, to_run.limit);
        let mut tell = |trial: &Trial| tell(Update::Tried(trial));
        let result = self_test(&original, &opened.facts, settings, &mut run, &mut tell);
        result.map_err(|error| match error {
            SelfTestError::Run(error) => error,
            SelfTestError::Mutate(error) => error.into(),
            SelfTestError::Reference(trouble) => SessionError::Reference {
                runtime: settings.reference,
                trouble,
            },
        })
    }
}
