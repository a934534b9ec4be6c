//! Runs what verification asks for: opens and checks files, makes or reads their inputs, runs them in runtimes, and has
//! the outcomes judged.
//!
//! [`Verifier`] has the options. Each of its methods answers one question:
//!
//! | method | question |
//! |---|---|
//! | [`verify`](Verifier::verify) | Does a file compute the same in every runtime? |
//! | [`verify_pair`](Verifier::verify_pair) | Do two files compute the same? |
//! | [`bisect`](Verifier::bisect) | Where they do not: which node is the first that differs? |
//! | [`profile`](Verifier::profile) | How far is each value of a file from the reference run's? |
//! | [`range`](Verifier::range) | How large is each value, beside what f16 and bf16 hold? |
//! | [`self_test`](Verifier::self_test) | Would verification notice a mistake in this file? |
//!
//! Each takes paths of files and a function that is told what happens meanwhile, and gives a typed result.

mod bisect;
mod cases;
mod error;
mod pair;
mod profile;
mod range;
mod runs;
mod self_test;
mod sides;

pub use bisect::{BisectReport, Search, SearchError};
pub use cases::{CaseSource, is_picture};
pub use error::SessionError;
pub use profile::Profile;
pub use range::{PictureSample, RangeOptions};
pub use runs::{Runs, ToRun};
pub use self_test::{ChangedCopies, SelfTestReport};

use super::bisect::SearchRun;
use super::facts::FileFacts;
use super::mutate::Trial;
use super::note::VerifyNote;
use super::plan::{self, Case};
use super::report::{Problem, Report};
use super::tolerance::Limits;
use super::{
    ReferenceRun, VerifySettings, disagreeing, judge_against, read, reference_of, rejected,
    tell_rounding,
};
use crate::metadata::Orientation;
use crate::onnx::check::{self, Broken, Finding, OpenError};
use crate::onnx::file::ModelFile;
use crate::runtime::RuntimeName;
use crate::runtime::process::Host;
use cases::Cases;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How files are verified.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Where runtimes run, in worker processes or in this one, and where their libraries are looked for.
    pub host: Host,
    /// The runtimes to run, each once and in this order. By default all that are built but CUDA: those whose library is
    /// not found are left out with a note, and so is the reference where it would take too long.
    pub runtimes: Vec<RuntimeName>,
    /// Threads within one operation; by default what the runtime chooses. tract uses one.
    pub threads: Option<usize>,
    /// Time limit of each run in a worker process; by default 60 seconds, and 2 more for each GMAC over all images, at most
    /// an hour.
    pub limit: Option<Duration>,
    /// What files are run with; by default noise.
    pub source: CaseSource,
    /// Which way up pictures are taken; by default as their EXIF records say.
    pub orientation: Orientation,
    /// Seed of the noise, and of the choice of sites in a self-test; by default 0.
    pub seed: u64,
    /// Allowed differences, in place of the defaults for the runtime and the file's precision.
    pub limits: Limits,
    /// What the file is called in reports and errors; by default its path.
    pub name: Option<String>,
}

impl Verifier {
    /// Verifies with defaults for everything but the host.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self {
            host,
            runtimes: Vec::new(),
            threads: None,
            limit: None,
            source: CaseSource::default(),
            orientation: Orientation::default(),
            seed: 0,
            limits: Limits::default(),
            name: None,
        }
    }
}

/// What happens during a verification.
#[derive(Clone, Copy, Debug)]
pub enum Update<'a> {
    /// A runtime begins to run the cases.
    Running {
        /// The runtime.
        runtime: RuntimeName,
        /// Its time limit.
        limit: Duration,
    },
    /// The reference begins to run the cases with every value rounded.
    Rounding,
    /// A runtime runs the next pictures of the range audit.
    RunningPictures {
        /// The runtime.
        runtime: RuntimeName,
        /// Which group of pictures, counted from 1.
        group: usize,
        /// How many there are.
        of: usize,
    },
    /// The reference begins to round further values one by one.
    RoundingValues {
        /// Roundings that are done.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// The search for the first node that differs begins.
    Searching {
        /// The name of the runtime that disagrees.
        runtime: &'a str,
        /// The name of the reference run's runtime.
        reference: &'a str,
    },
    /// A run of the search is done.
    Searched(&'a SearchRun),
    /// A planted mistake was tried.
    Tried(&'a Trial),
    /// Something is worth knowing that no report will have.
    Note(&'a VerifyNote),
}

/// What is told of a verification as it goes on.
pub type Tell<'t> = dyn FnMut(Update<'_>) + 't;

/// A file that keeps the rules.
struct Opened {
    model: Arc<ModelFile>,
    facts: FileFacts,
    warnings: Option<VerifyNote>,
}

impl Verifier {
    /// Runs a file in every runtime and compares the outcomes with the reference run's.
    ///
    /// A file that breaks a rule of ONNX is not run; the report lists the rules.
    ///
    /// # Errors
    /// If the file cannot be read or decoded, no inputs can be made for it or those that are given do not fit, or the runs
    /// are interrupted. What a runtime does is part of the report.
    pub fn verify(&self, file: &Path, tell: &mut Tell<'_>) -> Result<Report, SessionError> {
        match open(file)? {
            Ok(opened) => {
                let cases = self.cases(&opened.model, &opened.facts)?;
                self.judge(&opened, &cases, tell)
            }
            Err(broken) => Ok(self.rejected(file, broken)),
        }
    }

    /// Runs a file that keeps the rules, and judges the outcomes.
    fn judge(
        &self,
        opened: &Opened,
        cases: &Cases,
        tell: &mut Tell<'_>,
    ) -> Result<Report, SessionError> {
        let facts = &opened.facts;
        let to_run = ToRun {
            file: &opened.model.path,
            facts,
            inputs: &cases.inputs,
            leave_out: &facts.leave_out(),
            limit: self.limit(facts, &cases.planned),
        };
        let made = self.run_all(&to_run, tell)?;
        let given = cases.expected.as_ref().map(|cases| ReferenceRun {
            name: "stored outputs",
            runtime: None,
            place: None,
            cases,
        });
        // What a skeleton computes means nothing.
        let reference_of = |runs| reference_of(runs).filter(|_| !facts.is_skeleton);
        let reference = given.or_else(|| reference_of(&made.runs));
        let settings = self.settings(&opened.model.path);
        let mut report = judge_against(&settings, facts, &cases.planned, reference, &made.runs);
        let by_reference = |one: &ReferenceRun<'_>| one.runtime == Some(RuntimeName::Reference);
        if let Some(reference) = reference.filter(by_reference)
            && disagreeing(&report).is_some()
        {
            let rounded = self.run_rounded(&to_run, tell)?;
            tell_rounding(&mut report, facts, reference.cases, &rounded.cases);
        }
        let complete = reference.filter(|one| one.cases.len() == cases.planned.len());
        let written = cases.write(complete.map(|reference| reference.cases))?;
        report.notes.extend(written);
        report.notes.splice(0..0, opened.warnings.clone());
        report.notes.extend(made.notes);
        Ok(report)
    }

    /// The report of a file that no runtime is to see.
    fn rejected(&self, file: &Path, broken: Broken) -> Report {
        let problems = broken.errors.into_iter().map(problem);
        rejected(&self.settings(file), problems.collect())
    }

    /// What a file is called.
    fn name(&self, file: &Path) -> String {
        let path = || file.to_string_lossy().into_owned();
        self.name.clone().unwrap_or_else(path)
    }

    fn settings(&self, file: &Path) -> VerifySettings {
        VerifySettings {
            file: self.name(file),
            seed: self.seed,
            limits: self.limits,
        }
    }

    fn limit(&self, facts: &FileFacts, cases: &[Case]) -> Duration {
        let by_default = || Duration::from_secs(plan::default_seconds(facts, cases));
        self.limit.unwrap_or_else(by_default)
    }
}

/// Opens and checks a file.
fn open(file: &Path) -> Result<Result<Opened, Broken>, SessionError> {
    match check::open(file) {
        Ok(sound) => Ok(Ok(Opened {
            facts: read::facts(&sound.file),
            model: Arc::new(sound.file),
            warnings: warnings(&sound.warnings),
        })),
        Err(OpenError::Broken(broken)) => Ok(Err(broken)),
        Err(OpenError::File(error)) => Err(error.into()),
    }
}

fn problem(finding: Finding) -> Problem {
    Problem {
        code: finding.code,
        node: finding.node,
        message: finding.message,
    }
}

/// A file of another program can have hundreds of warnings; how many, and which, is enough here.
fn warnings(warnings: &[Finding]) -> Option<VerifyNote> {
    let mut counts = BTreeMap::new();
    for warning in warnings {
        *counts.entry(warning.code).or_default() += 1;
    }
    (!counts.is_empty()).then_some(VerifyNote::Warnings(counts))
}
