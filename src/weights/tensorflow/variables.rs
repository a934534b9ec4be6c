//! Which of a training run's variables are the model's, and under which names. Knows no layer.

use crate::weights::offer::{GroupKind, LeftOut, LeftOutGroup};
use std::collections::{BTreeMap, BTreeSet};

/// What `tf.train.ExponentialMovingAverage` puts after a variable's name. The published accuracies are the averages'
/// (tensorflow/tpu `eval_ckpt_main.py`, `restore_model` with `enable_ema`).
pub(super) const AVERAGE: &str = "ExponentialMovingAverage";

/// A model's variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// For each variable, without the scope that all share: its name in the checkpoint, or its average's.
    pub(super) variables: BTreeMap<String, String>,
    /// Whether averages stand in for variables.
    pub(super) is_averaged: bool,
    /// What stays behind, and what accounts for it.
    pub(super) left_out: Vec<LeftOutGroup>,
}

/// Variables outside the model's scope that optimisers keep (tensorflow `training/adam.py`), and what counts steps.
const STATE: [&str; 5] = [
    "beta1_power",
    "beta2_power",
    "global_step",
    "learning_rate",
    "loss_scale",
];

impl Model {
    /// Chooses among the names of floating-point tensors.
    ///
    /// What lies below a variable is kept for it by an optimiser: `stem/conv2d/kernel/RMSProp_1`.
    pub(super) fn choose(names: &[&str]) -> Self {
        let variable = |name: &&str| match name.rsplit_once('/') {
            Some((variable, AVERAGE)) => (variable.to_owned(), true),
            _ => ((*name).to_owned(), false),
        };
        let all: BTreeSet<String> = names.iter().map(|name| variable(name).0).collect();
        let mut chosen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut is_averaged = false;
        let mut left_out = LeftOut::default();
        for name in names {
            let (of, is_average) = variable(name);
            if let Some((parent, slot)) = of.rsplit_once('/')
                && all.contains(parent)
            {
                left_out.add(GroupKind::Optimiser, slot, name);
            } else if STATE.contains(&of.as_str()) {
                left_out.add(GroupKind::Training, &of, name);
            } else if let Some(of) = all.get(&of) {
                // The names are sorted, so a variable comes before its average.
                let raw = chosen.insert(of, name);
                is_averaged |= is_average;
                if let Some(raw) = raw {
                    left_out.add(GroupKind::Averaged, "variables", raw);
                }
            }
        }
        let scope = scope(chosen.keys().copied());
        let short = |variable: &str| -> Option<String> {
            let short = variable.strip_prefix(scope?)?.strip_prefix('/')?;
            Some(short.to_owned())
        };
        // What is outside the scope keeps its name, and is unexpected in any network.
        let name = |variable: &str| {
            let short = short(variable).filter(|short| !chosen.contains_key(short.as_str()));
            short.unwrap_or_else(|| variable.to_owned())
        };
        let variables = chosen
            .iter()
            .map(|(variable, stored)| (name(variable), (*stored).to_owned()))
            .collect();
        Self {
            variables,
            is_averaged,
            left_out: left_out.into_groups(),
        }
    }
}

/// The scope of all variables that have one.
fn scope<'a>(variables: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut scopes = variables.filter_map(|variable| Some(variable.split_once('/')?.0));
    let first = scopes.next()?;
    scopes.all(|scope| scope == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> (Vec<(String, String)>, bool) {
        let model = Model::choose(names);
        (model.variables.into_iter().collect(), model.is_averaged)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(short, stored): &(&str, &str)| ((*short).to_owned(), (*stored).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn averages_are_preferred_and_slots_left() {
        let names = [
            "beta1_power",
            "m/head/dense/bias",
            "m/head/dense/bias/ExponentialMovingAverage",
            "m/head/dense/bias/RMSProp",
            "m/head/dense/bias/RMSProp_1",
            "m/stem/conv2d/kernel",
            "m/stem/conv2d/kernel/Momentum",
            "m/stem/lone/ExponentialMovingAverage",
        ];
        let expected = pairs(&[
            (
                "head/dense/bias",
                "m/head/dense/bias/ExponentialMovingAverage",
            ),
            ("stem/conv2d/kernel", "m/stem/conv2d/kernel"),
            ("stem/lone", "m/stem/lone/ExponentialMovingAverage"),
        ]);
        assert_eq!(chosen(&names), (expected, true));
        let left_out = Model::choose(&names).left_out;
        let left_out: Vec<_> = left_out
            .iter()
            .map(|group| (group.kind, group.place.as_str(), &group.names[..]))
            .collect();
        let expected = [
            (
                GroupKind::Training,
                "beta1_power",
                &["beta1_power".to_owned()][..],
            ),
            (
                GroupKind::Averaged,
                "variables",
                &["m/head/dense/bias".to_owned()],
            ),
            (
                GroupKind::Optimiser,
                "RMSProp",
                &["m/head/dense/bias/RMSProp".to_owned()],
            ),
            (
                GroupKind::Optimiser,
                "RMSProp_1",
                &["m/head/dense/bias/RMSProp_1".to_owned()],
            ),
            (
                GroupKind::Optimiser,
                "Momentum",
                &["m/stem/conv2d/kernel/Momentum".to_owned()],
            ),
        ];
        assert_eq!(left_out, expected);
    }

    #[test]
    fn an_unknown_variable_outside_the_scope_is_not_lost() {
        let names = ["m/head/dense/bias", "m/stem/conv2d/kernel", "temperature"];
        let expected = pairs(&[
            ("head/dense/bias", names[0]),
            ("stem/conv2d/kernel", names[1]),
            ("temperature", names[2]),
        ]);
        assert_eq!(chosen(&names), (expected, false));
    }

    #[test]
    fn only_a_scope_of_all_goes() {
        let names = ["head/dense/bias", "stem/conv2d/kernel"];
        let expected = pairs(&[(names[0], names[0]), (names[1], names[1])]);
        assert_eq!(chosen(&names), (expected, false));
        assert_eq!(chosen(&[]), (Vec::new(), false));
    }
}
