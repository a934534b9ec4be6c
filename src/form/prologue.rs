//! From the graph's input to what the first convolution reads.
//!
//! Whatever the input is, a few nodes bring it to `[batch, channels, height, width]`: a Cast of bytes, a Transpose of channels
//! that come last, and a Sub of the mean. The reciprocal of the deviation goes into the convolution's weight. The mean does
//! not: a convolution pads its operand with zeros, which stand for the mean, so that no bias equals it at the border.
//!
//! The Cast comes first: of bytes, toolchains take little else.

use super::input::{InputFormat, Normalize};
use super::speller::{SpellError, Speller};
use crate::graph::{self, Op, WeightRecipe};
use crate::onnx::graph::{Constant, ValueId};
use crate::onnx::ops::{Operator, TensorType};
use crate::tensor::Element;
use crate::tensor::shape::Dim;

/// Brings channels that come last to their place.
const TO_CHANNELS_FIRST: [i64; 4] = [0, 3, 1, 2];

impl Speller<'_> {
    /// Declares an input in the form's format; the value that stands for it is what the form's nodes make of it.
    pub(super) fn input(&mut self, id: graph::ValueId) -> Result<ValueId, SpellError> {
        let input = self.canonical.value(id);
        let format = self.input;
        let shape = match (format.channels_last(), input.shape.as_slice()) {
            (true, [batch, channels, height, width]) => {
                [batch, height, width, channels].map(Clone::clone).to_vec()
            }
            _ => input.shape.clone(),
        };
        let element = match format {
            InputFormat::Nchw | InputFormat::Nhwc => Element::F32,
            InputFormat::Uint8Nhwc => Element::U8,
        };
        let declared = TensorType { element, shape };
        let name = |end: &str| format!("{}.{end}", input.name);
        let mut value = self.builder.input(&input.name, declared);
        if element != Element::F32 {
            let cast = Operator::Cast { to: Element::F32 };
            value = self.inner(&name("float"), cast, vec![value])?;
        }
        if format.channels_last() {
            let perm = TO_CHANNELS_FIRST.to_vec();
            value = self.inner(&name("nchw"), Operator::Transpose { perm }, vec![value])?;
        }
        if let Some(normalize) = self.normalize {
            self.scale_readers(id, normalize)?;
            #[expect(clippy::cast_possible_truncation, reason = "the graph computes in f32")]
            let mean = normalize.mean.map(|mean| mean as f32).to_vec();
            let mean = Constant::F32(mean);
            let mean = self.builder.constant(&name("mean"), &[1, 3, 1, 1], mean);
            value = self.inner(&name("centred"), Operator::Sub, vec![value, mean])?;
        }
        Ok(value)
    }

    /// Divides the weight of every convolution that reads the input by the deviation.
    fn scale_readers(
        &mut self,
        input: graph::ValueId,
        normalize: Normalize,
    ) -> Result<(), SpellError> {
        let canonical = self.canonical;
        let channels = canonical.value(input).shape.get(1).and_then(Dim::fixed);
        let by = normalize.std.map(f64::recip).to_vec();
        if channels != Some(3) {
            return Err(SpellError::Channels(channels.unwrap_or_default()));
        }
        if !normalize.mean.iter().chain(&by).all(|one| one.is_finite()) {
            return Err(SpellError::Normalize(normalize));
        }
        for node in &canonical.nodes {
            if !node.inputs.contains(&input) {
                continue;
            }
            let weight = match (&node.op, node.inputs.as_slice()) {
                (Op::Conv(conv), [x, weight, ..]) if *x == input && conv.groups == 1 => *weight,
                _ => return Err(SpellError::Unscaled(node.name.clone())),
            };
            self.initializer(weight, None, |own| WeightRecipe::ScaledChannels {
                of: Box::new(own.clone()),
                by: by.clone(),
            });
        }
        Ok(())
    }
}
