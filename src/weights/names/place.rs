//! Where a module stands in its network, and rows of the libraries' tables.

/// One row of a table: a module in timm, and in the library.
pub(super) type Row = (&'static str, &'static str);

/// What a group of modules is: each library has a table for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Stem, head and classifier.
    Outside,
    /// Stem and classifier of a ResNet.
    AroundBottlenecks,
    /// A ResNet's block.
    Bottleneck,
    /// A block that expands its input by a 1×1 convolution.
    Expanded,
    /// A block with an expansion ratio of 1: timm's depthwise-separable block, whose `conv_pw` projects.
    Separable,
    /// A block whose expansion is a full convolution.
    Fused,
    /// One full convolution: a fused block with an expansion ratio of 1.
    Single,
}

/// A module's place in its network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// What it is a part of.
    pub(super) kind: Kind,
    /// The block's stage, from 0.
    pub(super) stage: usize,
    /// The block's place in its stage, from 0.
    pub(super) index: usize,
    /// The block's number in the network, from 0.
    pub(super) number: usize,
    /// How many blocks the stage before has.
    pub(super) blocks_before: usize,
    /// How many blocks the network has.
    pub(super) blocks: usize,
    /// How many stages the network has.
    pub(super) stages: usize,
    /// Whether the network has fused blocks, as EfficientNetV2 has.
    pub(super) fused: bool,
    /// Whether it has blocks that are one full convolution, as EfficientNetV2 has and EdgeTPU's networks have not.
    pub(super) singles: bool,
}

/// The library's module in the row of timm's.
pub(super) fn row(rows: &[Row], module: &str) -> Option<&'static str> {
    rows.iter().find(|row| row.0 == module).map(|row| row.1)
}
