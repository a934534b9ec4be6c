//! How a stem, blocks and a head are wired: one file for each kind of block.
//!
//! Always the same canonical graph: one node per concept, timm's parameter names, the same scopes for
//! nodes and values. It knows no flag that concerns how a graph is spelled.

mod activation;
mod bottleneck;
mod conv;
mod fused;
mod head;
mod level;
mod mbconv;
mod output;
mod plain;
mod routing;
mod separable;
mod squeeze;
mod summary;

pub use activation::ClassActivation;
use conv::ConvNorm;
use level::Part;
pub use level::{FeatureLevel, NetworkError};
pub use output::Output;
use output::Taps;
pub use summary::{Row, summary};

use crate::architecture::{Architecture, Block, Stage, StemPool};
use crate::graph::{BuildError, Graph, GraphBuilder, Op, Padding, ValueId, Window};
use crate::tensor::shape::{Dim, Shape};

/// Name of the stem's max pool.
const MAX_POOL: &str = "maxpool";
/// Name of the initializer that has the classifier's weight as the kernel of [`Output::Cam`].
pub const CAM_WEIGHT: &str = "cam.weight";

/// What goes into and comes out of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Images at once.
    pub batch: Dim,
    /// Height of the input.
    pub height: Dim,
    /// Width of the input.
    pub width: Dim,
    /// Results, in order, without repetition.
    pub outputs: Vec<Output>,
    /// What turns logits into [`Output::Probabilities`].
    pub activation: ClassActivation,
}

impl Interface {
    /// One image of a fixed size to logits: what counting needs.
    #[must_use]
    pub fn single(size: [u64; 2]) -> Self {
        Self {
            batch: Dim::Fixed(1),
            height: Dim::Fixed(size[0]),
            width: Dim::Fixed(size[1]),
            outputs: vec![Output::Logits],
            activation: ClassActivation::Softmax,
        }
    }
}

/// Builds the canonical graph of an architecture, as far as the outputs need it.
///
/// # Errors
/// If the input is too small for a window, an output is of feature maps that the network does not have or not what its head
/// gives, or the head's last layer has not as many features as there are classes.
pub fn build(architecture: &Architecture, interface: &Interface) -> Result<Graph, NetworkError> {
    check_classes(architecture)?;
    let mut taps = Taps::new(architecture, &interface.outputs)?;
    let mut network = Network {
        architecture,
        padding: architecture.options.padding,
        builder: GraphBuilder::default(),
    };
    let shape: Shape = vec![
        interface.batch.clone(),
        Dim::Fixed(architecture.options.in_channels),
        interface.height.clone(),
        interface.width.clone(),
    ];
    let input = network.builder.input("input", shape);
    let mut x = network.stem(input)?;
    taps.passed(Part::Stem, x);
    if let Some(pool) = architecture
        .stem
        .pool
        .filter(|_| taps.go_beyond(Part::Stem))
    {
        x = network.max_pool(x, pool)?;
    }
    let mut before = Part::Stem;
    for (index, stage) in architecture.stages.iter().enumerate() {
        if !taps.go_beyond(before) {
            break;
        }
        before = Part::Stage(index);
        x = network.stage(index, stage, x)?;
        taps.passed(before, x);
    }
    if taps.go_beyond(before) {
        network.head(x, &mut taps, interface.activation)?;
    }
    Ok(taps.finish(network.builder))
}

/// The last layer gives the logits.
fn check_classes(architecture: &Architecture) -> Result<(), NetworkError> {
    let chain = architecture.head_chain();
    let classes = architecture.options.classes;
    match chain.classes() {
        Some(features) if features != classes => Err(NetworkError::Classes {
            head: chain.to_string(),
            features,
            classes,
        }),
        _ => Ok(()),
    }
}

struct Network<'a> {
    architecture: &'a Architecture,
    /// Padding of the next convolution from the image to the feature maps.
    padding: Padding,
    builder: GraphBuilder,
}

/// What the names of a stage's blocks begin with.
fn stage_scope(index: usize, stage: &Stage) -> String {
    match stage.block {
        Block::MbConv(_) | Block::Separable(_) | Block::Fused(_) | Block::Plain(_) => {
            format!("blocks.{index}")
        }
        Block::Bottleneck(_) => format!("layer{}", index + 1),
    }
}

/// Where a block is.
struct Place<'a> {
    stage: &'a Stage,
    /// Its place in the stage, from 0.
    index: u64,
    /// What its names follow; ends in a dot.
    scope: String,
}

impl Network<'_> {
    fn stem(&mut self, input: ValueId) -> Result<ValueId, BuildError> {
        let stem = &self.architecture.stem;
        let conv = ConvNorm {
            kernel_size: stem.kernel_size,
            stride: stem.stride,
            activation: Some(stem.activation),
            ..ConvNorm::pointwise(stem.conv, "bn1", "")
        };
        self.conv_norm(input, stem.filters, &conv)
    }

    fn max_pool(&mut self, x: ValueId, pool: StemPool) -> Result<ValueId, BuildError> {
        let window = Window {
            kernel: [pool.kernel_size; 2],
            stride: [pool.stride; 2],
            padding: self.padding,
        };
        self.padding = self.padding.after(pool.stride);
        let op = Op::MaxPool(window);
        self.builder.node(MAX_POOL, op, vec![x], MAX_POOL)
    }

    fn stage(
        &mut self,
        index: usize,
        stage: &Stage,
        mut x: ValueId,
    ) -> Result<ValueId, BuildError> {
        for block in 0..stage.num_repeat {
            let site = Place {
                stage,
                index: block,
                scope: format!("{}.{block}.", stage_scope(index, stage)),
            };
            x = match &stage.block {
                Block::MbConv(block) => self.mbconv(&site, block, x)?,
                Block::Separable(block) => self.separable(&site, block, x)?,
                Block::Fused(block) => self.fused(&site, block, x)?,
                Block::Plain(block) => self.plain(&site, block, x)?,
                Block::Bottleneck(block) => self.bottleneck(&site, block, x)?,
            };
        }
        Ok(x)
    }

    /// Whether the input of a block is added to its result: by the stage's row, and by what really enters.
    fn is_residual(&self, site: &Place<'_>, skip: bool, input: ValueId) -> bool {
        let Place { stage, index, .. } = site;
        skip && stage.block_stride(*index) == 1
            && stage.block_input_filters(*index) == stage.output_filters
            && self.channels(input) == stage.output_filters
    }

    fn add_input(
        &mut self,
        scope: &str,
        residual: bool,
        x: ValueId,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        if !residual {
            return Ok(x);
        }
        let name = format!("{scope}add");
        self.builder.node(&name, Op::Add, vec![x, input], &name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Options;
    use crate::architecture::{Scaling, Variant};
    use std::collections::BTreeSet;

    fn network(variant: &'static Variant) -> Graph {
        let architecture = Architecture::scale(&Scaling::published(variant), Options::default())
            .expect("a published size");
        build(&architecture, &Interface::single([variant.resolution; 2])).expect("a published size")
    }

    #[test]
    fn names_are_unique() {
        for variant in Variant::all() {
            let graph = network(variant);
            let nodes: BTreeSet<_> = graph.nodes.iter().map(|node| &node.name).collect();
            let values: BTreeSet<_> = graph.values.iter().map(|value| &value.name).collect();
            assert_eq!(
                (nodes.len(), values.len()),
                (graph.nodes.len(), graph.values.len()),
                "{}",
                variant.name
            );
        }
    }

    #[test]
    fn residual_additions() {
        // Sum of repeats - 1, and 1 for the first stage of V2-S to V2-XL, which keeps its filters.
        let expected = [
            ("b0", 9),
            ("b1", 16),
            ("b3", 19),
            ("lite0", 9),
            ("edgetpu-s", 12),
            ("edgetpu-m", 17),
            ("v2-s", 35),
        ];
        for (name, additions) in expected {
            let graph = network(Variant::by_name(name).expect("a published name"));
            assert_eq!(
                graph.nodes.iter().filter(|node| node.op == Op::Add).count(),
                additions,
                "{name}"
            );
        }
    }
}
