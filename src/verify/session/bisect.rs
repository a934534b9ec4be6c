//! For each runtime that disagrees, the node at which it begins to.

use super::sides::{FileInRuntime, Known, Sides};
use super::{Cases, Opened, SessionError, Tell, Update, Verifier, open};
use crate::files::foreign::Foreign;
use crate::onnx::file::ModelFile;
use crate::runtime::outcome::Trouble;
use crate::tensor::NamedTensor;
use crate::verify::bisect::{Bisection, MeasureError, SearchRun, Side, bisect, values};
use crate::verify::pair::Pair;
use crate::verify::report::{Report, RuntimeReport, RuntimeStatus};
use serde::{Serialize, Serializer};
use std::path::Path;
use std::time::Instant;

/// A verification, and a search for each runtime that disagrees.
#[derive(Clone, Debug, PartialEq)]
pub struct BisectReport {
    /// The verification.
    pub report: Report,
    /// The searches, in the order of the report's runtimes.
    pub searches: Vec<Search>,
}

/// The search for one runtime.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Search {
    /// The runtime that disagrees.
    pub runtime: &'static str,
    /// Its file.
    pub file: String,
    /// The reference run's runtime.
    #[serde(rename = "base")]
    pub reference: &'static str,
    /// The reference run's file.
    #[serde(rename = "base_file")]
    pub reference_file: String,
    /// The case that was searched, an index of the report's cases.
    pub case: usize,
    /// How long it took.
    pub seconds: f64,
    /// Why it ended early.
    pub error: Option<SearchError>,
    /// What came of it.
    #[serde(flatten)]
    pub bisection: Option<Bisection>,
}

/// Why a search ended early. In JSON it is its text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// A runtime does not run with values marked.
    #[error("{runtime} did not run with values marked: {trouble}")]
    Trouble {
        /// The runtime.
        runtime: &'static str,
        /// What it did instead.
        trouble: Trouble,
    },
    /// A runtime did not return a value that was marked.
    #[error("{runtime} did not give the marked value `{value}`", value = value.shown())]
    Missing {
        /// The runtime.
        runtime: &'static str,
        /// The value.
        value: String,
    },
}

impl Serialize for SearchError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What searches need to know of the file or the files.
struct ComparedFiles<'a> {
    files: [&'a ModelFile; 2],
    leave_out: [Vec<String>; 2],
    pair: Option<&'a Pair>,
    cases: &'a Cases,
    limit: std::time::Duration,
}

impl Verifier {
    /// Verifies a file, or two, and for each runtime that disagrees searches for the first node that differs.
    ///
    /// # Errors
    /// As [`verify`](Self::verify) and [`verify_pair`](Self::verify_pair), and if a copy with values marked cannot be
    /// written. A runtime that does not run with values marked is part of the report.
    pub fn bisect(
        &self,
        file: &Path,
        other: Option<&Path>,
        tell: &mut Tell<'_>,
    ) -> Result<BisectReport, SessionError> {
        match other {
            None => match open(file)? {
                Ok(opened) => self.bisect_one(&opened, tell),
                Err(broken) => Ok(BisectReport::without(self.rejected(file, broken))),
            },
            Some(other) => self.bisect_pair([file, other], tell),
        }
    }

    fn bisect_one(
        &self,
        opened: &Opened,
        tell: &mut Tell<'_>,
    ) -> Result<BisectReport, SessionError> {
        let cases = self.cases(&opened.model, &opened.facts)?;
        let report = self.judge(opened, &cases, tell)?;
        let leave_out = opened.facts.leave_out();
        let compared = ComparedFiles {
            files: [opened.model.as_ref(); 2],
            leave_out: [leave_out.clone(), leave_out],
            pair: None,
            cases: &cases,
            limit: self.limit(&opened.facts, &cases.planned),
        };
        self.search_all(&compared, report, tell)
    }

    fn bisect_pair(
        &self,
        files: [&Path; 2],
        tell: &mut Tell<'_>,
    ) -> Result<BisectReport, SessionError> {
        let opened = match self.open_pair(files)? {
            Ok(opened) => opened,
            Err(report) => return Ok(BisectReport::without(report)),
        };
        let report = self.judge_pair(&opened, tell)?;
        let [first, second] = &opened.files;
        let compared = ComparedFiles {
            files: [first.model.as_ref(), second.model.as_ref()],
            leave_out: [first.facts.leave_out(), second.facts.leave_out()],
            pair: Some(&opened.pair),
            cases: &opened.cases,
            limit: self.limit(&opened.pair.planned, &opened.cases.planned),
        };
        self.search_all(&compared, report, tell)
    }

    /// Searches for every runtime that disagrees with the reference run.
    fn search_all(
        &self,
        compared: &ComparedFiles<'_>,
        report: Report,
        tell: &mut Tell<'_>,
    ) -> Result<BisectReport, SessionError> {
        let (mut searches, mut known) = (Vec::new(), Known::default());
        let mut runtimes = report.runtimes.iter();
        if let Some(reference) = runtimes.find(|runtime| runtime.is_reference) {
            let differs = |runtime: &&RuntimeReport| runtime.status == RuntimeStatus::Disagrees;
            for runtime in report.runtimes.iter().filter(differs) {
                searches.push(self.search(compared, [reference, runtime], &mut known, tell)?);
            }
        }
        Ok(BisectReport { report, searches })
    }

    fn search(
        &self,
        compared: &ComparedFiles<'_>,
        [reference, other]: [&RuntimeReport; 2],
        known: &mut Known,
        tell: &mut Tell<'_>,
    ) -> Result<Search, SessionError> {
        let case = other.max_abs_case.unwrap_or(0);
        let inputs = &compared.cases.inputs[case];
        let copied = || inputs.iter().map(NamedTensor::copy).collect();
        let first_inputs: Vec<_> = compared
            .pair
            .map_or_else(copied, |pair| pair.for_first(inputs))?;
        let other_inputs = compared
            .pair
            .map_or_else(copied, |pair| pair.for_second(inputs))?;
        let [first, second] = compared.files;
        let side = |place: usize, runtime: &RuntimeReport, inputs| FileInRuntime {
            file: compared.files[place],
            runtime: runtime.runtime,
            inputs,
            leave_out: compared.leave_out[place].clone(),
        };
        let mut sides = Sides {
            verifier: self,
            limit: compared.limit,
            each: [
                side(0, reference, first_inputs),
                side(1, other, other_inputs),
            ],
            pair: compared.pair,
            known,
            case,
        };
        tell(Update::Searching {
            runtime: other.name,
            reference: reference.name,
        });
        let start = Instant::now();
        let shared = compared.pair.map(|_| second);
        let list = values(first, shared, &sides.each[0].inputs, &compared.leave_out[0]);
        let mut run = |side, marked: &[&str]| sides.run(side, marked);
        let mut tell_level = |level: &SearchRun| tell(Update::Searched(level));
        let result = bisect(&mut run, &list, other.tolerance, &mut tell_level);
        let name = |side| match side {
            Side::Reference => reference.name,
            Side::Other => other.name,
        };
        let (bisection, error) = match result {
            Ok(bisection) => (Some(bisection), None),
            Err(MeasureError::Run(error)) => return Err(error),
            Err(MeasureError::Trouble(side, trouble)) => {
                let runtime = name(side);
                (None, Some(SearchError::Trouble { runtime, trouble }))
            }
            Err(MeasureError::Missing(side, value)) => {
                let runtime = name(side);
                (None, Some(SearchError::Missing { runtime, value }))
            }
        };
        Ok(Search {
            runtime: other.name,
            file: second.path.to_string_lossy().into_owned(),
            reference: reference.name,
            reference_file: first.path.to_string_lossy().into_owned(),
            case,
            seconds: start.elapsed().as_secs_f64(),
            error,
            bisection,
        })
    }
}

impl BisectReport {
    /// Of files that did not run.
    fn without(report: Report) -> Self {
        Self {
            report,
            searches: Vec::new(),
        }
    }
}
