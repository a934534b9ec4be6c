//! Where a file's weights are from, and what of them is not trained: the record under [`ORIGIN_KEY`](super::ORIGIN_KEY).

use super::VERSION;
use crate::files::foreign::Foreign;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the weights are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// Drawn by a rule.
    Seed {
        /// Version of this record.
        version: u32,
        /// As in `--init`.
        rule: String,
        /// As in `--seed`.
        seed: u64,
    },
    /// Nowhere: numbers that stand for them begin at one place.
    Skeleton {
        /// Version of this record.
        version: u32,
        /// As in `--seed`.
        seed: u64,
    },
    /// Read from a file.
    Checkpoint {
        /// Version of this record.
        version: u32,
        /// File name, without folders.
        name: String,
        /// Of the whole file, hexadecimal.
        sha256: String,
        /// Whose tensor names it has.
        naming: String,
        /// Licence of the weights, if the file tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        licence: Option<String>,
        /// Where they were had, if the file tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// How its classifier was drawn, where the checkpoint's was replaced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        classifier: Option<Fresh>,
        /// The file that its classifier is from, where the checkpoint's was replaced by one that was fitted elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fitted: Option<Fitted>,
        /// How all of the checkpoint's weights were drawn, where it says so of itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drawn: Option<Fresh>,
    },
}

/// The rule of a skeleton's numbers, which no network is drawn by.
const SKELETON: &str = "skeleton";

/// How parameters were drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// As in `--init`.
    pub rule: String,
    /// As in `--seed`.
    pub seed: u64,
}

/// The file that a classifier is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fitted {
    /// File name, without folders.
    pub name: String,
    /// Of the whole file, hexadecimal.
    pub sha256: String,
}

/// What of a file's weights is not trained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Untrained {
    /// How all of them were drawn.
    pub all: Option<Fresh>,
    /// How the classifier was drawn, where the others are from a checkpoint.
    pub classifier: Option<Fresh>,
}

impl Origin {
    /// Weights drawn by a rule.
    #[must_use]
    pub fn seed(rule: &str, seed: u64) -> Self {
        Self::Seed {
            version: VERSION,
            rule: rule.to_owned(),
            seed,
        }
    }

    /// Numbers that stand for weights.
    #[must_use]
    pub fn skeleton(seed: u64) -> Self {
        Self::Skeleton {
            version: VERSION,
            seed,
        }
    }

    /// Weights read from a checkpoint.
    #[must_use]
    pub fn checkpoint(
        name: String,
        sha256: String,
        naming: String,
        licence: Option<String>,
        source: Option<String>,
        untrained: Untrained,
        fitted: Option<Fitted>,
    ) -> Self {
        Self::Checkpoint {
            version: VERSION,
            name,
            sha256,
            naming,
            licence,
            source,
            classifier: untrained.classifier,
            fitted,
            drawn: untrained.all,
        }
    }

    /// The file that the classifier is from, where it was fitted elsewhere.
    #[must_use]
    pub fn fitted(&self) -> Option<&Fitted> {
        match self {
            Self::Checkpoint { fitted, .. } => fitted.as_ref(),
            Self::Seed { .. } | Self::Skeleton { .. } => None,
        }
    }

    /// What of the weights is not trained.
    #[must_use]
    pub fn untrained(&self) -> Untrained {
        match self {
            Self::Seed { rule, seed, .. } => Untrained {
                all: Some(Fresh {
                    rule: rule.clone(),
                    seed: *seed,
                }),
                classifier: None,
            },
            Self::Skeleton { seed, .. } => Untrained {
                all: Some(Fresh {
                    rule: SKELETON.to_owned(),
                    seed: *seed,
                }),
                classifier: None,
            },
            Self::Checkpoint {
                classifier, drawn, ..
            } => Untrained {
                all: drawn.clone(),
                classifier: classifier.clone(),
            },
        }
    }
}

impl fmt::Display for Untrained {
    /// `random weights (official init, seed 0)`, `random classifier (official init, seed 0)`, `no weights (skeleton, seed 0)`;
    /// nothing if all is trained.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("weights", &self.all), ("classifier", &self.classifier)];
        let mut before = "";
        for (what, fresh) in parts {
            let Some(Fresh { rule, seed }) = fresh else {
                continue;
            };
            if rule == SKELETON {
                write!(f, "{before}no {what} (skeleton, seed {seed})")?;
            } else if rule == "constant" {
                write!(f, "{before}constant {what} (constant init)")?;
            } else {
                write!(
                    f,
                    "{before}random {what} ({} init, seed {seed})",
                    rule.shown()
                )?;
            }
            before = ", ";
        }
        Ok(())
    }
}

impl Untrained {
    /// Whether everything is trained.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.all.is_none() && self.classifier.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_trained_is_told() {
        let fresh = |rule: &str| Fresh {
            rule: rule.to_owned(),
            seed: 7,
        };
        let checkpoint = |all, classifier| {
            let text = || "x".to_owned();
            let untrained = Untrained { all, classifier };
            Origin::checkpoint(text(), text(), text(), None, None, untrained, None)
        };
        for (origin, expected) in [
            (
                Origin::seed("official", 7),
                "random weights (official init, seed 7)",
            ),
            (
                Origin::seed("constant", 7),
                "constant weights (constant init)",
            ),
            (Origin::skeleton(7), "no weights (skeleton, seed 7)"),
            (checkpoint(None, None), ""),
            (
                checkpoint(None, Some(fresh("official"))),
                "random classifier (official init, seed 7)",
            ),
            (
                checkpoint(Some(fresh("probe")), Some(fresh("official"))),
                "random weights (probe init, seed 7), random classifier (official init, seed 7)",
            ),
        ] {
            let text = serde_json::to_string(&origin).unwrap();
            let read: Origin = serde_json::from_str(&text).unwrap();
            let untrained = read.untrained();
            assert_eq!(untrained.to_string(), expected);
            assert_eq!(untrained.is_nothing(), expected.is_empty());
        }
    }

    #[test]
    fn records_of_earlier_versions_are_read() {
        let text = r#"{"kind":"checkpoint","version":1,"name":"w","sha256":"0","naming":"timm"}"#;
        let origin: Origin = serde_json::from_str(text).unwrap();
        assert!(origin.untrained().is_nothing());
        assert_eq!(serde_json::to_string(&origin).unwrap(), text);
    }
}
