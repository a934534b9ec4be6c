//! Sentences of notes that are put together from parts.

use crate::files::foreign::{Foreign, list};
use crate::onnx::check::targets::Faults;
use std::fmt;

/// What toolchains do with something that not all take: `a computes it wrongly in silence, and b, c refuse it`.
pub(super) fn clauses(faults: &Faults) -> String {
    let Faults {
        wrong,
        refuse,
        cautions,
    } = faults;
    let mut parts = Vec::new();
    if !wrong.is_empty() {
        let verbs = ["computes it wrongly", "compute it wrongly"];
        parts.push(format!("{} in silence", clause(wrong, verbs[0], verbs[1])));
    }
    if !refuse.is_empty() {
        parts.push(format!("{} it", clause(refuse, "refuses", "refuse")));
    }
    parts.extend(cautions.iter().cloned());
    parts.join(", and ")
}

/// Names with the verb of one or of several: `a, b refuse`.
fn clause(names: &[&str], one: &str, several: &str) -> String {
    let verb = if names.len() == 1 { one } else { several };
    format!("{} {verb}", names.join(", "))
}

/// Which state dict was read, and which others were left out.
pub(super) fn nest_read(
    f: &mut fmt::Formatter<'_>,
    nest: &str,
    is_averaged: bool,
    others: &[String],
) -> fmt::Result {
    let nest = nest.shown();
    if others.is_empty() {
        return write!(f, "the checkpoint's weights are its `{nest}`");
    }
    let what = if is_averaged { "averages" } else { "weights" };
    let others = others.iter().map(|place| match place.as_str() {
        "" => "the one without a prefix".to_owned(),
        place => format!("`{}`", place.shown()),
    });
    write!(
        f,
        "read the {what} in `{nest}`; left out another state dict of the network: {}",
        list(others)
    )
}
