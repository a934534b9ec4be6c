//! Squeeze-and-excitation.

use super::{Network, Place};
use crate::architecture::Squeeze;
use crate::graph::{Activation, BuildError, Conv, Op, Padding, Role, ValueId};

impl Network<'_> {
    /// Weighs channels by what is in all of them, if the block does so; it expands its input `expand_ratio` times.
    pub(super) fn squeeze_excite(
        &mut self,
        place: &Place<'_>,
        squeeze: Option<Squeeze>,
        expand_ratio: u64,
        x: ValueId,
    ) -> Result<ValueId, BuildError> {
        let Some(squeeze) = squeeze else {
            return Ok(x);
        };
        let input = place.stage.block_input_filters(place.index);
        let squeezed_filters = squeeze.filters(input, input * expand_ratio);
        let scope = format!("{}se", place.scope);
        let expanded_filters = self.channels(x);
        let pool = format!("{scope}.pool");
        let mut gate = self
            .builder
            .node(&pool, Op::Pool { keep_dims: true }, vec![x], &pool)?;
        for (conv, filters, act, activation) in [
            ("conv_reduce", squeezed_filters, "act1", squeeze.activation),
            ("conv_expand", expanded_filters, "gate", Activation::Sigmoid),
        ] {
            gate = self.pointwise(&format!("{scope}.{conv}"), gate, filters)?;
            let act = format!("{scope}.{act}");
            gate = self
                .builder
                .node(&act, Op::Activation(activation), vec![gate], &act)?;
        }
        self.builder.node(&scope, Op::Mul, vec![x, gate], &scope)
    }

    /// A 1×1 convolution with a bias, on values of extent 1.
    fn pointwise(&mut self, name: &str, x: ValueId, filters: u64) -> Result<ValueId, BuildError> {
        let shape = [filters, self.channels(x), 1, 1];
        let weight = self.builder.parameter(
            &format!("{name}.weight"),
            &shape,
            Role::ConvWeight { groups: 1 },
        );
        let bias = self
            .builder
            .parameter(&format!("{name}.bias"), &[filters], Role::ConvBias);
        let conv = Conv {
            kernel: [1, 1],
            stride: [1, 1],
            groups: 1,
            padding: Padding::Symmetric,
        };
        self.builder
            .node(name, Op::Conv(conv), vec![x, weight, bias], name)
    }
}
