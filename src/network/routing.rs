//! Conditionally parameterised convolutions: a kernel that is mixed of several experts', image by image.
//!
//! Source: tensorflow/tpu `condconv/efficientnet_condconv_builder.py` and `condconv_layers.py`; arXiv 1904.04971.
//! Names by timm's `CondConvResidual`.

use super::Network;
use crate::graph::{Activation, BuildError, Conv, Op, Role, ValueId};

/// How the experts of a block are mixed.
#[derive(Clone, Copy)]
pub(super) struct Routing {
    /// A weight for each, `[batch, experts]`.
    weights: ValueId,
    experts: u64,
}

impl Network<'_> {
    /// Mixing weights from the mean of a block's input: a linear layer and a sigmoid.
    pub(super) fn routing(
        &mut self,
        scope: &str,
        input: ValueId,
        experts: u64,
    ) -> Result<Routing, BuildError> {
        let name = format!("{scope}routing_fn");
        let pool = format!("{name}.pool");
        let pooled = self
            .builder
            .node(&pool, Op::Pool { keep_dims: false }, vec![input], &pool)?;
        let features = self.channels(input);
        let weight = self.builder.parameter(
            &format!("{name}.weight"),
            &[experts, features],
            Role::RoutingWeight,
        );
        let bias = self
            .builder
            .parameter(&format!("{name}.bias"), &[experts], Role::RoutingBias);
        let scores = self
            .builder
            .node(&name, Op::Linear, vec![pooled, weight, bias], &name)?;
        let gate = format!("{name}.gate");
        let weights = self.builder.node(
            &gate,
            Op::Activation(Activation::Sigmoid),
            vec![scores],
            &gate,
        )?;
        Ok(Routing { weights, experts })
    }

    /// A convolution with a mixed kernel of the shape `kernel`.
    pub(super) fn routed(
        &mut self,
        name: &str,
        x: ValueId,
        routing: Routing,
        conv: Conv,
        kernel: [u64; 4],
    ) -> Result<ValueId, BuildError> {
        let weight = self.builder.parameter(
            &format!("{name}.weight"),
            &[routing.experts, kernel.iter().product()],
            Role::ExpertWeights { kernel },
        );
        let op = Op::RoutedConv {
            conv,
            filters: kernel[0],
        };
        self.builder
            .node(name, op, vec![x, routing.weights, weight], name)
    }
}
