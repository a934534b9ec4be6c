//! The depthwise separable block: depthwise, squeeze-and-excite, project, and add where shapes allow.
//!
//! Source: `MBConvBlock` in tensorflow/tpu `efficientnet_model.py` where nothing expands; names by timm's
//! `DepthwiseSeparableConv`, whose projection is `conv_pw`.

use super::{ConvNorm, Network, Place};
use crate::architecture::Separable;
use crate::graph::{BuildError, Site, ValueId};

impl Network<'_> {
    pub(super) fn separable(
        &mut self,
        place: &Place<'_>,
        block: &Separable,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let Place {
            stage,
            index,
            scope,
        } = place;
        let residual = self.is_residual(place, block.skip, input);
        let routing = match block.experts {
            Some(experts) => Some(self.routing(scope, input, experts)?),
            None => None,
        };
        let depthwise = ConvNorm {
            kernel_size: block.kernel_size,
            stride: stage.block_stride(*index),
            depthwise: true,
            routing,
            activation: Some(block.activation),
            ..ConvNorm::pointwise("conv_dw", "bn1", scope)
        };
        let x = self.conv_norm(input, self.channels(input), &depthwise)?;
        let x = self.squeeze_excite(place, block.squeeze, 1, x)?;
        let project = ConvNorm {
            routing,
            activation: block.project_activation,
            site: match block.project_activation {
                Some(_) => Site::Inner,
                None => Site::closing(residual, stage.num_repeat),
            },
            ..ConvNorm::pointwise("conv_pw", "bn2", scope)
        };
        let x = self.conv_norm(x, stage.output_filters, &project)?;
        self.add_input(scope, residual, x, input)
    }
}
