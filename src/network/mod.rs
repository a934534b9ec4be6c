//! How a stem, an MBConv block, squeeze-and-excitation and a head are wired.
//!
//! Always the same canonical graph: one node per concept, timm's parameter names, the same scopes for
//! nodes and values. It knows no flag that concerns how a graph is spelled.

mod activation;
mod fused;
mod mbconv;
mod routing;
mod summary;

pub use activation::ClassActivation;
use routing::Routing;
pub use summary::{Row, summary};

use crate::architecture::{Architecture, BlockKind, Stage};
use crate::graph::{
    Activation, BuildError, Conv, Graph, GraphBuilder, Op, Padding, Role, Site, ValueId,
};
use crate::tensor::shape::{Dim, Shape};

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

/// A result of the graph; its name in the file is [`Output::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Raw class scores, `[batch, classes]`.
    Logits,
    /// Softmax of the logits, or a sigmoid of each.
    Probabilities,
    /// Mean of the head's feature maps, `[batch, head filters]`.
    Pooled,
}

impl Output {
    /// Name of the graph output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Pooled => "pooled",
        }
    }

    /// The output called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Logits, Self::Probabilities, Self::Pooled]
            .into_iter()
            .find(|output| output.name() == name)
    }
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

/// Builds the canonical graph of an architecture.
///
/// # Errors
/// If the input is too small for a window.
pub fn build(architecture: &Architecture, interface: &Interface) -> Result<Graph, BuildError> {
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
    for (index, stage) in architecture.stages.iter().enumerate() {
        x = network.stage(index, stage, x)?;
    }
    network.head(x, interface)
}

struct Network<'a> {
    architecture: &'a Architecture,
    /// Padding of the next convolution from the image to the feature maps.
    padding: Padding,
    builder: GraphBuilder,
}

/// A convolution followed by a batch norm and perhaps the activation.
#[derive(Clone, Copy)]
struct ConvNorm<'a> {
    /// timm's name of the convolution.
    conv: &'a str,
    /// timm's name of the batch norm.
    norm: &'a str,
    /// What both names follow.
    scope: &'a str,
    kernel_size: u64,
    stride: u64,
    depthwise: bool,
    /// Experts, if the kernel is a mixture of theirs.
    routing: Option<Routing>,
    activation: Option<Activation>,
    site: Site,
}

impl<'a> ConvNorm<'a> {
    /// A 1×1 convolution without activation.
    fn pointwise(conv: &'a str, norm: &'a str, scope: &'a str) -> Self {
        Self {
            conv,
            norm,
            scope,
            kernel_size: 1,
            stride: 1,
            depthwise: false,
            routing: None,
            activation: None,
            site: Site::Inner,
        }
    }
}

impl Network<'_> {
    fn stem(&mut self, input: ValueId) -> Result<ValueId, BuildError> {
        let stem = ConvNorm {
            kernel_size: 3,
            stride: 2,
            activation: Some(self.architecture.activation),
            ..ConvNorm::pointwise("conv_stem", "bn1", "")
        };
        self.conv_norm(input, self.architecture.stem_filters, &stem)
    }

    fn stage(
        &mut self,
        index: usize,
        stage: &Stage,
        mut x: ValueId,
    ) -> Result<ValueId, BuildError> {
        for block in 0..stage.num_repeat {
            let scope = format!("blocks.{index}.{block}.");
            x = match stage.kind {
                BlockKind::MbConv => self.mbconv(&scope, stage, block, x)?,
                BlockKind::Fused => self.fused(&scope, stage, block, x)?,
            };
        }
        Ok(x)
    }

    fn head(mut self, x: ValueId, interface: &Interface) -> Result<Graph, BuildError> {
        let outputs = interface.outputs.as_slice();
        let head = ConvNorm {
            activation: Some(self.architecture.activation),
            ..ConvNorm::pointwise("conv_head", "bn2", "")
        };
        let features = self.conv_norm(x, self.architecture.head_filters, &head)?;
        let pooled = self.builder.node(
            "global_pool",
            Op::Pool { keep_dims: false },
            vec![features],
            Output::Pooled.name(),
        )?;
        if outputs == [Output::Pooled] {
            return Ok(self.builder.finish(vec![pooled]));
        }
        let (classes, filters) = (
            self.architecture.options.classes,
            self.architecture.head_filters,
        );
        let weight =
            self.builder
                .parameter("classifier.weight", &[classes, filters], Role::LinearWeight);
        let bias = self
            .builder
            .parameter("classifier.bias", &[classes], Role::LinearBias);
        let logits = self.builder.node(
            "classifier",
            Op::Linear,
            vec![pooled, weight, bias],
            Output::Logits.name(),
        )?;
        let results: Result<Vec<ValueId>, BuildError> = outputs
            .iter()
            .map(|output| match output {
                Output::Logits => Ok(logits),
                Output::Pooled => Ok(pooled),
                Output::Probabilities => self.builder.node(
                    interface.activation.name(),
                    match interface.activation {
                        ClassActivation::Softmax => Op::Softmax,
                        ClassActivation::Sigmoid => Op::Activation(Activation::Sigmoid),
                    },
                    vec![logits],
                    Output::Probabilities.name(),
                ),
            })
            .collect();
        Ok(self.builder.finish(results?))
    }

    fn conv_norm(
        &mut self,
        x: ValueId,
        filters: u64,
        spec: &ConvNorm<'_>,
    ) -> Result<ValueId, BuildError> {
        let name = format!("{}{}", spec.scope, spec.conv);
        let in_channels = self.channels(x);
        let groups = if spec.depthwise { in_channels } else { 1 };
        let kernel = [
            filters,
            in_channels / groups,
            spec.kernel_size,
            spec.kernel_size,
        ];
        let conv = Conv {
            kernel: [spec.kernel_size; 2],
            stride: [spec.stride; 2],
            groups,
            padding: self.padding,
        };
        self.padding = self.padding.after(spec.stride);
        let y = match spec.routing {
            Some(routing) => self.routed(&name, x, routing, conv, kernel)?,
            None => {
                let weight = self.builder.parameter(
                    &format!("{name}.weight"),
                    &kernel,
                    Role::ConvWeight { groups },
                );
                self.builder
                    .node(&name, Op::Conv(conv), vec![x, weight], &name)?
            }
        };
        let norm = format!("{}{}", spec.scope, spec.norm);
        let y = self.batch_norm(y, &norm, filters, spec.site)?;
        match spec.activation {
            Some(activation) => {
                let name = format!("{norm}.act");
                self.builder
                    .node(&name, Op::Activation(activation), vec![y], &name)
            }
            None => Ok(y),
        }
    }

    fn batch_norm(
        &mut self,
        x: ValueId,
        name: &str,
        filters: u64,
        site: Site,
    ) -> Result<ValueId, BuildError> {
        let epsilon = self.architecture.options.batch_norm_epsilon;
        let gamma = Role::Gamma {
            variance: format!("{name}.running_var"),
            epsilon,
            site,
        };
        let mut inputs = vec![x];
        for (suffix, role) in [
            ("weight", gamma),
            ("bias", Role::Beta),
            ("running_mean", Role::RunningMean),
            ("running_var", Role::RunningVariance),
        ] {
            inputs.push(
                self.builder
                    .parameter(&format!("{name}.{suffix}"), &[filters], role),
            );
        }
        self.builder
            .node(name, Op::BatchNorm { epsilon }, inputs, name)
    }

    fn channels(&self, x: ValueId) -> u64 {
        self.builder.shape(x)[1]
            .fixed()
            .expect("the network fixes the channels of every value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Options;
    use crate::scaling::{PUBLISHED, Scaling, Variant};
    use std::collections::BTreeSet;

    fn network(variant: &'static Variant) -> Graph {
        let architecture = Architecture::scale(&Scaling::published(variant), Options::default())
            .expect("a published size");
        build(&architecture, &Interface::single([variant.resolution; 2])).expect("a published size")
    }

    #[test]
    fn names_are_unique() {
        for variant in &PUBLISHED {
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
