//! Weights that are stored as what they are computed from: weight norm, spectral norm and pruning of PyTorch.
//!
//! What is exact and cheap is computed: each such weight is on offer under its own name, in place of the tensors that it is computed
//! from. Any other parametrization stays as it is stored.

mod readers;

use crate::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};
use readers::{Product, Scaled};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How a weight is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parametrization {
    /// `g · v / ‖v‖` (torch `nn/utils/weight_norm.py`, `nn/utils/parametrizations.py`).
    WeightNorm,
    /// `W / uᵀWv` (torch `nn/utils/spectral_norm.py`, `nn/utils/parametrizations.py`).
    SpectralNorm,
    /// A weight times its mask (torch `nn/utils/prune.py`).
    Pruning,
}

impl fmt::Display for Parametrization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WeightNorm => "weight norm",
            Self::SpectralNorm => "spectral norm",
            Self::Pruning => "pruning",
        })
    }
}

/// Names of the tensors that a weight is computed from.
#[derive(Clone, Debug)]
enum Recipe {
    WeightNorm {
        gain: String,
        direction: String,
    },
    SpectralNorm {
        weight: String,
        left: String,
        right: String,
    },
    Pruning {
        weight: String,
        mask: String,
    },
}

impl Recipe {
    fn kind(&self) -> Parametrization {
        match self {
            Self::WeightNorm { .. } => Parametrization::WeightNorm,
            Self::SpectralNorm { .. } => Parametrization::SpectralNorm,
            Self::Pruning { .. } => Parametrization::Pruning,
        }
    }

    /// The tensor that has the weight's shape, and the others.
    fn tensors(&self) -> (&str, Vec<&str>) {
        match self {
            Self::WeightNorm { gain, direction } => (direction, vec![gain]),
            Self::SpectralNorm {
                weight,
                left,
                right,
            } => (weight, vec![left, right]),
            Self::Pruning { weight, mask } => (weight, vec![mask]),
        }
    }
}

/// A container's tensors, with weights in place of what they are computed from.
pub(super) struct Computed {
    source: Box<dyn TensorSource>,
    tensors: Vec<TensorInfo>,
    recipes: BTreeMap<String, Recipe>,
}

impl Computed {
    /// The source with its parametrized weights computed, and how each is.
    pub(super) fn over(
        source: Box<dyn TensorSource>,
    ) -> (Box<dyn TensorSource>, BTreeMap<String, Parametrization>) {
        let recipes = recipes(source.tensors());
        if recipes.is_empty() {
            return (source, BTreeMap::new());
        }
        let mut main: BTreeMap<&str, &str> = BTreeMap::new();
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for (weight, recipe) in &recipes {
            let (own, others) = recipe.tensors();
            main.insert(own, weight);
            used.extend(others);
        }
        let kept = source
            .tensors()
            .iter()
            .filter(|tensor| !used.contains(tensor.name.as_str()));
        let tensors = kept.map(|tensor| {
            let name = tensor.name.as_str();
            TensorInfo {
                name: (*main.get(name).unwrap_or(&name)).to_owned(),
                ..tensor.clone()
            }
        });
        let tensors = tensors.collect();
        let kinds = recipes.iter();
        let kinds = kinds.map(|(weight, recipe)| (weight.clone(), recipe.kind()));
        let kinds = kinds.collect();
        let computed = Self {
            source,
            tensors,
            recipes,
        };
        (Box::new(computed), kinds)
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, SourceError> {
        let mut tensors = self.source.tensors().iter();
        let found = tensors.find(|tensor| tensor.name == name);
        found.ok_or_else(|| SourceError::Missing(name.to_owned()))
    }
}

impl TensorSource for Computed {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let Some(recipe) = self.recipes.get(name) else {
            return self.source.open(name);
        };
        let open = |name: &str| self.source.open(name);
        Ok(match recipe {
            Recipe::WeightNorm { gain, direction } => Box::new(Scaled::weight_norm(
                open(direction)?,
                &self.info(direction)?.shape,
                &*open(gain)?,
                &self.info(gain)?.shape,
            )?),
            Recipe::SpectralNorm {
                weight,
                left,
                right,
            } => Box::new(Scaled::spectral_norm(
                open(weight)?,
                &*open(left)?,
                &*open(right)?,
                [left, right].map(|name| {
                    self.info(name)
                        .map_or(0, |tensor| tensor.shape.iter().product())
                }),
            )?),
            Recipe::Pruning { weight, mask } => Box::new(Product::new(open(weight)?, open(mask)?)),
        })
    }

    fn is_zero(&self, name: &str) -> Option<bool> {
        self.source.is_zero(name)
    }
}

/// What precedes the name of a parametrized tensor since PyTorch 1.9 (torch `nn/utils/parametrize.py`).
pub(super) const PARAMETRIZATIONS: &str = "parametrizations";

/// Every weight that is computed.
fn recipes(tensors: &[TensorInfo]) -> BTreeMap<String, Recipe> {
    let all: BTreeMap<&str, &TensorInfo> = tensors
        .iter()
        .filter(|tensor| tensor.element.is_weight())
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let found = all.keys().filter_map(|name| recipe(name, &all));
    found
        .filter(|(weight, _)| !all.contains_key(weight.as_str()))
        .collect()
}

/// The weight that a tensor is the main part of, and how it is computed; none where another form than the library's is there.
fn recipe(name: &str, all: &BTreeMap<&str, &TensorInfo>) -> Option<(String, Recipe)> {
    let shape = |name: &str| all.get(name).map(|tensor| &tensor.shape[..]);
    let own = shape(name)?;
    let is_usual = |tensor: &&str| tensor.ends_with("weight") || tensor.ends_with("bias");
    if let Some(tensor) = name.strip_suffix("_v").filter(is_usual) {
        let gain = format!("{tensor}_g");
        let is_one = is_gain(shape(&gain)?, own);
        let direction = name.to_owned();
        return is_one.then(|| (tensor.to_owned(), Recipe::WeightNorm { gain, direction }));
    }
    if let Some(tensor) = name.strip_suffix("_orig").filter(is_usual) {
        let mask = format!("{tensor}_mask");
        let weight = name.to_owned();
        if shape(&mask) == Some(own) {
            return Some((tensor.to_owned(), Recipe::Pruning { weight, mask }));
        }
        let [left, right] = ["_u", "_v"].map(|end| format!("{tensor}{end}"));
        let is_one = are_vectors(own, shape(&left)?, shape(&right)?);
        return is_one.then(|| {
            let recipe = Recipe::SpectralNorm {
                weight,
                left,
                right,
            };
            (tensor.to_owned(), recipe)
        });
    }
    let (place, original) = name.rsplit_once('.')?;
    let (module, tensor) = place.rsplit_once('.')?;
    let module = match module {
        PARAMETRIZATIONS => "",
        _ => module.strip_suffix(PARAMETRIZATIONS)?.strip_suffix('.')?,
    };
    let tensor = match module {
        "" => tensor.to_owned(),
        module => format!("{module}.{tensor}"),
    };
    let weight = name.to_owned();
    match original {
        "original1" => {
            let gain = format!("{place}.original0");
            let is_one = is_gain(shape(&gain)?, own) && members(place, all) == 2;
            is_one.then_some((
                tensor,
                Recipe::WeightNorm {
                    gain,
                    direction: weight,
                },
            ))
        }
        "original" => {
            let [left, right] = ["_u", "_v"].map(|end| format!("{place}.0.{end}"));
            let is_one =
                are_vectors(own, shape(&left)?, shape(&right)?) && members(place, all) == 3;
            is_one.then_some((
                tensor,
                Recipe::SpectralNorm {
                    weight,
                    left,
                    right,
                },
            ))
        }
        _ => None,
    }
}

/// Tensors below a name.
fn members(place: &str, all: &BTreeMap<&str, &TensorInfo>) -> usize {
    let start = format!("{place}.");
    let after = all.range(start.as_str()..);
    after
        .take_while(|(name, _)| name.starts_with(&start))
        .take(4)
        .count()
}

/// Whether a shape is of one number for each index of one axis of a weight, or of one for all.
fn is_gain(gain: &[u64], weight: &[u64]) -> bool {
    let is_along = |(gain, weight): (&u64, &u64)| gain == weight || *gain == 1;
    let axes = gain.iter().filter(|extent| **extent != 1).count();
    let is_scalar = gain.is_empty() && !weight.is_empty();
    let is_same_rank = gain.len() == weight.len() && gain.iter().zip(weight).all(is_along);
    is_scalar || (is_same_rank && axes <= 1 && !gain.is_empty())
}

/// Whether two vectors go with a weight's first axis and with all the others. Of a weight with as many elements along another
/// axis the vectors may be that axis's.
fn are_vectors(weight: &[u64], left: &[u64], right: &[u64]) -> bool {
    let (&[left], &[right]) = (left, right) else {
        return false;
    };
    let Some((first, rest)) = weight.split_first() else {
        return false;
    };
    let others = rest
        .iter()
        .try_fold(1_u64, |all, extent| all.checked_mul(*extent));
    *first == left && others == Some(right) && !rest.contains(first)
}

#[cfg(test)]
mod tests;
