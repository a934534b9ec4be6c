//! Tests whether verification would notice: one mistake at a time is put into a copy of a file, and each runtime on the
//! copy is compared with the reference run of the original.
//!
//! A kind of mistake is made at one of its sites: the middle one, or as many further as the seed says. That a runtime
//! gives another result is not enough; the difference must be beyond the tolerance that verification allows. A copy
//! without a mistake is the control, and must agree.

use super::{Kind, MutateError, Mutation, Original};
use crate::onnx::file::ModelCopy;
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{Outcome, Trouble};
use crate::tensor::NamedTensor;
use crate::verify::compare::{Totals, compare};
use crate::verify::facts::FileFacts;
use crate::verify::tolerance::{Limits, Tolerance};
use serde::Serialize;
use std::path::Path;

/// How a self-test is made.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTestSettings {
    /// What computes the original, and says whether a missed mistake is one at all.
    pub reference: RuntimeName,
    /// What should notice.
    pub runtimes: Vec<RuntimeName>,
    /// What is allowed, where that is not the default.
    pub limits: Limits,
    /// Picks the sites.
    pub seed: u64,
}

/// What came of a self-test.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SelfTest {
    /// Whether the control agrees and every mistake that could be made was caught in every runtime.
    pub passed: bool,
    /// Each runtime on a copy without a mistake; without trials where one does not agree.
    pub control: Vec<Seen>,
    /// The kinds that have a site here, in the order of [`Kind::ALL`].
    pub trials: Vec<Trial>,
    /// Names of the kinds that have none.
    pub not_applicable: Vec<&'static str>,
}

/// One kind of mistake.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Its name.
    pub kind: &'static str,
    /// What was done.
    pub what: &'static str,
    /// The node at which it was done.
    pub site: String,
    /// How many sites there are.
    pub sites: usize,
    /// What came of it.
    pub verdict: TrialVerdict,
    /// Each runtime on the copy with the mistake.
    pub runtimes: Vec<Seen>,
    /// The reference runtime on that copy, where another did not catch the mistake.
    #[serde(rename = "base")]
    pub reference: Option<Seen>,
}

/// What came of one kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialVerdict {
    /// Every runtime caught it.
    Caught,
    /// A runtime did not, though the reference run shows that it makes a difference.
    Missed,
    /// With these weights and inputs it makes no difference in the reference run either.
    NotVisible,
}

/// A runtime's outputs, compared with the reference run of the original.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The runtime.
    pub runtime: &'static str,
    /// Whether the outputs agree; none if there are none.
    pub agrees: Option<bool>,
    /// The smallest factor on both tolerances with which they would; none if there is no such.
    pub smallest_factor: Option<f64>,
    /// Why there are no outputs.
    pub message: Option<String>,
}

/// Why a self-test ended early.
#[derive(Debug)]
pub enum SelfTestError<E> {
    /// Nothing could be run.
    Run(E),
    /// A copy could not be made.
    Mutate(MutateError),
    /// The reference run of the original failed.
    Reference(Trouble),
}

/// Makes every mistake that has a site in the file, one after the other; tells each as it is done. `run` runs a file once
/// in a runtime.
///
/// # Errors
/// If a copy cannot be made, `run` fails, or the reference run does not run the original. Other runs that fail are
/// reported.
pub fn self_test<E>(
    original: &Original<'_>,
    facts: &FileFacts,
    settings: &SelfTestSettings,
    run: &mut dyn FnMut(RuntimeName, &Path) -> Result<Outcome, E>,
    tell: &mut dyn FnMut(&Trial),
) -> Result<SelfTest, SelfTestError<E>> {
    let control = copy(original, &Mutation::none())?;
    let outcome = run(settings.reference, &control.path()).map_err(SelfTestError::Run)?;
    let expected = outputs(outcome).map_err(SelfTestError::Reference)?;
    let mut bench = Comparing {
        facts,
        settings,
        run,
        expected,
    };
    let mut result = SelfTest {
        control: bench.see_all(&control.path())?,
        ..SelfTest::default()
    };
    if result.control.iter().any(|seen| seen.agrees != Some(true)) {
        return Ok(result);
    }
    for &kind in Kind::ALL {
        let sites = original.sites(kind);
        let Some(mutation) = pick(&sites, settings.seed) else {
            result.not_applicable.push(kind.as_str());
            continue;
        };
        let copy = copy(original, mutation)?;
        let trial = bench.trial(kind, mutation, sites.len(), &copy.path())?;
        tell(&trial);
        result.trials.push(trial);
    }
    let mut trials = result.trials.iter();
    let caught = trials.all(|trial| trial.verdict == TrialVerdict::Caught);
    result.passed = caught && !result.trials.is_empty() && !settings.runtimes.is_empty();
    Ok(result)
}

fn copy<E>(original: &Original<'_>, mutation: &Mutation) -> Result<ModelCopy, SelfTestError<E>> {
    original.write(mutation).map_err(SelfTestError::Mutate)
}

/// What copies are run with, and what their outputs are compared with.
struct Comparing<'a, E> {
    facts: &'a FileFacts,
    settings: &'a SelfTestSettings,
    run: &'a mut dyn FnMut(RuntimeName, &Path) -> Result<Outcome, E>,
    /// Outputs of the reference run of the original.
    expected: Vec<NamedTensor>,
}

impl<E> Comparing<'_, E> {
    /// Runs a copy with a mistake in every runtime, and where one does not catch it, in the reference runtime.
    fn trial(
        &mut self,
        kind: Kind,
        mutation: &Mutation,
        sites: usize,
        copy: &Path,
    ) -> Result<Trial, SelfTestError<E>> {
        let runtimes = self.see_all(copy)?;
        let missed = runtimes.iter().any(|seen| seen.agrees != Some(false));
        let reference = if missed {
            Some(self.see(self.settings.reference, copy)?)
        } else {
            None
        };
        let verdict = match &reference {
            None => TrialVerdict::Caught,
            Some(reference) if reference.agrees == Some(true) => TrialVerdict::NotVisible,
            Some(_) => TrialVerdict::Missed,
        };
        Ok(Trial {
            kind: kind.as_str(),
            what: kind.what(),
            site: mutation.site.clone(),
            sites,
            verdict,
            runtimes,
            reference,
        })
    }

    fn see_all(&mut self, file: &Path) -> Result<Vec<Seen>, SelfTestError<E>> {
        let settings = self.settings;
        let runtimes = settings.runtimes.iter();
        runtimes.map(|&runtime| self.see(runtime, file)).collect()
    }

    fn see(&mut self, runtime: RuntimeName, file: &Path) -> Result<Seen, SelfTestError<E>> {
        let runtimes = [runtime, self.settings.reference];
        let precision = self.facts.precision;
        let tolerance = self.settings.limits.between(precision, runtimes);
        let outcome = (self.run)(runtime, file).map_err(SelfTestError::Run)?;
        Ok(seen(
            self.facts,
            runtime,
            &self.expected,
            outcome,
            tolerance,
        ))
    }
}

fn pick(sites: &[Mutation], seed: u64) -> Option<&Mutation> {
    let further = seed.checked_rem(sites.len() as u64)?;
    sites.get((sites.len() / 2 + usize::try_from(further).ok()?) % sites.len())
}

fn outputs(outcome: Outcome) -> Result<Vec<NamedTensor>, Trouble> {
    match outcome.trouble {
        Some(trouble) => Err(trouble),
        None => Ok(outcome
            .cases
            .into_iter()
            .next()
            .map_or_else(Vec::new, |case| case.outputs)),
    }
}

fn seen(
    facts: &FileFacts,
    runtime: RuntimeName,
    expected: &[NamedTensor],
    outcome: Outcome,
    tolerance: Tolerance,
) -> Seen {
    let mut seen = Seen {
        runtime: runtime.as_str(),
        agrees: None,
        smallest_factor: None,
        message: None,
    };
    let found = match outputs(outcome) {
        Ok(found) => found,
        Err(trouble) => {
            seen.message = Some(trouble.to_string());
            return seen;
        }
    };
    let mut totals = Totals::default();
    let scale = |output: &str| facts.least_scale(output);
    for compared in compare(expected, &found, tolerance, scale) {
        if compared.difference.is_none() {
            seen.message = Some(format!(
                "output `{}` is missing or has another shape",
                compared.reference.name
            ));
            return seen;
        }
        totals.add(&compared);
    }
    seen.agrees = Some(totals.beyond == 0);
    seen.smallest_factor = totals.smallest_factor();
    seen
}
