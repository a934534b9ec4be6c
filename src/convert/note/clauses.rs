//! Sentences of notes that are put together from parts.

use super::{ClassifierSource, ReplacedHead};
use crate::files::foreign::{self, Foreign, list};
use crate::onnx::check::targets::Faults;
use crate::weights::offer::Listed;
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

/// A classifier in the place of a checkpoint's head.
pub(super) fn new_classifier(
    f: &mut fmt::Formatter<'_>,
    classes: u64,
    from: &ClassifierSource,
    replaced: &ReplacedHead,
) -> fmt::Result {
    match from {
        ClassifierSource::Seed(seed) => write!(
            f,
            "an untrained classifier of {classes} classes, drawn from seed {seed}, "
        )?,
        ClassifierSource::File(path) => {
            let classes = match classes {
                1 => "1 class, whose probability is a sigmoid,".to_owned(),
                classes => format!("{classes} classes"),
            };
            write!(f, "a classifier of {classes} from `{}` ", path.shown())?;
        }
    }
    match replaced {
        ReplacedHead::Nothing => f.write_str("is added to a checkpoint without one"),
        ReplacedHead::Classifier {
            classes,
            module: None,
        } => write!(f, "replaces the checkpoint's of {classes}"),
        ReplacedHead::Classifier {
            classes,
            module: Some(module),
        } => write!(
            f,
            "replaces the checkpoint's of {classes}, its `{}`",
            module.shown()
        ),
        ReplacedHead::Layers => f.write_str("replaces all layers of the checkpoint's head"),
    }
}

/// A head, and which modules are its layers.
pub(super) fn head_read(f: &mut fmt::Formatter<'_>, head: &str, modules: &[String]) -> fmt::Result {
    write!(f, "the checkpoint's head is `{head}`")?;
    let modules = modules.iter().map(|module| format!("`{}`", module.shown()));
    match modules.len() {
        0 => Ok(()),
        _ => write!(f, ", whose layers with tensors are {}", list(modules)),
    }
}

/// Tensors of a head that is not read.
pub(super) fn layers_left_out(f: &mut fmt::Formatter<'_>, tensors: &[Listed]) -> fmt::Result {
    let tensors = tensors
        .iter()
        .map(|(name, shape)| format!("`{}` {}", name.shown(), foreign::shape(shape)));
    write!(
        f,
        "left out the layers of the checkpoint's head: {}",
        list(tensors)
    )
}
