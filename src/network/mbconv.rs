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
        let input_filters = stage.block_input_filters(index);
        let expanded_filters = input_filters * stage.expand_ratio;
        let stride = stage.block_stride(index);
        let residual = stride == 1 && input_filters == stage.output_filters;
        let mut x = input;
        let mut names = DEPTHWISE_SEPARABLE;
        if stage.expand_ratio != 1 {
            names = INVERTED_RESIDUAL;
            x = self.conv_norm(
                x,
                &ConvNorm {
                    conv: "conv_pw".into(),
                    norm: "bn1".into(),
                    filters: expanded_filters,
                    kernel_size: 1,
                    stride: 1,
                    depthwise: false,
                    activation,
                    site: Site::Inner,
                    scope,
                },
            )?;
        }
        x = self.conv_norm(
            x,
            &ConvNorm {
                conv: "conv_dw".into(),
                norm: names.depthwise_norm.into(),
                filters: expanded_filters,
                kernel_size: stage.kernel_size,
                stride,
                depthwise: true,
                activation,
                site: Site::Inner,
                scope,
            },
        )?;
        if let Some(squeezed_filters) = stage.squeezed_filters(index) {
            x = self.squeeze_excite(scope, x, squeezed_filters)?;
        }
        x = self.conv_norm(
            x,
            &ConvNorm {
                conv: names.project.into(),
                norm: names.project_norm.into(),
                filters: stage.output_filters,
                kernel_size: 1,
                stride: 1,
                depthwise: false,
                activation: None,
                site: if residual {
                    Site::ClosingResidual {
                        stage_blocks: stage.num_repeat,
                    }
                } else {
                    Site::Closing
                },
                scope,
            },
        )?;
        if residual {
            let name = format!("{scope}add");
            x = self.builder.node(&name, Op::Add, vec![x, input], &name)?;
        }
        Ok(x)
    }

    fn squeeze_excite(
        &mut self,
        scope: &str,
        x: ValueId,
        squeezed_filters: u64,
    ) -> Result<ValueId, BuildError> {
        let scope = format!("{scope}se");
        let expanded_filters = self.channels(x);
        let pool = format!("{scope}.pool");
        let mut gate = self
            .builder
            .node(&pool, Op::Pool { keep_dims: true }, vec![x], &pool)?;
        for (conv, filters, act, activation) in [
            (
                "conv_reduce",
                squeezed_filters,
                "act1",
                self.architecture.activation,
            ),
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
