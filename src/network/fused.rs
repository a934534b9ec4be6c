//! The fused block: a full convolution that expands, a projection, and the input added where shapes allow.
//!
//! Sources: `FusedMBConvBlock` in google/automl `efficientnetv2/effnetv2_model.py`; `MBConvBlockWithoutDepthwise`
//! in tensorflow/tpu `efficientnet_model.py` (EdgeTPU). timm names them `EdgeResidual` and, without expansion,
//! `ConvBnAct`.

use super::{ConvNorm, Network};
use crate::architecture::Stage;
use crate::graph::{BuildError, Site, ValueId};

impl Network<'_> {
    /// Block `index` of a stage; `scope` ends in a dot.
    pub(super) fn fused(
        &mut self,
        scope: &str,
        stage: &Stage,
        index: u64,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let activation = Some(self.architecture.activation);
        let stride = stage.block_stride(index);
        let residual = self.is_residual(stage, index, input);
        let full = ConvNorm {
            kernel_size: stage.kernel_size,
            stride,
            activation,
            ..ConvNorm::pointwise("conv", "bn1", scope)
        };
        let x = if stage.has_expansion {
            let full = ConvNorm {
                conv: "conv_exp",
                ..full
            };
            let x = self.conv_norm(input, stage.expanded_filters(index), &full)?;
            let x = self.squeeze_excite(scope, stage, index, x)?;
            let project = ConvNorm {
                site: Site::closing(residual, stage.num_repeat),
                ..ConvNorm::pointwise("conv_pwl", "bn2", scope)
            };
            self.conv_norm(x, stage.output_filters, &project)?
        } else {
            // The only convolution has an activation, which comes before the addition.
            self.conv_norm(input, stage.output_filters, &full)?
        };
        self.add_input(scope, residual, x, input)
    }
}
