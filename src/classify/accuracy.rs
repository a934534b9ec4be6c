//! How often each runtime names the right class of labelled pictures, and whether they agree.

use super::{Classifier, LabelledPicture};
use crate::files::foreign::Foreign;
use crate::memory::NoMemory;
use crate::network::ClassActivation;
use crate::onnx::file::plain::Change;
use crate::picture::PictureError;
use crate::runtime::outcome::Trouble;
use crate::runtime::process::Run;
use crate::tensor::NamedTensor;
use crate::verify::ranks::{Agreement, largest};
use crate::verify::report::Verdict;
use crate::verify::session::{SessionError, Tell, ToRun, Update, Verifier};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most pictures that are prepared at once: each takes a megabyte at 224 pixels.
const GROUP: usize = 64;

/// How often each runtime is right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// The file.
    pub file: String,
    /// How many pictures there are.
    pub images: usize,
    /// One for each runtime that was to run.
    pub runtimes: Vec<Score>,
}

/// How often a runtime is right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The runtime.
    pub name: &'static str,
    /// The version of its library, once it could be used.
    pub version: Option<String>,
    /// Pictures whose most probable class is the right one.
    pub top1: Agreement,
    /// Pictures whose right class is among the five most probable.
    pub top5: Agreement,
    /// Pictures whose most probable class is that of the first runtime that ran to the end.
    pub agreement: Agreement,
    /// How the copies that it ran differ from the file.
    pub changes: Vec<Change>,
    /// Why it did not run to the end.
    pub error: Option<String>,
    #[serde(skip)]
    first_choices: Vec<usize>,
    #[serde(skip)]
    unavailable: bool,
}

/// Why accuracy is not measured.
#[derive(Debug, thiserror::Error)]
pub enum AccuracyError {
    /// Each class has its own probability, so no class is the most probable of all.
    #[error(
        "`{}` has a sigmoid, by which each class has its own probability, expected a softmax",
        .0.shown()
    )]
    Sigmoid(PathBuf),
    /// A picture cannot be loaded.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A batch of pictures does not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// The runtimes cannot be run.
    #[error(transparent)]
    Session(Box<SessionError>),
}

impl From<SessionError> for AccuracyError {
    fn from(error: SessionError) -> Self {
        Self::Session(Box::new(error))
    }
}

impl Classifier {
    /// Refuses a file with a sigmoid, whose accuracy is not measured.
    ///
    /// # Errors
    /// If each class has its own probability.
    pub fn check_softmax(&self, file: &Path) -> Result<(), AccuracyError> {
        match self.activation() {
            ClassActivation::Softmax => Ok(()),
            ClassActivation::Sigmoid => Err(AccuracyError::Sigmoid(file.to_owned())),
        }
    }

    /// Runs labelled pictures in each of the verifier's runtimes and counts how often each names the right class. `file` is
    /// the file that this classifier was opened from.
    ///
    /// # Errors
    /// If the file has a sigmoid, a picture cannot be loaded, or the runs are interrupted. What a runtime does is part of
    /// its score.
    pub fn accuracy(
        &self,
        file: &Path,
        pictures: &[LabelledPicture],
        verifier: &Verifier,
        tell: &mut Tell<'_>,
    ) -> Result<Accuracy, AccuracyError> {
        self.check_softmax(file)?;
        let mut accuracy = Accuracy {
            file: file.to_string_lossy().into_owned(),
            images: pictures.len(),
            runtimes: Vec::new(),
        };
        self.check_batch()?;
        for group in pictures.chunks(self.group(GROUP)) {
            let by_default = || Duration::from_secs(self.seconds(group.len()));
            let to_run = ToRun {
                file,
                facts: self.facts(),
                inputs: &self.inputs(group)?,
                leave_out: &self.leave_out(),
                limit: verifier.limit.unwrap_or_else(by_default),
            };
            let made = verifier.run_all(&to_run, tell)?;
            if accuracy.runtimes.is_empty() {
                made.notes.iter().for_each(|note| tell(Update::Note(note)));
                let names = made.runs.iter().map(|run| run.runtime.as_str());
                accuracy.runtimes = names.map(Score::new).collect();
            }
            for (score, run) in accuracy.runtimes.iter_mut().zip(&made.runs) {
                score.add_run(self, run, group);
            }
            if accuracy.runtimes.iter().all(|score| score.error.is_some()) {
                break;
            }
        }
        accuracy.compare();
        Ok(accuracy)
    }

    /// Inputs of as many batches as the pictures need.
    fn inputs(&self, pictures: &[LabelledPicture]) -> Result<Vec<Vec<NamedTensor>>, AccuracyError> {
        let batches = pictures.chunks(self.batch());
        let input = |batch: &[LabelledPicture]| {
            let load = |picture: &LabelledPicture| Ok(self.load(&picture.path)?.values);
            let rows: Result<Vec<_>, AccuracyError> = batch.iter().map(load).collect();
            Ok(vec![self.input(&rows?)?])
        };
        batches.map(input).collect()
    }
}

impl Score {
    fn new(name: &'static str) -> Self {
        let none = Agreement { rows: 0, of: 0 };
        Self {
            name,
            version: None,
            top1: none,
            top5: none,
            agreement: none,
            error: None,
            changes: Vec::new(),
            first_choices: Vec::new(),
            unavailable: false,
        }
    }

    /// Adds what came of a group of pictures.
    fn add_run(&mut self, classifier: &Classifier, run: &Run, group: &[LabelledPicture]) {
        self.changes.clone_from(&run.changes);
        self.version = run.outcome.version.clone().or(self.version.take());
        let cases = run.outcome.cases.iter();
        let rows = cases.map(|case| classifier.probabilities(&case.outputs));
        match rows.collect::<Result<Vec<_>, _>>() {
            Ok(rows) => {
                for (row, picture) in rows.iter().flatten().zip(group) {
                    self.add(row, picture.class);
                }
            }
            Err(error) => self.error = Some(error.to_string()),
        }
        if let Some(trouble) = &run.outcome.trouble {
            self.fail(trouble);
        }
    }

    fn add(&mut self, row: &[f64], class: usize) {
        let five = largest(row, 5);
        self.top1.of += 1;
        self.top5.of += 1;
        self.top1.rows += usize::from(five.first() == Some(&class));
        self.top5.rows += usize::from(five.contains(&class));
        self.first_choices.extend(five.first());
    }

    fn fail(&mut self, trouble: &Trouble) {
        self.unavailable |= matches!(trouble, Trouble::Unavailable { .. });
        self.error = Some(trouble.predicate());
    }
}

impl Accuracy {
    /// What it comes to: whether every runtime ran to the end, and chose as the first did.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let disagrees = |score: &Score| match &score.error {
            Some(_) => !score.unavailable,
            None => score.agreement.rows < score.agreement.of,
        };
        let unavailable = |score: &Score| score.error.is_some() && score.unavailable;
        if self.runtimes.iter().any(disagrees) {
            Verdict::Disagree
        } else if self.runtimes.is_empty() || self.runtimes.iter().any(unavailable) {
            Verdict::Unavailable
        } else {
            Verdict::Agree
        }
    }

    /// Compares every runtime's choices with the first's.
    fn compare(&mut self) {
        let Some(first) = self.runtimes.iter().find(|score| score.error.is_none()) else {
            return;
        };
        let first = first.first_choices.clone();
        for score in &mut self.runtimes {
            let both = score.first_choices.iter().zip(&first);
            score.agreement = Agreement {
                rows: both.filter(|(one, other)| one == other).count(),
                of: first.len(),
            };
        }
    }
}

#[cfg(test)]
mod tests;
