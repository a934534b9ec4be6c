//! What a file's logits mean: the record under [`HEAD_KEY`](super::HEAD_KEY).

use crate::files::foreign::Foreign;
use crate::network::ClassActivation;
use serde::{Deserialize, Serialize};

/// Version of the record that is written.
const VERSION: u32 = 1;

/// How logits become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct HeadRecord {
    /// What turns logits into probabilities.
    pub activation: ClassActivation,
}

/// The record as it is in a file. A field that this version does not know could change what the probabilities mean, so
/// it is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    activation: String,
}

impl HeadRecord {
    /// The record in a file, or that of a file without one: earlier versions wrote none.
    ///
    /// # Errors
    /// If the text is not a record that this version knows.
    pub fn read(text: Option<&str>, classes: u64) -> Result<Self, serde_json::Error> {
        match text {
            Some(text) => serde_json::from_str(text),
            None => Ok(Self {
                activation: ClassActivation::for_classes(classes),
            }),
        }
    }
}

impl From<HeadRecord> for Stored {
    fn from(head: HeadRecord) -> Self {
        Self {
            version: VERSION,
            activation: head.activation.name().to_owned(),
        }
    }
}

impl TryFrom<Stored> for HeadRecord {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if stored.version != VERSION {
            return Err(format!("version {}, expected {VERSION}", stored.version));
        }
        let activation = ClassActivation::by_name(&stored.activation).ok_or_else(|| {
            format!(
                "activation `{}`, expected `softmax` or `sigmoid`",
                stored.activation.shown()
            )
        })?;
        Ok(Self { activation })
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
        let text = r#"{"version":1,"activation":"sigmoid"}"#;
        let head = HeadRecord {
            activation: Sigmoid,
        };
        assert_eq!(serde_json::to_string(&head).unwrap(), text);
        assert_eq!(HeadRecord::read(Some(text), 5).unwrap(), head);
        for (wrong, message) in [
            (
                r#"{"version":2,"activation":"sigmoid"}"#,
                "version 2, expected 1",
            ),
            (
                r#"{"version":1,"activation":"tanh"}"#,
                "activation `tanh`, expected `softmax` or `sigmoid`",
            ),
            (
                r#"{"version":1,"activation":"sigmoid","thresholds":[0.3]}"#,
                "unknown field `thresholds`",
            ),
        ] {
            let error = HeadRecord::read(Some(wrong), 5).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
