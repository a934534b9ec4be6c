//! The layers after a network's body that a checkpoint has tensors of, told from names and shapes alone.
//!
//! A tensor is of the module that its name begins with, and each module is one layer: kinds are told by which tensors there
//! are. Which activations stand between them, shapes do not tell.

use super::offer::Listed;
use std::collections::BTreeMap;
use std::fmt;

/// A module with tensors, after the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadModule {
    /// Its name in the checkpoint.
    pub name: String,
    /// What its tensors show of it.
    pub kind: HeadModuleKind,
    /// Its tensors, by their names in a network here: `weight`, `bias`, `running_mean`, `running_var`; `p`.
    pub tensors: BTreeMap<&'static str, Listed>,
}

/// A layer as its tensors show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadModuleKind {
    /// A linear layer.
    Linear {
        /// Features that enter it.
        inputs: u64,
        /// Features of the result.
        features: u64,
        /// Whether it has a bias.
        bias: bool,
    },
    /// A batch norm of so many features.
    BatchNorm(u64),
    /// A layer norm of so many features.
    LayerNorm(u64),
    /// The exponent of a generalised mean, one number.
    Power,
}

/// What PyTorch and Keras call a tensor, and what it is called here.
const TENSORS: [(&str, &str); 10] = [
    ("weight", "weight"),
    ("kernel", "weight"),
    ("gamma", "weight"),
    ("bias", "bias"),
    ("beta", "bias"),
    ("running_mean", "running_mean"),
    ("moving_mean", "running_mean"),
    ("running_var", "running_var"),
    ("moving_variance", "running_var"),
    ("p", "p"),
];

/// The modules of tensors, in the order of the modules: as the tensors come, but numbered ones by their numbers.
///
/// # Errors
/// The first tensor that is of no layer.
pub fn modules(tensors: &[Listed]) -> Result<Vec<HeadModule>, Listed> {
    let mut found: Vec<(String, BTreeMap<&'static str, Listed>)> = Vec::new();
    for tensor in tensors {
        let parts = tensor.0.rfind(['.', '/']).map(|place| {
            let (module, name) = tensor.0.split_at(place);
            (module.to_owned(), &name[1..])
        });
        let known = parts.and_then(|(module, name)| {
            let (_, own) = TENSORS.iter().find(|(theirs, _)| *theirs == name)?;
            Some((module, *own))
        });
        let (module, own) = known.ok_or_else(|| tensor.clone())?;
        let place = found.iter().position(|(name, _)| *name == module);
        let place = place.unwrap_or_else(|| {
            found.push((module, BTreeMap::new()));
            found.len() - 1
        });
        if found[place].1.insert(own, tensor.clone()).is_some() {
            return Err(tensor.clone());
        }
    }
    let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    let mut modules = Vec::new();
    for (name, tensors) in found {
        let Some(kind) = kind(&tensors) else {
            let first = tensors.into_values().next();
            return Err(first.unwrap_or_default());
        };
        modules.push(HeadModule {
            name,
            kind,
            tensors,
        });
    }
    modules.sort_by_cached_key(|module| order(&module.name, &names));
    Ok(modules)
}

/// What a module's tensors show of it; none where they are of no layer.
fn kind(tensors: &BTreeMap<&'static str, Listed>) -> Option<HeadModuleKind> {
    let shape = |name: &str| tensors.get(name).map(|(_, shape)| shape.as_slice());
    let names: Vec<&str> = tensors.keys().copied().collect();
    match (names.as_slice(), shape("weight"), shape("bias")) {
        (["weight"], Some(&[features, inputs]), None) => Some(HeadModuleKind::Linear {
            inputs,
            features,
            bias: false,
        }),
        (["bias", "weight"], Some(&[features, inputs]), Some(&[own])) if own == features => {
            Some(HeadModuleKind::Linear {
                inputs,
                features,
                bias: true,
            })
        }
        (["bias", "weight"], Some(&[features]), Some(&[own])) if own == features => {
            Some(HeadModuleKind::LayerNorm(features))
        }
        (["bias", "running_mean", "running_var", "weight"], Some(&[features]), Some(&[own]))
            if own == features
                && shape("running_mean") == Some(&[features])
                && shape("running_var") == Some(&[features]) =>
        {
            Some(HeadModuleKind::BatchNorm(features))
        }
        (["p"], ..) if shape("p")?.iter().product::<u64>() == 1 => Some(HeadModuleKind::Power),
        _ => None,
    }
}

/// Where a module comes: each part of its name by its number, or by which of `names` has that part first.
fn order(module: &str, names: &[String]) -> Vec<usize> {
    let separators = module.match_indices(['.', '/']).map(|(place, _)| place);
    let ends: Vec<usize> = separators.chain([module.len()]).collect();
    let mut start = 0;
    let place = |end: &usize| {
        let part = &module[start..*end];
        start = end + 1;
        part.parse().unwrap_or_else(|_| {
            let is_same = |name: &String| {
                let rest = name.strip_prefix(&module[..*end]);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
            };
            names.iter().position(is_same).unwrap_or_default()
        })
    };
    ends.iter().map(place).collect()
}

impl HeadModule {
    /// Features that enter it; any number where it is not a layer.
    #[must_use]
    pub fn inputs(&self) -> Option<u64> {
        match self.kind {
            HeadModuleKind::Linear { inputs, .. } => Some(inputs),
            HeadModuleKind::BatchNorm(features) | HeadModuleKind::LayerNorm(features) => {
                Some(features)
            }
            HeadModuleKind::Power => None,
        }
    }
}

/// As an error lists it: `` `head.1`: linear 1280 → 256 ``.
impl fmt::Display for HeadModuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear {
                inputs,
                features,
                bias,
            } => {
                let bias = if *bias { "" } else { ", without a bias" };
                write!(f, "linear, {inputs} to {features}{bias}")
            }
            Self::BatchNorm(features) => write!(f, "batch norm of {features}"),
            Self::LayerNorm(features) => write!(f, "layer norm of {features}"),
            Self::Power => f.write_str("exponent of a generalised mean"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(tensors: &[(&str, &[u64])]) -> Vec<Listed> {
        let own = tensors.iter();
        own.map(|(name, shape)| ((*name).to_owned(), shape.to_vec()))
            .collect()
    }

    #[test]
    fn modules_come_by_their_numbers_and_else_as_they_come() {
        // As safetensors orders them.
        let found = modules(&listed(&[
            ("head.10.weight", &[5, 8]),
            ("head.2.bias", &[8]),
            ("head.2.running_mean", &[8]),
            ("head.2.running_var", &[8]),
            ("head.2.weight", &[8]),
            ("neck.weight", &[16, 4]),
            ("head.0.bias", &[8]),
            ("head.0.weight", &[8, 16]),
            ("pool.p", &[1]),
            ("norm.gamma", &[4]),
            ("norm.beta", &[4]),
        ]));
        let found: Vec<_> = found
            .expect("layers")
            .into_iter()
            .map(|module| (module.name, module.kind))
            .collect();
        let linear = |inputs, features, bias| HeadModuleKind::Linear {
            inputs,
            features,
            bias,
        };
        let expected = [
            ("head.0", linear(16, 8, true)),
            ("head.2", HeadModuleKind::BatchNorm(8)),
            ("head.10", linear(8, 5, false)),
            ("neck", linear(4, 16, false)),
            ("pool", HeadModuleKind::Power),
            ("norm", HeadModuleKind::LayerNorm(4)),
        ];
        assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn what_is_of_no_layer_is_named() {
        for (name, shape) in [
            ("mean", &[1, 3, 1, 1][..]),
            ("head.0.weight", &[8, 4, 1, 1]),
            ("head.0.scale", &[8]),
            ("head.0.bias", &[8]),
            ("pool.p", &[8]),
        ] {
            let found = modules(&listed(&[("fc.weight", &[5, 8]), (name, shape)]));
            assert_eq!(found, Err((name.to_owned(), shape.to_vec())));
        }
        // A batch norm whose tensors are of two sizes.
        for other in ["running_mean", "running_var", "bias", "weight"] {
            let names = ["bias", "running_mean", "running_var", "weight"];
            let own = names.map(|name| {
                let extent = if name == other { 4 } else { 8 };
                (format!("norm.{name}"), vec![extent])
            });
            assert!(modules(&own).is_err(), "{other}");
        }
    }
}
