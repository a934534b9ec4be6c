//! Finds circles in "uses" relations.

use std::collections::{BTreeMap, BTreeSet};

/// What uses what, and for each use a place that shows it.
pub type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

/// Everything that a node reaches by one use or more.
pub fn reached<'a>(uses: &Uses<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(node) = waiting.pop() {
        for &next in uses.get(node).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next) {
                waiting.push(next);
            }
        }
    }
    found
}

/// Sets of nodes that reach each other, each set sorted.
pub fn circles<'a>(uses: &Uses<'a>) -> BTreeSet<Vec<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|&node| (node, reached(uses, node)))
        .collect();
    reach
        .iter()
        .filter(|(node, reached)| reached.contains(*node))
        .map(|(node, reached)| {
            let back = reached.iter().copied();
            back.filter(|other| reach.get(other).is_some_and(|back| back.contains(node)))
                .collect()
        })
        .collect()
}

/// The uses within a circle, a line each.
pub fn shown(uses: &Uses, circle: &[&str]) -> String {
    let mut lines = Vec::new();
    for node in circle {
        for (used, place) in &uses[node] {
            if circle.contains(used) {
                lines.push(format!("  {node} uses {used}: {place}"));
            }
        }
    }
    lines.join("\n")
}

#[test]
fn circles_are_found() {
    let uses: Uses = [
        ("a", vec!["b", "d"]),
        ("b", vec!["c"]),
        ("c", vec!["a"]),
        ("d", vec!["e"]),
        ("e", vec![]),
        ("f", vec!["f"]),
    ]
    .into_iter()
    .map(|(node, used)| {
        (
            node,
            used.into_iter().map(|used| (used, String::new())).collect(),
        )
    })
    .collect();
    let expected = BTreeSet::from([vec!["a", "b", "c"], vec!["f"]]);
    assert_eq!(circles(&uses), expected);
    assert_eq!(shown(&uses, &["a", "b", "c"]).lines().count(), 3);
}
