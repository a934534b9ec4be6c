//! The plain block: one full convolution, and the input added where shapes allow.
//!
//! Source: `FusedMBConvBlock` in google/automl `efficientnetv2/effnetv2_model.py` where nothing expands; names by timm's
//! `ConvBnAct`.

use super::{ConvNorm, Network, Place};
use crate::architecture::Plain;
use crate::graph::{BuildError, ValueId};

impl Network<'_> {
    pub(super) fn plain(
        &mut self,
        place: &Place<'_>,
        block: &Plain,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let Place {
            stage,
            index,
            scope,
        } = place;
        let residual = self.is_residual(place, block.skip, input);
        // The only convolution has an activation, which comes before the addition.
        let full = ConvNorm {
            kernel_size: block.kernel_size,
            stride: stage.block_stride(*index),
            activation: Some(block.activation),
            ..ConvNorm::pointwise("conv", "bn1", scope)
        };
        let x = self.conv_norm(input, stage.output_filters, &full)?;
        self.add_input(scope, residual, x, input)
    }
}
