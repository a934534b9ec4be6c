//! Values of JSON files that others wrote, each read or refused by its key.

use crate::files::foreign::{Foreign, said};
use crate::files::read_input;
use crate::labels;
use serde_json::Value;
use std::path::Path;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot be read: {error}", error = said(.0))]
    Io(#[from] std::io::Error),
    /// It is not JSON.
    #[error("is not JSON: {error}", error = said(.0))]
    NotJson(#[from] serde_json::Error),
    /// It is another library's, or of another network.
    #[error("has no `architecture`, which timm's configurations have, and {}", not_transformers(model_type.as_deref()))]
    Foreign {
        /// What it says in transformers' way, if it does.
        model_type: Option<String>,
    },
    /// The network is not timm's own.
    #[error("has `{key}` {found}, which makes another network of it: expected {expected}", key = key.shown(), found = found.shown())]
    Changed {
        /// Name of the argument.
        key: String,
        /// What it is, shortened.
        found: String,
        /// What the network here has.
        expected: &'static str,
    },
    /// Its object of class names is none.
    #[error("has `{key}` that cannot be used: {problem}")]
    Labels {
        /// Its name.
        key: &'static str,
        /// What is wrong.
        problem: labels::ReadError,
    },
    /// A value is of another kind.
    #[error("has `{key}` {found}, expected {expected}", found = found.shown())]
    Value {
        /// Its name.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
}

/// With names and descriptions of all of ImageNet-21k it has 2 MB; parsed, a hostile one takes up to 30 times its size.
const LARGEST: u64 = 4 << 20;
/// Characters of a value that an error quotes.
const QUOTED: usize = 60;

/// The JSON of a file.
pub(super) fn read(path: &Path) -> Result<Value, ConfigError> {
    Ok(serde_json::from_slice(&read_input(path, LARGEST)?)?)
}

/// The start of a text, as an error quotes it.
pub(super) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(QUOTED).collect();
    start.shown().to_string()
}

/// A value that may be left out, or be null.
pub(super) fn optional<T>(
    value: Option<&Value>,
    key: &'static str,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(wrong(key, expected, value)),
        },
    }
}

/// The error of a value of another kind.
pub(super) fn wrong(key: &'static str, expected: &'static str, value: &Value) -> ConfigError {
    let found = format!("`{}`", quoted(&value.to_string()));
    ConfigError::Value {
        key,
        expected,
        found,
    }
}

fn not_transformers(model_type: Option<&str>) -> String {
    match model_type {
        None => "no `model_type`, which transformers' have".to_owned(),
        Some(other) => format!(
            "its `model_type` is `{}`, expected `efficientnet` or `timm_wrapper`",
            quoted(other)
        ),
    }
}
