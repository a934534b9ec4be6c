//! Checks on the values of a description, and the error that they give.

use crate::files::foreign::Foreign;

/// A value that makes no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {expected}, found {found}", place(*.stage, .key), expected = expected.shown(), found = found.shown())]
pub struct RecordError {
    /// Index of the stage, from 0, if it is in one.
    pub stage: Option<usize>,
    /// The key, with dots between tables.
    pub key: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

/// More filters than this are a typing error.
pub(super) const MOST_FILTERS: u64 = 1 << 16;

/// Checks values of the top level, or of one stage.
#[derive(Clone, Copy)]
pub(super) struct Checker {
    pub(super) stage: Option<usize>,
}

impl Checker {
    pub(super) fn fault(
        self,
        key: &'static str,
        expected: &str,
        found: &dyn ToString,
    ) -> RecordError {
        RecordError {
            stage: self.stage,
            key,
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }

    pub(super) fn within(
        self,
        key: &'static str,
        value: u64,
        most: u64,
    ) -> Result<u64, RecordError> {
        if (1..=most).contains(&value) {
            Ok(value)
        } else {
            Err(self.fault(key, &format!("a number from 1 to {most}"), &value))
        }
    }

    pub(super) fn named<T: Copy>(
        self,
        key: &'static str,
        name: &str,
        table: &[(&str, T)],
    ) -> Result<T, RecordError> {
        let known = table.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<String> = table.iter().map(|(name, _)| quoted(name)).collect();
            self.fault(key, &names.join(" or "), &quoted(name))
        })
    }
}

fn place(stage: Option<usize>, key: &str) -> String {
    match stage {
        Some(index) => format!("`{key}` of stage {}", index + 1),
        None => format!("`{key}`"),
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", text.shown())
}

pub(super) fn name_of<T: Copy + PartialEq>(table: &[(&str, T)], value: T) -> String {
    let entry = table.iter().find(|(_, known)| *known == value);
    entry.map_or("sigmoid", |(name, _)| name).to_owned()
}
