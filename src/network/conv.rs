//! A convolution, its batch norm and its activation.

use super::Network;
use super::routing::Routing;
use crate::graph::{Activation, BuildError, Conv, Op, Role, Site, ValueId};

/// A convolution followed by a batch norm and perhaps the activation.
#[derive(Clone, Copy)]
pub(super) struct ConvNorm<'a> {
    /// timm's name of the convolution.
    pub(super) conv: &'a str,
    /// timm's name of the batch norm.
    pub(super) norm: &'a str,
    /// What both names follow.
    pub(super) scope: &'a str,
    pub(super) kernel_size: u64,
    pub(super) stride: u64,
    pub(super) depthwise: bool,
    /// Experts, if the kernel is a mixture of theirs.
    pub(super) routing: Option<Routing>,
    pub(super) activation: Option<Activation>,
    pub(super) site: Site,
}

impl<'a> ConvNorm<'a> {
    /// A 1×1 convolution without activation.
    pub(super) fn pointwise(conv: &'a str, norm: &'a str, scope: &'a str) -> Self {
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
    pub(super) fn conv_norm(
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
        let epsilon = self.architecture.options.batch_norm_epsilon;
        let y = self.batch_norm(&norm, y, epsilon, spec.site)?;
        match spec.activation {
            Some(activation) => {
                let name = format!("{norm}.act");
                self.builder
                    .node(&name, Op::Activation(activation), vec![y], &name)
            }
            None => Ok(y),
        }
    }

    pub(super) fn batch_norm(
        &mut self,
        name: &str,
        x: ValueId,
        epsilon: f64,
        site: Site,
    ) -> Result<ValueId, BuildError> {
        let channels = self.channels(x);
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
                    .parameter(&format!("{name}.{suffix}"), &[channels], role),
            );
        }
        self.builder
            .node(name, Op::BatchNorm { epsilon }, inputs, name)
    }

    pub(super) fn channels(&self, x: ValueId) -> u64 {
        self.builder.shape(x)[1]
            .fixed()
            .expect("the network fixes the channels of every value")
    }
}
