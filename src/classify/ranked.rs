//! The classes of a picture: the most probable ones, or those that reach their thresholds.

use super::classifier::Classifier;
use crate::verify::ranks::largest;
use serde::Serialize;

/// Classes that are named of a picture where neither a number nor thresholds are given.
const USUAL_COUNT: usize = 5;

/// A class, and how probable it is that a picture is of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankedClass {
    /// Its index among the logits.
    pub class: usize,
    /// Its name, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From 0 to 1.
    pub probability: f64,
    /// The probability from which on a picture is of it, if the file has thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

impl RankedClass {
    /// Whether the probability reaches the threshold; true where the file has none.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.threshold
            .is_none_or(|threshold| self.probability >= threshold)
    }
}

impl Classifier {
    /// The `count` most probable classes of a row of probabilities, most probable first; of equals the first class.
    #[must_use]
    pub fn top(&self, row: &[f64], count: usize) -> Vec<RankedClass> {
        let classes = largest(row, count).into_iter();
        classes.map(|class| self.ranked(class, row)).collect()
    }

    /// The classes to name of a row of probabilities, most probable first: `count` of them; by default all that reach their
    /// thresholds, or the five most probable where the file has no thresholds.
    pub(super) fn to_name(&self, row: &[f64], count: Option<usize>) -> Vec<RankedClass> {
        match (count, &self.thresholds) {
            (None, Some(_)) => {
                let mut classes = self.top(row, row.len());
                classes.retain(RankedClass::is_reached);
                classes
            }
            (count, _) => self.top(row, count.unwrap_or(USUAL_COUNT)),
        }
    }

    /// A class of a row of probabilities.
    pub(super) fn ranked(&self, class: usize, row: &[f64]) -> RankedClass {
        RankedClass {
            class,
            name: self.labels.name(class).map(str::to_owned),
            probability: row[class],
            threshold: self.thresholds.as_ref().map(|own| own.of(class)),
        }
    }
}
