//! The bottleneck: reduce, 3×3, expand, add the input or its projection, and only then the activation.
//!
//! The stride is in the 3×3 (ResNet v1.5). Source: `Bottleneck` in torchvision `models/resnet.py`, whose names timm shares.

use super::{ConvNorm, Network, Place};
use crate::architecture::Bottleneck;
use crate::graph::{BuildError, Op, Site, ValueId};

impl Network<'_> {
    pub(super) fn bottleneck(
        &mut self,
        place: &Place<'_>,
        block: &Bottleneck,
        input: ValueId,
    ) -> Result<ValueId, BuildError> {
        let Place {
            stage,
            index,
            scope,
        } = place;
        let stride = stage.block_stride(*index);
        let inner = stage.output_filters / block.expansion;
        let activation = Some(block.activation);
        // The shortcut starts where the block does.
        let padding = self.padding;
        let reduce = ConvNorm {
            activation,
            ..ConvNorm::pointwise("conv1", "bn1", scope)
        };
        let x = self.conv_norm(input, inner, &reduce)?;
        let window = ConvNorm {
            kernel_size: 3,
            stride,
            activation,
            ..ConvNorm::pointwise("conv2", "bn2", scope)
        };
        let x = self.conv_norm(x, inner, &window)?;
        let expand = ConvNorm {
            site: Site::closing(true, stage.num_repeat),
            ..ConvNorm::pointwise("conv3", "bn3", scope)
        };
        let x = self.conv_norm(x, stage.output_filters, &expand)?;
        let shortcut = if stride != 1 || self.channels(input) != stage.output_filters {
            self.padding = padding;
            let project = ConvNorm {
                stride,
                site: Site::Closing,
                ..ConvNorm::pointwise("downsample.0", "downsample.1", scope)
            };
            self.conv_norm(input, stage.output_filters, &project)?
        } else {
            input
        };
        let sum = self.add_input(scope, true, x, shortcut)?;
        let name = format!("{scope}act");
        let op = Op::Activation(block.activation);
        self.builder.node(&name, op, vec![sum], &name)
    }
}
