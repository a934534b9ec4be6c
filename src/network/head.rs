//! The head: a convolution, a pool, and the layers from there to the logits or to an embedding.

use super::conv::ConvNorm;
use super::output::{Output, Taps};
use super::{CAM_WEIGHT, ClassActivation, Network};
use crate::architecture::{HeadChain, HeadLayer, HeadPool};
use crate::graph::{Activation, BuildError, Conv, Op, Padding, Role, Site, ValueId};

/// Name of the node that pools, and the scope of those that it is made of.
pub(super) const POOL: &str = "global_pool";

impl Network<'_> {
    /// The head, as far as the outputs need it.
    pub(super) fn head(
        &mut self,
        mut x: ValueId,
        taps: &mut Taps,
        activation: ClassActivation,
    ) -> Result<(), BuildError> {
        if let Some(conv) = self.architecture.head.conv {
            let head = ConvNorm {
                activation: Some(conv.activation),
                ..ConvNorm::pointwise("conv_head", "bn2", "")
            };
            x = self.conv_norm(x, conv.filters, &head)?;
        }
        let chain = self.architecture.head_chain();
        if taps.has(Output::needs_pool) {
            let pooled = self.pool(x, chain.pool)?;
            taps.set(Output::Pooled, pooled);
            if taps.has(|output| output != Output::Pooled && output.needs_pool()) {
                self.layers(&chain, pooled, taps, activation)?;
            }
        }
        if taps.has(|output| output == Output::Cam) {
            let cam = self.cam(x, taps.has(Output::needs_logits))?;
            taps.set(Output::Cam, cam);
        }
        Ok(())
    }

    /// Feature maps as one vector.
    fn pool(&mut self, x: ValueId, pool: HeadPool) -> Result<ValueId, BuildError> {
        let pooled = Output::Pooled.name();
        let op = match pool {
            HeadPool::Average => Op::Pool { keep_dims: false },
            HeadPool::Max => Op::LargestPool,
            HeadPool::GeneralizedMean { power, epsilon } => Op::GeneralizedMean { power, epsilon },
            HeadPool::HalfAverageHalfMax | HeadPool::AverageThenMax | HeadPool::MaxThenAverage => {
                let mut parts = [
                    ("mean", Op::Pool { keep_dims: false }),
                    ("max", Op::LargestPool),
                ];
                if pool == HeadPool::MaxThenAverage {
                    parts.reverse();
                }
                let mut vectors = Vec::new();
                for (name, op) in parts {
                    let name = format!("{POOL}.{name}");
                    vectors.push(self.builder.node(&name, op, vec![x], &name)?);
                }
                let op = match pool {
                    HeadPool::HalfAverageHalfMax => Op::Midpoint,
                    _ => Op::Concat,
                };
                return self.builder.node(POOL, op, vectors, pooled);
            }
        };
        self.builder.node(POOL, op, vec![x], pooled)
    }

    /// The layers after the pool, as far as the outputs need them.
    fn layers(
        &mut self,
        chain: &HeadChain,
        pooled: ValueId,
        taps: &mut Taps,
        activation: ClassActivation,
    ) -> Result<(), BuildError> {
        let classifier = self.architecture.head.classifier;
        let classes = chain.classes();
        let before = chain.layers.len() - usize::from(classes.is_some());
        let mut x = pooled;
        for (index, layer) in chain.layers[..before].iter().enumerate() {
            x = self.layer(&chain.scope(classifier, index), *layer, x)?;
        }
        if taps.has(|output| output == Output::Embedding) {
            let is_normal = chain.layers[..before].last() == Some(&HeadLayer::Normalize);
            let embedding = if is_normal { x } else { self.embedding(x)? };
            taps.set(Output::Embedding, embedding);
        }
        let Some(HeadLayer::Linear { features, bias }) = chain.layers.get(before) else {
            return Ok(());
        };
        if taps.has(Output::needs_logits) {
            let scope = chain.scope(classifier, before);
            let roles = [Role::LinearWeight, Role::LinearBias];
            let logits =
                self.linear(&scope, x, *features, (*bias, roles), Output::Logits.name())?;
            taps.set(Output::Logits, logits);
            if taps.has(|output| output == Output::Probabilities) {
                let probabilities = self.probabilities(logits, activation)?;
                taps.set(Output::Probabilities, probabilities);
            }
        }
        Ok(())
    }

    /// A layer before the classifier.
    fn layer(&mut self, scope: &str, layer: HeadLayer, x: ValueId) -> Result<ValueId, BuildError> {
        let width = self.channels(x);
        match layer {
            HeadLayer::Linear { features, bias } => {
                let roles = [Role::HiddenWeight, Role::HiddenBias];
                self.linear(scope, x, features, (bias, roles), scope)
            }
            HeadLayer::BatchNorm { epsilon } => self.batch_norm(scope, x, epsilon, Site::Inner),
            HeadLayer::LayerNorm { epsilon } => {
                let gamma = format!("{scope}.weight");
                let gamma = self.builder.parameter(&gamma, &[width], Role::LayerGamma);
                let beta = format!("{scope}.bias");
                let beta = self.builder.parameter(&beta, &[width], Role::Beta);
                let op = Op::LayerNorm { epsilon };
                self.builder.node(scope, op, vec![x, gamma, beta], scope)
            }
            HeadLayer::Activation(activation) => {
                let op = Op::Activation(activation);
                self.builder.node(scope, op, vec![x], scope)
            }
            HeadLayer::Normalize => self.builder.node(scope, Op::Normalize, vec![x], scope),
        }
    }

    /// A linear layer, with or without a bias; `roles` are those of its weight and its bias.
    fn linear(
        &mut self,
        scope: &str,
        x: ValueId,
        features: u64,
        (bias, roles): (bool, [Role; 2]),
        output: &str,
    ) -> Result<ValueId, BuildError> {
        let [weight_role, bias_role] = roles;
        let weight = format!("{scope}.weight");
        let shape = [features, self.channels(x)];
        let mut inputs = vec![x, self.builder.parameter(&weight, &shape, weight_role)];
        if bias {
            let bias = format!("{scope}.bias");
            inputs.push(self.builder.parameter(&bias, &[features], bias_role));
        }
        self.builder.node(scope, Op::Linear, inputs, output)
    }

    fn embedding(&mut self, x: ValueId) -> Result<ValueId, BuildError> {
        let name = Output::Embedding.name();
        self.builder.node(name, Op::Normalize, vec![x], name)
    }

    /// The classifier at every place of the head's maps: its weight as the kernel of a 1×1 convolution.
    fn cam(&mut self, x: ValueId, is_declared: bool) -> Result<ValueId, BuildError> {
        let classifier = format!("{}.weight", self.architecture.head.classifier);
        let (classes, features) = (self.architecture.options.classes, self.channels(x));
        if !is_declared {
            let shape = [classes, features];
            self.builder
                .declare(&classifier, &shape, Role::LinearWeight);
        }
        let shape = [classes, features, 1, 1];
        let kernel = self.builder.reshaped(CAM_WEIGHT, &shape, &classifier);
        let conv = Conv {
            kernel: [1, 1],
            stride: [1, 1],
            groups: 1,
            padding: Padding::Symmetric,
        };
        let name = Output::Cam.name();
        self.builder
            .node(name, Op::Conv(conv), vec![x, kernel], name)
    }

    fn probabilities(
        &mut self,
        logits: ValueId,
        activation: ClassActivation,
    ) -> Result<ValueId, BuildError> {
        let op = match activation {
            ClassActivation::Softmax => Op::Softmax,
            ClassActivation::Sigmoid => Op::Activation(Activation::Sigmoid),
        };
        let output = Output::Probabilities.name();
        self.builder
            .node(activation.name(), op, vec![logits], output)
    }
}
