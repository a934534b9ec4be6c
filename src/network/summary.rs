//! The per-stage table of an architecture, as the paper's table 1 has it.

use super::{Interface, MAX_POOL, build, stage_scope};
use crate::architecture::{Architecture, Block, Stage};
use crate::graph::{BuildError, Counts, Graph};
use crate::tensor::shape::Dim;

/// One row: a part of the network and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `stem`, a stage from `1` on, `head`, `classifier`.
    pub part: String,
    /// `Conv3x3`, `MBConv6 k5x5`, `Pool + Linear`.
    pub operator: String,
    /// Height and width that enter it.
    pub resolution: [u64; 2],
    /// Channels that leave it.
    pub channels: u64,
    /// Blocks in a row.
    pub repeats: u64,
    /// Stride of its first convolution.
    pub stride: u64,
    /// Parameters, buffers and multiply-adds.
    pub counts: Counts,
}

/// The rows of a network for one image of a fixed size; their counts add up to the graph's.
///
/// # Errors
/// If the input is too small for a window.
pub fn summary(architecture: &Architecture, size: [u64; 2]) -> Result<Vec<Row>, BuildError> {
    let graph = build(architecture, &Interface::single(size))?;
    let row = |part: &str, operator: String, channels, repeats, stride, scopes: &[&str]| Row {
        part: part.to_owned(),
        operator,
        resolution: resolution(&graph, scopes[0]),
        channels,
        repeats,
        stride,
        counts: graph.counts_where(|name| scopes.iter().any(|scope| belongs(name, scope))),
    };
    let stem = &architecture.stem;
    let mut rows = vec![row(
        "stem",
        format!("Conv{0}x{0}", stem.kernel_size),
        stem.filters,
        1,
        stem.stride,
        &[stem.conv, "bn1", MAX_POOL],
    )];
    for (index, stage) in architecture.stages.iter().enumerate() {
        let scope = stage_scope(index, stage);
        rows.push(row(
            &(index + 1).to_string(),
            operator(stage),
            stage.output_filters,
            stage.num_repeat,
            stage.stride,
            &[&scope],
        ));
    }
    if let Some(conv) = architecture.head.conv {
        rows.push(row(
            "head",
            "Conv1x1".to_owned(),
            conv.filters,
            1,
            1,
            &["conv_head", "bn2"],
        ));
    }
    rows.push(row(
        "classifier",
        "Pool + Linear".to_owned(),
        architecture.options.classes,
        1,
        1,
        &["global_pool", architecture.head.classifier],
    ));
    Ok(rows)
}

fn operator(stage: &Stage) -> String {
    let ratio = stage.block.expand_ratio();
    let (kind, kernel) = match stage.block {
        Block::Bottleneck(_) => return "Bottleneck".to_owned(),
        Block::MbConv(block) => ("MBConv", block.kernel_size),
        Block::Separable(block) => ("MBConv", block.kernel_size),
        Block::Fused(block) => ("FusedMBConv", block.kernel_size),
        Block::Plain(block) => ("FusedMBConv", block.kernel_size),
    };
    format!("{kind}{ratio} k{kernel}x{kernel}")
}

/// Whether `name` is `scope` itself or inside it.
fn belongs(name: &str, scope: &str) -> bool {
    name.strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Height and width that enter the first node of a scope.
fn resolution(graph: &Graph, scope: &str) -> [u64; 2] {
    let node = graph.nodes.iter().find(|node| belongs(&node.name, scope));
    let node = node.expect("every part of a network has a node");
    let extent = |axis: usize| {
        let shape = &graph.value(node.inputs[0]).shape;
        shape.get(axis).and_then(Dim::fixed).unwrap_or(1)
    };
    [extent(2), extent(3)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Options;
    use crate::architecture::{Family, Scaling, Variant};

    #[test]
    fn rows_add_up_to_the_whole() {
        for variant in Variant::all().chain(Family::RESNET_50.variants) {
            let architecture =
                Architecture::scale(&Scaling::published(variant), Options::default())
                    .expect("published");
            let size = [variant.resolution; 2];
            let rows = summary(&architecture, size).expect("published");
            let whole = build(&architecture, &Interface::single(size))
                .expect("published")
                .counts();
            let sum = |count: fn(&Counts) -> u64| rows.iter().map(|row| count(&row.counts)).sum();
            let added = Counts {
                parameters: sum(|counts| counts.parameters),
                buffers: sum(|counts| counts.buffers),
                macs: sum(|counts| counts.macs),
                mixing_macs: sum(|counts| counts.mixing_macs),
            };
            assert_eq!(added, whole, "{}", variant.name);
        }
    }
}
