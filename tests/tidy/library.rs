//! What sets the library apart from the command: it names no flag, never prints and never exits, and gives each public type
//! a name of its own.

use crate::{root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Modules that are the command's, or no part of the interface.
const NOT_THE_LIBRARY: [&str; 3] = ["cli", "main.rs", "internals.rs"];

/// Files of the library: their place below `src`, and the text before their unit tests.
fn library() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut found = Vec::new();
    for (path, text) in sources(&src) {
        let place = path.strip_prefix(&src).expect("below src");
        let first = place.iter().next().and_then(|part| part.to_str());
        let is_test = place
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        if is_test || first.is_some_and(|first| NOT_THE_LIBRARY.contains(&first)) {
            continue;
        }
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        found.push((place.display().to_string(), text[..end].to_owned()));
    }
    found
}

/// Lines that are no comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn the_library_names_no_flag_of_the_command() {
    let flag = |line: &str| {
        line.match_indices("`--").any(|(at, _)| {
            let next = line[at + 3..].chars().next();
            next.is_some_and(|next| next.is_ascii_lowercase())
        })
    };
    let mut faults = Vec::new();
    for (place, text) in library() {
        for (number, line) in code(&text).filter(|(_, line)| flag(line)) {
            faults.push(format!("src/{place}:{}: {}", number + 1, line.trim()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Clippy refuses `print!` and `exit`; what it does not see is a stream that is opened.
#[test]
fn the_library_opens_no_standard_output() {
    let streams = ["stdout()", "stderr()"];
    let mut faults = Vec::new();
    for (place, text) in library() {
        // A worker answers its parent there.
        if place == "runtime/process/serve.rs" {
            continue;
        }
        let opens = |line: &str| streams.iter().any(|stream| line.contains(stream));
        for (number, line) in code(&text).filter(|(_, line)| opens(line)) {
            faults.push(format!("src/{place}:{}: {}", number + 1, line.trim()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Names that two modules share on purpose: the canonical graph and the one that is spelled in ONNX.
const IN_BOTH_GRAPHS: [&str; 6] = [
    "Graph",
    "GraphBuilder",
    "Node",
    "Value",
    "ValueId",
    "ValueKind",
];

#[test]
fn no_two_public_types_share_a_name() {
    let library = library();
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (place, text) in &library {
        // Generated from ONNX's own names.
        if Path::new(place).ends_with("onnx/proto.rs") || is_private(place, &library) {
            continue;
        }
        for (_, line) in code(text) {
            let kinds = ["pub struct ", "pub enum ", "pub trait ", "pub type "];
            let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind));
            let end = |c: char| !c.is_alphanumeric();
            if let Some(name) = rest.and_then(|rest| rest.split(end).next()) {
                named.entry(name).or_default().insert(place);
            }
        }
    }
    assert!(named.len() > 100, "the types are found: {}", named.len());
    let faults: Vec<String> = named
        .iter()
        .filter(|(name, places)| places.len() > 1 && !IN_BOTH_GRAPHS.contains(name))
        .map(|(name, places)| format!("{name}: {places:?}"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a user cannot name what a file declares: its module is private, and the module above does not give it out.
fn is_private(place: &str, library: &[(String, String)]) -> bool {
    let path = Path::new(place);
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let (name, above) = match (stem, path.parent()) {
        (Some("mod"), Some(folder)) => (
            folder.file_name().and_then(|name| name.to_str()),
            folder.parent(),
        ),
        (stem, folder) => (stem, folder),
    };
    let (Some(name), Some(above)) = (name, above) else {
        return false;
    };
    let parents = [
        above.join("mod.rs"),
        above.with_extension("rs"),
        above.join("lib.rs"),
    ];
    let parent = library
        .iter()
        .find(|(place, _)| parents.iter().any(|parent| Path::new(place) == parent));
    let Some((parent, text)) = parent else {
        return false;
    };
    if parent == place {
        return false;
    }
    let declares = |how: &str| text.contains(&format!("{how}mod {name};"));
    let gives_out = text.contains(&format!("pub use {name}::"));
    let is_shut = !declares("\npub ") && !gives_out;
    is_shut || is_private(parent, library)
}
