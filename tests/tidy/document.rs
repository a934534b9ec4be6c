//! `docs/architecture.md` shows which module knows which, in layers; `BLESS=1` writes it anew.

use crate::circles::{Uses, reached};
use crate::dependencies::{between_modules, read};
use crate::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

/// What follows this line in `docs/architecture.md` is generated.
const MARK: &str =
    "<!-- Generated: `BLESS=1 cargo test --release --test tidy` writes all below. -->\n";

/// Nodes in layers: each uses only what is in layers before its own.
///
/// # Panics
/// If there is a circle.
fn layers<'a>(uses: &Uses<'a>) -> Vec<Vec<&'a str>> {
    let mut layers: Vec<Vec<&str>> = Vec::new();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while placed.len() < uses.len() {
        let is_next = |used: &BTreeMap<&str, String>| used.keys().all(|used| placed.contains(used));
        let layer: Vec<&str> = uses
            .iter()
            .filter(|(node, used)| !placed.contains(*node) && is_next(used))
            .map(|(&node, _)| node)
            .collect();
        assert!(!layer.is_empty(), "there is a circle");
        placed.extend(&layer);
        layers.push(layer);
    }
    layers
}

/// The uses that follow from no others: those that a picture needs.
fn direct<'a>(uses: &Uses<'a>) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for (&node, used) in uses {
        for &target in used.keys() {
            let others = used.keys().filter(|other| **other != target);
            if !others
                .into_iter()
                .any(|other| reached(uses, other).contains(target))
            {
                found.push((node, target));
            }
        }
    }
    found
}

/// What each module owns: the table of the crate's documentation, and the first line of what users of the crate do not see.
fn owned() -> BTreeMap<String, String> {
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("the library's root");
    let mut owned: BTreeMap<String, String> = library
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.strip_suffix(" |"))
        .map(|row| {
            let (name, rest) = row.split_once("`]").expect("a linked module");
            let (_, phrase) = rest.split_once(" | ").expect("a second column");
            // Links of the documentation lead nowhere outside it.
            (
                name.to_owned(),
                phrase.replace("[`", "`").replace("`]", "`"),
            )
        })
        .collect();
    for (module, file) in [("cli", "src/cli/mod.rs"), ("internals", "src/internals.rs")] {
        let text = fs::read_to_string(root().join(file)).expect("a module");
        let first = text.lines().next();
        let phrase = first
            .and_then(|line| line.strip_prefix("//! "))
            .expect("a first line");
        owned.insert(module.to_owned(), phrase.trim_end_matches('.').to_owned());
    }
    owned
}

fn generated(uses: &Uses, owned: &BTreeMap<String, String>) -> String {
    let mut text = String::from("\n| layer | module | owns | knows |\n|---|---|---|---|\n");
    for (number, layer) in layers(uses).iter().enumerate() {
        for module in layer {
            let names: Vec<String> = uses[module]
                .keys()
                .map(|name| format!("`{name}`"))
                .collect();
            let knows = if names.is_empty() {
                "–".to_owned()
            } else {
                names.join(", ")
            };
            let phrase = &owned[*module];
            writeln!(text, "| {number} | `{module}` | {phrase} | {knows} |").expect("a string");
        }
    }
    text.push_str("\n```mermaid\ngraph TD\n");
    for (module, used) in direct(uses) {
        writeln!(text, "    {module} --> {used}").expect("a string");
    }
    text.push_str("```\n");
    text
}

#[test]
fn the_architecture_document_is_fresh() {
    let read = read();
    let uses = between_modules(&read);
    let owned = owned();
    let unsaid: Vec<_> = uses
        .keys()
        .filter(|module| !owned.contains_key(**module))
        .collect();
    assert!(
        unsaid.is_empty(),
        "not in the map of src/lib.rs: {unsaid:?}"
    );
    let path = root().join("docs/architecture.md");
    let text = fs::read_to_string(&path)
        .expect("docs/architecture.md")
        .replace("\r\n", "\n");
    let (prose, committed) = text
        .split_once(MARK)
        .expect("the line that precedes what is generated");
    let fresh = generated(&uses, &owned);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{prose}{MARK}{fresh}")).expect("a writable file");
    } else {
        assert_eq!(
            committed, fresh,
            "docs/architecture.md is stale; run `BLESS=1 cargo test --release --test tidy`"
        );
    }
}
