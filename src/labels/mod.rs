//! The names of classes. Owns ImageNet's lists and the reading of a file's own; knows nothing of graphs.

mod imagenet;
mod read;

pub use imagenet::{IMAGENET_CLASSES, imagenet};
pub use read::{ListError, ReadError, of_json, read, read_file};
use thiserror::Error;

/// What is wrong with a file's own names.
#[derive(Debug, Error)]
pub enum LabelsError {
    /// Not a JSON array of strings.
    #[error("expected a JSON array of strings")]
    NotStrings(#[from] serde_json::Error),
    /// One name a class is needed.
    #[error("expected {classes} names, one for each class, found {names}")]
    Count {
        /// Names in the file.
        names: usize,
        /// Classes of the graph.
        classes: usize,
    },
}

/// The names of a graph's classes, if anything is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
}

impl Labels {
    /// The names that the file itself has (`own`, the JSON of [`crate::metadata::LABELS_KEY`]); else ImageNet's where
    /// it has a list of so many classes (1,000; 1,001 with the background; 11,821; 21,841; 21,843); else none.
    ///
    /// # Errors
    ///
    /// If `own` is not a JSON array of `classes` strings.
    pub fn of(own: Option<&str>, classes: usize) -> Result<Self, LabelsError> {
        let names = match own {
            Some(json) => {
                let names: Vec<String> = serde_json::from_str(json)?;
                if names.len() != classes {
                    return Err(LabelsError::Count {
                        names: names.len(),
                        classes,
                    });
                }
                names
            }
            None => imagenet(classes).unwrap_or_default(),
        };
        Ok(Self { names })
    }

    /// The name of class `index`, if known.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_own_names_win() {
        let own = Labels::of(Some(r#"["cat", "dog"]"#), 2).unwrap();
        assert_eq!(own.name(1), Some("dog"));
        assert_eq!(own.name(2), None);
        assert_eq!(Labels::of(None, 1000).unwrap().name(967), Some("espresso"));
        assert_eq!(Labels::of(None, 10).unwrap().name(0), None);
    }

    #[test]
    fn wrong_names_are_refused() {
        let message = |own, classes| Labels::of(Some(own), classes).unwrap_err().to_string();
        assert_eq!(
            message(r#"["cat"]"#, 2),
            "expected 2 names, one for each class, found 1"
        );
        assert_eq!(
            message(r#"{"0": "cat"}"#, 1),
            "expected a JSON array of strings"
        );
        assert_eq!(message("", 1), "expected a JSON array of strings");
    }
}
