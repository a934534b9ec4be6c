//! A head in words: `gem:3,bn,linear:512,relu,linear`.

use super::{HeadChain, HeadLayer, HeadPool};
use crate::files::foreign::Foreign;
use crate::graph::Activation;
use std::fmt;
use std::str::FromStr;

/// A head as people write it: what a checkpoint or the number of classes tells may be left out.
///
/// Its text is the pool, unless that is the mean, and the layers, separated by commas:
///
/// - pools: `average`, `max`, `avgmax`, `catavgmax` (means first), `catmaxavg` (largest first), `gem[:power[:epsilon]]`;
/// - layers: `linear[:features]`, `linear-no-bias[:features]`, `bn[:epsilon]`, `ln[:epsilon]`, `normalize`, an activation,
///   and `dropout[:rate]`, which does nothing;
/// - activations: `relu`, `relu6`, `swish`, `sigmoid`, `tanh`, `gelu`, `elu`, `hard-swish`, `leaky-relu[:slope]`.
///
/// The text of a sketch, read again, is that sketch.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadSketch {
    /// How feature maps become one vector.
    pub pool: HeadPool,
    /// The layers, in order.
    pub layers: Vec<LayerSketch>,
}

/// A layer as people write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerSketch {
    /// A linear layer.
    Linear {
        /// Features of the result, where they are given.
        features: Option<u64>,
        /// Whether a bias is added, where it is known; else there is one, unless a checkpoint has none.
        bias: Option<bool>,
    },
    /// Any other layer; never a linear one.
    Whole(HeadLayer),
}

/// Why a text is not a head, or a sketch lacks a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadTextError {
    /// A word is not a pool or a layer.
    #[error("`{word}` is not a layer of a head; available: {LAYERS}; pools, first: {POOLS}", word = .0.shown())]
    Word(String),
    /// A pool that is not the first word.
    #[error("pool `{word}` is not at the beginning of the head: a pool comes first, and once", word = .0.shown())]
    Pool(String),
    /// A number that is not within its bounds, or too many of them.
    #[error("`{word}`: expected {expected}, found `{found}`", word = word.shown(), found = found.shown())]
    Number {
        /// The word.
        word: String,
        /// What it takes.
        expected: &'static str,
        /// What it has.
        found: String,
    },
    /// More layers than any head has.
    #[error("the head has {0} layers, expected at most {MOST_LAYERS}")]
    Layers(usize),
    /// A linear layer whose features nothing tells.
    #[error(
        "layer {index} of the head is `linear` without its number of features, expected `linear:N`; only the last layer's are the classes"
    )]
    NoFeatures {
        /// Its place in the chain, from 0; dropout does not count.
        index: usize,
    },
}

const POOLS: &str = "`average`, `max`, `avgmax`, `catavgmax`, `catmaxavg`, `gem[:power[:epsilon]]`";
const LAYERS: &str = "`linear[:features]`, `linear-no-bias[:features]`, `bn[:epsilon]`, `ln[:epsilon]`, `relu`, `relu6`, `swish`, \
                      `sigmoid`, `tanh`, `gelu`, `elu`, `hard-swish`, `leaky-relu[:slope]`, `normalize`, `dropout`";
/// Layers of the longest head.
const MOST_LAYERS: usize = 64;
/// Features of the widest layer.
const MOST_FEATURES: u64 = 1 << 24;
/// Exponent of a generalised mean, and the least element that is raised to it, as most code has them (cirtorch
/// `layers/pooling.py`, `GeM`).
const GEM: [f64; 2] = [3.0, 1e-6];
const MOST_POWER: f64 = 100.0;
/// PyTorch's epsilon of a batch norm and of a layer norm.
const EPSILON: f64 = 1e-5;
/// PyTorch's slope of a leaky ReLU.
const SLOPE: f64 = 0.01;
/// Activations without a number.
const ACTIVATIONS: [(&str, Activation); 8] = [
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
    ("swish", Activation::Swish),
    ("sigmoid", Activation::Sigmoid),
    ("tanh", Activation::Tanh),
    ("gelu", Activation::Gelu),
    ("elu", Activation::Elu),
    ("hard-swish", Activation::HardSwish),
];

impl HeadSketch {
    /// The chain, where the last layer has as many features as there are classes. A linear layer has a bias unless the sketch
    /// says that it has none.
    ///
    /// # Errors
    /// If another linear layer has no number of features.
    pub fn complete(&self, classes: u64) -> Result<HeadChain, HeadTextError> {
        let last = self.layers.len().saturating_sub(1);
        let layer = |(index, layer): (usize, &LayerSketch)| match layer {
            LayerSketch::Whole(layer) => Ok(*layer),
            LayerSketch::Linear { features, bias } => Ok(HeadLayer::Linear {
                features: features
                    .or((index == last).then_some(classes))
                    .ok_or(HeadTextError::NoFeatures { index })?,
                bias: bias.unwrap_or(true),
            }),
        };
        let layers: Result<_, HeadTextError> = self.layers.iter().enumerate().map(layer).collect();
        Ok(HeadChain {
            pool: self.pool,
            layers: layers?,
        })
    }
}

/// The sketch of a chain leaves out what is usual, and the number of classes.
impl From<&HeadChain> for HeadSketch {
    fn from(chain: &HeadChain) -> Self {
        let last = chain.layers.len().saturating_sub(1);
        let layer = |(index, layer): (usize, &HeadLayer)| match layer {
            HeadLayer::Linear { features, bias } => LayerSketch::Linear {
                features: Some(*features).filter(|_| index != last),
                bias: Some(*bias).filter(|bias| !bias),
            },
            layer => LayerSketch::Whole(*layer),
        };
        Self {
            pool: chain.pool,
            layers: chain.layers.iter().enumerate().map(layer).collect(),
        }
    }
}

impl FromStr for HeadSketch {
    type Err = HeadTextError;

    fn from_str(text: &str) -> Result<Self, HeadTextError> {
        let mut pool = None;
        let mut layers = Vec::new();
        for (index, word) in text.split(',').map(str::trim).enumerate() {
            let word = Word::of(word);
            match (word.pool()?, index) {
                (Some(found), 0) => pool = Some(found),
                (Some(_), _) => return Err(HeadTextError::Pool(word.name.to_owned())),
                (None, _) => layers.extend(word.layer()?),
            }
        }
        if layers.len() > MOST_LAYERS {
            return Err(HeadTextError::Layers(layers.len()));
        }
        Ok(Self {
            pool: pool.unwrap_or(HeadPool::Average),
            layers,
        })
    }
}

/// A name and the numbers that follow it.
struct Word<'a> {
    whole: &'a str,
    name: &'a str,
    numbers: Vec<&'a str>,
}

impl<'a> Word<'a> {
    fn of(whole: &'a str) -> Self {
        let mut parts = whole.split(':');
        Self {
            whole,
            name: parts.next().unwrap_or_default(),
            numbers: parts.collect(),
        }
    }

    fn pool(&self) -> Result<Option<HeadPool>, HeadTextError> {
        let pool = match self.name {
            "average" => HeadPool::Average,
            "max" => HeadPool::Max,
            "avgmax" => HeadPool::HalfAverageHalfMax,
            "catavgmax" => HeadPool::AverageThenMax,
            "catmaxavg" => HeadPool::MaxThenAverage,
            "gem" => {
                self.at_most(2)?;
                let power = "an exponent above 0 and at most 100";
                let epsilon = "an epsilon above 0 and below 1";
                return Ok(Some(HeadPool::GeneralizedMean {
                    power: self
                        .number(0, GEM[0], power, |power| power > 0.0 && power <= MOST_POWER)?,
                    epsilon: self.number(1, GEM[1], epsilon, is_epsilon)?,
                }));
            }
            _ => return Ok(None),
        };
        self.at_most(0)?;
        Ok(Some(pool))
    }

    /// The layer; none of dropout.
    fn layer(&self) -> Result<Option<LayerSketch>, HeadTextError> {
        let named = ACTIVATIONS.iter().find(|(name, _)| *name == self.name);
        let most = match self.name {
            "normalize" => 0,
            _ if named.is_some() => 0,
            _ => 1,
        };
        let epsilon = "an epsilon above 0 and below 1";
        let layer = match (self.name, named) {
            (_, Some((_, activation))) => HeadLayer::Activation(*activation),
            ("linear" | "linear-no-bias", _) => {
                self.at_most(most)?;
                return Ok(Some(LayerSketch::Linear {
                    features: self.features()?,
                    bias: (self.name == "linear-no-bias").then_some(false),
                }));
            }
            ("bn", _) => HeadLayer::BatchNorm {
                epsilon: self.number(0, EPSILON, epsilon, is_epsilon)?,
            },
            ("ln", _) => HeadLayer::LayerNorm {
                epsilon: self.number(0, EPSILON, epsilon, is_epsilon)?,
            },
            ("leaky-relu", _) => {
                let slope = "a slope from 0 to 1";
                let is_slope = |slope| (0.0..=1.0).contains(&slope);
                let slope = self.number(0, SLOPE, slope, is_slope)?;
                HeadLayer::Activation(Activation::LeakyRelu { slope })
            }
            ("normalize", _) => HeadLayer::Normalize,
            ("dropout", _) => {
                self.at_most(most)?;
                let rate = "a rate from 0 to 1";
                self.number(0, 0.0, rate, |rate| (0.0..=1.0).contains(&rate))?;
                return Ok(None);
            }
            _ => return Err(HeadTextError::Word(self.name.to_owned())),
        };
        self.at_most(most)?;
        Ok(Some(LayerSketch::Whole(layer)))
    }

    fn features(&self) -> Result<Option<u64>, HeadTextError> {
        let Some(text) = self.numbers.first() else {
            return Ok(None);
        };
        let features = text.parse().ok();
        let features = features.filter(|features| (1..=MOST_FEATURES).contains(features));
        features
            .map(Some)
            .ok_or_else(|| self.wrong("a number of features from 1 to 16777216", text))
    }

    fn number(
        &self,
        index: usize,
        default: f64,
        expected: &'static str,
        is_legal: impl Fn(f64) -> bool,
    ) -> Result<f64, HeadTextError> {
        let Some(text) = self.numbers.get(index) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|number| is_legal(*number));
        number.ok_or_else(|| self.wrong(expected, text))
    }

    fn at_most(&self, most: usize) -> Result<(), HeadTextError> {
        let expected = match most {
            0 => "no number",
            1 => "at most one number",
            _ => "at most two numbers",
        };
        match self.numbers.get(most..) {
            Some([]) | None => Ok(()),
            Some(more) => Err(self.wrong(expected, &more.join(":"))),
        }
    }

    fn wrong(&self, expected: &'static str, found: &str) -> HeadTextError {
        HeadTextError::Number {
            word: self.whole.to_owned(),
            expected,
            found: found.to_owned(),
        }
    }
}

fn is_epsilon(epsilon: f64) -> bool {
    epsilon > 0.0 && epsilon < 1.0
}

impl fmt::Display for HeadSketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = match self.pool {
            HeadPool::Average if self.layers.is_empty() => Some("average".to_owned()),
            HeadPool::Average => None,
            HeadPool::Max => Some("max".to_owned()),
            HeadPool::HalfAverageHalfMax => Some("avgmax".to_owned()),
            HeadPool::AverageThenMax => Some("catavgmax".to_owned()),
            HeadPool::MaxThenAverage => Some("catmaxavg".to_owned()),
            // The exponent is always there: it is what sets one such pool apart from another.
            HeadPool::GeneralizedMean { power, epsilon } if epsilon == GEM[1] => {
                Some(format!("gem:{}", shown(power)))
            }
            HeadPool::GeneralizedMean { power, epsilon } => {
                Some(format!("gem:{}:{}", shown(power), shown(epsilon)))
            }
        };
        let layers = self.layers.iter().map(ToString::to_string);
        let words: Vec<String> = pool.into_iter().chain(layers).collect();
        f.write_str(&words.join(","))
    }
}

impl fmt::Display for LayerSketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |name: &str, number: f64, usual: f64| {
            if number == usual {
                name.to_owned()
            } else {
                format!("{name}:{}", shown(number))
            }
        };
        let word = match self {
            Self::Linear { features, bias } => {
                let name = if *bias == Some(false) {
                    "linear-no-bias"
                } else {
                    "linear"
                };
                features.map_or(name.to_owned(), |features| format!("{name}:{features}"))
            }
            Self::Whole(HeadLayer::Linear { features, bias }) => {
                let (features, bias) = (Some(*features), Some(*bias));
                return Self::Linear { features, bias }.fmt(f);
            }
            Self::Whole(HeadLayer::BatchNorm { epsilon }) => with("bn", *epsilon, EPSILON),
            Self::Whole(HeadLayer::LayerNorm { epsilon }) => with("ln", *epsilon, EPSILON),
            Self::Whole(HeadLayer::Normalize) => "normalize".to_owned(),
            Self::Whole(HeadLayer::Activation(Activation::LeakyRelu { slope })) => {
                with("leaky-relu", *slope, SLOPE)
            }
            Self::Whole(HeadLayer::Activation(activation)) => {
                let mut all = ACTIVATIONS.iter();
                let found = all.find(|(_, own)| own == activation);
                found.map_or("?", |(name, _)| name).to_owned()
            }
        };
        f.write_str(&word)
    }
}

/// A number that is read back exactly, small ones with an exponent.
fn shown(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-3 {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests;
