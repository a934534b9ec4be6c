//! Reading a list of class names that a user gives: one a line, or JSON in the forms that libraries keep them.

use crate::files::foreign::{Foreign, said};
use crate::files::open_input;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a list of names cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Not text.
    #[error("expected text in UTF-8")]
    NotText,
    /// It starts like JSON and is not.
    #[error("it starts like JSON, but is not: {error}", error = said(.0))]
    NotJson(serde_json::Error),
    /// An element is no name.
    #[error("expected a name for class {class}, found `{found}`", class = class.shown(), found = found.shown())]
    NotName {
        /// Its place in the list, or its key.
        class: String,
        /// What is there, shortened.
        found: String,
    },
    /// A key of a JSON object is no class index, or one is left out.
    #[error("expected the keys `0` to `{last}`, found `{found}`", found = found.shown())]
    Keys {
        /// The largest key that so many entries can have.
        last: usize,
        /// The first that is out of place.
        found: String,
    },
}

/// Why a file gives no names.
#[derive(Debug, Error)]
pub enum ListError {
    /// It cannot be read, or has more than 4 MiB.
    #[error("cannot read `{}`: {source}", path.shown(), source = said(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no list of names.
    #[error("`{}`: {source}", path.shown())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
}

/// Names of all 21,843 classes of ImageNet-21k take 0.4 MB; parsed, a hostile list takes up to 30 times its size.
const LARGEST: u64 = 4 << 20;

/// Characters of a file that an error quotes.
const QUOTED: usize = 60;

/// Reads the names in the file at `path`, in the order of the classes, as [`read`] does.
///
/// # Errors
/// If it cannot be read, has more than 4 MiB, or is no list of names.
pub fn read_file(path: &Path) -> Result<Vec<String>, ListError> {
    let read_error = |source| ListError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let length = open_input(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(read_error)?;
    if length as u64 > LARGEST {
        return Err(read_error(io::Error::other("it is larger than 4 MiB")));
    }
    read(&bytes).map_err(|source| ListError::Parse {
        path: path.to_owned(),
        source,
    })
}

/// Names in the order of the classes.
///
/// A JSON array of strings; a JSON object from class indices to strings, as `id2label` of a Hugging Face
/// `config.json`, or to lists that end with the name, as Keras's `imagenet_class_index.json`; else text with
/// one name a line.
///
/// # Errors
/// If it is none of these.
pub fn read(bytes: &[u8]) -> Result<Vec<String>, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().chars().next() {
        Some('[' | '{') => of_json(&serde_json::from_str(text).map_err(ReadError::NotJson)?),
        _ => {
            let lines = text.trim_end().lines().map(str::trim).enumerate();
            lines.map(|(class, line)| name(&class, line)).collect()
        }
    }
}

/// Names of a JSON array or object, as [`read`] takes them.
///
/// # Errors
/// If it is neither.
pub fn of_json(json: &Value) -> Result<Vec<String>, ReadError> {
    match json {
        Value::Array(names) => {
            let names = names.iter().enumerate();
            names
                .map(|(class, value)| of_value(&class, value))
                .collect()
        }
        Value::Object(entries) => {
            let last = entries.len().saturating_sub(1);
            let mut names = BTreeMap::new();
            for (key, value) in entries {
                let misplaced = || ReadError::Keys {
                    last,
                    found: quoted(key),
                };
                let class: usize = key.parse().map_err(|_| misplaced())?;
                if class > last || names.insert(class, of_value(key, value)?).is_some() {
                    return Err(misplaced());
                }
            }
            Ok(names.into_values().collect())
        }
        other => Err(not_name(&"0", &other.to_string())),
    }
}

fn of_value(class: &impl ToString, value: &Value) -> Result<String, ReadError> {
    match value {
        Value::String(text) => name(class, text),
        Value::Array(parts) => match parts.last() {
            Some(Value::String(text)) => name(class, text),
            _ => Err(not_name(class, &value.to_string())),
        },
        other => Err(not_name(class, &other.to_string())),
    }
}

fn name(class: &impl ToString, text: &str) -> Result<String, ReadError> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(not_name(class, text));
    }
    Ok(text.to_owned())
}

fn not_name(class: &impl ToString, found: &str) -> ReadError {
    ReadError::NotName {
        class: quoted(&class.to_string()),
        found: quoted(found),
    }
}

fn quoted(text: &str) -> String {
    text.chars()
        .take(QUOTED)
        .collect::<String>()
        .shown()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_same_names() {
        for text in [
            "cat\nsea dog\r\n",
            "\u{feff}cat\nsea dog",
            r#"["cat", "sea dog"]"#,
            r#" {"1": "sea dog", "0": "cat"}"#,
            r#"{"0": ["n02121808", "cat"], "1": ["n02084071", "sea dog"]}"#,
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), ["cat", "sea dog"], "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for (bytes, message) in [
            (&b"\xff\xfe"[..], "expected text in UTF-8"),
            (b"cat\n\ndog", "expected a name for class 1, found ``"),
            (
                b"cat\na\x1b[31mdog",
                r"expected a name for class 1, found `a\u{1b}[31mdog`",
            ),
            (b"[\"cat\", 7]", "expected a name for class 1, found `7`"),
            (
                b"{\"0\": \"cat\", \"2\": \"dog\"}",
                "expected the keys `0` to `1`, found `2`",
            ),
            (b"{\"cat\": 0}", "expected the keys `0` to `0`, found `cat`"),
            (
                b"{\"0\": \"a\", \"00\": \"b\"}",
                "expected the keys `0` to `1`, found `00`",
            ),
        ] {
            assert_eq!(read(bytes).unwrap_err().to_string(), message);
        }
        let cut = read(b"[\"cat\"").unwrap_err().to_string();
        assert!(
            cut.starts_with("it starts like JSON, but is not: EOF"),
            "{cut}"
        );
    }
}
