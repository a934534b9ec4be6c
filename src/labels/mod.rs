//! The names of classes. Owns the ImageNet list and the reading of a file's own; knows nothing of graphs.

use thiserror::Error;

/// The ILSVRC-2012 class names in the standard order (by WordNet identifier), one a line, as torchvision spells
/// them: `_IMAGENET_CATEGORIES` of torchvision/models/_meta.py (BSD-3-Clause), version 0.29.2.
const IMAGENET: &str = include_str!("imagenet.txt");

/// How many classes the ImageNet list has.
pub const IMAGENET_CLASSES: usize = 1000;

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
    /// The names that the file itself has (`own`, the JSON of [`crate::metadata::LABELS_KEY`]); else the ImageNet
    /// names where there are [`IMAGENET_CLASSES`]; else none.
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
            None if classes == IMAGENET_CLASSES => imagenet().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        Ok(Self { names })
    }

    /// The name of class `index`, if known.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }
}

/// The ImageNet names in the standard order.
pub fn imagenet() -> impl Iterator<Item = &'static str> {
    IMAGENET.lines()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn imagenet_has_its_known_indices() {
        let names: Vec<_> = imagenet().collect();
        assert_eq!(names.len(), IMAGENET_CLASSES);
        for (index, name) in [
            (0, "tench"),
            (281, "tabby"),
            (282, "tiger cat"),
            (285, "Egyptian cat"),
            (504, "coffee mug"),
            (698, "palace"),
            (967, "espresso"),
            (999, "toilet tissue"),
        ] {
            assert_eq!(names[index], name);
        }
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            IMAGENET_CLASSES,
            "a name comes twice"
        );
        assert!(
            names
                .iter()
                .all(|name| !name.is_empty() && name.trim() == *name)
        );
    }

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
