//! What a file's logits mean: the record under [`HEAD_KEY`](super::HEAD_KEY).

use super::Thresholds;
use crate::files::foreign::Foreign;
use crate::network::ClassActivation;
use serde::{Deserialize, Serialize, de};

/// Version of a record without thresholds.
const VERSION: u32 = 1;
/// Version of one with them.
const WITH_THRESHOLDS: u32 = 2;

/// How logits become probabilities, and these become classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct HeadRecord {
    /// What turns logits into probabilities.
    pub activation: ClassActivation,
    /// From which probability on a picture is of a class; only of a sigmoid.
    pub thresholds: Option<Thresholds>,
}

/// The record as it is in a file. A field that this version does not know could change what the probabilities mean, so
/// it is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    activation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thresholds: Option<Thresholds>,
}

impl HeadRecord {
    /// The record in a file, or that of a file without one: earlier versions wrote none.
    ///
    /// # Errors
    /// If the text is not a record that this version knows, or its thresholds are not the classes'.
    pub fn read(text: Option<&str>, classes: u64) -> Result<Self, serde_json::Error> {
        let Some(text) = text else {
            return Ok(Self {
                activation: ClassActivation::for_classes(classes),
                thresholds: None,
            });
        };
        let head: Self = serde_json::from_str(text)?;
        if let Some(thresholds) = &head.thresholds {
            thresholds.check(classes).map_err(de::Error::custom)?;
        }
        Ok(head)
    }
}

impl From<HeadRecord> for Stored {
    fn from(head: HeadRecord) -> Self {
        Self {
            version: match head.thresholds {
                None => VERSION,
                Some(_) => WITH_THRESHOLDS,
            },
            activation: head.activation.name().to_owned(),
            thresholds: head.thresholds,
        }
    }
}

impl TryFrom<Stored> for HeadRecord {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if ![VERSION, WITH_THRESHOLDS].contains(&stored.version) {
            return Err(format!(
                "version {}, expected {VERSION} or {WITH_THRESHOLDS}",
                stored.version
            ));
        }
        if (stored.version == WITH_THRESHOLDS) != stored.thresholds.is_some() {
            return Err(format!(
                "version {}, expected `thresholds` in version {WITH_THRESHOLDS} and in no other",
                stored.version
            ));
        }
        let activation = ClassActivation::by_name(&stored.activation).ok_or_else(|| {
            format!(
                "activation `{}`, expected `softmax` or `sigmoid`",
                stored.activation.shown()
            )
        })?;
        if activation == ClassActivation::Softmax && stored.thresholds.is_some() {
            return Err("`thresholds` of a softmax, expected a `sigmoid`".to_owned());
        }
        Ok(Self {
            activation,
            thresholds: stored.thresholds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClassActivation::{Sigmoid, Softmax};

    #[test]
    fn a_file_without_a_record_has_the_usual_activation() {
        for (classes, activation) in [(1, Sigmoid), (2, Softmax), (1000, Softmax)] {
            let head = HeadRecord::read(None, classes).expect("the usual one");
            assert_eq!(head.activation, activation, "{classes}");
        }
    }

    #[test]
    fn a_record_is_read_back_and_one_of_another_version_is_refused() {
        let thresholds = |numbers: &[f64]| Thresholds::new(numbers.to_vec()).ok();
        for (text, thresholds) in [
            (r#"{"version":1,"activation":"sigmoid"}"#, None),
            (
                r#"{"version":2,"activation":"sigmoid","thresholds":[0.3]}"#,
                thresholds(&[0.3]),
            ),
            (
                r#"{"version":2,"activation":"sigmoid","thresholds":[0.1,0.2,0.3,0.4,0.5]}"#,
                thresholds(&[0.1, 0.2, 0.3, 0.4, 0.5]),
            ),
        ] {
            let head = HeadRecord {
                activation: Sigmoid,
                thresholds,
            };
            assert_eq!(serde_json::to_string(&head).unwrap(), text);
            assert_eq!(HeadRecord::read(Some(text), 5).unwrap(), head);
        }
        for (wrong, message) in [
            (
                r#"{"version":3,"activation":"sigmoid"}"#,
                "version 3, expected 1 or 2",
            ),
            (
                r#"{"version":1,"activation":"tanh"}"#,
                "activation `tanh`, expected `softmax` or `sigmoid`",
            ),
            (
                r#"{"version":1,"activation":"sigmoid","margin":0.3}"#,
                "unknown field `margin`",
            ),
            (
                r#"{"version":1,"activation":"sigmoid","thresholds":[0.3]}"#,
                "version 1, expected `thresholds` in version 2",
            ),
            (
                r#"{"version":2,"activation":"sigmoid"}"#,
                "version 2, expected `thresholds` in version 2",
            ),
            (
                r#"{"version":2,"activation":"softmax","thresholds":[0.3]}"#,
                "`thresholds` of a softmax, expected a `sigmoid`",
            ),
            (
                r#"{"version":2,"activation":"sigmoid","thresholds":[0.3,1.0]}"#,
                "threshold 2: expected a number above 0 and below 1, found 1",
            ),
            (
                r#"{"version":2,"activation":"sigmoid","thresholds":[0.3,0.4]}"#,
                "expected 1 threshold, or 5, one for each class, found 2",
            ),
        ] {
            let error = HeadRecord::read(Some(wrong), 5).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
