//! Whether verification would notice: one mistake at a time is put into a copy of a file, and each runtime on the copy
//! is compared with the base on the original.
//!
//! A kind of mistake is made at one of its sites: the middle one, or as many further as the seed says. That a runtime
//! gives another result is not enough; the difference must be beyond the tolerance that verification allows. A copy
//! without a mistake is the control, and must agree.

use super::compare::compare_at;
use super::subject::Subject;
use super::tolerance::{Limits, Tolerance};
use crate::onnx::file::mutate::{Kind, MutateError, Mutation, Original};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{Outcome, Trouble};
use crate::tensor::NamedTensor;
use serde::Serialize;
use std::path::Path;

/// What runs the copies.
pub trait Runner {
    /// Why it may be unable to.
    type Error;

    /// Runs a file once, in a runtime.
    ///
    /// # Errors
    /// If nothing can be run at all. What a runtime does is an outcome.
    fn run(&mut self, runtime: RuntimeName, file: &Path) -> Result<Outcome, Self::Error>;
}

/// How a self-test is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What computes the original, and says whether a missed mistake is one at all.
    pub base: RuntimeName,
    /// What should notice.
    pub runtimes: Vec<RuntimeName>,
    /// What is allowed, where that is not the default.
    pub limits: Limits,
    /// What the file declares.
    pub subject: Subject,
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
    /// The base itself on that copy, where a runtime did not catch the mistake.
    pub base: Option<Seen>,
}

/// What came of one kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialVerdict {
    /// Every runtime caught it.
    Caught,
    /// A runtime did not, though the base shows that it makes a difference.
    Missed,
    /// With these weights and inputs it makes no difference in the base either.
    NotVisible,
}

/// A runtime's outputs, held against the base's on the original.
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
    /// The runner itself failed.
    Runner(E),
    /// A copy could not be made.
    Mutate(MutateError),
    /// The base did not run the original.
    Base(Trouble),
}

/// Makes every mistake that has a site in the file, one after the other; tells each as it is done.
///
/// # Errors
/// If a copy cannot be made, or the base does not run the original. Runtimes that do not run are reported.
pub fn self_test<R: Runner>(
    runner: &mut R,
    original: &Original<'_>,
    plan: &Plan,
    tell: &mut dyn FnMut(&Trial),
) -> Result<SelfTest, SelfTestError<R::Error>> {
    let control = original
        .write(&Mutation::none())
        .map_err(SelfTestError::Mutate)?;
    let base = runner
        .run(plan.base, &control.path())
        .map_err(SelfTestError::Runner)?;
    let expected = outputs(base).map_err(SelfTestError::Base)?;
    let mut see = |runtime: RuntimeName, file: &Path| {
        let tolerance = plan
            .limits
            .between(plan.subject.precision, [runtime, plan.base]);
        runner
            .run(runtime, file)
            .map(|outcome| seen(&plan.subject, runtime, &expected, outcome, tolerance))
            .map_err(SelfTestError::Runner)
    };
    let mut result = SelfTest::default();
    for &runtime in &plan.runtimes {
        result.control.push(see(runtime, &control.path())?);
    }
    if result.control.iter().any(|seen| seen.agrees != Some(true)) {
        return Ok(result);
    }
    for &kind in Kind::ALL {
        let sites = original.sites(kind);
        let Some(mutation) = pick(&sites, plan.seed) else {
            result.not_applicable.push(kind.as_str());
            continue;
        };
        let copy = original.write(mutation).map_err(SelfTestError::Mutate)?;
        let mut runtimes = Vec::new();
        for &runtime in &plan.runtimes {
            runtimes.push(see(runtime, &copy.path())?);
        }
        let missed = runtimes.iter().any(|seen| seen.agrees != Some(false));
        let base = if missed {
            Some(see(plan.base, &copy.path())?)
        } else {
            None
        };
        let verdict = match &base {
            None => TrialVerdict::Caught,
            Some(base) if base.agrees == Some(true) => TrialVerdict::NotVisible,
            Some(_) => TrialVerdict::Missed,
        };
        let trial = Trial {
            kind: kind.as_str(),
            what: kind.what(),
            site: mutation.site.clone(),
            sites: sites.len(),
            verdict,
            runtimes,
            base,
        };
        tell(&trial);
        result.trials.push(trial);
    }
    let caught = result
        .trials
        .iter()
        .all(|trial| trial.verdict == TrialVerdict::Caught);
    result.passed = caught && !result.trials.is_empty() && !plan.runtimes.is_empty();
    Ok(result)
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
    subject: &Subject,
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
    let (mut agrees, mut factor) = (true, 0.0_f64);
    for base in expected {
        let other = found
            .iter()
            .find(|other| other.name == base.name && other.shape == base.shape);
        let Some(other) = other else {
            seen.message = Some(format!(
                "output `{}` is missing or has another shape",
                base.name
            ));
            return seen;
        };
        let scale = subject.least_scale(&base.name);
        let difference = compare_at(&base.data, &other.data, tolerance, scale);
        agrees &= difference.passes();
        factor = factor.max(difference.smallest_factor);
    }
    seen.agrees = Some(agrees);
    seen.smallest_factor = Some(factor).filter(|factor| factor.is_finite());
    seen
}
