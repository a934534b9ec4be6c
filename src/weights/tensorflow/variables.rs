//! Which of a training run's variables are the model's, and under which names. Knows no layer.

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
}

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
        for name in names {
            let (of, is_average) = variable(name);
            let is_slot = of
                .rsplit_once('/')
                .is_some_and(|(parent, _)| all.contains(parent));
            if let Some(of) = all.get(&of).filter(|_| !is_slot) {
                if is_average {
                    is_averaged = true;
                    chosen.insert(of, name);
                } else {
                    chosen.entry(of).or_insert(name);
                }
            }
        }
        let scope = scope(chosen.keys().copied());
        let variables = chosen
            .into_iter()
            .filter_map(|(variable, stored)| {
                let short = match scope {
                    Some(scope) => variable.strip_prefix(scope)?.strip_prefix('/')?,
                    None => variable,
                };
                Some((short.to_owned(), stored.to_owned()))
            })
            .collect();
        Self {
            variables,
            is_averaged,
        }
    }
}

/// The scope of all variables that have one; what has none, such as `beta1_power`, is no layer's.
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
    }

    #[test]
    fn only_a_scope_of_all_goes() {
        let names = ["head/dense/bias", "stem/conv2d/kernel"];
        let expected = pairs(&[(names[0], names[0]), (names[1], names[1])]);
        assert_eq!(chosen(&names), (expected, false));
        assert_eq!(chosen(&[]), (Vec::new(), false));
    }
}
