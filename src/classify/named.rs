//! Classes by their numbers and names.

use super::Classifier;
use crate::files::foreign::{self, Foreign};
use std::path::PathBuf;

/// Names that are offered in place of an unknown one.
const OFFERED: usize = 3;
/// Characters of an unknown name that are compared with the known ones.
const COMPARED: usize = 64;

/// Why a text names no class, or more than one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassError {
    /// No class has that number or name.
    #[error(
        "`{}` has no class `{}`, expected a number from 0 to {last}{}",
        path.shown(),
        name.shown(),
        if nearest.is_empty() { String::new() } else { format!(" or a name; the nearest names are {}", foreign::names(nearest)) }
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// The number of the last class.
        last: usize,
        /// The names that are nearest to it, nearest first; none where classes have no names.
        nearest: Vec<String>,
    },
    /// Several classes have that name.
    #[error(
        "`{}` has several classes `{}`, with the numbers {}: give one of them",
        path.shown(),
        name.shown(),
        foreign::list(numbers)
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Their name.
        name: String,
        /// Their numbers.
        numbers: Vec<usize>,
    },
}

impl Classifier {
    /// The class that `text` names: its index, or its name in upper or lower case; of equal names, the first.
    #[must_use]
    pub fn class_of(&self, text: &str) -> Option<usize> {
        let number = text.parse().ok().filter(|class| *class < self.classes());
        number.or_else(|| self.named(text).first().copied())
    }

    /// The one class that `text` names: its index, or its name in upper or lower case.
    ///
    /// # Errors
    /// If no class has that number or name, or several have that name.
    pub fn class_named(&self, text: &str) -> Result<usize, ClassError> {
        if let Some(class) = text.parse().ok().filter(|class| *class < self.classes()) {
            return Ok(class);
        }
        let (path, name) = (self.path().to_owned(), text.to_owned());
        match self.named(text) {
            [class] => Ok(*class),
            [] => Err(ClassError::Unknown {
                path,
                name,
                last: self.classes().saturating_sub(1),
                nearest: self.nearest(text),
            }),
            several => Err(ClassError::Ambiguous {
                path,
                name,
                numbers: several.to_vec(),
            }),
        }
    }

    /// The classes of a name.
    fn named(&self, text: &str) -> &[usize] {
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name = std::collections::BTreeMap::<String, Vec<usize>>::new();
            for class in 0..self.classes() {
                if let Some(name) = self.labels.name(class) {
                    by_name
                        .entry(name.to_ascii_lowercase())
                        .or_default()
                        .push(class);
                }
            }
            by_name
        });
        by_name
            .get(&text.to_ascii_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// The names that hold `text`, then those that take the fewest edits to become it.
    fn nearest(&self, text: &str) -> Vec<String> {
        let text: String = text.to_ascii_lowercase().chars().take(COMPARED).collect();
        let names = (0..self.classes()).filter_map(|class| self.labels.name(class));
        let mut names: Vec<(bool, usize, &str)> = names
            .map(|name| {
                let lower = name.to_ascii_lowercase();
                let distance = strsim::damerau_levenshtein(&text, &lower);
                (!lower.contains(&text), distance, name)
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        let nearest = names.into_iter().take(OFFERED);
        nearest.map(|(_, _, name)| name.to_owned()).collect()
    }
}
