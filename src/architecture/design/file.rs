//! Architecture files: TOML, and where in it a mistake stands.

use super::{Design, Record, RecordError};
use crate::files::foreign::{Foreign, said};
use crate::files::open_input;
use std::fmt::Write;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that describes no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}", message = message.shown())]
pub struct DesignTextError {
    /// From 1.
    pub line: usize,
    message: String,
}

/// Why a file gives no network.
#[derive(Debug, thiserror::Error)]
pub enum DesignError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {source}", path.shown(), source = said(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It has more than 1 MiB.
    #[error("`{}` is larger than {LARGEST} bytes, expected an architecture file", path.shown())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It describes no network.
    #[error("`{}`, {source}", path.shown())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where, and why not.
        source: DesignTextError,
    },
}

/// Bytes of the largest architecture file that is read.
const LARGEST: u64 = 1 << 20;

/// Reads the network that the file at `path` describes.
///
/// # Errors
/// If it cannot be read, or as [`parse_file`].
pub fn read_file(path: &Path) -> Result<Design, DesignError> {
    let path = path.to_owned();
    let mut text = String::new();
    let read = open_input(&path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    match read {
        Err(source) => Err(DesignError::Read { path, source }),
        Ok(_) if text.len() as u64 > LARGEST => Err(DesignError::TooLarge { path }),
        Ok(_) => parse_file(&text).map_err(|source| DesignError::Parse { path, source }),
    }
}

/// The network that a file describes.
///
/// # Errors
/// If it is not TOML, has a key that is not known or lacks one that is needed, or a value makes no network; the
/// error tells the line and the key.
pub fn parse_file(text: &str) -> Result<Design, DesignTextError> {
    let tree = DeTable::parse(text).map_err(|error| syntax(text, None, &error))?;
    let record: Record =
        toml::from_str(text).map_err(|error| syntax(text, Some(tree.get_ref()), &error))?;
    record.design().map_err(|error| DesignTextError {
        line: line(text, position(tree.get_ref(), &error)),
        message: error.to_string(),
    })
}

/// A file that describes a network; [`parse_file`] gives it back. None if a part of the network has no keys.
#[must_use]
pub fn write_file(design: &Design) -> Option<String> {
    let Record {
        name,
        resolution,
        stem_filters,
        head_filters,
        activation,
        padding,
        bn_epsilon,
        classes,
        in_channels,
        squeeze,
        stages,
    } = Record::of(design)?;
    let mut lines = vec![
        format!("name = {}", text(&name)),
        format!("resolution = {resolution}"),
        format!("stem_filters = {stem_filters}"),
        format!("head_filters = {head_filters}"),
        format!("activation = {}", text(&activation)),
        format!("padding = {}", text(&padding)),
        format!("bn_epsilon = {bn_epsilon:?}"),
        format!("classes = {classes}"),
        format!("in_channels = {in_channels}"),
    ];
    let optional = |key: &str, value: Option<String>| value.map(|value| format!("{key} = {value}"));
    lines.extend(optional(
        "squeeze.share_of",
        squeeze.share_of.as_deref().map(text),
    ));
    lines.extend(optional(
        "squeeze.activation",
        squeeze.activation.as_deref().map(text),
    ));
    lines.push("stages = [".to_owned());
    for stage in &stages {
        let entries = [
            optional("block", Some(text(&stage.block))),
            optional("kernel_size", Some(stage.kernel_size.to_string())),
            optional("num_repeat", Some(stage.num_repeat.to_string())),
            optional("stride", Some(stage.stride.to_string())),
            optional("expand_ratio", Some(stage.expand_ratio.to_string())),
            optional("expansion", stage.expansion.map(|value| value.to_string())),
            optional(
                "input_filters",
                stage.input_filters.map(|value| value.to_string()),
            ),
            optional("output_filters", Some(stage.output_filters.to_string())),
            optional("se_ratio", stage.se_ratio.map(|value| format!("{value:?}"))),
            optional("skip", stage.skip.map(|value| value.to_string())),
            optional("experts", stage.experts.map(|value| value.to_string())),
        ];
        let entries: Vec<String> = entries.into_iter().flatten().collect();
        lines.push(format!("  {{ {} }},", entries.join(", ")));
    }
    lines.push("]".to_owned());
    Some(lines.iter().fold(String::new(), |mut file, line| {
        // Writing to a string does not fail.
        let _ = writeln!(file, "{line}");
        file
    }))
}

/// A basic string; TOML escapes a quote and a backslash as Rust does, and names have no control characters.
fn text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What the parser calls types, and what people do.
const TYPES: [(&str, &str); 3] = [
    ("expected u64", "expected a whole number"),
    ("expected f64", "expected a number"),
    ("expected a boolean", "expected `true` or `false`"),
];

/// What the parser says, with the key in which it stands.
fn syntax(text: &str, tree: Option<&DeTable<'_>>, error: &toml::de::Error) -> DesignTextError {
    let span = error.span().unwrap_or_default();
    let message = TYPES.iter().fold(
        error.message().replace('\n', ", "),
        |message, (rust, person)| message.replace(rust, person),
    );
    let key = match tree {
        // What is missing has no place of its own.
        Some(_) if span.is_empty() => None,
        Some(tree) => key_at(tree, &span),
        // What could not be parsed, such as a key that stands there twice.
        None => text
            .get(span.clone())
            .filter(|found| !found.is_empty() && !found.contains('\n'))
            .map(str::to_owned),
    };
    DesignTextError {
        line: line(text, span.start),
        message: match key {
            Some(key) => format!("`{key}`: {message}"),
            None => message,
        },
    }
}

/// The path of the innermost entry that has a span within it, with stages counted from 1.
fn key_at(table: &DeTable<'_>, faulty: &Range<usize>) -> Option<String> {
    let within = |span: Range<usize>| span.start <= faulty.start && faulty.end <= span.end;
    let (key, value) = table
        .iter()
        .find(|(key, value)| within(key.span()) || within(value.span()))?;
    let name = key.get_ref();
    let inner = match value.get_ref() {
        DeValue::Table(table) => key_at(table, faulty).map(|inner| format!("{name}.{inner}")),
        DeValue::Array(array) => array.iter().enumerate().find_map(|(index, value)| {
            let path = format!("{name}[{}]", index + 1);
            let table = value.get_ref().as_table();
            let inner = table.and_then(|table| key_at(table, faulty));
            within(value.span())
                .then(|| inner.map_or(path.clone(), |inner| format!("{path}.{inner}")))
        }),
        _ => None,
    };
    Some(inner.unwrap_or_else(|| name.to_string()))
}

/// Where the value stands that makes no network, or else what should have it.
fn position(tree: &DeTable<'_>, error: &RecordError) -> usize {
    let mut start = 0;
    let mut table = tree;
    if let Some(index) = error.stage {
        let stage = tree
            .get("stages")
            .and_then(|stages| stages.get_ref().get(index));
        let Some(found) = stage else { return 0 };
        start = found.span().start;
        match found.get_ref().as_table() {
            Some(found) => table = found,
            None => return start,
        }
    }
    for name in error.key.split('.') {
        let Some((key, value)) = table.get_key_value(name) else {
            return start;
        };
        start = Spanned::span(key).start;
        match value.get_ref().as_table() {
            Some(inner) => table = inner,
            None => return start,
        }
    }
    start
}

fn line(text: &str, position: usize) -> usize {
    let before = text.as_bytes().get(..position).unwrap_or_default();
    1 + before
        .split(|byte| *byte == b'\n')
        .count()
        .saturating_sub(1)
}
