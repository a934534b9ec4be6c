//! How a stem, an MBConv block, squeeze-and-excitation and a head are wired.
//!
//! Always the same canonical graph: one node per concept, timm's parameter names, the same scopes for
//! nodes and values. It knows no flag that concerns how a graph is spelled.

mod mbconv;

use crate::architecture::{Architecture, Stage};
use crate::graph::shape::{Dim, Shape};
use crate::graph::{
    Activation, BuildError, Conv, Graph, GraphBuilder, Op, Role, Site, ValueId,
};

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
}

/// A result of the graph; its name in the file is [`Output::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Raw class scores, `[batch, classes]`.
    Logits,
    /// Softmax of the logits.
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
        [Self::Logits, Self::Probabilities, Self::Pooled].into_iter().find(|output| output.name() == name)
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
        }
    }
}

/// Builds the canonical graph of an architecture.
///
/// # Errors
/// If the input is too small for a window.
pub fn build(architecture: &Architecture, interface: &Interface) -> Result<Graph, BuildError> {
    let mut network = Network { architecture, builder: GraphBuilder::default() };
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
    network.head(x, &interface.outputs)
}

struct Network<'a> {
    architecture: &'a Architecture,
    builder: GraphBuilder,
}

/// A convolution followed by a batch norm and perhaps the activation.
struct ConvNorm<'a> {
    /// timm's name of the convolution.
    conv: String,
    /// timm's name of the batch norm.
    norm: String,
    filters: u64,
    kernel_size: u64,
    stride: u64,
    depthwise: bool,
    activation: Option<Activation>,
    site: Site,
    scope: &'a str,
}

impl Network<'_> {
    fn stem(&mut self, input: ValueId) -> Result<ValueId, BuildError> {
        self.conv_norm(
            input,
            &ConvNorm {
                conv: "conv_stem".into(),
                norm: "bn1".into(),
                filters: self.architecture.stem_filters,
                kernel_size: 3,
                stride: 2,
                depthwise: false,
                activation: Some(self.architecture.activation),
                site: Site::Inner,
                scope: "",
            },
        )
    }

    fn stage(&mut self, index: usize, stage: &Stage, mut x: ValueId) -> Result<ValueId, BuildError> {
        for block in 0..stage.num_repeat {
            x = self.mbconv(&format!("blocks.{index}.{block}."), stage, block, x)?;
        }
        Ok(x)
    }

    fn head(mut self, x: ValueId, outputs: &[Output]) -> Result<Graph, BuildError> {
        let features = self.conv_norm(
            x,
            &ConvNorm {
                conv: "conv_head".into(),
                norm: "bn2".into(),
                filters: self.architecture.head_filters,
                kernel_size: 1,
                stride: 1,
                depthwise: false,
                activation: Some(self.architecture.activation),
                site: Site::Inner,
                scope: "",
            },
        )?;
        let pooled =
            self.builder.node("global_pool", Op::Pool { keep_dims: false }, vec![features], Output::Pooled.name())?;
        let wants = |output| outputs.contains(&output);
        if outputs == [Output::Pooled] {
            return Ok(self.builder.finish(vec![pooled]));
        }
        let (classes, filters) = (self.architecture.options.classes, self.architecture.head_filters);
        let weight = self.builder.parameter("classifier.weight", &[classes, filters], Role::LinearWeight);
        let bias = self.builder.parameter("classifier.bias", &[classes], Role::LinearBias);
        let logits =
            self.builder.node("classifier", Op::Linear, vec![pooled, weight, bias], Output::Logits.name())?;
        let probabilities = if wants(Output::Probabilities) {
            Some(self.builder.node("softmax", Op::Softmax, vec![logits], Output::Probabilities.name())?)
        } else {
            None
        };
        let results = outputs.iter().map(|output| match output {
            Output::Logits => logits,
            Output::Pooled => pooled,
            Output::Probabilities => probabilities.unwrap_or(logits),
        });
        let results = results.collect();
        Ok(self.builder.finish(results))
    }

    fn conv_norm(&mut self, x: ValueId, spec: &ConvNorm<'_>) -> Result<ValueId, BuildError> {
        let name = format!("{}{}", spec.scope, spec.conv);
        let in_channels = self.channels(x);
        let groups = if spec.depthwise { in_channels } else { 1 };
        let weight = self.builder.parameter(
            &format!("{name}.weight"),
            &[spec.filters, in_channels / groups, spec.kernel_size, spec.kernel_size],
            Role::ConvWeight { groups },
        );
        let conv = Op::Conv(Conv {
            kernel: [spec.kernel_size; 2],
            stride: [spec.stride; 2],
            groups,
            padding: self.architecture.options.padding,
        });
        let y = self.builder.node(&name, conv, vec![x, weight], &name)?;
        let norm = format!("{}{}", spec.scope, spec.norm);
        let y = self.batch_norm(y, &norm, spec.filters, spec.site)?;
        match spec.activation {
            Some(activation) => {
                let name = format!("{norm}.act");
                self.builder.node(&name, Op::Activation(activation), vec![y], &name)
            }
            None => Ok(y),
        }
    }

    fn batch_norm(&mut self, x: ValueId, name: &str, filters: u64, site: Site) -> Result<ValueId, BuildError> {
        let epsilon = self.architecture.options.batch_norm_epsilon;
        let gamma = Role::Gamma { variance: format!("{name}.running_var"), epsilon, site };
        let mut inputs = vec![x];
        for (suffix, role) in [
            ("weight", gamma),
            ("bias", Role::Beta),
            ("running_mean", Role::RunningMean),
            ("running_var", Role::RunningVariance),
        ] {
            inputs.push(self.builder.parameter(&format!("{name}.{suffix}"), &[filters], role));
        }
        self.builder.node(name, Op::BatchNorm { epsilon }, inputs, name)
    }

    fn channels(&self, x: ValueId) -> u64 {
        self.builder.shape(x)[1].fixed().expect("the network fixes the channels of every value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Options;
    use crate::scaling::{PUBLISHED, Scaling, Variant, Family, Compound};

    #[test]
    fn smoke() {
        for v in &PUBLISHED {
            let a = Architecture::scale(&Scaling::published(v), Options::default()).unwrap();
            let g = build(&a, &Interface::single([v.resolution; 2])).unwrap();
            println!("{} {:?}", v.name, g.counts());
        }
        let s = Scaling::formula(Family::V1, 13.0, Compound::default()).unwrap();
        let a = Architecture::scale(&s, Options::default()).unwrap();
        println!("{:?} {:?}", s, build(&a, &Interface::single([64; 2])).unwrap().counts());
        let _ = Variant::by_name("b0");
    }
}
