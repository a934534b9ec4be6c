//! The fused block: a full convolution that expands, a projection, and the input added where shapes allow.
//!
//! Sources: `FusedMBConvBlock` in google/automl `efficientnetv2/effnetv2_model.py`; `MBConvBlockWithoutDepthwise`
//! in tensorflow/tpu `efficientnet_model.py` (EdgeTPU). Names by timm's `EdgeResidual`.

use super::{ConvNorm, Network, Place};
use crate::architecture::Fused;
use crate::graph::{BuildError, Site, ValueId};

impl Network<'_> {
    pub(super) fn fused(
        &mut self,
        place: &Place<'_>,
        block: &Fused,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let Place {
            stage,
            index,
            scope,
        } = place;
        let residual = self.is_residual(place, block.skip, input);
        let expand = ConvNorm {
            kernel_size: block.kernel_size,
            stride: stage.block_stride(*index),
            activation: Some(block.activation),
            ..ConvNorm::pointwise("conv_exp", "bn1", scope)
        };
        let expanded = stage.block_input_filters(*index) * block.expand_ratio;
        let x = self.conv_norm(input, expanded, &expand)?;
        let x = self.squeeze_excite(place, block.squeeze, block.expand_ratio, x)?;
        let project = ConvNorm {
            site: Site::closing(residual, stage.num_repeat),
            ..ConvNorm::pointwise("conv_pwl", "bn2", scope)
        };
        let x = self.conv_norm(x, stage.output_filters, &project)?;
        self.add_input(scope, residual, x, input)
    }
}
