//! From timm's parameter names to another library's.
//!
//! A pure function of the list of timm names: which blocks there are, and which of them expand, is read
//! from the names themselves. Knows no architecture and no file.

use super::Naming;
use std::collections::{BTreeMap, BTreeSet};

/// The names that a naming gives to a list of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMap {
    names: BTreeMap<String, String>,
}

/// A parameter that a naming has no name for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` has no name in {naming}'s vocabulary")]
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
        let layout = Layout::of(&timm);
        let names = timm
            .iter()
            .map(|&name| match layout.translate(naming, name) {
                Some(translated) => Ok((name.to_string(), translated)),
                None => Err(UnknownName {
                    name: name.to_string(),
                    naming,
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { names })
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

/// One row of a table: the module in timm, torchvision and lukemelas.
type Row = (&'static str, &'static str, &'static str);

/// Modules outside the blocks. torchvision numbers the head after the last stage.
const OUTSIDE: [Row; 5] = [
    ("conv_stem", "features.0.0", "_conv_stem"),
    ("bn1", "features.0.1", "_bn0"),
    ("conv_head", "features.{}.0", "_conv_head"),
    ("bn2", "features.{}.1", "_bn1"),
    ("classifier", "classifier.1", "_fc"),
];

/// A block that expands its input.
const EXPANDED: [Row; 8] = [
    ("conv_pw", "0.0", "_expand_conv"),
    ("bn1", "0.1", "_bn0"),
    ("conv_dw", "1.0", "_depthwise_conv"),
    ("bn2", "1.1", "_bn1"),
    ("se.conv_reduce", "2.fc1", "_se_reduce"),
    ("se.conv_expand", "2.fc2", "_se_expand"),
    ("conv_pwl", "3.0", "_project_conv"),
    ("bn3", "3.1", "_bn2"),
];

/// A block with an expansion ratio of 1, timm's depthwise-separable block: its `conv_pw` projects. torchvision
/// counts one step less, lukemelas keeps the names and has no `_bn0`.
const SEPARABLE: [Row; 6] = [
    ("conv_dw", "0.0", "_depthwise_conv"),
    ("bn1", "0.1", "_bn1"),
    ("se.conv_reduce", "1.fc1", "_se_reduce"),
    ("se.conv_expand", "1.fc2", "_se_expand"),
    ("conv_pw", "2.0", "_project_conv"),
    ("bn2", "2.1", "_bn2"),
];

/// The blocks of a network, and which of them expand.
struct Layout {
    /// (stage, index in the stage), in order: a block's place here is lukemelas's number.
    blocks: BTreeSet<(usize, usize)>,
    expanded: BTreeSet<(usize, usize)>,
}

impl Layout {
    fn of(timm: &[&str]) -> Self {
        let mut layout = Self {
            blocks: BTreeSet::new(),
            expanded: BTreeSet::new(),
        };
        for (block, module) in timm.iter().filter_map(|name| split_block(name)) {
            layout.blocks.insert(block);
            // Only a block that expands has a `conv_pwl` to project back.
            if module.starts_with("conv_pwl.") {
                layout.expanded.insert(block);
            }
        }
        layout
    }

    fn translate(&self, naming: Naming, timm: &str) -> Option<String> {
        let (block, rest) = match split_block(timm) {
            Some((block, rest)) => (Some(block), rest),
            None => (None, timm),
        };
        let (module, tensor) = rest.rsplit_once('.')?;
        let rows: &[Row] = match block {
            None => &OUTSIDE,
            Some(block) if self.expanded.contains(&block) => &EXPANDED,
            Some(_) => &SEPARABLE,
        };
        let row = rows.iter().find(|row| row.0 == module)?;
        Some(match (naming, block) {
            (Naming::Timm, _) => timm.to_string(),
            (Naming::Torchvision, None) => {
                let head = self.blocks.last().map_or(0, |(stage, _)| stage + 1) + 1;
                format!("{}.{tensor}", row.1.replace("{}", &head.to_string()))
            }
            (Naming::Torchvision, Some((stage, index))) => {
                format!("features.{}.{index}.block.{}.{tensor}", stage + 1, row.1)
            }
            (Naming::Lukemelas, None) => format!("{}.{tensor}", row.2),
            (Naming::Lukemelas, Some(block)) => {
                let number = self.blocks.range(..block).count();
                format!("_blocks.{number}.{}.{tensor}", row.2)
            }
        })
    }
}

/// Splits `blocks.2.1.conv_dw.weight` into (2, 1) and `conv_dw.weight`.
fn split_block(name: &str) -> Option<((usize, usize), &str)> {
    let mut parts = name.strip_prefix("blocks.")?.splitn(3, '.');
    let stage = parts.next()?.parse().ok()?;
    let index = parts.next()?.parse().ok()?;
    Some(((stage, index), parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two stages: one separable block, then two that expand, the second with no more than a kernel.
    const NAMES: [&str; 14] = [
        "conv_stem.weight",
        "bn1.running_mean",
        "blocks.0.0.conv_dw.weight",
        "blocks.0.0.bn1.bias",
        "blocks.0.0.se.conv_reduce.bias",
        "blocks.0.0.conv_pw.weight",
        "blocks.0.0.bn2.weight",
        "blocks.1.0.conv_pw.weight",
        "blocks.1.0.bn2.running_var",
        "blocks.1.0.conv_pwl.weight",
        "blocks.1.1.conv_pwl.weight",
        "conv_head.weight",
        "bn2.weight",
        "classifier.bias",
    ];

    fn translated(naming: Naming) -> Vec<String> {
        let map = NameMap::new(naming, NAMES).unwrap();
        NAMES
            .iter()
            .map(|name| map.source_name(name).unwrap().to_string())
            .collect()
    }

    #[test]
    fn timm_keeps_its_names() {
        assert_eq!(translated(Naming::Timm), NAMES);
    }

    #[test]
    fn torchvision_shifts_in_separable_blocks() {
        assert_eq!(
            translated(Naming::Torchvision),
            [
                "features.0.0.weight",
                "features.0.1.running_mean",
                "features.1.0.block.0.0.weight",
                "features.1.0.block.0.1.bias",
                "features.1.0.block.1.fc1.bias",
                "features.1.0.block.2.0.weight",
                "features.1.0.block.2.1.weight",
                "features.2.0.block.0.0.weight",
                "features.2.0.block.1.1.running_var",
                "features.2.0.block.3.0.weight",
                "features.2.1.block.3.0.weight",
                "features.3.0.weight",
                "features.3.1.weight",
                "classifier.1.bias",
            ]
        );
    }

    #[test]
    fn lukemelas_counts_blocks_through_and_never_shifts() {
        assert_eq!(
            translated(Naming::Lukemelas),
            [
                "_conv_stem.weight",
                "_bn0.running_mean",
                "_blocks.0._depthwise_conv.weight",
                "_blocks.0._bn1.bias",
                "_blocks.0._se_reduce.bias",
                "_blocks.0._project_conv.weight",
                "_blocks.0._bn2.weight",
                "_blocks.1._expand_conv.weight",
                "_blocks.1._bn1.running_var",
                "_blocks.1._project_conv.weight",
                "_blocks.2._project_conv.weight",
                "_conv_head.weight",
                "_bn1.weight",
                "_fc.bias",
            ]
        );
    }

    #[test]
    fn blocks_past_the_tenth_keep_their_order() {
        let names: Vec<String> = (0..12)
            .map(|index| format!("blocks.0.{index}.conv_dw.weight"))
            .collect();
        let map = NameMap::new(Naming::Lukemelas, names.iter().map(String::as_str)).unwrap();
        assert_eq!(
            map.source_name("blocks.0.11.conv_dw.weight"),
            Some("_blocks.11._depthwise_conv.weight")
        );
    }

    #[test]
    fn a_name_that_no_table_has_is_an_error() {
        for naming in Naming::ALL {
            for name in [
                "blocks.0.0.conv_exp.weight",
                "weight",
                "conv_stem",
                "blocks.0.conv_dw.weight",
            ] {
                let error = NameMap::new(naming, [name]).unwrap_err();
                assert_eq!(
                    error,
                    UnknownName {
                        name: name.to_string(),
                        naming
                    }
                );
            }
        }
    }
}
