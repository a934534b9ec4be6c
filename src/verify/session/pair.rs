//! Two files that should compute the same.

use super::cases::Cases;
use super::{Opened, SessionError, Tell, ToRun, Verifier, open, problem};
use crate::files::foreign::Foreign;
use crate::verify::pair::Pair;
use crate::verify::rejected;
use crate::verify::report::{Problem, Report, Verdict};
use crate::verify::tensors::pair_tensors;
use std::path::Path;

/// Two files that keep the rules, and what they are run with.
pub(super) struct OpenedPair {
    pub files: [Opened; 2],
    pub pair: Pair,
    pub cases: Cases,
}

impl Verifier {
    /// Runs the first file in the best runtime there is, and the second in every one, and compares the outcomes.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), and if no input fits both, or outputs are given.
    pub fn verify_pair(
        &self,
        files: [&Path; 2],
        tell: &mut Tell<'_>,
    ) -> Result<Report, SessionError> {
        match self.open_pair(files)? {
            Ok(opened) => self.judge_pair(&opened, tell),
            Err(report) => Ok(report),
        }
    }

    /// Opens and pairs two files; the report where one of them breaks a rule.
    pub(super) fn open_pair(
        &self,
        files: [&Path; 2],
    ) -> Result<Result<OpenedPair, Report>, SessionError> {
        let [first, second] = match [open(files[0])?, open(files[1])?] {
            [Ok(first), Ok(second)] => [first, second],
            broken => {
                let mut problems = Vec::new();
                for (broken, file) in broken.into_iter().map(Result::err).zip(files) {
                    let errors = broken.map_or_else(Vec::new, |broken| broken.errors);
                    problems.extend(errors.into_iter().map(problem).map(|problem| Problem {
                        message: format!("`{}`: {}", file.shown(), problem.message),
                        ..problem
                    }));
                }
                return Ok(Err(rejected(&self.settings(files[0]), problems)));
            }
        };
        let pair = Pair::new(&first.facts, second.facts.clone())?;
        let pictures = [&first.model, &second.model][pair.picture_file()];
        let cases = self.cases(pictures, &pair.planned)?;
        if cases.expected.is_some() || cases.write_to.is_some() {
            return Err(SessionError::StoredWithPair);
        }
        Ok(Ok(OpenedPair {
            files: [first, second],
            pair,
            cases,
        }))
    }

    /// Runs two files that keep the rules, and judges the outcomes.
    pub(super) fn judge_pair(
        &self,
        opened: &OpenedPair,
        tell: &mut Tell<'_>,
    ) -> Result<Report, SessionError> {
        let OpenedPair { files, pair, cases } = opened;
        let [first, second] = files;
        let for_second: Vec<_> = cases
            .inputs
            .iter()
            .map(|one| pair.for_second(one))
            .collect::<Result<_, _>>()?;
        let for_first: Option<Vec<_>> = (pair.picture_file() != 0)
            .then(|| cases.inputs.iter().map(|one| pair.for_first(one)).collect())
            .transpose()?;
        let for_first = for_first.as_ref().unwrap_or(&cases.inputs);
        let leave_out = [first.facts.leave_out(), second.facts.leave_out()];
        let to_run = |place: usize, inputs| ToRun {
            file: &files[place].model.path,
            facts: &files[place].facts,
            inputs,
            leave_out: &leave_out[place],
            limit: self.limit(&files[place].facts, &cases.planned),
        };
        let reference = self.run_reference(&to_run(0, for_first), tell)?;
        let others = self.run_all(&to_run(1, &for_second), tell)?;
        let settings = self.settings(&first.model.path);
        let names =
            [&first.model, &second.model].map(|file| file.path.to_string_lossy().into_owned());
        let mut report = match reference.runs.first() {
            Some(reference) => pair.judge(
                &settings,
                [&names[0], &names[1]],
                &cases.planned,
                reference,
                others.runs,
            ),
            None => Report {
                verdict: Verdict::Unavailable,
                ..rejected(&settings, Vec::new())
            },
        };
        let warnings = files.iter().filter_map(|file| file.warnings.clone());
        for note in warnings.chain(reference.notes).chain(others.notes) {
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        }
        if let Some(pair) = &mut report.pair {
            pair.tensors = Some(pair_tensors(&first.model, &second.model)?);
        }
        Ok(report)
    }
}
