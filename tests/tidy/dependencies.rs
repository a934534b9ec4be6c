//! Which module knows which: exactly what it may, without circles; and no circle between files.

use crate::circles::{self, Uses};
use crate::paths::{self, ItemPath, Source};
use crate::{MAY_KNOW, root, sources};
use std::collections::{BTreeMap, BTreeSet};

/// All sources below `src`.
pub fn read() -> Vec<Source> {
    paths::read(root(), &sources(&root().join("src")))
}

/// The uses between top-level modules, each with a file that shows it.
pub fn between_modules(read: &[Source]) -> Uses<'_> {
    let modules = read.iter().filter_map(|source| source.module.first());
    let mut uses: Uses = modules
        .map(|module| (module.as_str(), BTreeMap::new()))
        .collect();
    let known: BTreeSet<&str> = uses.keys().copied().collect();
    for source in read {
        let Some(module) = source.module.first() else {
            continue;
        };
        let names = source.names.iter().filter_map(|path| path.first());
        for name in names.filter(|name| known.contains(name.as_str()) && *name != module) {
            let known_here = uses.get_mut(module.as_str()).expect("a known module");
            known_here
                .entry(name)
                .or_insert_with(|| source.file.clone());
        }
    }
    uses
}

#[test]
fn modules_know_exactly_what_they_may() {
    let read = read();
    let uses = between_modules(&read);
    let may_know: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    let mut faults = Vec::new();
    for (module, used) in &uses {
        let Some(allowed) = may_know.get(module) else {
            faults.push(format!("`{module}` is not in `MAY_KNOW`"));
            continue;
        };
        for (name, file) in used {
            if !allowed.contains(name) {
                faults.push(format!("{file}: `{module}` may not know `{name}`"));
            }
        }
        for name in allowed.iter().filter(|name| !used.contains_key(**name)) {
            faults.push(format!(
                "`{module}` does not use `{name}`: take it out of `MAY_KNOW`"
            ));
        }
    }
    for module in may_know
        .keys()
        .filter(|module| !uses.contains_key(**module))
    {
        faults.push(format!("`MAY_KNOW` has `{module}`, which is not a module"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn modules_form_no_circle() {
    let read = read();
    let uses = between_modules(&read);
    let found: Vec<String> = circles::circles(&uses)
        .iter()
        .map(|circle| format!("{}:\n{}", circle.join(", "), circles::shown(&uses, circle)))
        .collect();
    assert!(
        found.is_empty(),
        "these modules know each other: {}",
        found.join("\n")
    );
}

/// Files within one top-level module; a folder's `mod.rs` and what is below it may use each other.
#[test]
fn files_form_no_circle() {
    let read = read();
    let mut uses: Uses = read
        .iter()
        .map(|source| (source.file.as_str(), BTreeMap::new()))
        .collect();
    let by_module: BTreeMap<ItemPath, &Source> = read
        .iter()
        .map(|source| (source.module.clone(), source))
        .collect();
    for source in &read {
        for path in &source.names {
            let Some(target) = paths::home(&by_module, path) else {
                continue;
            };
            let is_family = target.module.starts_with(&source.module)
                || source.module.starts_with(&target.module);
            if !is_family && target.module.first() == source.module.first() {
                let entry = uses.get_mut(source.file.as_str()).expect("a file");
                entry.entry(&target.file).or_insert_with(|| path.join("::"));
            }
        }
    }
    let found: Vec<String> = circles::circles(&uses)
        .iter()
        .map(|circle| format!("{circle:?}\n{}", circles::shown(&uses, circle)))
        .collect();
    assert!(
        found.is_empty(),
        "these files use each other: {}",
        found.join("\n")
    );
}
