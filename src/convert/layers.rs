//! The layers of a head held against the modules of a checkpoint: which module is which layer.

use crate::architecture::{HeadChain, HeadLayer, HeadPool, HeadSketch, LayerSketch};
use crate::files::foreign::Foreign;
use crate::weights::head::{HeadModule, HeadModuleKind};

/// A module, and the layer that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The layer's place in the chain.
    pub layer: usize,
    /// The module.
    pub module: HeadModule,
}

/// Why the modules of a checkpoint are not the layers of a head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadMisfit {
    /// A module is of another kind or size than the layer in its place.
    #[error("layer {place} is `{layer}` of {enters} features, but `{module}` is {kind}", layer = layer.shown(), module = module.shown())]
    Other {
        /// The layer's place, from 1.
        place: usize,
        /// The layer.
        layer: String,
        /// Features that enter it.
        enters: u64,
        /// The module's name.
        module: String,
        /// What it is.
        kind: HeadModuleKind,
    },
    /// A layer's module is not there.
    #[error("layer {place} is `{layer}`, and no tensors are left for it", layer = layer.shown())]
    Missing {
        /// The layer's place, from 1.
        place: usize,
        /// The layer.
        layer: String,
    },
    /// Modules are left that are no layer of the head.
    #[error("no layer is left for {}", quoted(.0))]
    Left(Vec<String>),
    /// The names do not tell which module is which layer, nor does the file keep their order.
    #[error(
        "{} fit as well as {}, and the file does not keep the order of its tensors",
        quoted(one),
        quoted(other)
    )]
    Ambiguous {
        /// Modules for the layers in order.
        one: Vec<String>,
        /// Others for the same layers.
        other: Vec<String>,
    },
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.shown()))
        .collect();
    names.join(", ")
}

/// Layers that have tensors, with their places in the chain.
fn needs(sketch: &HeadSketch) -> Vec<(usize, LayerSketch)> {
    let layers = sketch.layers.iter().copied().enumerate();
    let has_tensors = |(_, layer): &(usize, LayerSketch)| match layer {
        LayerSketch::Linear { .. } => true,
        LayerSketch::Whole(layer) => matches!(
            layer,
            HeadLayer::Linear { .. } | HeadLayer::BatchNorm { .. } | HeadLayer::LayerNorm { .. }
        ),
    };
    layers.filter(has_tensors).collect()
}

/// Features that leave a layer, if the module is that layer and so many features enter it.
fn leaves(layer: LayerSketch, kind: HeadModuleKind, enters: u64) -> Option<u64> {
    let layer = match layer {
        LayerSketch::Whole(HeadLayer::Linear { features, bias }) => LayerSketch::Linear {
            features: Some(features),
            bias: Some(bias),
        },
        layer => layer,
    };
    let is_so = match (layer, kind) {
        (
            LayerSketch::Linear { features, bias },
            HeadModuleKind::Linear {
                inputs,
                features: own,
                bias: has_bias,
            },
        ) => {
            let is_so = inputs == enters
                && features.is_none_or(|features| features == own)
                && bias.is_none_or(|bias| bias == has_bias);
            return is_so.then_some(own);
        }
        (LayerSketch::Whole(HeadLayer::BatchNorm { .. }), HeadModuleKind::BatchNorm(features))
        | (LayerSketch::Whole(HeadLayer::LayerNorm { .. }), HeadModuleKind::LayerNorm(features)) => {
            features == enters
        }
        _ => false,
    };
    is_so.then_some(enters)
}

/// The module of each layer that has tensors, where `features` enter the first layer. `names` are those that a record gives
/// to the layers of the chain; else modules are taken in their order, which counts only where the file `keeps_order`.
///
/// # Errors
/// If a layer has no module that fits, a module is left over, or nothing tells which is which.
pub fn assign(
    sketch: &HeadSketch,
    features: u64,
    modules: &[HeadModule],
    names: Option<&[String]>,
    keeps_order: bool,
) -> Result<Vec<Assigned>, HeadMisfit> {
    let needs = needs(sketch);
    if let Some(names) = names {
        let place = |(layer, _): &(usize, LayerSketch)| {
            let name = names.get(*layer)?;
            modules.iter().position(|module| module.name == *name)
        };
        let order: Vec<Option<usize>> = needs.iter().map(place).collect();
        return in_order(&needs, features, modules, &order);
    }
    let order: Vec<Option<usize>> = (0..needs.len())
        .map(|place| (place < modules.len()).then_some(place))
        .collect();
    let first = in_order(&needs, features, modules, &order);
    if needs.len() != modules.len() {
        return first;
    }
    if keeps_order && first.is_ok() {
        return first;
    }
    let mut search = Search {
        needs: &needs,
        modules,
        taken: Vec::new(),
        found: Vec::new(),
        steps: 0,
    };
    search.go_on(features);
    match &search.found[..] {
        [] => first,
        [only] => {
            let order: Vec<Option<usize>> = only.iter().copied().map(Some).collect();
            in_order(&needs, features, modules, &order)
        }
        [one, other, ..] => {
            let names = |places: &[usize]| {
                let own = places.iter().map(|place| modules[*place].name.clone());
                own.collect()
            };
            Err(HeadMisfit::Ambiguous {
                one: names(one),
                other: names(other),
            })
        }
    }
}

/// The modules in that order, as the layers.
fn in_order(
    needs: &[(usize, LayerSketch)],
    features: u64,
    modules: &[HeadModule],
    order: &[Option<usize>],
) -> Result<Vec<Assigned>, HeadMisfit> {
    let mut enters = features;
    let mut assigned = Vec::new();
    for ((layer, sketch), place) in needs.iter().zip(order) {
        let (place, shown) = (*place, sketch.to_string());
        let Some(module) = place.map(|place| &modules[place]) else {
            return Err(HeadMisfit::Missing {
                place: layer + 1,
                layer: shown,
            });
        };
        enters = leaves(*sketch, module.kind, enters).ok_or_else(|| HeadMisfit::Other {
            place: layer + 1,
            layer: shown,
            enters,
            module: module.name.clone(),
            kind: module.kind,
        })?;
        assigned.push(Assigned {
            layer: *layer,
            module: module.clone(),
        });
    }
    let is_left = |module: &&HeadModule| assigned.iter().all(|own| own.module.name != module.name);
    let left: Vec<String> = modules
        .iter()
        .filter(is_left)
        .map(|module| module.name.clone())
        .collect();
    if left.is_empty() {
        Ok(assigned)
    } else {
        Err(HeadMisfit::Left(left))
    }
}

/// Every order of the modules that fits, up to two.
struct Search<'a> {
    needs: &'a [(usize, LayerSketch)],
    modules: &'a [HeadModule],
    taken: Vec<usize>,
    found: Vec<Vec<usize>>,
    steps: usize,
}

/// Modules that are tried; heads of people have ten.
const MOST_STEPS: usize = 10_000;

impl Search<'_> {
    fn go_on(&mut self, enters: u64) {
        let Some((_, layer)) = self.needs.get(self.taken.len()) else {
            self.found.push(self.taken.clone());
            return;
        };
        for place in 0..self.modules.len() {
            self.steps += 1;
            if self.found.len() > 1 || self.steps > MOST_STEPS {
                return;
            }
            let leaves = leaves(*layer, self.modules[place].kind, enters);
            if let Some(leaves) = leaves.filter(|_| !self.taken.contains(&place)) {
                self.taken.push(place);
                self.go_on(leaves);
                self.taken.pop();
            }
        }
    }
}

/// Whether modules can follow each other, in whatever order, where so many features enter the first, up to a linear layer.
#[must_use]
pub fn end_in_classes(modules: &[HeadModule], features: u64) -> bool {
    let mut states = vec![(features, Vec::new())];
    let mut steps = 0;
    while let Some((enters, taken)) = states.pop() {
        for (place, module) in modules.iter().enumerate() {
            steps += 1;
            if steps > MOST_STEPS {
                return false;
            }
            if taken.contains(&place) || module.inputs() != Some(enters) {
                continue;
            }
            let taken = [&taken[..], &[place]].concat();
            match module.kind {
                HeadModuleKind::Linear { .. } if taken.len() == modules.len() => return true,
                HeadModuleKind::Linear { features, .. } => states.push((features, taken)),
                _ => states.push((enters, taken)),
            }
        }
    }
    false
}

/// The layers with the numbers of their modules.
#[must_use]
pub fn completed(sketch: &HeadSketch, assigned: &[Assigned]) -> HeadChain {
    let layer = |(place, layer): (usize, &LayerSketch)| {
        let mut own = assigned.iter();
        let own = own.find(|own| own.layer == place);
        match (layer, own.map(|own| own.module.kind)) {
            (_, Some(HeadModuleKind::Linear { features, bias, .. })) => {
                HeadLayer::Linear { features, bias }
            }
            (LayerSketch::Whole(layer), _) => *layer,
            (LayerSketch::Linear { features, bias }, _) => HeadLayer::Linear {
                features: features.unwrap_or_default(),
                bias: bias.unwrap_or(true),
            },
        }
    };
    HeadChain {
        pool: sketch.pool,
        layers: sketch.layers.iter().enumerate().map(layer).collect(),
    }
}

/// A pool as `--head` takes it.
#[must_use]
pub fn pool_text(pool: HeadPool) -> String {
    let sketch = HeadSketch {
        pool,
        layers: Vec::new(),
    };
    sketch.to_string()
}

/// The exponent of a generalised mean, and the epsilon of a norm and the slope of an activation, where a text leaves them out:
/// then they say nothing.
const USUAL: &str = "gem,bn,ln,leaky-relu";

/// Whether a number is the one that stands for none.
#[must_use]
pub fn is_usual_power(power: f64) -> bool {
    let usual = USUAL.parse::<HeadSketch>().map(|usual| usual.pool);
    matches!(usual, Ok(HeadPool::GeneralizedMean { power: own, .. }) if own == power)
}

/// Whether a pool that is asked for is the one that is recorded.
#[must_use]
pub fn is_same_pool(asked: HeadPool, recorded: HeadPool) -> bool {
    match (asked, recorded) {
        (
            HeadPool::GeneralizedMean { power, epsilon },
            HeadPool::GeneralizedMean {
                power: own,
                epsilon: least,
            },
        ) => {
            let usual = is_usual_power(power);
            usual || (power == own && epsilon == least)
        }
        (asked, recorded) => asked == recorded,
    }
}

/// Whether a head that is asked for is the one that is recorded, as far as it says.
#[must_use]
pub fn is_same(asked: &HeadSketch, recorded: &HeadSketch) -> bool {
    let usual = USUAL.parse::<HeadSketch>().map(|usual| usual.layers);
    let is_usual = |layer: &LayerSketch| usual.as_ref().is_ok_and(|usual| usual.contains(layer));
    let is_layer = |(asked, own): (&LayerSketch, &LayerSketch)| match (asked, own) {
        (
            LayerSketch::Linear { features, bias },
            LayerSketch::Linear {
                features: own,
                bias: has_bias,
            },
        ) => {
            (features.is_none() || own.is_none() || features == own)
                && (bias.is_none() || bias.unwrap_or(true) == has_bias.unwrap_or(true))
        }
        (LayerSketch::Whole(asked_layer), LayerSketch::Whole(own)) => {
            let is_kind = std::mem::discriminant(asked_layer) == std::mem::discriminant(own);
            let is_activation = matches!(
                (asked_layer, own),
                (HeadLayer::Activation(asked), HeadLayer::Activation(own))
                    if std::mem::discriminant(asked) != std::mem::discriminant(own)
            );
            asked_layer == own || is_kind && !is_activation && is_usual(asked)
        }
        _ => false,
    };
    asked.layers.len() == recorded.layers.len()
        && is_same_pool(asked.pool, recorded.pool)
        && asked.layers.iter().zip(&recorded.layers).all(is_layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shapes_do_not_tell_is_told_by_the_order_or_refused() {
        let module = |name: &str, inputs, features| HeadModule {
            name: name.to_owned(),
            kind: HeadModuleKind::Linear {
                inputs,
                features,
                bias: false,
            },
            tensors: std::collections::BTreeMap::new(),
        };
        let modules = [module("a", 8, 8), module("b", 8, 8), module("c", 8, 5)];
        let sketch: HeadSketch = "linear,linear,linear".parse().expect("a head");
        let found = assign(&sketch, 8, &modules, None, true).expect("an order");
        let names: Vec<&str> = found.iter().map(|own| &*own.module.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let [one, other] =
            [["a", "b", "c"], ["b", "a", "c"]].map(|own| own.map(str::to_owned).to_vec());
        let expected = HeadMisfit::Ambiguous { one, other };
        assert_eq!(assign(&sketch, 8, &modules, None, false), Err(expected));
        let names = ["b", "a", "c"].map(str::to_owned);
        let found = assign(&sketch, 8, &modules, Some(&names), false).expect("an order");
        assert_eq!(found[0].module.name, "b");
    }
}
