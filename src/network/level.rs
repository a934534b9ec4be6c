//! Levels of feature maps, and where a network has each.

use crate::architecture::Architecture;
use crate::files::foreign::Foreign;
use crate::graph::BuildError;
use std::collections::BTreeMap;

/// Which feature maps: level `n` is the last result of the stem's convolution or of a stage that is `2^n` times smaller
/// than the image (timm `models/_features.py`, `feature_info` of `features_only`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeatureLevel(u32);

impl FeatureLevel {
    /// Every level, the largest maps first.
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// How many times smaller its maps are than the image: 2, 4, 8, 16 or 32.
    #[must_use]
    pub fn reduction(self) -> u64 {
        1 << self.0
    }

    /// Name of the graph output.
    pub(super) fn output_name(self) -> &'static str {
        match self.0 {
            1 => "features_1",
            2 => "features_2",
            3 => "features_3",
            4 => "features_4",
            _ => "features_5",
        }
    }
}

/// Why a network cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// A node cannot be added.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An output asks for maps that the network does not have.
    #[error(
        "output `{}` is of maps that are {} times smaller than the image, found maps that are {} times smaller",
        level.output_name(),
        level.reduction(),
        listed(found)
    )]
    NoLevel {
        /// What was asked for.
        level: FeatureLevel,
        /// How many times smaller the maps of the stem and of the stages are.
        found: Vec<u64>,
    },
    /// The head's last layer does not give the classes.
    #[error(
        "the last layer of the head `{head}` has {features} features, expected the number of classes, {classes}",
        head = head.shown()
    )]
    Classes {
        /// The head.
        head: String,
        /// Features of its last layer.
        features: u64,
        /// The number of classes.
        classes: u64,
    },
    /// An output of classes, of a head that has none.
    #[error(
        "output `{output}` is of classes, and the head `{head}` has none: it does not end in a linear layer",
        head = head.shown()
    )]
    NoClasses {
        /// What was asked for.
        output: &'static str,
        /// The head.
        head: String,
    },
    /// The embedding, of a head whose result is neither classes nor an embedding.
    #[error(
        "the head `{head}` ends in neither a linear layer nor `normalize`, so its result is neither logits nor an embedding",
        head = head.shown()
    )]
    OpenEnd {
        /// The head.
        head: String,
    },
    /// Class activation maps, of a head that has none.
    #[error(
        "output `cam` needs a head of average pooling and one linear layer, found the head `{head}`",
        head = head.shown()
    )]
    NoClassMaps {
        /// The head.
        head: String,
    },
}

fn listed(reductions: &[u64]) -> String {
    let reductions: Vec<String> = reductions.iter().map(ToString::to_string).collect();
    reductions.join(", ")
}

/// After which part of a network maps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The stem's convolution, before its max pool.
    Stem,
    /// A stage, from 0.
    Stage(usize),
    /// The head.
    Head,
}

/// The part after which the maps of `level` are taken.
pub(super) fn part(architecture: &Architecture, level: FeatureLevel) -> Result<Part, NetworkError> {
    let stem = &architecture.stem;
    let mut reduction = stem.stride;
    let mut parts = BTreeMap::from([(reduction, Part::Stem)]);
    reduction *= stem.pool.map_or(1, |pool| pool.stride);
    for (index, stage) in architecture.stages.iter().enumerate() {
        reduction *= stage.stride;
        parts.insert(reduction, Part::Stage(index));
    }
    let part = parts.get(&level.reduction()).copied();
    part.ok_or_else(|| NetworkError::NoLevel {
        level,
        found: parts.into_keys().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{Baseline, Options, Scaling, Variant};

    /// timm's `features_only` takes EfficientNet-B0's after blocks 0, 1, 2, 4 and 6, MBConv's of stride 1 included, and
    /// ResNet's first after the stem's activation (timm 1.0 `efficientnet.py`, `resnet.py`).
    #[test]
    fn parts_are_those_of_timm() {
        let parts = |baseline: &'static Baseline| {
            let variant = Variant {
                baseline,
                ..*Variant::by_name("b0").expect("a published name")
            };
            let architecture = Architecture::scale(
                &Scaling::published(Box::leak(Box::new(variant))),
                Options::default(),
            );
            let architecture = architecture.expect("a published size");
            FeatureLevel::ALL.map(|level| part(&architecture, level).expect("a level"))
        };
        let b0 = Variant::by_name("b0").expect("a published name").baseline;
        assert_eq!(parts(b0), [0, 1, 2, 4, 6].map(Part::Stage));
        let resnet = Variant::by_name("resnet-50").expect("a published name");
        let resnet = parts(resnet.baseline);
        assert_eq!(resnet[0], Part::Stem);
        assert_eq!(resnet[1..], [0, 1, 2, 3].map(Part::Stage));
    }

    #[test]
    fn maps_that_a_network_lacks_are_refused() {
        let b0 = Variant::by_name("b0").expect("a published name");
        let mut architecture = Architecture::scale(&Scaling::published(b0), Options::default())
            .expect("a published size");
        architecture.stages.truncate(3);
        let refused = part(&architecture, FeatureLevel(4)).map_err(|error| error.to_string());
        let expected = "output `features_4` is of maps that are 16 times smaller than the image, found maps that are 2, 4, 8 \
                        times smaller";
        assert_eq!(refused, Err(expected.to_owned()));
    }
}
