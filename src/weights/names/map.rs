//! From timm's parameter names to another library's.
//!
//! A pure function of the list of timm names: which blocks there are, and of what kind each is, is read
//! from the names themselves. Knows no architecture, no file and no library's vocabulary.

use super::naming::Naming;
use super::place::{Kind, Place};
use super::{keras, lukemelas, mmpretrain, mobilenet, tensorflow, torchvision, transformers};
use crate::files::foreign::Foreign;
use std::collections::BTreeMap;

/// The names that a naming gives to a list of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMap {
    names: BTreeMap<String, String>,
}

/// A parameter that a naming has no name for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` has no name in {naming}'s vocabulary", name = name.shown())]
pub struct UnknownName {
    /// The parameter.
    pub name: String,
    /// The naming.
    pub naming: Naming,
}

impl NameMap {
    /// Maps timm's parameter names; the list must have all of a network's.
    ///
    /// # Errors
    /// If `naming` has no name for one of them.
    pub fn new<'a>(
        naming: Naming,
        timm: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownName> {
        let timm: Vec<&str> = timm.into_iter().collect();
        let blocks = Blocks::of(&timm);
        let names = timm
            .iter()
            .map(|&name| match blocks.translate(naming, name) {
                Some(translated) => Ok((name.to_string(), translated)),
                None => Err(UnknownName {
                    name: name.to_string(),
                    naming,
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { names })
    }

    /// Every name as it is.
    #[must_use]
    pub fn as_named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let same = |name: &str| (name.to_owned(), name.to_owned());
        Self {
            names: names.into_iter().map(same).collect(),
        }
    }

    /// What the naming calls the parameter that timm calls `timm`.
    #[must_use]
    pub fn source_name(&self, timm: &str) -> Option<&str> {
        self.names.get(timm).map(String::as_str)
    }

    /// Pairs of timm's name and the naming's, sorted by the first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names
            .iter()
            .map(|(timm, source)| (timm.as_str(), source.as_str()))
    }
}

/// The module of a routed block's routing weights.
const ROUTING: &str = "routing_fn";
/// What the modules of each place are called in timm, in the order of every library's table.
const MODULES: [(Kind, &[&str]); 7] = [
    (
        Kind::Outside,
        &["conv_stem", "bn1", "conv_head", "bn2", "classifier"],
    ),
    (
        Kind::Expanded,
        &[
            "conv_pw",
            "bn1",
            "conv_dw",
            "bn2",
            "se.conv_reduce",
            "se.conv_expand",
            "conv_pwl",
            "bn3",
            ROUTING,
        ],
    ),
    (
        Kind::Separable,
        &[
            "conv_dw",
            "bn1",
            "se.conv_reduce",
            "se.conv_expand",
            "conv_pw",
            "bn2",
            ROUTING,
        ],
    ),
    (
        Kind::Fused,
        &[
            "conv_exp",
            "bn1",
            "se.conv_reduce",
            "se.conv_expand",
            "conv_pwl",
            "bn2",
        ],
    ),
    (Kind::Single, &["conv", "bn1"]),
    (Kind::AroundBottlenecks, &["conv1", "bn1", "fc"]),
    (
        Kind::Bottleneck,
        &[
            "conv1",
            "bn1",
            "conv2",
            "bn2",
            "conv3",
            "bn3",
            "downsample.0",
            "downsample.1",
        ],
    ),
];

/// The blocks of a network.
struct Blocks {
    /// Of each block its kind, and how many blocks come before it.
    known: BTreeMap<(usize, usize), (Kind, usize)>,
    stages: usize,
    has_fused: bool,
    has_singles: bool,
    /// What stem and classifier are.
    outside: Kind,
}

impl Blocks {
    fn of(timm: &[&str]) -> Self {
        let mut blocks = BTreeMap::new();
        for (block, module) in timm.iter().filter_map(|name| split_block(name)) {
            let kind = blocks.entry(block).or_insert(Kind::Separable);
            // The kinds in the order in which one module's presence rules out another.
            let shown = match module.rsplit_once('.').map(|(module, _)| module) {
                Some("conv_exp") => Kind::Fused,
                Some("conv_pwl") if *kind != Kind::Fused => Kind::Expanded,
                Some("conv") => Kind::Single,
                Some("conv3") => Kind::Bottleneck,
                _ => *kind,
            };
            *kind = shown;
        }
        let is_fused = |kind: &Kind| matches!(kind, Kind::Fused | Kind::Single);
        Self {
            stages: blocks.keys().last().map_or(0, |(stage, _)| stage + 1),
            has_fused: blocks.values().any(is_fused),
            has_singles: blocks.values().any(|kind| *kind == Kind::Single),
            outside: match blocks.values().next() {
                Some(Kind::Bottleneck) => Kind::AroundBottlenecks,
                _ => Kind::Outside,
            },
            known: blocks
                .into_iter()
                .enumerate()
                .map(|(number, (block, kind))| (block, (kind, number)))
                .collect(),
        }
    }

    /// How many blocks a stage has; none where it is no stage.
    fn blocks_of(&self, stage: Option<usize>) -> usize {
        let of_stage = |(other, _): &&(usize, usize)| Some(*other) == stage;
        self.known.keys().filter(of_stage).count()
    }

    fn translate(&self, naming: Naming, timm: &str) -> Option<String> {
        let (block, rest) = match split_block(timm) {
            Some((block, rest)) => (Some(block), rest),
            None => (None, timm),
        };
        let (module, tensor) = rest.rsplit_once('.')?;
        let (stage, index) = block.unwrap_or((0, 0));
        let outside = Some((self.outside, 0));
        let (kind, number) = block.map_or(outside, |block| self.known.get(&block).copied())?;
        let place = Place {
            kind,
            stage,
            index,
            number,
            blocks_before: self.blocks_of(stage.checked_sub(1)),
            blocks: self.known.len(),
            stages: self.stages,
            fused: self.has_fused,
            singles: self.has_singles,
        };
        let (_, modules) = MODULES.iter().find(|(kind, _)| *kind == place.kind)?;
        let is_resnet = matches!(kind, Kind::AroundBottlenecks | Kind::Bottleneck);
        let is_known = modules.contains(&module);
        if !(is_known || block.is_none() && is_head_layer(module, is_resnet)) {
            return None;
        }
        match naming {
            Naming::Resnet => is_resnet.then(|| timm.to_string()),
            Naming::Timm => (!is_resnet).then(|| timm.to_string()),
            // A longer head is the user's own, in no library's vocabulary.
            _ if !is_known => None,
            Naming::MobileNetV2 => mobilenet::name(&place, module, tensor),
            Naming::Torchvision => torchvision::name(&place, module, tensor),
            Naming::Lukemelas => lukemelas::name(&place, module, tensor),
            Naming::Transformers => transformers::name(&place, module, tensor),
            Naming::MmPretrain => mmpretrain::name(&place, module, tensor),
            Naming::TorchvisionFeatures => torchvision::features_name(&place, module, tensor),
            Naming::TransformersBase => transformers::base_name(&place, module, tensor),
            Naming::Keras => keras::name(&place, module, tensor),
            Naming::TensorFlow => tensorflow::name(&place, module, tensor),
        }
    }
}

/// Whether a module is a layer of a head of several layers, such as `classifier.3`.
fn is_head_layer(module: &str, is_resnet: bool) -> bool {
    let classifier = if is_resnet { "fc." } else { "classifier." };
    let index = module.strip_prefix(classifier);
    index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()) && !index.is_empty())
}

/// Splits `blocks.2.1.conv_dw.weight` into (2, 1) and `conv_dw.weight`; a ResNet's `layer3.1.conv2.weight` is of stage 2 too.
fn split_block(name: &str) -> Option<((usize, usize), &str)> {
    let (rest, first) = match name.strip_prefix("blocks.") {
        Some(rest) => (rest, 0),
        None => (name.strip_prefix("layer")?, 1),
    };
    let mut parts = rest.splitn(3, '.');
    let stage = parts.next()?.parse::<usize>().ok()?.checked_sub(first)?;
    let index = parts.next()?.parse().ok()?;
    Some(((stage, index), parts.next()?))
}

#[cfg(test)]
mod tests;
