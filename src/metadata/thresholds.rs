//! From which probability on a picture is of a class.

use crate::files::foreign::{Foreign, said};
use crate::files::open_input;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The probabilities from which on a picture is of a class, each above 0 and below 1: one for all classes, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Thresholds(Vec<f64>);

/// Why numbers are no thresholds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdsError {
    /// A number is no probability that a picture can reach and miss.
    #[error("threshold {number}: expected a number above 0 and below 1, found {found}", found = found.shown())]
    Number {
        /// Which one, from 1 on.
        number: usize,
        /// What is there.
        found: String,
    },
    /// The count is not the classes'.
    #[error("expected 1 threshold, or {classes}, one for each class, found {found}")]
    Count {
        /// Classes of the network.
        classes: u64,
        /// Thresholds that are given.
        found: usize,
    },
    /// Not a single number is given.
    #[error("expected thresholds, one a line, found none")]
    Empty,
    /// The file is not text.
    #[error("expected text in UTF-8")]
    NotText,
}

/// Why a file gives no thresholds.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdsFileError {
    /// It cannot be read, or has more than 4 MiB.
    #[error("cannot read `{}`: {source}", path.shown(), source = said(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its numbers are no thresholds.
    #[error("`{}`: {source}", path.shown())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ThresholdsError,
    },
}

/// The numbers of 200,000 classes.
const LARGEST: u64 = 4 << 20;

impl Thresholds {
    /// One number for all classes, or one for each, in their order.
    ///
    /// # Errors
    /// If one is not above 0 and below 1, or none is given.
    pub fn new(numbers: Vec<f64>) -> Result<Self, ThresholdsError> {
        let is_outside = |number: &f64| !(*number > 0.0 && *number < 1.0);
        if let Some(place) = numbers.iter().position(is_outside) {
            return Err(ThresholdsError::Number {
                number: place + 1,
                found: numbers[place].to_string(),
            });
        }
        if numbers.is_empty() {
            return Err(ThresholdsError::Empty);
        }
        Ok(Self(numbers))
    }

    /// Reads a text file of one number a line, in the order of the classes.
    ///
    /// # Errors
    /// If it cannot be read, has more than 4 MiB, or a line that is no threshold.
    pub fn read_file(path: &Path) -> Result<Self, ThresholdsFileError> {
        let unread = |source| ThresholdsFileError::Read {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let length = open_input(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(unread)?;
        if length as u64 > LARGEST {
            return Err(unread(io::Error::other("it is larger than 4 MiB")));
        }
        Self::parse(&bytes).map_err(|source| ThresholdsFileError::Parse {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads text of one number a line.
    fn parse(bytes: &[u8]) -> Result<Self, ThresholdsError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ThresholdsError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.trim_end().lines().enumerate();
        let numbers = lines.map(|(place, line)| {
            let line = line.trim();
            line.parse().map_err(|_| ThresholdsError::Number {
                number: place + 1,
                found: match line {
                    "" => "an empty line".to_owned(),
                    _ => format!("`{}`", line.chars().take(60).collect::<String>()),
                },
            })
        });
        Self::new(numbers.collect::<Result<_, _>>()?)
    }

    /// Refuses thresholds that are neither one nor one for each class.
    ///
    /// # Errors
    /// If there are more or fewer.
    pub fn check(&self, classes: u64) -> Result<(), ThresholdsError> {
        match self.0.len() {
            1 => Ok(()),
            found if found as u64 == classes => Ok(()),
            found => Err(ThresholdsError::Count { classes, found }),
        }
    }

    /// The threshold of a class. Of thresholds that [`Self::check`] refuses, classes without one have the last.
    #[must_use]
    pub fn of(&self, class: usize) -> f64 {
        let own = self.0.get(class).or(self.0.last());
        own.copied().unwrap_or(1.0)
    }

    /// The numbers, in order.
    #[must_use]
    pub fn numbers(&self) -> &[f64] {
        &self.0
    }
}

impl TryFrom<Vec<f64>> for Thresholds {
    type Error = ThresholdsError;

    fn try_from(numbers: Vec<f64>) -> Result<Self, ThresholdsError> {
        Self::new(numbers)
    }
}

impl From<Thresholds> for Vec<f64> {
    fn from(thresholds: Thresholds) -> Self {
        thresholds.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<f64>, String> {
        let found = Thresholds::parse(text.as_bytes());
        found.map(Vec::from).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_has_one_number_a_line() {
        assert_eq!(parse("0.5"), Ok(vec![0.5]));
        assert_eq!(parse("\u{feff}0.25\r\n 5e-1 \n\n"), Ok(vec![0.25, 0.5]));
    }

    #[test]
    fn what_is_no_threshold_is_named() {
        let expected = |number, found| {
            Err(format!(
                "threshold {number}: expected a number above 0 and below 1, found {found}"
            ))
        };
        for (text, number, found) in [
            ("0", 1, "0"),
            ("0.5\n1\n0.5", 2, "1"),
            ("0.5\n-0.1", 2, "-0.1"),
            ("nan", 1, "NaN"),
            ("0.5\n\n0.5", 2, "an empty line"),
            ("cat 0.5", 1, "`cat 0.5`"),
            ("[0.5, 0.5]", 1, "`[0.5, 0.5]`"),
        ] {
            assert_eq!(parse(text), expected(number, found), "{text}");
        }
        let none = "expected thresholds, one a line, found none".to_owned();
        assert_eq!(parse("\n"), Err(none));
        let error = Thresholds::parse(&[0xff]).unwrap_err();
        assert_eq!(error, ThresholdsError::NotText);
    }

    #[test]
    fn there_is_one_for_all_classes_or_one_for_each() {
        let all = Thresholds::new(vec![0.5]).unwrap();
        assert_eq!((all.check(4), all.of(3)), (Ok(()), 0.5));
        let each = Thresholds::new(vec![0.1, 0.2, 0.3]).unwrap();
        assert_eq!((each.check(3), each.of(1)), (Ok(()), 0.2));
        assert_eq!(
            each.check(4).unwrap_err().to_string(),
            "expected 1 threshold, or 4, one for each class, found 3"
        );
    }
}
