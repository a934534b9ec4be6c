//! The MBConv block: expand, depthwise, squeeze-and-excite, project, and add where shapes allow.
//!
//! Source: `MBConvBlock` in tensorflow/tpu `efficientnet_model.py`; names by timm, whose first stage (no
//! expansion) is a `DepthwiseSeparableConv` with `conv_pw` as its projection.

use super::{ConvNorm, Network};
use crate::architecture::Stage;
use crate::graph::{Activation, BuildError, Conv, Op, Padding, Role, Site, ValueId};

/// timm's names within a block.
struct Names {
    depthwise_norm: &'static str,
    project: &'static str,
    project_norm: &'static str,
}

const DEPTHWISE_SEPARABLE: Names = Names {
    depthwise_norm: "bn1",
    project: "conv_pw",
    project_norm: "bn2",
};
const INVERTED_RESIDUAL: Names = Names {
    depthwise_norm: "bn2",
    project: "conv_pwl",
    project_norm: "bn3",
};

impl Network<'_> {
    /// Block `index` of a stage; `scope` ends in a dot.
    pub(super) fn mbconv(
        &mut self,
        scope: &str,
        stage: &Stage,
        index: u64,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let activation = Some(self.architecture.activation);
        let residual = self.is_residual(stage, index, input);
        let routing = match stage.experts {
            Some(experts) => Some(self.routing(scope, input, experts)?),
            None => None,
        };
        let mut x = input;
        let mut names = DEPTHWISE_SEPARABLE;
        if stage.has_expansion {
            names = INVERTED_RESIDUAL;
            let expand = ConvNorm {
                routing,
                activation,
                ..ConvNorm::pointwise("conv_pw", "bn1", scope)
            };
            x = self.conv_norm(x, stage.expanded_filters(index), &expand)?;
        }
        let depthwise = ConvNorm {
            kernel_size: stage.kernel_size,
            stride: stage.block_stride(index),
            depthwise: true,
            routing,
            activation,
            ..ConvNorm::pointwise("conv_dw", names.depthwise_norm, scope)
        };
        x = self.conv_norm(x, self.channels(x), &depthwise)?;
        x = self.squeeze_excite(scope, stage, index, x)?;
        let project = ConvNorm {
            routing,
            site: Site::closing(residual, stage.num_repeat),
            ..ConvNorm::pointwise(names.project, names.project_norm, scope)
        };
        x = self.conv_norm(x, stage.output_filters, &project)?;
        self.add_input(scope, residual, x, input)
    }

    /// Whether the input of block `index` is added to its result: by the stage's row, and by what really enters.
    pub(super) fn is_residual(&self, stage: &Stage, index: u64, input: ValueId) -> bool {
        stage.skip
            && stage.block_stride(index) == 1
            && stage.block_input_filters(index) == stage.output_filters
            && self.channels(input) == stage.output_filters
    }

    pub(super) fn add_input(
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

    /// Weighs channels by what is in all of them, where the stage does so.
    pub(super) fn squeeze_excite(
        &mut self,
        scope: &str,
        stage: &Stage,
        index: u64,
        x: ValueId,
    ) -> Result<ValueId, BuildError> {
        let squeeze = self.architecture.squeeze;
        let Some(squeezed_filters) = stage.squeezed_filters(index, squeeze.share_of) else {
            return Ok(x);
        };
        let scope = format!("{scope}se");
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
