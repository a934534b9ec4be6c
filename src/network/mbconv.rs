//! The MBConv block: expand, depthwise, squeeze-and-excite, project, and add where shapes allow.
//!
//! Source: `MBConvBlock` in tensorflow/tpu `efficientnet_model.py`; names by timm's `InvertedResidual`.

use super::{ConvNorm, Network, Place};
use crate::architecture::MbConv;
use crate::graph::{BuildError, Site, ValueId};

impl Network<'_> {
    pub(super) fn mbconv(
        &mut self,
        place: &Place<'_>,
        block: &MbConv,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let Place {
            stage,
            index,
            scope,
        } = place;
        let activation = Some(block.activation);
        let residual = self.is_residual(place, block.skip, input);
        let routing = match block.experts {
            Some(experts) => Some(self.routing(scope, input, experts)?),
            None => None,
        };
        let expanded = stage.block_input_filters(*index) * block.expand_ratio;
        let expand = ConvNorm {
            routing,
            activation,
            ..ConvNorm::pointwise("conv_pw", "bn1", scope)
        };
        let x = self.conv_norm(input, expanded, &expand)?;
        let depthwise = ConvNorm {
            kernel_size: block.kernel_size,
            stride: stage.block_stride(*index),
            depthwise: true,
            routing,
            activation,
            ..ConvNorm::pointwise("conv_dw", "bn2", scope)
        };
        let x = self.conv_norm(x, expanded, &depthwise)?;
        let x = self.squeeze_excite(place, block.squeeze, block.expand_ratio, x)?;
        let project = ConvNorm {
            routing,
            site: Site::closing(residual, stage.num_repeat),
            ..ConvNorm::pointwise("conv_pwl", "bn3", scope)
        };
        let x = self.conv_norm(x, stage.output_filters, &project)?;
        self.add_input(scope, residual, x, input)
    }
}
